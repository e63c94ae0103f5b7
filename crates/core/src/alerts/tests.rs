use std::sync::Mutex;

use chrono::Duration;
use url::Url;

use super::heartbeat::{Heartbeat, HeartbeatUrl};
use super::*;
use crate::alerts::AlertHelp;
use crate::alerts::CLAIM_TIMEOUT;
use crate::alerts::heartbeat::HeartbeatClient;
use crate::alerts::heartbeat::MissedHeartbeat;
use crate::alerts::notifier::DeliveryFailed;
use crate::alerts::notifier::MailNotifier;
use crate::alerts::notifier::Notifier;
use crate::alerts::notifier::Notifiers;
use crate::alerts::run_hooks::RunHooks;
use crate::store::AlertStore as _;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use rstest::rstest;

use crate::clock::Clock as _;
use crate::failure::Failure;
use crate::ids::LibraryId;
use crate::jobs::{JobError, RunError};
use crate::mail::SendOutcome;
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use crate::run::Trigger;
use crate::run::ledger::{self, Ending, RunPlan, StartRules};
use crate::run::not_started::NotStarted;
use crate::run::{JobName, RunKey};
use crate::skeleton::Skeleton;
use crate::store::OutboxStore as _;
use crate::testing::world::World;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn changed(library: &str, day: &str) -> Alert {
    Alert::PageChanged {
        library: library.parse().unwrap(),
        day: date(day),
        never_read: false,
        skeleton: Some(Skeleton::of([("div", vec!["loans"])])),
    }
}

/// A notifier that keeps the alerts, fails, or panics.
#[derive(Default)]
struct TestNotifier {
    delivered: Mutex<Vec<Vec<Alert>>>,
    fails: bool,
    panics: bool,
}

#[async_trait]
impl Notifier for TestNotifier {
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        assert!(!self.panics, "the notifier's own fault");
        if self.fails {
            return Err(DeliveryFailed("away".to_owned()));
        }
        self.delivered.lock().unwrap().push(alerts.to_vec());
        Ok(())
    }
}

#[derive(Default)]
struct FakeClient(Mutex<Vec<Url>>);

#[async_trait]
impl HeartbeatClient for FakeClient {
    async fn send(&self, url: &Url) -> Result<(), MissedHeartbeat> {
        self.0.lock().unwrap().push(url.clone());
        Err(MissedHeartbeat("500".to_owned()))
    }
}

fn heartbeat<'a>(world: &'a World, client: &'a FakeClient) -> Heartbeat<'a> {
    let url = "https://alive.example.org/x".parse().unwrap();
    let heartbeat = HeartbeatUrl {
        url,
        start_fail: false,
    };
    Heartbeat {
        client,
        urls: [(JobName::NOTIFY_ALL, heartbeat)].into(),
        runs: &world.store,
    }
}

fn run_hooks<'a>(
    world: &'a World,
    default: &'a dyn Notifier,
    client: &'a FakeClient,
) -> RunHooks<'a> {
    RunHooks {
        alerts: &world.store,
        outbox: &world.store,
        notifiers: Some(Notifiers::all(default)),
        heartbeat: heartbeat(world, client),
        clock: &world.clock,
    }
}

fn plan<'a>(hooks: &'a RunHooks<'a>, world: &World) -> RunPlan<'a> {
    RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "tick".parse().unwrap(),
            scheduled_time: crate::clock::Clock::now(&world.clock),
        },
        trigger: Trigger::Schedule,
        input: serde_json::Value::Null,
        allow_overlap: false,
        rules: StartRules::default(),
        hooks: Some(hooks),
    }
}

async fn raise(world: &World, alerts: &[Alert]) {
    raise_alerts(&world.store, alerts, world.clock.now())
        .await
        .unwrap();
}

