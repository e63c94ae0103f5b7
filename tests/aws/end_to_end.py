"""The end-to-end test: `make end-to-end`. Runs the real binaries on the emulator, from a schedule to the notice.

Deploys the stack, adds libraries, families and cards with `hippo --target aws`, lets schedules start check-cards and notify-all,
and reads the mails. Then it lets both fire again, sends events to mail-events, breaks and repairs the stack, replays the dead
letters, moves everything to this machine and back, sends a picture, opens the web pages, and deletes the stack. Last it follows the
instructions of `make dev`.
"""

import contextlib
import copy
import datetime
import http.server
import json
import os
import pathlib
import re
import sys
import tempfile
import threading
import time
import uuid
import zoneinfo

import dev
from browser import Browser
from hippo import CARDS, HIPPO, Hippo
from machine import BINARIES, REGION, TOOLS, demo_libraries, emulator, run, wait_until
from stack import TEMPLATE, Stack

FUNCTIONS = ("check-cards", "check-card", "notify-all", "notify-family", "mail-events", "picture-of-the-day", "web")
# The loans of the demo libraries, by the recipient of the notice.
TITLES = {
    "ines@example.org": ("The Lantern Keeper", "Seven Ferries North", "Paper Boats"),
    "mara@example.org": ("Ponds and Puddles", "Rain Dictionary"),
}


def step(what):
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def check(is_true, what):
    if not is_true:
        raise SystemExit(f"FAILED: {what}")
    print(f"         {what}", flush=True)


