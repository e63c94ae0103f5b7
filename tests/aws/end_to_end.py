"""From a schedule to the note, with the real binaries on the emulator: `make end-to-end`.

Deploys the stack, puts libraries, families and cards there with `hippo --target aws`, lets a schedule fire check-cards and another
notify-all, and reads the mail back; fires both again; has mail-events hear what became of the mails; breaks the stack, mends it,
and has the dead letters replayed; moves all of it to this machine and back; deletes the stack. Last it does what `make dev` says.
"""

import copy
import datetime
import json
import os
import pathlib
import sys
import tempfile
import time
import uuid

import dev
from hippo import CARDS, HIPPO, Hippo
from machine import REGION, ROOT, TOOLS, demo_libraries, emulator, run, wait_until
from stack import TEMPLATE, Stack

FUNCTIONS = ("check-cards", "check-card", "notify-all", "notify-family", "mail-events")
# What the demo's libraries lend to whom.
TITLES = {
    "ines@example.org": ("The Lantern Keeper", "Seven Ferries North", "Paper Boats"),
    "mara@example.org": ("Ponds and Puddles", "Rain Dictionary"),
}


def step(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def check(true, what):
    if not true:
        raise SystemExit(f"FAILED: {what}")
    print(f"         {what}", flush=True)


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Journey:
    """One stack from its first deployment to its end; each step leaves what the next one needs."""

    def __init__(self, folder, env, libraries):
        self.env, self.libraries = env, libraries
        self.stack = Stack("hippo", env, folder)
        self.hippo = Hippo(env, self.stack.name, folder / "home")
        self.fired_for = now()
        self.folder = folder

    def deploys(self):
        self.stack.deploy(CheckSchedule="rate(1 minutes)", ScheduledTime=self.fired_for)
        check(self.stack.outputs["TableName"], "The stack stands, with its outputs.")

    def is_furnished(self):
        self.hippo.furnish(self.libraries)
        key = self.key()
        self.hippo("init")
        check(self.key() == key, "A second init makes no second key.")
        check(set(self.cards()) == {"Ines", "Tom", "Mara"}, "Three cards are there, none of them checked.")
        table = str(self.stack.client("dynamodb").scan(TableName=self.stack.outputs["TableName"])["Items"])
        check(not any(secret in table for secret in secrets()), "No number and no PIN can be read in the table.")

    def checks(self):
        self.stack.wait_for_runs("check-cards", 1, 120)
        wait_until("both visits", lambda: all(card["last_checked"] for card in self.cards().values()), 60)
        cards = self.cards()
        check(not cards["Ines"]["failure"] and not cards["Mara"]["failure"], "Two accounts were read.")
        check(cards["Ines"]["account"]["overdue"] == 1, "Ines has an overdue book.")
        check(cards["Tom"]["failure"]["kind"] == "wrong_credentials", "Tom's PIN was refused.")
        ended = lambda: [run for run in self.runs("check-cards", "all") if run["outcome"] == "done_with_failures"]
        (run,) = wait_until("what the workers report", ended, 30)
        check(run["scheduled_time"] == self.fired_for, "The run is the schedule's, and it ended.")
        check((run["counts"]["done"], run["counts"]["failed"]) == (2, {"wrong_credentials": 1}), "It counts what the workers did.")
        shown = self.hippo.json("runs", "show", f"check-cards/all/{self.fired_for}")
        check([one["patron"] for one in shown["concerned"]] == ["Tom"], "It names the card that failed.")
        check(self.stack.waiting("VisitDeadLettersUrl") == 0, "No visit died.")

    def notifies(self):
        self.stack.deploy(NotifySchedule="rate(1 minutes)")
        mails = wait_until("two notes", lambda: len(self.notes()) >= 2 and self.notes(), 120)
        notes = {mail["To"][0]: mail for mail in mails}
        check(len(mails) == 2 and set(notes) == set(TITLES), "Each family has one note.")
        for to, titles in TITLES.items():
            text, others = notes[to]["BodyText"], {title for other in TITLES if other != to for title in TITLES[other]}
            check(all(title in text for title in titles), f"That to {to} has the titles of the family.")
            check(not any(title in text for title in others), "It has no other's.")
            check(notes[to]["Source"] == "hippo@example.org", "It comes from MailFrom.")
        check(notes["ines@example.org"]["To"] == ["ines@example.org", "tom@example.org"], "The Calders' goes to both of them.")
        check("1 overdue" in notes["ines@example.org"]["Subject"], "Its subject says what is urgent.")
        wait_until("the notes' record", lambda: [n["state"] for n in self.notices()] == ["SENT", "SENT"], 30)
        (tick,) = wait_until("the tick's work", lambda: [r for r in self.runs("notify-all", "tick") if r["counts"]["done"] == 2], 30)
        check(tick["outcome"] == "done", "The tick is on record, with both notes.")
        check({n["record"]["state"] for n in self.hippo.json("notices")} == {"SENT"}, "The day's notices are listed as sent.")

    def fires_again(self):
        status = self.status()
        before = {name: len(self.stack.logs(name)) for name in ("check-cards", "notify-all")}
        wait_until("another firing of both", lambda: all(len(self.stack.logs(name)) > count for name, count in before.items()), 120)
        time.sleep(3)
        check(len(self.notes()) == 2, "No family has a second note.")
        check(self.status() == status, "Nothing that is known of cards, notices and runs changed.")

    def is_started_by_a_person(self):
        self.stack.deploy(CheckSchedule="rate(365 days)", NotifySchedule="rate(365 days)")
        before = self.cards()
        self.hippo("check-cards", allowed=(0, 1))
        wait_until("another check of both", lambda: all(self.is_newer(before, patron) for patron in ("Ines", "Mara")), 60)
        check(not self.is_newer(before, "Tom"), "A card that the site refuses was left alone.")
        run = self.runs("check-cards", "person")[0]
        shown = self.hippo.json("runs", "show", f"check-cards/person/{run['scheduled_time']}")
        left_out = [(one["patron"], one["reason"]) for one in shown["left_out"]]
        check(left_out == [("Tom", "pin_refused")], "The run says that it was left out, and why.")
        self.hippo("notify-all", allowed=(0, 1))
        check(len(self.hippo.json("runs")) == 4, "Both runs are on record.")
        time.sleep(3)
        check(len(self.notes()) == 2, "There is no second note of the same day.")

    def hears_of_its_mails(self):
        """The emulator publishes no events of SES, and lets nobody publish in its name (nor does AWS): each one is held against
        the rule, and then brought as the rule would bring it."""
        told = self.stack.client("sesv2").get_configuration_set_event_destinations(
            ConfigurationSetName=self.stack.outputs["ConfigurationSet"]
        )["EventDestinations"]
        check([about["Enabled"] for about in told] == [True], "The configuration set publishes what becomes of the mails.")
        self.hears(self.mail_event("Email Rejected", reject={"reason": "Bad content"}))
        wait_until("the rejection", lambda: self.notice_of("calder")["state"] == "FAILED", 60)
        check(self.notice_of("okoye")["state"] == "SENT", "A rejection makes the notice FAILED that its tags name, and no other.")
        arrived = self.mail_event("Email Delivered", delivery={"recipients": ["ines@example.org"]})
        for _ in range(2):
            self.hears(arrived)
        wait_until("the delivery", lambda: self.notice_of("calder")["state"] == "SENT", 60)
        check(True, "A delivery makes it SENT, though it comes late.")
        recipients = [{"emailAddress": "Tom@Example.org", "diagnosticCode": "smtp; 550 5.1.1 tom@example.org unknown"}]
        self.hears(self.mail_event("Email Bounced", bounce={"bounceType": "Transient", "bouncedRecipients": recipients}))
        self.stack.wait_for_runs("mail-events", 4)
        check(self.item("FAMILY#calder", "META")["stopped"] == [], "A bounce that may pass stops nobody.")
        for_good = self.mail_event("Email Bounced", bounce={"bounceType": "Permanent", "bouncedRecipients": recipients})
        for _ in range(2):
            self.hears(for_good)
        self.stack.wait_for_runs("mail-events", 6)
        stopped = [one["address"] for one in self.item("FAMILY#calder", "META")["stopped"]]
        check(stopped == ["tom@example.org"], "One that will not stops its recipient, once.")
        alerts = self.stack.client("dynamodb").query(
            TableName=self.stack.outputs["TableName"],
            KeyConditionExpression="pk = :operator AND begins_with(sk, :alert)",
            ExpressionAttributeValues={":operator": {"S": "OPERATOR"}, ":alert": {"S": "ALERT#"}},
        )["Items"]
        kinds = sorted(json.loads(item["data"]["S"])["alert"]["kind"] for item in alerts)
        check(kinds == ["no_notice", "recipient_stopped"], "Both are noted for the operator.")
        self.hippo("notify-all", allowed=(0, 1))
        told = wait_until("the mail to the operator", self.mails_to_the_operator, 60)
        check(any("calder" in mail["BodyText"] for mail in told), "The next tick tells the operator whose mails they were.")
        check(not any("tom@" in mail["BodyText"].lower() for mail in told), "It tells no address.")
        check(self.stack.waiting("JobDeadLettersUrl") == 0, "No event died.")

    def mail_event(self, kind, **more):
        """What SES would say of the Calders' mail, and the rule would take."""
        notice = self.notice_of("calder")
        tags = {
            "ses:configuration-set": [self.stack.outputs["ConfigurationSet"]],
            "kind": [notice["kind"]], "family": ["calder"], "date": [notice["date"]], "fence": [str(notice["fence"])],
        }
        mail = {
            "messageId": "0100-end-to-end", "destination": ["ines@example.org", "tom@example.org"], "tags": tags,
            "commonHeaders": {"subject": "The Lantern Keeper"},
        }
        event = {
            "version": "0", "id": str(uuid.uuid4()), "detail-type": kind, "source": "aws.ses", "account": "000000000000",
            "time": now(), "region": REGION, "resources": [], "detail": {"mail": mail, **more},
        }
        other = copy.deepcopy(event)
        other["detail"]["mail"]["tags"]["ses:configuration-set"] = ["another"]
        check(self.is_taken(event) and not self.is_taken(other), f"The rule takes “{kind}” of this configuration set alone.")
        return event

    def hears(self, event):
        self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["MailEventsFunction"], InvocationType="Event", Payload=json.dumps(event)
        )

    def is_taken(self, event):
        bus = self.stack.client("events")
        (rule,) = bus.list_rules()["Rules"]
        return bus.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]

    def loses_its_table(self):
        """As after a mistake in a restore: every job finds no table, and dies of it."""
        self.cards_before = self.cards()
        card, day = self.cards_before["Ines"]["id"], self.notices()[0]["date"]
        event = self.mail_event("Email Sent", send={})
        self.stack.deploy(RestoredTable="nowhere")
        run = {"job": "check-cards", "label": "all", "scheduled_time": self.fired_for}
        visit = {"library": "riverside", "cards": [{"family": "calder", "card": card}], "planned_at": now(), "run": run}
        self.send("VisitQueueUrl", visit, MessageGroupId="riverside", MessageDeduplicationId="visit")
        self.send("VisitQueueUrl", {"library": "riverside"}, MessageGroupId="poisoned", MessageDeduplicationId="poisoned")
        self.send("NoticeQueueUrl", {"kind": "daily", "family": "calder", "date": day, "run": {**run, "job": "notify-all"}})
        late = {"label": "late", "scheduled_time": now(), "scope": "all", "library": None, "family": "okoye"}
        self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["CheckCardsFunction"], InvocationType="Event", Payload=json.dumps(late)
        )
        self.hears(event)
        dead = {"VisitDeadLettersUrl": 2, "NoticeDeadLettersUrl": 1, "JobDeadLettersUrl": 2}
        wait_until("the dead letters", lambda: all(self.stack.waiting(name) == count for name, count in dead.items()), 150)
        check(True, "A visit, a notice, a run and an event are dead letters, and so is a message that is no visit.")
        log = self.stack.logs("check-card")
        check(any("ERROR" in line and "cards" in line for line in log), "What is wrong with that message is in the log.")
        check(any("ERROR" in line and "nowhere" in line for line in log), "So is what was wrong with the table.")

    def is_mended(self):
        self.stack.deploy(RestoredTable="")
        self.replays(["replayed", "replayed", "replayed", "replayed", "unreadable"])
        wait_until("the checks of the dead letters", lambda: all(self.is_newer(self.cards_before, patron) for patron in ("Ines", "Mara")), 60)
        check(len(self.runs("check-cards", "late")) == 1, "The visit and the run were done after all.")
        wait_until("the notice", lambda: self.stack.waiting("NoticeQueueUrl") == 0, 30)
        check(len(self.notes()) == 2, "The notice had been sent, and was not sent again.")
        self.replays(["unreadable"])
        check(self.stack.waiting("VisitDeadLettersUrl") == 1, "What nobody can read stays where it is.")

    def replays(self, fates):
        told = self.hippo.json("aws", "replay-dead-letters", allowed=(0, 1))["dead_letters"]
        check(sorted(letter["fate"] for letter in told) == fates, f"The command tells of each dead letter: {', '.join(fates)}.")

    def moves_and_comes_back(self):
        there, back = self.folder / "there.json", self.folder / "back.json"
        self.hippo.here("init", "--timezone", "America/Toronto")
        self.hippo("export", there, "--for", "local")
        check(not any(secret in there.read_text() for secret in secrets()), "No number and no PIN can be read in the file.")
        self.hippo.here("import", there, "--yes")
        here = self.cards_here()
        check(here == self.cards(), "The cards are here as they are there, with what is known of them.")
        self.hippo.here("check-cards", allowed=(0, 1))
        newer = {patron for patron, card in self.cards_here().items() if card["last_checked"] > here[patron]["last_checked"]}
        check(newer == {"Ines", "Mara"}, "Their PINs can be opened here: both were checked.")
        self.hippo.here("export", back, "--for", "aws")
        self.hippo("family", "remove", "okoye", "--yes")
        check("Mara" not in self.cards(), "A family is taken away there.")
        self.hippo("import", back, "--yes")
        before = self.cards()
        self.hippo("check-cards")
        wait_until("a check of what came back", lambda: self.is_newer(before, "Mara"), 60)
        check(not self.cards()["Mara"]["failure"], "It came back, and its PIN can be opened there.")
        self.hippo("notify-all")
        time.sleep(3)
        check(len(self.notes()) == 2, "What was told came along: nobody is told twice.")

    def is_examined(self):
        found = {one["check"]: one["verdict"] for one in self.hippo.json("doctor", allowed=(0, 1))["findings"]}
        check(all(found[name] == "ok" for name in FUNCTIONS), "Each function starts and reads its table in a dry run.")
        check(found["schedules"] == found["keys"] == "ok", "The schedules are enabled, and the keys are there.")

    def logs_no_secret(self):
        logs = "".join(line for name in FUNCTIONS for line in self.stack.logs(name))
        private = {*secrets(), "ines@example.org", "tom@example.org", "mara@example.org", "Ines", "Lantern"}
        check(logs and not any(word in logs for word in private), "No number, PIN, address, name or title is in the logs.")

    def is_deleted(self):
        table = self.stack.outputs["TableName"]
        self.stack.delete()
        check(table in self.stack.client("dynamodb").list_tables()["TableNames"], "The table is left behind, on purpose.")
        check(not self.stack.client("lambda").list_functions()["Functions"], "The functions are gone.")
        queues = self.stack.client("sqs").list_queues().get("QueueUrls", [])
        check(not queues, "The queues are gone.")
        check(self.key(), "The key is left: the command made it, and not the stack.")

    def send(self, queue, body, **more):
        self.stack.client("sqs").send_message(QueueUrl=self.stack.outputs[queue], MessageBody=json.dumps(body), **more)

    def key(self):
        parameter = self.stack.outputs["KeyParameter"]
        return self.stack.client("ssm").get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]

    def item(self, partition, key):
        """The document of one item of the table."""
        found = self.stack.client("dynamodb").get_item(
            TableName=self.stack.outputs["TableName"], Key={"pk": {"S": partition}, "sk": {"S": key}}
        )
        return json.loads(found["Item"]["data"]["S"])

    def mails_to_the_operator(self):
        return [mail for mail in self.stack.mails() if mail["To"] == ["operator@example.org"]]

    def notes(self):
        """The mails to the families."""
        return [mail for mail in self.stack.mails() if mail["To"] != ["operator@example.org"]]

    def notice_of(self, family):
        (view,) = (view for view in self.status()["families"] if view["id"] == family)
        return view["notices"][0]

    def status(self):
        """Everything that `hippo --target aws status` tells but the time."""
        document = self.hippo.json("status")
        del document["now"]
        return document

    def cards(self):
        return by_patron(self.status())

    def cards_here(self):
        return by_patron(json.loads(self.hippo.here("status", "--json")))

    def notices(self):
        return [notice for family in self.status()["families"] for notice in family["notices"]]

    def runs(self, job, label):
        return [run for run in self.hippo.json("runs") if (run["job"], run["label"]) == (job, label)]

    def is_newer(self, before, patron):
        return self.cards()[patron]["last_checked"] > before[patron]["last_checked"]