#[tokio::test]
async fn alert_is_delivered_once_however_often_raised() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    let alerts = [changed("wpl", "2026-11-21"), changed("kpl", "2026-11-21")];
    for delivered in [2, 0, 0] {
        for alert in &alerts {
            raise(&world, std::slice::from_ref(alert)).await;
            world.clock.advance(Duration::seconds(1));
        }
        assert_eq!(hooks.deliver_alerts().await.unwrap(), delivered);
        world.clock.advance(Duration::hours(2));
    }
    let next = [changed("rwl", "2026-11-22")];
    raise(&world, &next).await;
    hooks.deliver_alerts().await.unwrap();
    let delivered = notifier.delivered.lock().unwrap().clone();
    assert_eq!(delivered, [alerts.to_vec(), next.to_vec()]);
    let stored = world.store.recent_alerts(10).await.unwrap();
    let times: Vec<u64> = stored.iter().map(|stored| stored.times).collect();
    assert_eq!(times, [1, 3, 3]);
}

#[tokio::test]
async fn undelivered_alert_is_delivered_by_a_later_run() {
    let world = World::new().await;
    let (away, works, pings) = (
        TestNotifier {
            fails: true,
            ..TestNotifier::default()
        },
        TestNotifier::default(),
        FakeClient::default(),
    );
    raise(&world, &[changed("wpl", "2026-11-21")]).await;
    let first = run_hooks(&world, &away, &pings);
    assert_eq!(first.deliver_alerts().await.unwrap(), 0);
    let second = run_hooks(&world, &works, &pings);
    // The claim of the first run has not expired yet.
    assert_eq!(second.deliver_alerts().await.unwrap(), 0);
    world.clock.advance(CLAIM_TIMEOUT);
    assert_eq!(second.deliver_alerts().await.unwrap(), 1);
}

#[tokio::test]
async fn worker_alerts_are_delivered_by_the_next_notifying_run() {
    let world = World::new().await;
    let (default, pings) = (TestNotifier::default(), FakeClient::default());
    let without_notifiers = RunHooks {
        alerts: &world.store,
        outbox: &world.store,
        notifiers: None,
        heartbeat: heartbeat(&world, &pings),
        clock: &world.clock,
    };
    let run = ledger::start_run(&world.store, &world.clock, plan(&without_notifiers, &world));
    let run = run.await.unwrap();
    run.alert(changed("wpl", "2026-11-21"));
    run.close(Ok(Ending::Completed)).await.unwrap();
    assert!(default.delivered.lock().unwrap().is_empty());

    let with_notifiers = run_hooks(&world, &default, &pings);
    assert_eq!(with_notifiers.deliver_alerts().await.unwrap(), 1);
    let delivered = default.delivered.lock().unwrap().clone();
    assert_eq!(delivered, [vec![changed("wpl", "2026-11-21")]]);
}

#[tokio::test]
async fn manual_run_sends_no_heartbeat() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    for (trigger, expected) in [(Trigger::Person, 0), (Trigger::Schedule, 1)] {
        let mut plan = plan(&hooks, &world);
        plan.trigger = trigger;
        let run = ledger::start_run(&world.store, &world.clock, plan).await;
        run.unwrap().close(Ok(Ending::Completed)).await.unwrap();
        assert_eq!(pings.0.lock().unwrap().len(), expected);
        world.clock.advance(Duration::minutes(1));
    }
}

#[rstest]
#[case::of_its_label("check-cards/own", "label")]
#[case::of_its_job("check-cards/other", "job")]
#[case::of_all_failed_runs("notify-all/other", "all")]
#[case::default("check-cards/mailed", "default")]
#[tokio::test]
async fn failed_run_goes_to_the_nearest_notifier_or_the_default(
    #[case] run: &str,
    #[case] nearest: &str,
    #[values((false, false), (true, false), (false, true))] fault: (bool, bool),
) {
    let (fails, panics) = fault;
    let world = World::new().await;
    let run: RunKey = format!("{run}/2026-11-21T10:00:00Z").parse().unwrap();
    raise(&world, &[Alert::RunLost { run }]).await;
    let own = |name: &str| TestNotifier {
        fails: fails && name == nearest,
        panics: panics && name == nearest,
        ..TestNotifier::default()
    };
    let (label, job, all) = (own("label"), own("job"), own("all"));
    let (default, pings) = (TestNotifier::default(), FakeClient::default());
    let mut hooks = run_hooks(&world, &default, &pings);
    hooks.notifiers = Some(Notifiers {
        by_label: [
            ("own".parse().unwrap(), Some(&label as &dyn Notifier)),
            ("mailed".parse().unwrap(), None),
        ]
        .into(),
        by_job: [(JobName::CHECK_CARDS, Some(&job as &dyn Notifier))].into(),
        for_failed_runs: Some(&all),
        ..Notifiers::all(&default)
    });
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 1);
    let expected = if fails || panics { "default" } else { nearest };
    for (name, notifier) in [
        ("label", &label),
        ("job", &job),
        ("all", &all),
        ("default", &default),
    ] {
        let delivered = notifier.delivered.lock().unwrap().len();
        assert_eq!(delivered, usize::from(name == expected), "{name}");
    }
}

