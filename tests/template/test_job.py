"""infra/job.yaml, the function of a job: its rights, its variables and its package."""

import pathlib
import unittest

import templates
from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import yaml_parse
from test_rights import listed, statements

GIVEN = {
    "Job": "count-loans", "Stack": "stack", "Table": "Table", "Architecture": "arm64", "Timezone": "UTC",
    "DeadLetters": "JobDeadLetters.Arn", "LogRetentionInDays": "30",
}


def translated():
    template = SamTemplateValidator(templates.read("infra/job.yaml"), templates.NoManagedPolicies())
    return templates.filled(yaml_parse(template.get_translated_template_if_valid()), **GIVEN)


class Job(unittest.TestCase):
    def setUp(self):
        self.stack = translated()
        self.resources = self.stack["Resources"]

    def test_every_parameter_is_needed(self):
        self.assertEqual(set(templates.read("infra/job.yaml")["Parameters"]), set(GIVEN))

    def test_function_runs_the_shared_package_for_its_job(self):
        function = self.resources["Function"]["Properties"]
        self.assertEqual(function["Environment"]["Variables"], {
            "TABLE_NAME": "Table", "METRICS_NAMESPACE": "LibraryHippo/stack", "JOB": "count-loans", "TIMEZONE": "UTC",
        })
        self.assertEqual((function["Architectures"], function["MemorySize"]), (["arm64"], 256))
        written = templates.read("infra/job.yaml")["Resources"]["Function"]
        package = (templates.ROOT / "infra" / written["Properties"]["CodeUri"]).resolve()
        self.assertEqual(package.name, written["Metadata"]["BuildProperties"]["Binary"])
        self.assertTrue((package / "Cargo.toml").exists())
        self.assertEqual(self.resources["Logs"]["Properties"]["LogGroupName"], "/libraryhippo/stack/count-loans")

    def test_role_reads_no_secret_and_writes_only_runs_schedules_and_alerts(self):
        (policy,) = self.resources["Role"]["Properties"]["Policies"]
        writable = set()
        for statement in policy["PolicyDocument"]["Statement"]:
            self.assertNotIn("*", [*listed(statement["Action"]), *listed(statement["Resource"])])
            keys = [key for test in statement.get("Condition", {}).values() for key in listed(test["dynamodb:LeadingKeys"])]
            self.assertNotIn("SECRET", str(keys))
            if any(verb in action for action in listed(statement["Action"]) for verb in ("Put", "Delete", "Update")):
                writable.update(key for key in keys if key != "false")
            if any(action.startswith("dynamodb:") for action in listed(statement["Action"])):
                # ForAllValues is true for a request without leading keys.
                self.assertEqual(statement["Condition"]["Null"], {"dynamodb:LeadingKeys": "false"})
        self.assertEqual(writable, {"RUN#count-loans#*", "DAYS#*", "SCHEDULE#count-loans", "OPERATOR"})

    def test_role_has_at_least_the_ledgers_rights_of_check_cards(self):
        def ledger(text):
            return {line for line in text if any(key in line for key in ("RUN#", "DAYS#", "SCHEDULE#", "PAUSE"))}

        stack = templates.filled()["Resources"]["CheckCardsRole"]["Properties"]["Policies"][0]["PolicyDocument"]
        own = self.resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]
        expected = ledger(line.replace("check-cards", "count-loans") for line in statements(stack))
        actual = ledger(line.replace("FAMILY | LIBRARY | ", "") for line in statements(own))
        self.assertEqual(actual, expected)


if __name__ == "__main__":
    unittest.main()
