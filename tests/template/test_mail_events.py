"""How SES's events reach mail-events: the event destination and the rule."""

import json
import re
import unittest

import templates

# The names of the event types in SES and in EventBridge.
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html
NAMES = {
    "send": "Email Sent",
    "deliveryDelay": "Email Delivery Delayed",
    "delivery": "Email Delivered",
    "bounce": "Email Bounced",
    "complaint": "Email Complaint Received",
    "reject": "Email Rejected",
    "renderingFailure": "Email Rendering Failed",
}


class MailEvents(unittest.TestCase):
    def setUp(self):
        self.resources = templates.filled()["Resources"]
        (self.rule,) = templates.of_type(self.resources, "AWS::Events::Rule").values()
        (self.destination,) = templates.of_type(self.resources, "AWS::SES::ConfigurationSetEventDestination").values()

    def test_configuration_set_publishes_to_the_default_bus(self):
        sender = self.resources["NotifyFamily"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(self.destination["ConfigurationSetName"], sender["CONFIGURATION_SET"])
        about = self.destination["EventDestination"]
        self.assertTrue(about["Enabled"])
        self.assertEqual(about["EventBridgeDestination"], {"EventBusArn": "arn:aws:events:region:account:event-bus/default"})

    def test_destination_rule_and_code_have_the_same_event_types(self):
        published = self.destination["EventDestination"]["MatchingEventTypes"]
        self.assertEqual(set(published), set(NAMES))
        self.assertEqual([NAMES[name] for name in published], self.rule["EventPattern"]["detail-type"])
        code = (templates.ROOT / "crates/aws/src/handlers/mail_events/event.rs").read_text()
        read = re.findall(r'^ +"(Email [A-Za-z ]+)" => ', code, re.M)
        self.assertEqual(sorted(read), sorted(NAMES.values()))

    def test_rule_matches_only_this_stacks_configuration_set(self):
        pattern = self.rule["EventPattern"]
        self.assertEqual(set(pattern), {"source", "detail-type", "detail"})
        self.assertEqual(pattern["source"], ["aws.ses"])
        self.assertEqual(pattern["detail"], {"mail": {"tags": {"ses:configuration-set": ["MailSettings"]}}})
        self.assertNotIn("EventBusName", self.rule)
        self.assertEqual(self.rule.get("State", "ENABLED"), "ENABLED")

    def test_undelivered_events_are_retried_for_a_day_and_kept(self):
        self.assertEqual(self.rule["Targets"], [{
            "Id": "mail-events",
            "Arn": "MailEvents.Arn",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 100},
            "DeadLetterConfig": {"Arn": "ScheduleDeadLetters.Arn"},
        }])

    def test_example_event_matches_the_rule(self):
        event = json.loads((templates.ROOT / "tests/events/mail-events.json").read_text())
        self.assertEqual(event["source"], "aws.ses")
        self.assertIn(event["detail-type"], NAMES.values())
        tags = event["detail"]["mail"]["tags"]
        self.assertLessEqual({"ses:configuration-set", "family", "date", "fence"}, set(tags))


if __name__ == "__main__":
    unittest.main()