#[tokio::test]
async fn failed_run_is_delivered_by_the_notifier_of_its_label() {
    let world = World::new().await;
    let run = |label: &str| RunKey {
        job: JobName::CHECK_CARDS,
        label: label.parse().unwrap(),
        scheduled_time: world.clock.now(),
    };
    let failed = |label: &str| Alert::RunFailed {
        run: run(label),
        fault: RunFault::Store,
    };
    for own_fails in [false, true] {
        let own = TestNotifier {
            fails: own_fails,
            ..TestNotifier::default()
        };
        let (default, pings) = (TestNotifier::default(), FakeClient::default());
        let mut hooks = run_hooks(&world, &default, &pings);
        hooks.notifiers = Some(Notifiers {
            by_label: [("own".parse().unwrap(), Some(&own as &dyn Notifier))].into(),
            ..Notifiers::all(&default)
        });
        world.clock.advance(Duration::days(1));
        let (lost, too_late) = (run("own"), run("own"));
        let all = [
            failed("own"),
            Alert::RunLost { run: lost },
            Alert::RunTooLate { run: too_late },
            failed("other"),
        ];
        raise(&world, &all).await;
        let delivered = hooks.deliver_alerts().await.unwrap();
        assert_eq!(delivered, 4);
        let counts = |notifier: &TestNotifier| -> Vec<usize> {
            let delivered = notifier.delivered.lock().unwrap();
            delivered.iter().map(Vec::len).collect()
        };
        let expected = match own_fails {
            false => (vec![2], vec![2]),
            // A missed run isn't a failed one, so its alert is of the job.
            true => (vec![], vec![2, 2]),
        };
        assert_eq!((counts(&own), counts(&default)), expected);
    }
}

#[tokio::test]
async fn alert_mail_names_the_problem_and_the_advice() {
    let world = World::new().await;
    let public_url = "https://hippo.example.org".parse().unwrap();
    let notifier = MailNotifier {
        mailer: &world.mailer,
        address: "op@example.org".parse().unwrap(),
        clock: &world.clock,
        help: Some(|alert| AlertHelp {
            commands: vec![format!("mend {}", alert.key())],
            remark: None,
        }),
        public_url: Some(&public_url),
    };
    let alerts = [
        changed("wpl", "2026-11-21"),
        Alert::NoNotice {
            mail: MailKind::DAILY,
            family: "conrad".parse().unwrap(),
            date: date("2026-11-21"),
            state: MailState::GaveUp,
        },
    ];
    notifier.notify(&alerts).await.unwrap();
    notifier.notify(&alerts[1..]).await.unwrap();
    let mails = world.mailer.mails.lock().unwrap().clone();
    assert_eq!(mails[0].subject, "LibraryHippo: 2 alerts");
    insta::assert_snapshot!("alert_mail_text", mails[0].text);
    insta::assert_snapshot!("alert_mail_html", mails[0].html);
    assert!(
        mails[1]
            .subject
            .contains("whether the notice of conrad for 2026-11-21 was sent")
    );

    let refused = SendOutcome::NotSent {
        reason: "no connection".to_owned(),
    };
    world.mailer.answers.lock().unwrap().push_back(refused);
    assert!(notifier.notify(&alerts).await.is_err());
}