def now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Scenario:
    """One stack from its first deployment to its deletion. Each step depends on the ones before."""

    def __init__(self, folder, env, libraries):
        self.env, self.libraries = env, libraries
        self.stack = Stack("hippo", env, folder)
        self.hippo = Hippo(env, self.stack.name, folder / "home")
        self.fired_for = now()
        self.folder = folder

    def deploy_stack(self):
        self.stack.deploy(CheckSchedule="rate(1 minutes)", ScheduledTime=self.fired_for)
        check(self.stack.outputs["TableName"], "The stack is deployed and has outputs.")

    def add_test_data(self):
        self.hippo.add_test_data(self.libraries)
        key = self.key()
        self.hippo("init")
        check(self.key() == key, "A second init creates no second key.")
        check(set(self.cards()) == {"Ines", "Tom", "Mara"}, "There are three cards, none of them checked.")
        table = str(self.stack.client("dynamodb").scan(TableName=self.stack.outputs["TableName"])["Items"])
        check(not any(secret in table for secret in secrets()), "The table contains no readable number or PIN.")

    def run_check_cards(self):
        self.stack.wait_for_runs("check-cards", 1, 120)
        wait_until("both visits", lambda: all(card["last_checked"] for card in self.cards().values()), 60)
        cards = self.cards()
        check(not cards["Ines"]["failure"] and not cards["Mara"]["failure"], "Two accounts were read.")
        check(cards["Ines"]["account"]["overdue"] == 1, "Ines has an overdue book.")
        check(cards["Tom"]["failure"]["kind"] == "wrong_credentials", "Tom's PIN was refused.")
        ended = lambda: [run for run in self.runs("check-cards", "all") if run["outcome"] == "done_with_failures"]
        (run,) = wait_until("the workers' results", ended, 30)
        check(run["scheduled_time"] == self.fired_for, "The schedule's run ended.")
        check((run["counts"]["done"], run["counts"]["failed"]) == (2, {"wrong_credentials": 1}), "It counts the workers' results.")
        shown = self.hippo.json("runs", "show", f"check-cards/all/{self.fired_for}")
        check([one["patron"] for one in shown["failed_items"]] == ["Tom"], "It names the card that failed.")
        check(self.stack.waiting("VisitDeadLettersUrl") == 0, "No visit is a dead letter.")

    def run_notify_all(self):
        self.stack.deploy(NotifySchedule="rate(1 minutes)")
        mails = wait_until("two notices", lambda: len(self.family_mails()) >= 2 and self.family_mails(), 120)
        by_recipient = {mail["To"][0]: mail for mail in mails}
        check(len(mails) == 2 and set(by_recipient) == set(TITLES), "Each family has one notice.")
        for to, titles in TITLES.items():
            text, others = by_recipient[to]["BodyText"], {title for other in TITLES if other != to for title in TITLES[other]}
            check(all(title in text for title in titles), f"The notice to {to} has the family's titles.")
            check(not any(title in text for title in others), "It has no other family's titles.")
            check(by_recipient[to]["Source"] == "hippo@example.org", "It comes from MailFrom.")
        check(by_recipient["ines@example.org"]["To"] == ["ines@example.org", "tom@example.org"], "The Calders' notice goes to both of them.")
        check("1 overdue" in by_recipient["ines@example.org"]["Subject"], "Its subject says what is urgent.")
        wait_until("the notices' records", lambda: [n["state"] for n in self.notices()] == ["SENT", "SENT"], 30)
        (tick,) = wait_until("the tick's results", lambda: [r for r in self.runs("notify-all", "tick") if r["counts"]["done"] == 2], 30)
        check(tick["outcome"] == "done", "The tick is recorded, with both notices.")
        check({n["record"]["state"] for n in self.hippo.json("notices")} == {"SENT"}, "The day's notices are listed as sent.")

    def fire_again(self):
        status = self.status()
        before = {name: len(self.stack.logs(name)) for name in ("check-cards", "notify-all")}
        wait_until("another firing of both", lambda: all(len(self.stack.logs(name)) > count for name, count in before.items()), 120)
        time.sleep(3)
        check(len(self.family_mails()) == 2, "No family has a second notice.")
        check(self.status() == status, "Cards, notices and runs are unchanged.")

    def start_by_hand(self):
        self.stack.deploy(CheckSchedule="rate(365 days)", NotifySchedule="rate(365 days)")
        before = self.cards()
        ended = self.hippo("check-cards")
        check("Done: 2 of " in ended, "The command shows the end of the run that it started.")
        wait_until("another check of both", lambda: all(self.is_newer(before, patron) for patron in ("Ines", "Mara")), 60)
        check(not self.is_newer(before, "Tom"), "The card that the site refused wasn't checked.")
        run = self.runs("check-cards", "person")[0]
        shown = self.hippo.json("runs", "show", f"check-cards/person/{run['scheduled_time']}")
        left_out = [(one["patron"], one["reason"]) for one in shown["left_out"]]
        check(left_out == [("Tom", "pin_refused")], "The run says that it was left out, and why.")
        self.hippo("notify-all", allowed=(0, 1))
        check(len(self.hippo.json("runs")) == 4, "Both runs are recorded.")
        time.sleep(3)
        check(len(self.family_mails()) == 2, "There is no second notice on the same day.")

    def handle_mail_events(self):
        """The emulator publishes no SES events, and like AWS it lets nobody publish in SES's name. So each event is matched
        against the rule, then delivered as the rule would."""
        destinations = self.stack.client("sesv2").get_configuration_set_event_destinations(
            ConfigurationSetName=self.stack.outputs["ConfigurationSet"]
        )["EventDestinations"]
        check([about["Enabled"] for about in destinations] == [True], "The configuration set publishes the mails' events.")
        self.send_mail_event(self.mail_event("Email Rejected", reject={"reason": "Bad content"}))
        wait_until("the rejection", lambda: self.notice_of("calder")["state"] == "FAILED", 60)
        check(self.notice_of("okoye")["state"] == "SENT", "A rejection fails only the notice that its tags name.")
        arrived = self.mail_event("Email Delivered", delivery={"recipients": ["ines@example.org"]})
        for _ in range(2):
            self.send_mail_event(arrived)
        wait_until("the delivery", lambda: self.notice_of("calder")["state"] == "SENT", 60)
        check(True, "A late delivery makes it SENT.")
        recipients = [{"emailAddress": "Tom@Example.org", "diagnosticCode": "smtp; 550 5.1.1 tom@example.org unknown"}]
        self.send_mail_event(self.mail_event("Email Bounced", bounce={"bounceType": "Transient", "bouncedRecipients": recipients}))
        self.stack.wait_for_runs("mail-events", 4)
        check(self.item("FAMILY#calder", "META")["stopped"] == [], "A transient bounce stops nobody.")
        permanent = self.mail_event("Email Bounced", bounce={"bounceType": "Permanent", "bouncedRecipients": recipients})
        for _ in range(2):
            self.send_mail_event(permanent)
        self.stack.wait_for_runs("mail-events", 6)
        stopped = [one["address"] for one in self.item("FAMILY#calder", "META")["stopped"]]
        check(stopped == ["tom@example.org"], "A permanent bounce stops its recipient, once.")
        alerts = self.stack.client("dynamodb").query(
            TableName=self.stack.outputs["TableName"],
            KeyConditionExpression="pk = :operator AND begins_with(sk, :alert)",
            ExpressionAttributeValues={":operator": {"S": "OPERATOR"}, ":alert": {"S": "ALERT#"}},
        )["Items"]
        kinds = sorted(json.loads(item["data"]["S"])["alert"]["kind"] for item in alerts)
        check(kinds == ["no_notice", "recipient_stopped"], "Both raise an alert.")
        self.hippo("notify-all", allowed=(0, 1))
        mails = wait_until("the mail to the operator", self.operator_mails, 60)
        check(any("calder" in mail["BodyText"] for mail in mails), "The next tick tells the operator which family it was.")
        check(not any("tom@" in mail["BodyText"].lower() for mail in mails), "The alerts contain no address.")
        check(self.stack.waiting("JobDeadLettersUrl") == 0, "No event is a dead letter.")

    def mail_event(self, kind, **more):
        """An SES event about the Calders' mail, which matches the rule."""
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
        check(self.matches_rule(event) and not self.matches_rule(other), f"The rule matches “{kind}” only for this configuration set.")
        return event

    def send_mail_event(self, event):
        self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["MailEventsFunction"], InvocationType="Event", Payload=json.dumps(event)
        )

    def matches_rule(self, event):
        bus = self.stack.client("events")
        (rule,) = bus.list_rules()["Rules"]
        return bus.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]

    def break_table(self):
        """Simulates a mistake in a restore: no function finds its table, so every message becomes a dead letter."""
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
        self.send_mail_event(event)
        dead = {"VisitDeadLettersUrl": 2, "NoticeDeadLettersUrl": 1, "JobDeadLettersUrl": 2}
        wait_until("the dead letters", lambda: all(self.stack.waiting(name) == count for name, count in dead.items()), 150)
        check(True, "A visit, a notice, a run, an event and a malformed message are dead letters.")
        log = self.stack.logs("check-card")
        check(any("ERROR" in line and "cards" in line for line in log), "The log says what is wrong with that message.")
        check(any("ERROR" in line and "nowhere" in line for line in log), "The log says what was wrong with the table.")

    def repair_table(self):
        self.stack.deploy(RestoredTable="")
        self.replay_dead_letters(["replayed", "replayed", "replayed", "replayed", "unreadable"])
        wait_until("the checks of the dead letters", lambda: all(self.is_newer(self.cards_before, patron) for patron in ("Ines", "Mara")), 60)
        check(len(self.runs("check-cards", "late")) == 1, "The visit and the run were completed.")
        wait_until("the notice", lambda: self.stack.waiting("NoticeQueueUrl") == 0, 30)
        check(len(self.family_mails()) == 2, "The notice was already sent, and wasn't sent again.")
        self.replay_dead_letters(["unreadable"])
        check(self.stack.waiting("VisitDeadLettersUrl") == 1, "An unreadable dead letter stays.")

    def replay_dead_letters(self, outcomes):
        letters = self.hippo.json("aws", "replay-dead-letters", allowed=(0, 1))["dead_letters"]
        check(sorted(letter["outcome"] for letter in letters) == outcomes, f"The command lists each dead letter: {', '.join(outcomes)}.")

    def move_to_machine_and_back(self):
        there, back = self.folder / "there.json", self.folder / "back.json"
        self.hippo.run_local("init", "--timezone", "America/Toronto")
        self.hippo("export", there, "--for", "local")
        check(not any(secret in there.read_text() for secret in secrets()), "The file contains no readable number or PIN.")
        self.hippo.run_local("import", there, "--yes")
        local = self.local_cards()
        check(without_options(local) == without_options(self.cards()), "The local cards are the same, with their checks.")
        self.hippo.run_local("check-cards", allowed=(0, 1))
        newer = {patron for patron, card in self.local_cards().items() if card["last_checked"] > local[patron]["last_checked"]}
        check(newer == {"Ines", "Mara"}, "Their PINs can be opened here: both were checked.")
        self.hippo.run_local("export", back, "--for", "aws")
        self.hippo("family", "remove", "okoye", "--yes")
        check("Mara" not in self.cards(), "A family is removed from AWS.")
        self.hippo("import", back, "--yes")
        before = self.cards()
        self.hippo("check-cards")
        wait_until("a check of the imported card", lambda: self.is_newer(before, "Mara"), 60)
        check(not self.cards()["Mara"]["failure"], "It was imported, and its PIN can be opened on AWS.")
        self.hippo("notify-all")
        time.sleep(3)
        check(len(self.family_mails()) == 2, "The sent notices were imported, so no notice is sent twice.")

    def send_picture(self):
        refused = self.hippo("run", "picture-of-the-day", allowed=(3,))
        check(not refused, "Without a source, the command refuses to send pictures.")
        with picture_server() as url:
            self.stack.deploy(PictureUrl=url)
            self.hippo("family", "edit", "okoye", "--picture", "--picture-time", "00:00")
            today = datetime.datetime.now(zoneinfo.ZoneInfo("America/Toronto")).date().isoformat()
            sent = self.hippo("run", "picture-of-the-day", "--input", json.dumps({"date": today}))
        check("Done: 1 of 1 picture" in sent, "The command shows the end of the run that sends it.")
        pictures = [mail for mail in self.family_mails() if mail["Subject"] == "Picture of the day"]
        check([mail["To"] for mail in pictures] == [["mara@example.org"]], "The family that wants the picture has it.")

    def sign_in_to_the_pages(self):
        self.stack.deploy(Web="true")
        self.url = self.stack.outputs["WebUrl"]
        pages = Browser(self.url)
        status, headers = pages.send("GET", "/family")
        check((status, headers["Location"]) == (303, "/sign-in"), "Nobody sees a family without signing in.")
        stranger = Browser(self.url)
        answers = [self.ask_for_mail(browser, to) for browser, to in [(pages, "mara@example.org"), (stranger, "nobody@example.org")]]
        check(answers == ["/sign-in/code"] * 2, "A known address and an unknown one get the same answer.")
        mails = lambda: [mail for mail in self.stack.mails() if mail["Subject"] == "Sign in to LibraryHippo"]
        (mail,) = wait_until("the sign-in email", mails, 60)
        check(mail["To"] == ["mara@example.org"], "notify-family mails the link.")
        wait_until("the other request", lambda: self.stack.waiting("NoticeQueueUrl") == 0, 60)
        check(len(mails()) == 1, "It mails nobody else.")
        self.link = re.search(rf"{re.escape(self.url)}/sign-in/link\?token=\S+", mail["BodyText"])[0]
        check(pages.use_link(self.link) == 303, "The link signs in.")
        family = pages.get("/family")
        check(all(title in family for title in TITLES["mara@example.org"]), "The page has the family's titles.")
        check(not any(title in family for title in TITLES["ines@example.org"]), "It has no other family's titles.")
        check(pages.get("/console") != "" and "Page not found" in pages.page, "A family doesn't see the console.")
        pages.get("/family/feeds")
        form = {"form_token": pages.hidden("form_token"), "family": "okoye", "label": "Phone", "titles": "yes"}
        pages.send("POST", "/family/feeds", form)
        self.feed = re.search(r"/f/[^/\"]+/due\.ics", pages.page)[0]
        calendar = Browser(self.url).get(self.feed)
        check(calendar.startswith("BEGIN:VCALENDAR") and "Ponds and Puddles" in calendar, "Its feed is a calendar.")
        self.pages = pages

    def change_a_pin(self):
        (card,) = set(re.findall(r"/family/cards/([0-9A-Z]{26})/pin", self.pages.get("/family/cards")))
        number, pin = next((number, pin) for *_, patron, number, pin in CARDS if patron == "Mara")
        for typed, words in (("0000", "Correct the number or PIN"), (pin, "It worked")):
            self.pages.get(f"/family/cards/{card}/pin")
            form = {name: self.pages.hidden(name) for name in ("form_token", "version", "form")} | {"number": number, "pin": typed}
            status, headers = self.pages.send("POST", f"/family/cards/{card}/pin", form)
            check(status == 303 and "/check?since=" in headers["Location"], "The page stores the PIN, which it can't read.")
            wait_until("the check of the new PIN", lambda: words in self.pages.get(headers["Location"]), 60)
        told = lambda: [mail["To"] for mail in self.stack.mails() if mail["Subject"] == "A library card’s PIN was changed"]
        wait_until("the emails about the PIN", lambda: told() == [["mara@example.org"]] * 2, 60)
        check(not self.cards()["Mara"]["failure"], "A wrong PIN was tried, then the right one, and the family was told.")

    def ask_for_mail(self, browser, address):
        """Asks for a sign-in email, and returns where that leads."""
        browser.get("/sign-in")
        _, headers = browser.send("POST", "/sign-in", {"form_token": browser.hidden("form_token"), "address": address})
        return headers["Location"]

    def use_the_console(self):
        opened = self.hippo.json("open", "--print")
        check(opened["public_url"] == self.url and not opened["opened"], "The command makes the operator's link.")
        console = Browser(self.url)
        check(console.use_link(opened["operator_link"]) == 303, "It signs the operator in.")
        check(Browser(self.url).send("GET", opened["operator_link"].removeprefix(self.url))[0] == 410, "It works once.")
        newest = lambda: max([run["scheduled_time"] for run in self.runs("check-cards", "person")], default="")
        before = newest()
        check("check" in console.get("/console/schedules/run?label=all"), "The page says what a run would do.")
        form = {name: console.hidden(name) for name in ("form_token", "label", "run_version")}
        answers = [console.send("POST", "/console/schedules/run", form)[1].get("Location") for _ in range(2)]
        check(answers == ["/console?started=yes", "/console?started=before"], "A job is started, and not twice.")
        wait_until("the run", lambda: newest() > before, 60)
        check("person" in console.get("/console"), "The console shows the run.")
        logs = "".join(self.stack.logs("web") + self.stack.logs("notify-family"))
        tokens = [self.link.split("token=")[1], opened["operator_link"].split("token=")[1], self.feed.split("/")[2]]
        check(not any(secret in logs for secret in [*tokens, "nobody@example.org", "mara@example.org"]), "The logs have no token and no address.")

    def run_doctor(self):
        found = {one["check"]: one["verdict"] for one in self.hippo.json("doctor", allowed=(0, 1))["findings"]}
        check(all(found[name] == "ok" for name in FUNCTIONS), "Each function starts and reads its table in a dry run.")
        check(found["schedules"] == found["keys"] == "ok", "The schedules are enabled, and the keys exist.")
        listed = [one["label"] for one in self.hippo.json("schedule", "list")]
        check(listed == ["all", "failed", "tick", "picture"], "The functions saved their schedules.")
        check(found["pictures"] == "ok", "The pictures have a source.")

    def backfill(self):
        self.stack.deploy(RetrySchedule="cron(30 5,12,18 * * ? *)")
        answer = self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["CheckCardsFunction"], Payload=json.dumps({"save_schedules": True})
        )
        check(json.load(answer["Payload"]) == {"schedules": 2, "changed": 1}, "The function saves the changed schedule.")
        day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)).strftime("%Y-%m-%d")
        days = ("run", "check-cards", "--label", "failed", "--from", day, "--to", day)
        ran = self.hippo.json(*days)
        ended = [(run["label"], run["trigger"], run["outcome"], run["input"]["scope"]) for run in ran["runs"]]
        check(ended == [("failed", "person", "done", "failed")] * 3, "Each of the three times has its run.")
        check(self.hippo.json(*days)["had_a_run"] == 3, "A second time, there is nothing left to do.")

    def check_logs(self):
        logs = "".join(line for name in FUNCTIONS for line in self.stack.logs(name))
        private = {*secrets(), "ines@example.org", "tom@example.org", "mara@example.org", "Ines", "Lantern"}
        check(logs and not any(word in logs for word in private), "The logs contain no number, PIN, address, name or title.")
        run = f"check-cards/all/{self.fired_for}"
        lines = self.hippo.json("logs", run)
        said = {line["message"] for line in lines}
        check({"A run began.", "A visit began.", "Checked a card."} <= said, "`hippo logs` shows a run's lines of all its functions.")
        check({line["source"] for line in lines} == {run}, "It shows no line of another run.")

    def delete_stack(self):
        table = self.stack.outputs["TableName"]
        self.stack.delete()
        check(table in self.stack.client("dynamodb").list_tables()["TableNames"], "The table is kept, on purpose.")
        check(not self.stack.client("lambda").list_functions()["Functions"], "The functions are gone.")
        queues = self.stack.client("sqs").list_queues().get("QueueUrls", [])
        check(not queues, "The queues are gone.")
        check(self.key(), "The key is kept: the command created it, not the stack.")

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

    def operator_mails(self):
        return [mail for mail in self.stack.mails() if mail["To"] == ["operator@example.org"]]

    def family_mails(self):
        """The mails to the families."""
        return [mail for mail in self.stack.mails() if mail["To"] != ["operator@example.org"]]

    def notice_of(self, family):
        (view,) = (view for view in self.status()["families"] if view["id"] == family)
        return view["notices"][0]

    def status(self):
        """The output of `hippo --target aws status`, without the time."""
        document = self.hippo.json("status")
        del document["now"]
        return document

    def cards(self):
        return by_patron(self.status())

    def local_cards(self):
        return by_patron(json.loads(self.hippo.run_local("status", "--json")))

    def notices(self):
        return [notice for family in self.status()["families"] for notice in family["notices"]]

    def runs(self, job, label):
        return [run for run in self.hippo.json("runs") if (run["job"], run["label"]) == (job, label)]

    def is_newer(self, before, patron):
        return self.cards()[patron]["last_checked"] > before[patron]["last_checked"]


