"""The queues, the table, the functions, their logs and the rest of the stack."""

import re
import unittest

import templates

DAY = 24 * 60 * 60


def rows(path):
    """The cells of every row of the tables in a Markdown page, without their code quotes."""
    for line in (templates.ROOT / path).read_text().splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


class Resources(unittest.TestCase):
    def setUp(self):
        self.stack = templates.filled()
        self.resources = self.stack["Resources"]

    def of(self, kind):
        return templates.of_type(self.resources, kind)

    def test_queues_have_dead_letter_queues(self):
        actual = {
            name: (
                "FIFO" if queue.get("FifoQueue") else "standard",
                queue["SqsManagedSseEnabled"],
                queue["MessageRetentionPeriod"],
                queue.get("RedrivePolicy", {}).get("deadLetterTargetArn"),
                queue.get("RedrivePolicy", {}).get("maxReceiveCount"),
                "QueueName" in queue,
            )
            for name, queue in self.of("AWS::SQS::Queue").items()
        }
        self.assertEqual(actual, {
            "VisitQueue": ("FIFO", True, DAY, "VisitDeadLetters.Arn", 5, False),
            "VisitDeadLetters": ("FIFO", True, 14 * DAY, None, None, False),
            "NoticeQueue": ("standard", True, DAY, "NoticeDeadLetters.Arn", 5, False),
            "NoticeDeadLetters": ("standard", True, 14 * DAY, None, None, False),
            "ScheduleDeadLetters": ("standard", True, 14 * DAY, None, None, False),
            "JobDeadLetters": ("standard", True, 14 * DAY, None, None, False),
        })

    def test_visibility_is_six_times_the_function_timeout(self):
        for queue, function in [("VisitQueue", "CheckCard"), ("NoticeQueue", "NotifyFamily")]:
            parameter = f"{function}Timeout"
            for timeout in templates.translated()["Parameters"][parameter]["AllowedValues"]:
                resources = templates.filled(**{parameter: timeout})["Resources"]
                self.assertEqual(resources[function]["Properties"]["Timeout"], timeout)
                hidden = resources[queue]["Properties"]["VisibilityTimeout"]
                self.assertGreaterEqual(hidden, 6 * int(timeout))
                tries = resources[queue]["Properties"]["RedrivePolicy"]["maxReceiveCount"]
                self.assertGreater(DAY, hidden * tries, "A message must not expire before its last try.")

    def test_queues_drive_their_functions(self):
        actual = {
            mapping["FunctionName"]: (
                mapping["EventSourceArn"],
                mapping["BatchSize"],
                mapping["ScalingConfig"]["MaximumConcurrency"],
                mapping.get("FunctionResponseTypes"),
            )
            for mapping in self.of("AWS::Lambda::EventSourceMapping").values()
        }
        self.assertEqual(actual, {
            "CheckCard": ("VisitQueue.Arn", 1, 4, None),
            "NotifyFamily": ("NoticeQueue.Arn", 5, 2, ["ReportBatchItemFailures"]),
        })

    def test_workers_fit_into_a_new_account_and_can_be_increased(self):
        # A new account may run ten functions at the same time: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        workers = [mapping["ScalingConfig"]["MaximumConcurrency"] for mapping in self.of("AWS::Lambda::EventSourceMapping").values()]
        starters = 4  # check-cards, notify-all, mail-events, picture-of-the-day
        # The web pages have no share of their own: each of their requests is short, and the API's throttle limits them.
        self.assertLessEqual(sum(workers) + starters, 10)
        mappings = templates.of_type(templates.filled(MaxConcurrentVisits=40)["Resources"], "AWS::Lambda::EventSourceMapping")
        self.assertEqual(mappings["CheckCardVisit"]["ScalingConfig"], {"MaximumConcurrency": 40})

    def test_table_outlives_the_stack_and_can_be_restored(self):
        table = self.resources["Table"]
        self.assertEqual((table["DeletionPolicy"], table["UpdateReplacePolicy"]), ("Retain", "Retain"))
        table = table["Properties"]
        self.assertNotIn("TableName", table)
        self.assertEqual(table["BillingMode"], "PAY_PER_REQUEST")
        self.assertTrue(table["DeletionProtectionEnabled"])
        self.assertTrue(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"])
        # Without it, DynamoDB's own key encrypts the table for free. With it, each use of AWS's managed key costs money.
        self.assertNotIn("SSESpecification", table)
        self.assertEqual(table["TimeToLiveSpecification"], {"AttributeName": "expires_at", "Enabled": True})

    def test_restored_table_replaces_the_old_one_everywhere(self):
        resources = templates.filled(RestoredTable="restored")["Resources"]
        for name in templates.FUNCTIONS:
            self.assertEqual(resources[name]["Properties"]["Environment"]["Variables"]["TABLE_NAME"], "restored")
        del resources["Table"]
        self.assertNotRegex(str(resources), r"'Table['.]")
        self.assertIn("table/restored/index/listing", str(resources))

    def test_keys_and_indexes_match_the_documentation(self):
        table = self.resources["Table"]["Properties"]

        def key(schema):
            return tuple(f"`{part['AttributeName']}`" for part in schema)

        self.assertEqual(key(table["KeySchema"]), ("`pk`", "`sk`"))
        actual = {
            (f"`{index['IndexName']}`", *key(index["KeySchema"]), " ".join(
                [index["Projection"]["ProjectionType"]]
                + [f"`{name}`" for name in index["Projection"].get("NonKeyAttributes", [])]
            ))
            for index in table["GlobalSecondaryIndexes"]
        }
        cells = list(rows("infra/table.md"))
        start = next(index for index, row in enumerate(cells) if row[0] == "index") + 1
        written = {tuple(row) for row in cells[start:start + len(actual) + 1] if len(row) == 4 and row[0] != "key"}
        self.assertEqual(actual, {row for row in written if row[0].startswith("`")and row[3].split()[0] in ("ALL", "INCLUDE", "KEYS_ONLY")})
        keys = {part["AttributeName"] for part in table["KeySchema"]} | {
            part["AttributeName"] for index in table["GlobalSecondaryIndexes"] for part in index["KeySchema"]
        }
        self.assertEqual({attribute["AttributeName"] for attribute in table["AttributeDefinitions"]}, keys)

    def test_functions_run_the_binaries_of_cargo_lambda(self):
        actual = {
            name: (function["Runtime"], function["Handler"], function["Architectures"], function["MemorySize"], int(function["Timeout"]))
            for name, function in self.of("AWS::Lambda::Function").items()
        }
        rest = ("provided.al2023", "bootstrap", ["x86_64"], 256)
        self.assertEqual(actual, {
            "CheckCards": (*rest, 120), "CheckCard": (*rest, 300), "NotifyAll": (*rest, 120), "NotifyFamily": (*rest, 180),
            "MailEvents": (*rest, 60), "PictureOfTheDay": (*rest, 900), "WebPages": (*rest, 25),
        })
        for name, function in templates.of_type(templates.filled(Architecture="arm64")["Resources"], "AWS::Lambda::Function").items():
            self.assertEqual(function["Architectures"], ["arm64"], name)

    def test_each_function_is_built_from_its_own_package(self):
        for name, package in templates.FUNCTIONS.items():
            function = templates.read("template.yaml")["Resources"][name]
            self.assertEqual(function["Metadata"]["BuildMethod"], "rust-cargolambda")
            self.assertEqual(function["Metadata"]["BuildProperties"]["Binary"], package)
            self.assertEqual(function["Properties"]["CodeUri"], f"functions/{package}")
            self.assertTrue((templates.ROOT / f"functions/{package}/Cargo.toml").exists(), package)

    def test_each_function_logs_json_to_its_own_group_for_30_days(self):
        for name, package in templates.FUNCTIONS.items():
            logging = self.resources[name]["Properties"]["LoggingConfig"]
            self.assertEqual(logging, {"LogFormat": "JSON", "LogGroup": f"{name}Logs"})
            group = self.resources[f"{name}Logs"]
            self.assertEqual(group["Properties"], {"LogGroupName": f"/libraryhippo/stack/{package}", "RetentionInDays": 30})
        others = {"WebAccessLogs": {"LogGroupName": "/libraryhippo/stack/web-access", "RetentionInDays": 30}}
        groups = {f"{name}Logs" for name in templates.FUNCTIONS}
        self.assertEqual({name: about for name, about in self.of("AWS::Logs::LogGroup").items() if name not in groups}, others)

    def test_each_function_has_exactly_its_documented_variables(self):
        cells = list(rows("infra/environment.md"))
        head = next(row for row in cells if row[0] == "variable")
        for name, package in templates.FUNCTIONS.items():
            column = head.index(package)
            needed = {row[0].strip("`") for row in cells if len(row) == len(head) and row[column] == "●"}
            allowed = needed | {row[0].strip("`") for row in cells if len(row) == len(head) and row[column] == "○"}
            given = self.resources[name]["Properties"]["Environment"]["Variables"]
            self.assertTrue(needed, package)
            self.assertLessEqual(needed, set(given), package)
            self.assertLessEqual(set(given), allowed, package)
            self.assertNotIn("", given.values(), package)

    def test_mail_is_sent_by_tls_from_an_identity_to_verify(self):
        self.assertEqual(self.of("AWS::SES::EmailIdentity"), {"MailAddress": {
            "EmailIdentity": "hippo@example.org",
            "ConfigurationSetAttributes": {"ConfigurationSetName": "MailSettings"},
        }})
        settings = self.resources["MailSettings"]["Properties"]
        self.assertEqual(settings["DeliveryOptions"]["TlsPolicy"], "REQUIRE")
        self.assertEqual(settings["SuppressionOptions"]["SuppressedReasons"], ["BOUNCE", "COMPLAINT"])

    def test_given_identity_is_not_verified_again(self):
        resources = templates.filled(MailIdentity="example.org")["Resources"]
        self.assertEqual(templates.of_type(resources, "AWS::SES::EmailIdentity"), {})

    def test_every_default_is_a_valid_value(self):
        for name, about in templates.translated()["Parameters"].items():
            if "Default" in about:
                self.assertRegex(str(about["Default"]), f"^(?:{about.get('AllowedPattern', '.*')})$", name)
                self.assertIn(about["Default"], about.get("AllowedValues", [about["Default"]]), name)

    def test_none_and_empty_mean_the_same_in_optional_parameters(self):
        optional = [name for name, about in templates.translated()["Parameters"].items() if about.get("Default") == "none"]
        self.assertLessEqual({"MailIdentity", "RestoredTable"}, set(optional))
        for name in optional:
            self.assertRegex("", f"^(?:{templates.translated()['Parameters'][name]['AllowedPattern']})$", name)
            empty, none = (templates.filled(**{name: value}) for value in ("", "none"))
            self.assertEqual((empty["Resources"], empty["Outputs"]), (none["Resources"], none["Outputs"]), name)

    def test_outputs_are_those_that_the_command_reads(self):
        outputs = {name: output["Value"] for name, output in self.stack["Outputs"].items()}
        self.assertEqual(outputs, {
            "TableName": "Table",
            "KeyParameter": "/libraryhippo/stack/key",
            "PublicKeyParameter": "/libraryhippo/stack/public-key",
            "FingerprintKeyParameter": "/libraryhippo/stack/fingerprint-key",
            "VisitQueueUrl": "VisitQueue",
            "VisitDeadLettersUrl": "VisitDeadLetters",
            "NoticeQueueUrl": "NoticeQueue",
            "NoticeDeadLettersUrl": "NoticeDeadLetters",
            "ScheduleDeadLettersUrl": "ScheduleDeadLetters",
            "JobDeadLettersUrl": "JobDeadLetters",
            "CheckCardsFunction": "CheckCards",
            "CheckCardFunction": "CheckCard",
            "NotifyAllFunction": "NotifyAll",
            "NotifyFamilyFunction": "NotifyFamily",
            "MailEventsFunction": "MailEvents",
            "PictureOfTheDayFunction": "PictureOfTheDay",
            "PictureSource": "none",
            "ScheduleGroup": "ScheduleGroup",
            "Schedules": "Schedules.Outputs.Labels",
            "AlarmTopic": "Alarms.Outputs.OperatorTopic",
            "MailFrom": "hippo@example.org",
            "OperatorEmail": "operator@example.org",
            "Contact": "https://hippo.example.org",
            "ConfigurationSet": "MailSettings",
            "Timezone": "America/Toronto",
            "WebUrl": "WebApi.ApiEndpoint",
            "WebFunction": "WebPages",
            "OperatorPolicy": "OperatorPolicy",
            "KeyPolicy": "KeyPolicy",
        })

    def test_loopback_is_refused_by_default(self):
        for name in ("CheckCard", "PictureOfTheDay"):
            given = self.resources[name]["Properties"]["Environment"]["Variables"]
            self.assertEqual(given["ALLOW_LOOPBACK_LIBRARIES"], "false", name)

    def test_picture_source_is_passed_with_the_fields_that_are_given(self):
        def given(**parameters):
            stack = templates.filled(**parameters)
            variables = stack["Resources"]["PictureOfTheDay"]["Properties"]["Environment"]["Variables"]
            return {name: value for name, value in variables.items() if name.startswith("PICTURE_")}, stack["Outputs"]["PictureSource"]

        schedule = {"PICTURE_SCHEDULE": "rate(15 minutes)"}
        self.assertEqual(given(), ({"PICTURE_KIND": "image", **schedule}, {"Value": "none"}))
        url = "https://pictures.example.org/today.json"
        self.assertEqual(
            given(PictureUrl=url, PictureKind="json", PictureAddress="images.0.url", PictureCredit="copyright"),
            ({"PICTURE_URL": url, "PICTURE_KIND": "json", "PICTURE_ADDRESS": "images.0.url", "PICTURE_CREDIT": "copyright", **schedule},
             {"Value": "json"}),
        )

    def test_resource_types_are_known(self):
        # A new type may need a new line in rights.txt.
        self.assertEqual({resource["Type"] for resource in self.resources.values()}, {
            "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage",
            "AWS::CloudFormation::Stack", "AWS::DynamoDB::Table", "AWS::Events::Rule", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role",
            "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Lambda::Function", "AWS::Lambda::Permission",
            "AWS::Logs::LogGroup", "AWS::SES::ConfigurationSet", "AWS::SES::ConfigurationSetEventDestination",
            "AWS::SES::EmailIdentity", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy",
            "AWS::Scheduler::ScheduleGroup",
        })


if __name__ == "__main__":
    unittest.main()