#[tokio::test]
async fn run_delivers_its_alerts_and_a_good_one_sends_a_heartbeat() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    for work in [Ok(Ending::Completed), Err(JobError::Panicked)] {
        let opened = ledger::start_run(&world.store, &world.clock, plan(&hooks, &world)).await;
        let run = opened.unwrap();
        run.alert(changed("wpl", "2026-11-21"));
        let _ = run.close(work).await;
        world.clock.advance(Duration::minutes(15));
    }
    // The next run raises the alert about a run that stopped reporting; the lost one sends no heartbeat.
    drop(ledger::start_run(&world.store, &world.clock, plan(&hooks, &world)).await);
    world.clock.advance(Duration::hours(1));
    let opened = ledger::start_run(&world.store, &world.clock, plan(&hooks, &world)).await;
    let run = opened.unwrap();
    run.close(Ok(Ending::Completed)).await.unwrap();

    let delivered: Vec<String> = notifier
        .delivered
        .lock()
        .unwrap()
        .iter()
        .flatten()
        .map(|alert| alert.key().to_string())
        .collect();
    let expected = [
        "page-changed/wpl",
        "run-failed/panic/notify-all/tick/2026-11-21",
        "run-lost/notify-all/tick/2026-11-21",
    ];
    assert_eq!(delivered, expected);
    assert_eq!(pings.0.lock().unwrap().len(), 2);
}

#[test]
fn missed_runs_are_one_alert() {
    let label = "tick".parse().unwrap();
    let times = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let missed = |texts: &[&str]| {
        let times: Vec<DateTime<Utc>> = times(texts);
        Alert::for_missed_runs(JobName::NOTIFY_ALL, &label, &times).map(|alert| alert.sentence())
    };
    let (one, other) = ("2026-11-21T12:30:00Z", "2026-11-21T12:15:00Z");
    assert_eq!(missed(&[]), None);
    let expected = "The run of notify-all/tick for 2026-11-21 12:30 UTC never came.";
    assert_eq!(missed(&[one]).unwrap(), expected);
    let expected =
        "2 runs of notify-all/tick never came, from 2026-11-21 12:15 UTC to 2026-11-21 12:30 UTC.";
    assert_eq!(missed(&[one, other]).unwrap(), expected);
}

#[tokio::test]
async fn repeated_fault_alerts_once_a_day() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    for _ in 0..96 {
        let opened = ledger::start_run(&world.store, &world.clock, plan(&hooks, &world)).await;
        let away = crate::store::StoreError::Unusable("a row".to_owned());
        let closed = opened.unwrap().close(Err(away.into())).await;
        assert!(closed.is_err());
        world.clock.advance(Duration::minutes(15));
    }
    // From the noon of one day to that of the next.
    assert_eq!(notifier.delivered.lock().unwrap().len(), 2);
    let opened = ledger::start_run(&world.store, &world.clock, plan(&hooks, &world)).await;
    let _ = opened.unwrap().close(Err(JobError::Panicked)).await;
    assert_eq!(
        notifier.delivered.lock().unwrap().len(),
        3,
        "another fault is news"
    );
}

#[tokio::test]
async fn label_that_is_always_late_raises_one_alert_a_day() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    for _ in 0..3 {
        let mut late = plan(&hooks, &world);
        late.rules.start_deadline = Some(std::time::Duration::from_secs(60));
        world.clock.advance(Duration::minutes(5));
        let begun = ledger::start_run(&world.store, &world.clock, late).await;
        assert!(
            matches!(begun, Err(RunError::NotStarted(NotStarted::Skipped(_)))),
            "it is too late"
        );
    }
    let delivered = notifier.delivered.lock().unwrap().clone();
    assert_eq!(delivered.len(), 1);
    let sentence = delivered[0][0].sentence();
    let expected = "The run of notify-all/tick for 2026-11-21 11:40 UTC came after its start deadline and was missed.";
    assert_eq!(sentence, expected);
    assert!(pings.0.lock().unwrap().is_empty(), "that isn't a good run");
}