def without_options(cards):
    """The cards without the options that a suggested command repeats: they name the stack, which is no part of a card."""
    return json.loads(re.sub(r" --(target|stack) \S+", "", json.dumps(cards)))


def by_patron(status):
    return {card["patron"]: card for family in status["families"] for card in family["cards"]}


def secrets():
    return [secret for *_, number, pin in CARDS for secret in (number, f'"{pin}"')]


STEPS = {
    "sam deploy": Scenario.deploy_stack,
    "Add the key, libraries, families and cards": Scenario.add_test_data,
    "A schedule fires check-cards, and the queue drives check-card": Scenario.run_check_cards,
    "A schedule fires notify-all, and the queue drives notify-family": Scenario.run_notify_all,
    "Both schedules fire again": Scenario.fire_again,
    "A person starts both jobs": Scenario.start_by_hand,
    "SES reports about the mails": Scenario.handle_mail_events,
    "The stack is updated to a missing table": Scenario.break_table,
    "The stack is repaired, and the dead letters are replayed": Scenario.repair_table,
    "Everything moves to this machine and back": Scenario.move_to_machine_and_back,
    "A person sends the picture of the day": Scenario.send_picture,
    "A recipient signs in to the web pages": Scenario.sign_in_to_the_pages,
    "A recipient changes a PIN": Scenario.change_a_pin,
    "The operator uses the console": Scenario.use_the_console,
    "hippo doctor checks the account": Scenario.run_doctor,
    "A person backfills the runs of a past day": Scenario.backfill,
    "The logs": Scenario.check_logs,
    "The stack is deleted": Scenario.delete_stack,
}


