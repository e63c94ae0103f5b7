"""The stack on the emulator, deployed by SAM and used through its outputs."""

import json
import os
import pathlib
import urllib.request

import tomlkit
from machine import REGION, ROOT, TOOLS, client, run, wait_until

# The output of `sam build`, unless STACK_TEMPLATE is set.
TEMPLATE = pathlib.Path(os.environ.get("STACK_TEMPLATE", ROOT / ".aws-sam/build/template.yaml"))

# The emulator doesn't support metric math or the Scheduler's placeholder. Timeouts are short to make the tests fast.
FOR_TESTS = {
    "MailFrom": "hippo@example.org",
    "OperatorEmail": "operator@example.org",
    "Contact": "operator@example.org",
    "Watch": "false",
    "AllowLoopbackLibraries": "true",
    "DelaySeconds": "0",
    "JitterSeconds": "0",
    "CheckCardTimeout": "10",
    "NotifyFamilyTimeout": "10",
    "VisitReceiveCount": "1",
    "NoticeReceiveCount": "1",
    "CheckSchedule": "rate(365 days)",
    "RetrySchedule": "rate(365 days)",
    "NotifySchedule": "rate(365 days)",
    "PictureSchedule": "rate(365 days)",
}


class Stack:
    """One deployed stack, with its samconfig.toml in `folder`."""

    def __init__(self, name, env, folder):
        self.name, self.env = name, env
        self.config = folder / "samconfig.toml"
        self.parameters = dict(FOR_TESTS)
        self.outputs = {}

    def sam(self, *arguments):
        path = f"{TOOLS}/python/lambda/bin:{TOOLS}/python/sam/bin:{self.env['PATH']}"
        return run([TOOLS / "python/sam/bin/sam", *arguments], self.env | {"PATH": path})

    def configure(self):
        """Writes samconfig.toml: the example with these parameters and without questions."""
        config = tomlkit.parse((ROOT / "samconfig.toml.example").read_text())
        everywhere = config["default"]["global"]["parameters"]
        # If a parameter occurs twice, SAM uses the last.
        overrides = [*everywhere["parameter_overrides"], *(f"{name}='{value}'" for name, value in self.parameters.items())]
        everywhere |= {"stack_name": self.name, "region": REGION, "parameter_overrides": overrides}
        config["default"]["deploy"]["parameters"] |= {"confirm_changeset": False}
        self.config.write_text(tomlkit.dumps(config))

    def deploy(self, **parameters):
        """Deploys or updates the stack with these parameters changed."""
        self.parameters |= parameters
        self.configure()
        self.sam(
            "deploy", "--config-file", self.config, "--template-file", TEMPLATE, "--no-progressbar", "--no-fail-on-empty-changeset"
        )
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def delete(self):
        """Deletes the stack. `sam delete` can't read the emulator's nested templates."""
        stacks = self.client("cloudformation")
        stacks.delete_stack(StackName=self.name)
        stacks.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def client(self, service):
        return client(service, self.env)

    def logs(self, function):
        """A function's log lines, oldest first."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = f"/libraryhippo/{self.name}/{function}"
        return [event["message"].rstrip() for page in pages.paginate(logGroupName=group) for event in page["events"]]

    def waiting(self, queue):
        """The number of messages in a queue, including those being processed."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)["Attributes"]
        return sum(int(value) for value in attributes.values())

    def mails(self):
        """The mails that the emulator accepted, oldest first."""
        with urllib.request.urlopen(f"{self.env['AWS_ENDPOINT_URL']}/_ministack/ses/messages", timeout=10) as answer:
            by_account = json.load(answer)["messages"]
        return [mail for mails in by_account.values() for mail in mails]

    def wait_for_runs(self, function, count, seconds=90):
        """Waits until a function was invoked `count` times."""

        def reports():
            return sum(1 for line in self.logs(function) if line.startswith("REPORT ")) >= count

        wait_until(f"{count} invocations of {function}", reports, seconds)
