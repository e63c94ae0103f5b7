"""The alarms and the dashboard: few, on existing metrics, each explained in the operator's handbook."""

import json
import re
import unittest

import templates
from test_resources import rows


class Watch(unittest.TestCase):
    def setUp(self):
        self.template = templates.read("infra/watch.yaml")
        self.nested = templates.filled()["Resources"]["Alarms"]["Properties"]["Parameters"]
        self.resources = templates.filled(self.template, **self.nested)["Resources"]
        self.alarms = templates.of_type(self.resources, "AWS::CloudWatch::Alarm")
        self.namespace = self.nested["Namespace"]
        self.published = {
            row[0].strip("`"): frozenset(re.findall(r"`(\w+)`", row[2]))
            for row in rows("infra/metrics.md") if row[0].startswith("`")
        }

    def test_at_most_ten_alarms_each_explained_in_the_handbook(self):
        self.assertLessEqual(len(self.alarms), 10)
        handbook = (templates.ROOT / "docs/OPERATING.md").read_text()
        for name, alarm in self.alarms.items():
            self.assertIn("Operator", alarm["AlarmActions"], name)
            heading = re.search(r'docs/OPERATING\.md, "(.+)"', alarm["AlarmDescription"])[1]
            self.assertRegex(handbook, rf"(?m)^#+ {re.escape(heading)}$", name)
            self.assertIn(f"`{name}`", handbook)

    def test_operator_gets_alarms_by_mail(self):
        topic = self.resources["Operator"]["Properties"]
        self.assertEqual(topic["Subscription"], [{"Protocol": "email", "Endpoint": "operator@example.org"}])

    def test_only_missing_runs_treat_missing_data_as_an_alarm(self):
        breaching = {name for name, alarm in self.alarms.items() if alarm["TreatMissingData"] == "breaching"}
        self.assertEqual(breaching, {"NoChecks", "NoTicks"})
        for name in breaching:
            alarm = self.alarms[name]
            self.assertEqual((alarm["Threshold"], alarm["ComparisonOperator"]), (1, "LessThanThreshold"))
            self.assertEqual(alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], "One run within the time must be enough.")
            self.assertLessEqual(int(alarm["EvaluationPeriods"]) * alarm["Period"], 24 * 60 * 60)
            # CloudWatch waits for some more periods before it treats data as missing, so the time is approximate.
            self.assertRegex(alarm["AlarmDescription"], "about (an hour|13 hours)", name)
        self.assertEqual(int(self.alarms["NoChecks"]["EvaluationPeriods"]) * self.alarms["NoChecks"]["Period"], 13 * 3600)

    def test_every_dead_letter_queue_has_an_alarm(self):
        watched = {
            dimension["Value"] for alarm in self.alarms.values() for _, _, dimensions in metrics_of(alarm)
            for dimension in dimensions if dimension["Name"] == "QueueName"
        }
        queues = templates.of_type(templates.filled()["Resources"], "AWS::SQS::Queue")
        letters = {f"{name}.QueueName" for name in queues if name.endswith("DeadLetters")}
        self.assertEqual(len(letters), 4)
        self.assertLessEqual(letters, watched)

    def test_every_function_has_error_and_throttle_alarms(self):
        for alarm, watched_metric in [("FunctionErrors", "Errors"), ("Throttles", "Throttles")]:
            watched = {
                dimension["Value"] for _, metric, dimensions in metrics_of(self.alarms[alarm])
                if metric == watched_metric for dimension in dimensions
            }
            # The errors of the web pages are those of their API.
            self.assertEqual(watched, set(templates.FUNCTIONS) - {"WebPages"}, alarm)
        pages = [(metric, dimensions) for _, metric, dimensions in metrics_of(self.alarms["FunctionErrors"]) if metric == "5xx"]
        self.assertEqual(pages, [("5xx", [{"Name": "ApiId", "Value": "WebApi"}])])
        self.assertEqual(templates.filled(Web="false")["Resources"]["Alarms"]["Properties"]["Parameters"]["WebApi"], "none")

    def test_every_queue_of_a_function_has_an_age_alarm(self):
        driven = {
            mapping["EventSourceArn"].removesuffix(".Arn")
            for mapping in templates.of_type(templates.filled()["Resources"], "AWS::Lambda::EventSourceMapping").values()
        }
        watched = {
            dimension["Value"].removesuffix(".QueueName")
            for alarm in self.alarms.values() for _, metric, dimensions in metrics_of(alarm)
            if metric == "ApproximateAgeOfOldestMessage" for dimension in dimensions
        }
        self.assertEqual(watched, driven)
        # The limits are those of the description.
        self.assertIn("IF(FILL(visits, 0) > 7200 OR FILL(notices, 0) > 3600, 1, 0)", str(self.alarms["MessagesWaiting"]))

    def test_every_metric_of_an_alarm_is_in_its_expression(self):
        for name, alarm in self.alarms.items():
            queries = alarm.get("Metrics", [])
            defined = {query["Id"] for query in queries if "MetricStat" in query}
            used = set(re.findall(r"[a-z]\w*", " ".join(query.get("Expression", "") for query in queries)))
            self.assertEqual(defined, used, name)

    def test_undelivered_alerts_and_notices_raise_an_alarm(self):
        metrics = {metric for _, metric, _ in metrics_of(self.alarms["MailsGivenUp"])}
        self.assertEqual(metrics, {"NoticesGivenUp", "AlertsNotDelivered"})

    def test_dashboard_name_is_unique_across_regions(self):
        self.assertEqual(self.resources["Dashboard"]["Properties"]["DashboardName"], "stack-region")

    def test_alarms_use_published_metrics_and_dimensions(self):
        used = 0
        for name, alarm in self.alarms.items():
            for namespace, metric, dimensions in metrics_of(alarm):
                if namespace == self.namespace:
                    used += 1
                    self.assertEqual(self.published[metric], {dimension["Name"] for dimension in dimensions}, name)
        self.assertGreaterEqual(used, 5)

    def test_dashboard_shows_every_published_metric(self):
        body = json.loads(self.resources["Dashboard"]["Properties"]["DashboardBody"])
        shown = {}
        for widget in body["widgets"]:
            for line in widget["properties"].get("metrics", []):
                if isinstance(line[0], dict):
                    kind = re.search(r'\{"(.+)",(\w+)\} MetricName="(\w+)"', line[0]["expression"])
                    self.assertEqual(kind[1], self.namespace)
                    shown[kind[3]] = frozenset([kind[2]])
                elif line[0] == self.namespace:
                    names = [part for part in line[2:] if isinstance(part, str)]
                    shown[line[1]] = frozenset(names[::2])
        del self.published["CardsFailed"]  # It is the sum of the stacked kinds.
        self.assertEqual(shown, self.published)
        alarms = next(widget for widget in body["widgets"] if widget["type"] == "alarm")["properties"]["alarms"]
        self.assertEqual({arn.removesuffix(".Arn") for arn in alarms}, set(self.alarms))

    def test_outer_stack_passes_every_parameter(self):
        self.assertEqual(set(self.nested), set(self.template["Parameters"]))

    def test_alarms_can_be_left_out(self):
        stack = templates.filled(Watch="false")
        self.assertNotIn("Alarms", stack["Resources"])
        self.assertNotIn("Alarms.", str(stack))

    def test_outer_stack_uses_existing_outputs(self):
        used = set(re.findall(r"Alarms\.Outputs\.(\w+)", str(templates.filled())))
        self.assertEqual(used, set(self.template["Outputs"]))


def metrics_of(alarm):
    """Namespace, name and dimensions of every metric that an alarm reads."""
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions", [])
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            metric = query["MetricStat"]["Metric"]
            yield metric["Namespace"], metric["MetricName"], metric.get("Dimensions", [])


if __name__ == "__main__":
    unittest.main()