@contextlib.contextmanager
def picture_server():
    """Serves a picture on loopback. Yields its URL."""

    class Picture(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "image/gif")
            self.end_headers()
            self.wfile.write(bytes.fromhex("47494638396101000100800000ff8800ffffff2c00000000010001000002024401003b"))

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Picture) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/today.gif"
        server.shutdown()


def run_scenario(folder):
    with emulator(folder) as env, demo_libraries(folder) as libraries:
        scenario = Scenario(folder, env, libraries)
        for name, run_step in STEPS.items():
            step(name)
            run_step(scenario)


def run_dev(folder):
    """Follows the instructions of `make dev`."""
    step("A developer invokes the functions by hand")
    started_at = time.monotonic()
    with dev.development(folder) as (env, hippo, port, _log):
        command = Hippo(env, dev.STACK, folder / "home")
        at = ("--invoke-address", "127.0.0.1", "--invoke-port", port)

        def invoke(function):
            cargo_lambda = TOOLS / "python/lambda/bin/cargo-lambda"
            run([cargo_lambda, "lambda", "invoke", *at, function, "--data-file", f"tests/events/{function}.json"], env, timeout=60)

        invoke("check-cards")
        print(f"         The first answer came after {time.monotonic() - started_at:.0f} s.", flush=True)
        cards = lambda: by_patron(command.json("status"))
        wait_until("the visits", lambda: all(card["last_checked"] for card in cards().values()), 60)
        check(cards()["Tom"]["failure"]["kind"] == "wrong_credentials", "check-card got the queue's messages.")
        invoke("notify-all")
        sent = lambda: [n["state"] for f in command.json("status")["families"] for n in f["notices"]] == ["SENT", "SENT"]
        wait_until("the notices", sent, 60)
        check(True, "Both families have their notice.")


def main():
    functions = [BINARIES / name for name in FUNCTIONS]
    for needed in (HIPPO, BINARIES / "demo-library", TEMPLATE, *functions):
        if not needed.exists():
            raise SystemExit(f"{needed} isn't built. Run `make end-to-end` to build it.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(os.environ.get("KEEP_LOGS") or temporary)
        for name, run_part in (("stack", run_scenario), ("dev", run_dev)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            run_part(folder / name)
    step("Done.")


if __name__ == "__main__":
    sys.exit(main())
