"""samconfig.toml.example, as `sam` reads it."""

import pathlib
import re
import tempfile
import unittest

import expressions
import templates
from click.testing import CliRunner
from samcli.cli.types import CfnParameterOverridesType, CfnTags
from samcli.commands.build.command import cli as build
from samcli.commands.deploy.command import cli as deploy
from samcli.commands.deploy.guided_context import GuidedContext
from samcli.lib.config.samconfig import SamConfig

EXAMPLE = templates.ROOT / "samconfig.toml.example"


def options(text, command):
    """The options of a command in a samconfig.toml with this text."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "samconfig.toml").write_text(text)
        return SamConfig(folder).get_all([command], "parameters")


class Example(unittest.TestCase):
    def setUp(self):
        self.text = EXAMPLE.read_text()
        # The commented-out options must be valid too.
        self.whole = re.sub(r'^(\s*)# ("\w+=)', r"\1\2", self.text, flags=re.M)
        self.parameters = templates.translated()["Parameters"]

    def overrides(self, text):
        return CfnParameterOverridesType().convert(options(text, "deploy")["parameter_overrides"], None, None)

    def test_every_option_exists_in_sam(self):
        for name, command in [("build", build), ("deploy", deploy)]:
            known = {parameter.name for parameter in command.params} | {"region", "stack_name"}
            self.assertTrue(options(self.text, name), name)
            self.assertLessEqual(set(options(self.text, name)), known, name)

    def test_every_override_is_a_parameter_with_a_valid_value(self):
        overrides = self.overrides(self.whole)
        self.assertGreater(len(overrides), len(self.overrides(self.text)))
        for name, value in overrides.items():
            about = self.parameters[name]
            self.assertRegex(value, f"^(?:{about.get('AllowedPattern', '.*')})$", name)
            self.assertIn(value, about.get("AllowedValues", [value]), name)

    def test_build_and_deploy_have_the_same_parameters(self):
        # `sam build` reads the architecture from them.
        build, deploy = (options(self.whole, name)["parameter_overrides"] for name in ("build", "deploy"))
        self.assertEqual(build, deploy)
        self.assertIn("Architecture=arm64", build)

    def test_guided_deployment_accepts_every_default(self):
        # The operator answers three questions, and presses Enter for all others.
        answers = [templates.GIVEN.get(name, "") for name in self.parameters]
        guided = GuidedContext("template.yaml", "stack", None, None, "libraryhippo", "ca-central-1", None, True)
        with CliRunner().isolation(input="\n".join(answers) + "\n"):
            answered = guided.prompt_parameters(self.parameters, {}, "", "")
        self.assertEqual(set(answered), set(self.parameters))
        for name, answer in answered.items():
            about, value = self.parameters[name], str(answer["Value"])
            self.assertRegex(value, f"^(?:{about.get('AllowedPattern', '.*')})$", name)
            self.assertIn(value, map(str, about.get("AllowedValues", [value])), name)
            self.assertFalse(answer["Hidden"], name)

    def test_every_parameter_without_a_default_is_given(self):
        asked = {name for name, about in self.parameters.items() if "Default" not in about}
        self.assertLessEqual(asked, set(self.overrides(self.text)))

    def test_schedules_match_the_template(self):
        overrides = self.overrides(self.text)
        for name in ["Timezone", "CheckSchedule", "RetrySchedule"]:
            self.assertEqual(overrides[name], self.parameters[name]["Default"])
        self.assertIsNone(expressions.problem(overrides["CheckSchedule"]))

    def test_deployment_may_expand_nested_stacks_and_create_roles(self):
        self.assertEqual(set(options(self.text, "deploy")["capabilities"]), {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"})

    def test_tags_are_valid(self):
        self.assertEqual(CfnTags().convert(options(self.text, "deploy")["tags"], None, None), {"application": "libraryhippo"})


if __name__ == "__main__":
    unittest.main()
