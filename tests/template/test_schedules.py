"""When the jobs run, and how failed starts are retried."""

import datetime
import json
import os
import pathlib
import re
import tomllib
import unittest
import zoneinfo
from unittest.mock import ANY

import expressions
import templates

VECTORS = pathlib.Path(os.environ.get("SCHEDULE_VECTORS", templates.ROOT.parent / "shared" / "schedule-vectors"))
TIME_PLACEHOLDER = "<aws.scheduler.scheduled-time>"


def vectors(name):
    path = VECTORS / name
    if not path.exists():
        raise unittest.SkipTest(f"SKIPPED: {name} is missing (SCHEDULE_VECTORS).")
    return json.loads(path.read_text())["cases"]


class Schedules(unittest.TestCase):
    def setUp(self):
        self.stack = templates.filled()
        self.resources = self.stack["Resources"]
        self.nested = templates.scheduled(PictureUrl="https://pictures.example.org/today.jpg")
        self.schedules = templates.of_type(self.nested["Resources"], "AWS::Scheduler::Schedule")
        self.declared = tomllib.loads((templates.ROOT / "infra/schedules.toml").read_text())["schedule"]
        self.parameters = {one["when"]["parameter"]: one["when"]["default"] for one in self.declared if isinstance(one["when"], dict)}

    def declared_row(self, one):
        """What the stack holds for a declared schedule."""
        function = next((name for name, package in templates.FUNCTIONS.items() if package == one["job"]), None)
        when = one["when"]
        number, unit = one.get("start_within", "24 h").split()
        seconds = int(number) * (3600 if unit.startswith("h") else 60)
        return (
            when["default"] if isinstance(when, dict) else when,
            one.get("timezone", self.stack["Parameters"]["Timezone"]),
            "FLEXIBLE" if "flexible" in one else "OFF",
            "ENABLED" if one.get("enabled", True) else "DISABLED",
            # A job without a function of its own has one of a nested stack.
            f"{function}.Arn" if function else ANY,
            "ScheduleRole.Arn",
            "ScheduleDeadLetters.Arn",
            {"MaximumEventAgeInSeconds": seconds, "MaximumRetryAttempts": 20},
        )

    def test_schedules_have_a_timezone_retries_and_dead_letters(self):
        actual = {
            schedule["Name"]: (
                schedule["ScheduleExpression"],
                schedule["ScheduleExpressionTimezone"],
                schedule["FlexibleTimeWindow"]["Mode"],
                schedule["State"],
                schedule["Target"]["Arn"],
                schedule["Target"]["RoleArn"],
                schedule["Target"]["DeadLetterConfig"]["Arn"],
                schedule["Target"]["RetryPolicy"],
            )
            for schedule in self.schedules.values()
        }
        self.assertEqual(actual, {one["label"]: self.declared_row(one) for one in self.declared})

    def test_each_schedule_passes_its_label_and_scheduled_time(self):
        inputs = {schedule["Name"]: json.loads(schedule["Target"]["Input"]) for schedule in self.schedules.values()}
        self.assertEqual(inputs, {
            one["label"]: {"label": one["label"], "scheduled_time": TIME_PLACEHOLDER, **one.get("input", {})} for one in self.declared
        })

    def test_nested_stack_has_every_declared_schedule_and_nothing_else(self):
        self.assertEqual([schedule["label"] for schedule in self.declared], [one["Name"] for one in self.schedules.values()])
        self.assertEqual({resource["Type"] for resource in self.nested["Resources"].values()}, {"AWS::Scheduler::Schedule"})

    def test_pictures_have_no_schedule_without_a_source(self):
        for url in ("none", ""):
            nested = templates.scheduled(PictureUrl=url)
            labels = [schedule["Name"] for schedule in templates.of_type(nested["Resources"], "AWS::Scheduler::Schedule").values()]
            others = [one["label"] for one in self.declared if one["job"] != "picture-of-the-day"]
            self.assertEqual(labels, others)
            ids = nested["Outputs"]["Labels"]["Value"].split(",")
            self.assertEqual({one for one in ids if one}, {name for name in nested["Resources"]})

    def test_names_are_unique_in_the_group_of_the_stack(self):
        # Names are unique in a group, so a second stack in the account can be deployed only if each has its own group.
        self.assertEqual({schedule["GroupName"] for schedule in self.schedules.values()}, {"ScheduleGroup"})
        group = self.resources["ScheduleGroup"]
        self.assertEqual((group["Type"], group.get("Properties", {})), ("AWS::Scheduler::ScheduleGroup", {}))

    def test_outer_stack_passes_every_parameter_of_the_schedules(self):
        passed = self.resources["Schedules"]["Properties"]["Parameters"]
        self.assertEqual(set(passed), set(templates.read("infra/schedules.yaml")["Parameters"]))

    def test_outer_stack_uses_existing_outputs_of_the_schedules(self):
        used = set(re.findall(r"Schedules\.Outputs\.(\w+)", str(self.stack)))
        self.assertEqual(used, set(self.nested["Outputs"]))

    def test_parameters_have_the_declared_defaults(self):
        self.assertLessEqual({"CheckSchedule", "RetrySchedule", "NotifySchedule", "PictureSchedule"}, set(self.parameters))
        for name, default in self.parameters.items():
            self.assertEqual(self.stack["Parameters"][name], default)

    def test_functions_get_the_parameters_of_their_schedules(self):
        for one in self.declared:
            if not isinstance(one["when"], dict):
                continue
            function = next(name for name, package in templates.FUNCTIONS.items() if package == one["job"])
            variables = self.resources[function]["Properties"]["Environment"]["Variables"]
            variable = re.sub(r"(?<!^)(?=[A-Z])", "_", one["when"]["parameter"]).upper()
            self.assertEqual(variables[variable], one["when"]["default"])

    def test_role_may_start_the_functions_of_all_schedules(self):
        (policy,) = self.resources["ScheduleRole"]["Properties"]["Policies"]
        (invoke,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "lambda:InvokeFunction"]
        self.assertEqual(set(invoke["Resource"]), {schedule["Target"]["Arn"] for schedule in self.schedules.values()})

    def test_one_parameter_disables_and_enables_all_schedules(self):
        declared = {one["label"]: one.get("enabled", True) for one in self.declared}
        for enabled in (True, False):
            schedules = templates.of_type(templates.scheduled(Enabled=str(enabled).lower())["Resources"], "AWS::Scheduler::Schedule")
            for schedule in schedules.values():
                is_enabled = enabled and declared[schedule["Name"]]
                self.assertEqual(schedule["State"], "ENABLED" if is_enabled else "DISABLED", schedule["Name"])

    def test_placeholder_can_be_replaced_by_a_literal_time(self):
        stack = templates.scheduled(ScheduledTime="2026-11-21T05:00:00Z")
        for schedule in templates.of_type(stack["Resources"], "AWS::Scheduler::Schedule").values():
            self.assertEqual(json.loads(schedule["Target"]["Input"])["scheduled_time"], "2026-11-21T05:00:00Z")

    def test_example_events_have_the_fields_of_the_schedules(self):
        tried = {path.stem: json.loads(path.read_text()) for path in (templates.ROOT / "tests/events").glob("*.json")}
        inputs = {schedule["Name"]: json.loads(schedule["Target"]["Input"]) for schedule in self.schedules.values()}
        for name, label in [("check-cards", "all"), ("check-cards-failed", "failed"), ("notify-all", "tick"), ("picture-of-the-day", "picture")]:
            datetime.datetime.fromisoformat(tried[name]["scheduled_time"])
            # A person's run has no start deadline, so the time can stay as it is.
            self.assertEqual(tried[name]["label"], "person")
            self.assertEqual(tried[name] | {"label": label, "scheduled_time": TIME_PLACEHOLDER}, inputs[label], name)

    def test_failed_invocations_are_retried_twice_and_kept(self):
        configs = templates.of_type(self.resources, "AWS::Lambda::EventInvokeConfig")
        actual = {
            config["FunctionName"]: (
                config["MaximumRetryAttempts"],
                config["MaximumEventAgeInSeconds"],
                config["DestinationConfig"]["OnFailure"]["Destination"],
            )
            for config in configs.values()
        }
        self.assertEqual(actual, {
            "CheckCards": (2, 3600, "JobDeadLetters.Arn"),
            "NotifyAll": (2, 900, "JobDeadLetters.Arn"),
            "MailEvents": (2, 21600, "JobDeadLetters.Arn"),
            "PictureOfTheDay": (2, 900, "JobDeadLetters.Arn"),
        })

    def test_default_timezone_and_expressions_are_valid(self):
        self.assertIn(self.stack["Parameters"]["Timezone"], zoneinfo.available_timezones())
        for one in self.declared:
            self.assertIsNone(expressions.problem(self.declared_row(one)[0]), one["label"])

    def test_alarm_waits_longer_than_the_longest_gap_between_checks(self):
        parameters = self.stack["Parameters"]
        times = list(expressions.firings(
            parameters["CheckSchedule"], parameters["Timezone"], datetime.date(2024, 1, 1), datetime.date(2030, 12, 31)
        ))
        pause = max(later - earlier for earlier, later in zip(times, times[1:]))
        self.assertEqual(pause, datetime.timedelta(hours=12))
        self.assertGreaterEqual(int(parameters["HoursBetweenChecks"]), pause.total_seconds() / 3600 + 1)

    def test_clock_changes_neither_skip_nor_repeat_a_check(self):
        parameters = self.stack["Parameters"]
        days = (datetime.date(2031, 1, 1) - datetime.date(2024, 1, 1)).days
        for name in ["CheckSchedule", "RetrySchedule"]:
            times = list(expressions.firings(
                parameters[name], parameters["Timezone"], datetime.date(2024, 1, 1), datetime.date(2030, 12, 31)
            ))
            self.assertEqual(len(times), 3 * days)


