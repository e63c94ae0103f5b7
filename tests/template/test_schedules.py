"""When the jobs run, and how failed starts are retried."""

import datetime
import json
import os
import pathlib
import unittest
import zoneinfo

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
        self.schedules = templates.of_type(self.resources, "AWS::Scheduler::Schedule")

    def test_schedules_have_a_timezone_retries_and_dead_letters(self):
        actual = {
            name: (
                schedule["ScheduleExpression"],
                schedule["ScheduleExpressionTimezone"],
                schedule["FlexibleTimeWindow"]["Mode"],
                schedule["State"],
                schedule["Target"]["Arn"],
                schedule["Target"]["RoleArn"],
                schedule["Target"]["DeadLetterConfig"]["Arn"],
                schedule["Target"]["RetryPolicy"],
            )
            for name, schedule in self.schedules.items()
        }
        check_retry = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 20}
        tick_retry = {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 10}
        rest = ("America/Toronto", "OFF", "ENABLED")
        role, letters = "ScheduleRole.Arn", "ScheduleDeadLetters.Arn"
        self.assertEqual(actual, {
            "CheckCardsAll": ("cron(0 5,12,18 * * ? *)", *rest, "CheckCards.Arn", role, letters, check_retry),
            "CheckCardsFailed": ("cron(30 5,12,18 * * ? *)", *rest, "CheckCards.Arn", role, letters, check_retry),
            "NotifyAllTick": ("rate(15 minutes)", *rest, "NotifyAll.Arn", role, letters, tick_retry),
        })

    def test_each_schedule_passes_its_label_and_scheduled_time(self):
        inputs = {name: json.loads(schedule["Target"]["Input"]) for name, schedule in self.schedules.items()}
        rest = {"scheduled_time": TIME_PLACEHOLDER, "library": None, "family": None}
        self.assertEqual(inputs, {
            "CheckCardsAll": {"label": "all", "scope": "all", **rest},
            "CheckCardsFailed": {"label": "failed", "scope": "failed", **rest},
            "NotifyAllTick": {"label": "tick", "scope": "all", **rest},
        })

    def test_no_deployed_schedule_has_a_name(self):
        # Names are unique in an account, so a second stack with the same names would be rolled back.
        self.assertEqual(len(self.schedules), 3)
        for name, schedule in self.schedules.items():
            self.assertNotIn("Name", schedule, name)

    def test_one_parameter_disables_and_enables_all_schedules(self):
        for enabled, state in [("true", "ENABLED"), ("false", "DISABLED")]:
            schedules = templates.of_type(templates.filled(Enabled=enabled)["Resources"], "AWS::Scheduler::Schedule")
            self.assertEqual({schedule["State"] for schedule in schedules.values()}, {state}, enabled)

    def test_placeholder_can_be_replaced_by_a_literal_time(self):
        stack = templates.filled(ScheduledTime="2026-11-21T05:00:00Z")
        for schedule in templates.of_type(stack["Resources"], "AWS::Scheduler::Schedule").values():
            self.assertEqual(json.loads(schedule["Target"]["Input"])["scheduled_time"], "2026-11-21T05:00:00Z")

    def test_example_events_have_the_fields_of_the_schedules(self):
        tried = {path.stem: json.loads(path.read_text()) for path in (templates.ROOT / "tests/events").glob("*.json")}
        fields = {frozenset(json.loads(schedule["Target"]["Input"])) for schedule in self.schedules.values()}
        for name in ["check-cards", "check-cards-failed", "notify-all"]:
            self.assertEqual({frozenset(tried[name])}, fields, name)
            datetime.datetime.fromisoformat(tried[name]["scheduled_time"])

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
        })

    def test_default_timezone_and_expressions_are_valid(self):
        self.assertIn(self.stack["Parameters"]["Timezone"], zoneinfo.available_timezones())
        for name in ["CheckSchedule", "RetrySchedule", "NotifySchedule"]:
            self.assertIsNone(expressions.problem(self.stack["Parameters"][name]), name)

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