def by_patron(status):
    return {card["patron"]: card for family in status["families"] for card in family["cards"]}


def secrets():
    return [secret for *_, number, pin in CARDS for secret in (number, f'"{pin}"')]


STEPS = {
    "sam deploy": Journey.deploys,
    "The key, libraries, families and cards": Journey.is_furnished,
    "A schedule fires check-cards, and the queue drives check-card": Journey.checks,
    "A schedule fires notify-all, and the queue drives notify-family": Journey.notifies,
    "Both fire again": Journey.fires_again,
    "A person starts both": Journey.is_started_by_a_person,
    "SES says what became of the mails": Journey.hears_of_its_mails,
    "The stack is updated to a table that is not there": Journey.loses_its_table,
    "It is mended, and the dead letters are replayed": Journey.is_mended,
    "All of it moves to this machine, and back": Journey.moves_and_comes_back,
    "The account is asked what it lacks": Journey.is_examined,
    "The logs": Journey.logs_no_secret,
    "The stack is deleted": Journey.is_deleted,
}


def travel(folder):
    with emulator(folder) as env, demo_libraries(folder) as libraries:
        journey = Journey(folder, env, libraries)
        for name, go in STEPS.items():
            step(name)
            go(journey)


def develops(folder):
    """What `make dev` says to type, typed."""
    step("A developer invokes the functions by hand")
    began = time.monotonic()
    with dev.development(folder) as (env, hippo, port, _log):
        command = Hippo(env, dev.STACK, folder / "home")
        at = ("--invoke-address", "127.0.0.1", "--invoke-port", port)

        def invoke(function):
            cargo_lambda = TOOLS / "python/lambda/bin/cargo-lambda"
            run([cargo_lambda, "lambda", "invoke", *at, function, "--data-file", f"tests/events/{function}.json"], env, timeout=60)

        invoke("check-cards")
        print(f"         The first answer came after {time.monotonic() - began:.0f} s.", flush=True)
        cards = lambda: by_patron(command.json("status"))
        wait_until("the visits", lambda: all(card["last_checked"] for card in cards().values()), 60)
        check(cards()["Tom"]["failure"]["kind"] == "wrong_credentials", "The queue's messages came to check-card.")
        invoke("notify-all")
        sent = lambda: [n["state"] for f in command.json("status")["families"] for n in f["notices"]] == ["SENT", "SENT"]
        wait_until("the notices", sent, 60)
        check(True, "Both families have their notice.")


def main():
    functions = [ROOT / "target/debug" / name for name in FUNCTIONS]
    for needed in (HIPPO, ROOT / "target/debug/demo-library", TEMPLATE, *functions):
        if not needed.exists():
            raise SystemExit(f"{needed} is not built; `make end-to-end` builds it.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(os.environ.get("KEEP_LOGS") or temporary)
        for name, go in (("stack", travel), ("dev", develops)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            go(folder / name)
    step("Done.")


if __name__ == "__main__":
    sys.exit(main())
