"""The commands that `make` runs to build and deploy the functions."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import templates
from samcli.commands.deploy.command import cli as deploy
from samcli.commands.remote.invoke.cli import cli as invoke

EXAMPLE = (templates.ROOT / "samconfig.toml.example").read_text()
TEMPLATE = (templates.ROOT / "template.yaml").read_text()
GUIDED = """version = 0.1
[default.deploy.parameters]
parameter_overrides = "MailFrom=\\"hippo@example.org\\" Architecture=\\"%s\\" Watch=\\"true\\""
"""


def commands(target, samconfig=None):
    """The commands of a target with this samconfig.toml."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "samconfig.toml")
        if samconfig is not None:
            path.write_text(samconfig)
        env = {name: value for name, value in os.environ.items() if name not in ("ARCHITECTURE", "ARGS", "MAKEFLAGS", "MAKELEVEL")}
        arguments = ["make", "--no-print-directory", "--dry-run", f"SAMCONFIG={path}", *target]
        done = subprocess.run(arguments, cwd=templates.ROOT, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def architectures(output):
    """The architectures that cargo-lambda builds for, and that SAM packages."""
    (built,) = re.findall(r"cargo lambda build --release *(.*)$", output, re.M)
    (packed,) = re.findall(r"sam build --parameter-overrides Architecture=(.*)$", output, re.M)
    return built.strip(), packed


# An answer of sam's to the event that saves the schedules.
SAVED = """echo '{"changed":0,"schedules":2}'"""


def save_schedules(samconfig, sam, template=TEMPLATE):
    """Runs scripts/save-schedules with a shell script in the place of sam. Returns sam's calls, the output and the standard error."""
    with tempfile.TemporaryDirectory() as folder:
        config, calls, program = (pathlib.Path(folder, name) for name in ("samconfig.toml", "calls", "sam"))
        config.write_text(samconfig)
        program.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{sam}\n')
        program.chmod(0o755)
        env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
        path = pathlib.Path(folder, "template.yaml")
        path.write_text(template)
        arguments = [templates.ROOT / "scripts/save-schedules", config, path]
        done = subprocess.run(arguments, env=env, capture_output=True, text=True, check=True)
        return calls.read_text().splitlines(), done.stdout, done.stderr


class Makefile(unittest.TestCase):
    def test_functions_are_built_for_the_deployed_architecture(self):
        arm64 = re.sub(r'# ("Architecture=arm64")', r"\1", EXAMPLE)
        self.assertNotEqual(arm64, EXAMPLE)
        for samconfig in [arm64, GUIDED % "arm64"]:
            self.assertEqual(architectures(commands(["functions"], samconfig)), ("--arm64", "arm64"))
        for samconfig in [None, EXAMPLE, GUIDED % "x86_64"]:
            self.assertEqual(architectures(commands(["functions"], samconfig)), ("", "x86_64"))

    def test_architecture_can_be_given_without_a_samconfig(self):
        self.assertEqual(architectures(commands(["functions", "ARCHITECTURE=arm64"])), ("--arm64", "arm64"))

    def test_deployment_without_changes_succeeds(self):
        (line,) = re.findall(r"sam deploy .*$", commands(["deploy", "ARGS=--guided"]), re.M)
        self.assertIn("--no-fail-on-empty-changeset", line)
        options = {option for parameter in deploy.params for option in (*parameter.opts, *parameter.secondary_opts)}
        self.assertIn("--no-fail-on-empty-changeset", options)

    def test_deployment_begins_with_checking_the_schedules(self):
        steps = commands(["deploy", "ARGS=--guided"])
        self.assertLess(steps.index("scripts/check-schedules"), steps.index("cargo lambda build"))

    def test_stack_that_is_older_than_its_schedules_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(templates.ROOT / "infra", folder, dirs_exist_ok=True)
            check = lambda: subprocess.run([templates.ROOT / "scripts/check-schedules", folder], capture_output=True, text=True)
            self.assertEqual((check().returncode, check().stderr), (0, ""))
            for name in ("schedules.toml", "schedules.json"):
                path = pathlib.Path(folder, name)
                before = path.read_text()
                path.write_text(before + " ")
                refused = check()
                self.assertEqual(refused.returncode, 1)
                self.assertIn(f"is stale: {name}. Run “hippo schedule render --to sam” first.", refused.stderr)
                path.write_text(before)
            stack = pathlib.Path(folder, "schedules.yaml")
            stack.write_text(re.sub("# sha256.*\n", "", stack.read_text()))
            self.assertIn("its checksums are missing", check().stderr)

    def test_deployment_ends_with_saving_the_schedules(self):
        steps = commands(["deploy", "ARGS=--guided"]).splitlines()
        self.assertIn("scripts/save-schedules", steps[-1])
        self.assertIn("sam deploy", steps[-2])

    def test_each_function_with_schedules_saves_them(self):
        for samconfig, stack in [
            (EXAMPLE, "libraryhippo"),
            ('[default.deploy.parameters]\nstack_name = "ours" # mine\n', "ours"),
            ("version = 0.1\n", "libraryhippo"),
        ]:
            calls, output, errors = save_schedules(samconfig, SAVED)
            self.assertEqual((output, errors), ("Schedules saved for CheckCards: 2.\nSchedules saved for NotifyAll: 2.\nSchedules saved for PictureOfTheDay: 2.\n", ""))
            self.assertEqual([call.split()[2] for call in calls], ["CheckCards", "NotifyAll", "PictureOfTheDay"])
            for call in calls:
                self.assertIn(f"--stack-name {stack} ", call)
                self.assertIn('--event {"save_schedules": true}', call)
        options = {option for parameter in invoke.params for option in parameter.opts}
        self.assertLessEqual({"--config-file", "--stack-name", "--event"}, options)
        resources = templates.of_type(templates.translated()["Resources"], "AWS::Lambda::Function")
        self.assertLessEqual({"CheckCards", "NotifyAll", "PictureOfTheDay"}, set(resources))

    def test_function_of_a_nested_stack_saves_them_too(self):
        steps = (templates.ROOT / "docs/ADD-A-JOB.md").read_text()
        (nested,) = re.findall(r"^\n  CountLoans:\n.*?(?=^```)", steps, re.M | re.S)
        place = "# ---------------------------------------------------------------- the schedules\n"
        self.assertEqual(TEMPLATE.count(place), 1)
        calls, output, errors = save_schedules(EXAMPLE, SAVED, TEMPLATE.replace(place, place + nested))
        self.assertEqual([call.split()[2] for call in calls], ["CheckCards", "NotifyAll", "PictureOfTheDay", "CountLoans/Function"])
        self.assertEqual((output.splitlines()[3:], errors), (["Schedules saved for CountLoans: 2."], ""))

    def test_function_that_saved_nothing_is_reported_and_does_not_fail_the_deployment(self):
        # SAM may succeed although the function failed, or is an older one.
        for sam in ["exit 1", """echo '{"errorType":"Event","errorMessage":"No label."}'""", """echo '{"dry_run":true}'"""]:
            calls, output, errors = save_schedules(EXAMPLE, sam)
            self.assertEqual((len(calls), output), (3, ""))
            failed = "Couldn't save the schedules of %s. Its first run saves them.\n"
            self.assertEqual(errors, failed % "CheckCards" + failed % "NotifyAll" + failed % "PictureOfTheDay")


if __name__ == "__main__":
    unittest.main()
