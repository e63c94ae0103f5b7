"""From a schedule to the note, with the real binaries on the emulator: `make end-to-end`.

Deploys the stack, puts libraries, families and cards there, lets a schedule fire check-cards and another notify-all, and
reads the mail back; fires both again; has a message die and replayed; updates the stack, and deletes it.
"""

import json
import os
import pathlib
import sys
import tempfile
import time

from machine import ROOT, demo_libraries, emulator, wait_until
from seed import SEED, sow
from stack import TEMPLATE, Stack

OVERDUE = "The Lantern Keeper"


def step(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def check(true, what):
    if not true:
        raise SystemExit(f"FAILED: {what}")
    print(f"         {what}", flush=True)


def journey(folder):
    with emulator(folder) as env, demo_libraries(folder) as libraries:
        stack = Stack("hippo", env)
        step("sam deploy")
        stack.deploy()
        check(stack.outputs["TableName"], "The stack stands, with its outputs.")

        step("The key, libraries, families, cards")
        sow(folder, libraries, env, stack.outputs["TableName"], stack.outputs["KeyParameter"])

        step("The schedule fires check-cards, and the queue drives check-card")
        stack.deploy(CheckSchedule="rate(1 minutes)", ScheduledTime="2026-11-21T10:00:00Z")
        stack.wait_for_runs("check-cards", 1, 120)
        checked = wait_until("both visits", lambda: outcomes(stack) if sum(outcomes(stack).values()) == 3 else None, 60)
        check(checked == {"Checked a card.": 2, "A card could not be checked.": 1}, "Two cards were read, one PIN was refused.")
        check(any("wrong_credentials" in line for line in stack.logs("check-card")), "The refusal has its name in the log.")
        check(stack.waiting("VisitDeadLettersUrl") == 0, "No visit died.")

        step("The schedule fires notify-all, and the queue drives notify-family")
        stack.deploy(NotifySchedule="rate(1 minutes)")
        mails = wait_until("two notes", lambda: len(stack.mails()) >= 2 and stack.mails(), 120)
        text = {to: json.dumps(mail) for mail in mails for to in ("ines@example.org", "mara@example.org") if to in json.dumps(mail)}
        check(len(mails) == 2 and len(text) == 2, "Each family has one note.")
        check(OVERDUE in text["ines@example.org"], "The Calders' note names the overdue book.")
        check("hippo@example.org" in text["mara@example.org"], "It comes from MailFrom.")
        check(OVERDUE not in text["mara@example.org"], "Mara's note names her own books only.")

        step("Both fire again")
        visited = outcomes(stack)
        before = len(stack.logs("check-cards")), len(stack.logs("notify-all"))
        wait_until(
            "another firing of both",
            lambda: len(stack.logs("check-cards")) > before[0] and len(stack.logs("notify-all")) > before[1], 120,
        )
        time.sleep(5)
        check(len(stack.mails()) == 2, "No family has a second note.")
        check(outcomes(stack) == visited, "No library was visited again for the same scheduled time.")

        step("A message that fails is a dead letter, and is replayed")
        stack.deploy(CheckSchedule="rate(365 days)", NotifySchedule="rate(365 days)")
        stack.client("sqs").send_message(
            QueueUrl=stack.outputs["VisitQueueUrl"], MessageBody='{"library":"riverside"}',
            MessageGroupId="riverside", MessageDeduplicationId="poisoned",
        )
        wait_until("the dead letter", lambda: stack.waiting("VisitDeadLettersUrl") == 1, 150)
        check(any("ERROR" in line and "cards" in line for line in stack.logs("check-card")), "Its reason is in the log.")
        tries = len(stack.logs("check-card"))
        replay(stack)
        wait_until("the replayed message", lambda: len(stack.logs("check-card")) > tries, 30)
        check(stack.waiting("VisitDeadLettersUrl") == 0, "The dead letter was put back.")

        step("The stack is deleted")
        table = stack.outputs["TableName"]
        stack.delete()
        check(table in stack.client("dynamodb").list_tables()["TableNames"], "The table is left behind, on purpose.")
        check(not stack.client("lambda").list_functions()["Functions"], "The functions are gone.")


def outcomes(stack):
    """How the checks ended, as check-card logged them."""
    words = ("Checked a card.", "A card could not be checked.")
    lines = stack.logs("check-card")
    return {word: count for word in words if (count := sum(word in line for line in lines))}


def replay(stack):
    """Puts the dead visits back into their queue, each in its library's group."""
    sqs = stack.client("sqs")
    letters = stack.outputs["VisitDeadLettersUrl"]
    for message in sqs.receive_message(QueueUrl=letters, AttributeNames=["All"]).get("Messages", []):
        sqs.send_message(
            QueueUrl=stack.outputs["VisitQueueUrl"], MessageBody=message["Body"],
            MessageGroupId=message["Attributes"]["MessageGroupId"], MessageDeduplicationId=f"again-{message['MessageId']}",
        )
        sqs.delete_message(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"])


def main():
    for needed in (SEED, ROOT / "target/debug/demo-library", TEMPLATE):
        if not needed.exists():
            raise SystemExit(f"{needed} is not built; `make end-to-end` builds it.")
    keep = os.environ.get("KEEP_LOGS")
    if keep:
        pathlib.Path(keep).mkdir(parents=True, exist_ok=True)
        journey(pathlib.Path(keep))
    else:
        with tempfile.TemporaryDirectory() as folder:
            journey(pathlib.Path(folder))
    step("Done.")


if __name__ == "__main__":
    sys.exit(main())
