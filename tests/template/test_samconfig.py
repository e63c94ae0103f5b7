"""samconfig.toml.example, read as `sam` reads it."""

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


def said(text, command):
    """What a samconfig.toml of this text says to a command."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "samconfig.toml").write_text(text)
        return SamConfig(folder).get_all([command], "parameters")


class Example(unittest.TestCase):
    def setUp(self):
        self.text = EXAMPLE.read_text()
        # What is offered in comments must be right as well.
        self.whole = re.sub(r'^(\s*)# ("\w+=)', r"\1\2", self.text, flags=re.M)
        self.parameters = templates.translated()["Parameters"]

    def overrides(self, text):
        return CfnParameterOverridesType().convert(said(text, "deploy")["parameter_overrides"], None, None)

    def test_every_option_is_one_of_sams(self):
        for name, command in [("build", build), ("deploy", deploy)]:
            known = {parameter.name for parameter in command.params} | {"region", "stack_name"}
            self.assertTrue(said(self.text, name), name)
            self.assertLessEqual(set(said(self.text, name)), known, name)

    def test_every_override_is_a_parameter_and_has_a_value_that_it_takes(self):
        overrides = self.overrides(self.whole)
        self.assertGreater(len(overrides), len(self.overrides(self.text)))
        for name, value in overrides.items():
            about = self.parameters[name]
            self.assertRegex(value, f"^(?:{about.get('AllowedPattern', '.*')})$", name)
            self.assertIn(value, about.get("AllowedValues", [value]), name)

    def test_a_build_gets_the_parameters_that_the_deployment_gets(self):
        # `sam build` reads the architecture of the functions through them.
        build, deploy = (said(self.whole, name)["parameter_overrides"] for name in ("build", "deploy"))
        self.assertEqual(build, deploy)
        self.assertIn("Architecture=arm64", build)

    def test_every_question_of_a_guided_deployment_can_be_answered_with_its_default(self):
        # Three answers are the operator's; Enter is the answer to all others.
        answers = [templates.GIVEN.get(name, "") for name in self.parameters]
        guided = GuidedContext("template.yaml", "stack", None, None, "libraryhippo", "ca-central-1", None, True)
        with CliRunner().isolation(input="\n".join(answers) + "\n"):
            told = guided.prompt_parameters(self.parameters, {}, "", "")
        self.assertEqual(set(told), set(self.parameters))
        for name, answer in told.items():
            about, value = self.parameters[name], str(answer["Value"])
            self.assertRegex(value, f"^(?:{about.get('AllowedPattern', '.*')})$", name)
            self.assertIn(value, map(str, about.get("AllowedValues", [value])), name)
            self.assertFalse(answer["Hidden"], name)

    def test_what_has_no_default_is_given(self):
        asked = {name for name, about in self.parameters.items() if "Default" not in about}
        self.assertLessEqual(asked, set(self.overrides(self.text)))

    def test_the_schedules_arrive_whole_and_as_the_template_has_them(self):
        overrides = self.overrides(self.text)
        for name in ["Timezone", "CheckSchedule", "RetrySchedule"]:
            self.assertEqual(overrides[name], self.parameters[name]["Default"])
        self.assertIsNone(expressions.problem(overrides["CheckSchedule"]))

    def test_the_alarms_stack_may_be_expanded_and_roles_be_made(self):
        self.assertEqual(set(said(self.text, "deploy")["capabilities"]), {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"})

    def test_the_tags_are_tags(self):
        self.assertEqual(CfnTags().convert(said(self.text, "deploy")["tags"], None, None), {"application": "libraryhippo"})


if __name__ == "__main__":
    unittest.main()