class Expressions(unittest.TestCase):
    def test_valid_expressions_are_accepted(self):
        for text in [
            "cron(0 5,12,18 * * ? *)", "cron(0/15 * ? * MON-FRI *)", "cron(0 9 L * ? *)", "cron(0 9 3W * ? *)",
            "cron(0 9 ? * 3#2 *)", "cron(15 10 ? * 6L 2022-2023)", "rate(15 minutes)", "rate(1 day)", "at(2026-11-21T05:00:00)",
        ]:
            self.assertIsNone(expressions.problem(text), text)

    def test_invalid_expressions_are_refused(self):
        for text in [
            "0 5 * * ? *", "cron(0 5 * * *)", "cron(0 5 * * * *)", "cron(0 5 ? * ? *)", "cron(60 5 * * ? *)", "cron(0 24 * * ? *)",
            "cron(0 5 0 * ? *)", "cron(0 5 * 13 ? *)", "cron(0 5 ? * 8 *)", "cron(0 5 ? * 3#1,6#3 *)", "cron(0 5, * * ? *)",
            "cron(0/0 5 * * ? *)", "cron(0 5 * * ? 2200)", "rate(0 minutes)", "rate(15 fortnights)", "at(tomorrow)", "",
        ]:
            self.assertIsNotNone(expressions.problem(text), text)

    def test_community_vectors_of_cron_expressions(self):
        for case in vectors("aws_cron_valid_invalid.json"):
            problem = expressions.problem(f"cron({case['cron']})")
            self.assertEqual(problem is None, case["valid"], f"{case['cron']}: {problem}")

    def test_examples_of_the_documentation(self):
        for case in vectors("aws_docs_examples.json"):
            problem = expressions.problem(case["expr"])
            self.assertEqual(problem is None, case.get("valid", True), f"{case['expr']}: {problem}")

    def test_firings_at_clock_changes(self):
        for case in vectors("eventbridge_dst.json"):
            day = datetime.datetime.fromisoformat(case["local"]).date()
            times = [time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in expressions.firings(case["cron"], case["zone"], day, day)]
            self.assertEqual(times, [] if case["eventbridge"] == "skipped" else [case["eventbridge"]], case)


if __name__ == "__main__":
    unittest.main()