#[tokio::test]
async fn hundreds_of_alerts_are_delivered_and_counted() {
    let world = World::new().await;
    let pings = FakeClient::default();
    let notifier = MailNotifier {
        mailer: &world.mailer,
        address: "op@example.org".parse().unwrap(),
        clock: &world.clock,
        help: None,
        public_url: None,
    };
    let hooks = run_hooks(&world, &notifier, &pings);
    for number in 0..250 {
        raise(
            &world,
            &[changed(&format!("library-{number:03}"), "2026-11-21")],
        )
        .await;
        world.clock.advance(Duration::seconds(1));
    }
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 250);
    let mails = world.mailer.mails.lock().unwrap().clone();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "LibraryHippo: 250 alerts");
    assert!(
        mails[0]
            .text
            .contains("\n\nLibraryHippo no longer understands the pages of library-000")
    );
    assert!(
        mails[0]
            .text
            .contains("And 200 more; the status lists them all.")
    );
    assert!(
        world
            .store
            .pending_alerts()
            .await
            .unwrap()
            .alerts
            .is_empty()
    );
}

/// A notice of `conrad` that is SENDING, and the alert if it is given up.
async fn sending(world: &World) -> (OutboxRecord, Alert) {
    let now = crate::clock::Clock::now(&world.clock);
    let record = OutboxRecord::planned(MailKey::daily(world.conrad(), date("2026-11-21")), now);
    world.store.plan_mail(&record).await.unwrap();
    let sending = record
        .claim(uuid::Uuid::nil(), now)
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now))
        .unwrap();
    replace(world, &record, &sending).await;
    let alert = Alert::NoNotice {
        mail: MailKind::DAILY,
        family: world.conrad(),
        date: date("2026-11-21"),
        state: MailState::GaveUp,
    };
    (sending, alert)
}

async fn replace(world: &World, before: &OutboxRecord, after: &OutboxRecord) {
    let replaced = world.store.replace_mail(before.revision, after, None);
    assert!(replaced.await.unwrap());
}

#[tokio::test]
async fn notice_alert_waits_until_the_notice_is_final() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    let (sending, alert) = sending(&world).await;
    // The worker that was about to give it up crashed.
    raise(&world, &[alert]).await;
    world.clock.advance(CLAIM_TIMEOUT * 2);
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 0, "it may have left");
    let now = crate::clock::Clock::now(&world.clock);
    let failed = sending.apply_rejection(sending.fence, "Rejected.".into(), now);
    replace(&world, &sending, &failed.unwrap()).await;
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 1);
    let delivered = notifier.delivered.lock().unwrap().clone();
    assert!(
        delivered[0][0].sentence().ends_with("couldn't be sent."),
        "{delivered:?}"
    );
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 0);
}

