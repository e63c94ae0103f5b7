"""The commands that `make` runs to build and deploy the functions."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import templates
from samcli.commands.deploy.command import cli as deploy

EXAMPLE = (templates.ROOT / "samconfig.toml.example").read_text()
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


if __name__ == "__main__":
    unittest.main()