#[tokio::test]
async fn alert_about_a_notice_sent_later_is_withdrawn() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(&world, &notifier, &pings);
    let (sending, alert) = sending(&world).await;
    raise(&world, &[alert]).await;
    let now = crate::clock::Clock::now(&world.clock);
    let sent = sending.accepted("id".into(), now).unwrap();
    replace(&world, &sending, &sent).await;
    for left in [1, 0] {
        assert_eq!(hooks.deliver_alerts().await.unwrap(), 0);
        // The worker that raised it may still be about to reject the notice.
        let stored = world.store.recent_alerts(10).await.unwrap();
        assert_eq!(stored.len(), left);
        world.clock.advance(CLAIM_TIMEOUT);
    }
    assert!(notifier.delivered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn alert_about_an_unreadable_notice_is_delivered_as_raised() {
    let world = World::new().await;
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let broken = crate::testing::world::Broken {
        inside: &world.store,
        family: world.conrad(),
    };
    let (_, alert) = sending(&world).await;
    raise(&world, &[alert, changed("wpl", "2026-11-21")]).await;
    let hooks = RunHooks {
        outbox: &broken,
        ..run_hooks(&world, &notifier, &pings)
    };
    assert_eq!(hooks.deliver_alerts().await.unwrap(), 2);
}

#[test]
fn advice_about_a_notice_fits_its_state() {
    let advice = |state| {
        let (family, date) = ("conrad".parse().unwrap(), date("2026-11-21"));
        Alert::NoNotice {
            mail: MailKind::DAILY,
            family,
            date,
            state,
        }
        .advice()
    };
    // A notice of a past day is never sent again.
    assert!(!advice(MailState::Missed).contains("resend"));
    for state in [MailState::GaveUp, MailState::Failed] {
        assert!(
            advice(state).contains("before its day is over")
                || advice(state).contains("until its day is over")
        );
        assert!(advice(state).contains("resend"));
    }
}

#[test]
fn alert_round_trips_through_json() {
    let alert = changed("wpl", "2026-11-21");
    let json = serde_json::to_string(&alert).unwrap();
    assert_eq!(serde_json::from_str::<Alert>(&json).unwrap(), alert);
}

/// Delivers all pending alerts, and returns their keys.
async fn deliver_all(world: &World) -> Vec<String> {
    let (notifier, pings) = (TestNotifier::default(), FakeClient::default());
    let hooks = run_hooks(world, &notifier, &pings);
    hooks.deliver_alerts().await.unwrap();
    let delivered = notifier.delivered.lock().unwrap();
    delivered
        .iter()
        .flatten()
        .map(|alert| alert.key().to_string())
        .collect()
}

async fn end_page_alerts(world: &World, library: &LibraryId) {
    let now = world.clock.now();
    let found = page_alerts(&world.store, library, now).await.unwrap();
    for stored in found {
        end_page_alert(&world.store, &stored, now).await.unwrap();
    }
}

#[tokio::test]
async fn page_change_and_its_end_alert_once_each() {
    let world = World::new().await;
    let since = crate::clock::Clock::now(&world.clock);
    let wpl = "wpl".parse().unwrap();
    for (day, expected) in [
        ("2026-11-21", vec!["page-changed/wpl"]),
        ("2026-11-22", vec![]),
    ] {
        raise(&world, &[changed("wpl", day)]).await;
        assert_eq!(deliver_all(&world).await, expected);
        world.clock.advance(Duration::days(1));
    }
    for expected in [
        vec![format!(
            "pages-read-again/wpl/{}",
            since.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        )],
        vec![],
    ] {
        end_page_alerts(&world, &wpl).await;
        assert_eq!(deliver_all(&world).await, expected);
    }
    // It is an alert when it happens again; one that was never delivered ends silently.
    raise(&world, &[changed("wpl", "2026-11-24")]).await;
    end_page_alerts(&world, &wpl).await;
    assert_eq!(deliver_all(&world).await, [""; 0]);
    raise(&world, &[changed("wpl", "2026-11-25")]).await;
    assert_eq!(deliver_all(&world).await, ["page-changed/wpl"]);
}

#[tokio::test]
async fn wrong_date_format_alert_ends_when_fixed() {
    let world = World::new().await;
    let wpl = "wpl".parse().unwrap();
    let failure = Failure::page_changed("the loans: a date of an unknown format")
        .with_remedy(crate::failure::Remedy::SetDateFormat);
    let day = "2026-11-21".parse().unwrap();
    let alert = Alert::for_failure(&wpl, &failure, day).unwrap();
    assert!(
        alert.sentence().contains("date format"),
        "{}",
        alert.sentence()
    );
    assert!(!alert.sentence().contains("pages"), "{}", alert.sentence());
    raise(&world, &[alert]).await;
    assert_eq!(deliver_all(&world).await, ["wrong-date-format/wpl"]);
    end_page_alerts(&world, &wpl).await;
    assert_eq!(deliver_all(&world).await, [""; 0]);
    assert_eq!(world.store.recent_alerts(10).await.unwrap(), []);
}

#[test]
fn alerts_with_the_same_advice_are_grouped() {
    let alerts = [
        changed("wpl", "2026-11-21"),
        Alert::UnreadableAlert {
            day: "2026-11-21".parse().unwrap(),
        },
        changed("kpl", "2026-11-21"),
    ];
    let groups: Vec<usize> = Alert::by_advice(&alerts)
        .iter()
        .map(|(_, group)| group.len())
        .collect();
    assert_eq!(groups, [2, 1]);
}
