use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::clock::Clock as _;
use hippo_core::outbox::{DELIVERY_EVENT_WAIT, MailKey, MailKind, OutboxRecord};
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::{Counts, JobName, Run, RunKey, RunOutcome, Trigger};
use hippo_core::store::{
    AlertStore as _, DeclaredScheduleStore as _, OutboxStore as _, RunStore as _,
};

use super::*;
use crate::dry_run;
use crate::handlers::testing::World;
use serde_json::json;

#[derive(Default)]
struct TestQueue(Mutex<Vec<MailKey>>);

#[async_trait]
impl MailQueue for TestQueue {
    async fn send(&self, _: &RunKey, notices: &[MailKey]) -> Result<(), QueueError> {
        self.0.lock().unwrap().extend_from_slice(notices);
        Ok(())
    }
}

fn ports<'a>(world: &'a World, queue: &'a TestQueue) -> EnqueueNoticesPorts<'a> {
    EnqueueNoticesPorts {
        families: &world.store,
        outbox: &world.store,
        kinds: MailKind::OF_NOTIFY_ALL,
        alerts: &world.store,
        runs: &world.store,
        queue,
        clock: &world.clock,
    }
}

#[tokio::test]
async fn tick_enqueues_due_notices_and_is_counted() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let ports = ports(&world, &queue);
    let event = json!({"label": "tick", "scheduled_time": "2026-11-21T11:30:00Z"});
    let answer = handle(&ports, &world.run_context(), &event).await.unwrap();
    assert_eq!(answer["notices"], 1);
    assert_eq!(
        queue.0.lock().unwrap()[0].date,
        "2026-11-21".parse().unwrap()
    );
    assert_eq!(world.published("NoticesPlanned"), [(1, vec![])]);
    let labels = vec!["notify-all".to_owned(), "tick".to_owned()];
    assert_eq!(world.published("Runs"), [(1, labels)]);
    let error = handle(&ports, &world.run_context(), &json!("tick"))
        .await
        .unwrap_err();
    assert!(matches!(error, HandlerError::Event(_)), "{error}");
}

#[tokio::test]
async fn missed_ticks_are_recorded_and_raise_an_alert() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::NOTIFY_ALL);
    let queue = TestQueue::default();
    let ports = ports(&world, &queue);
    for time in ["10:00", "11:00"] {
        let time = format!("2026-11-21T{time}:00Z");
        *world.clock.0.lock().unwrap() = time.parse().unwrap();
        let event = json!({"label": "tick", "scheduled_time": time});
        handle(&ports, &world.run_context(), &event).await.unwrap();
    }
    let alerts = world.store.recent_alerts(10).await.unwrap();
    let keys: Vec<String> = alerts
        .iter()
        .map(|stored| stored.alert.key().to_string())
        .collect();
    assert_eq!(keys, ["runs-missed/notify-all/tick/2026-11-21T10:15:00Z"]);
    let missed = "notify-all/tick/2026-11-21T10:30:00Z".parse().unwrap();
    let run = world.store.run(&missed).await.unwrap().unwrap();
    assert_eq!(run.outcome.as_str(), "missed");
}

#[tokio::test]
async fn tick_starts_while_another_is_running() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let ports = ports(&world, &queue);
    let now = world.clock.now();
    let running = Run {
        key: "notify-all/tick/2026-11-21T11:30:00Z".parse().unwrap(),
        trigger: Trigger::Schedule,
        input: Value::Null,
        started_at: now,
        reported_at: now,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    let silence = std::time::Duration::from_secs(60);
    world
        .store
        .start_run(&running, true, silence)
        .await
        .unwrap();
    let event = json!({"label": "tick", "scheduled_time": "2026-11-21T11:40:00Z"});
    let answer = handle(&ports, &world.run_context(), &event).await.unwrap();
    assert_eq!(answer["notices"], 1, "{answer}");
}

#[tokio::test]
async fn given_up_and_missed_notices_are_published_once() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let ports = ports(&world, &queue);
    // The family's notice of today was being sent when its worker died.
    let now = world.clock.now();
    let date = "2026-11-21".parse().unwrap();
    let planned = OutboxRecord::planned(MailKey::daily("conrad".parse().unwrap(), date), now);
    world.store.plan_mail(&planned).await.unwrap();
    let sending = planned
        .claim(Default::default(), now)
        .and_then(|claimed| claimed.begin_sending("hash".to_owned(), &[], now))
        .unwrap();
    let written = world.store.replace_mail(0, &sending, None).await;
    assert!(written.unwrap());
    world.clock.advance(DELIVERY_EVENT_WAIT);
    let tick = async |time: &str| {
        let event = json!({"label": "tick", "scheduled_time": time});
        handle(&ports, &world.run_context(), &event).await.unwrap()
    };
    tick("2026-11-21T11:55:00Z").await;
    assert_eq!(world.published("NoticesGivenUp"), [(1, vec![])]);
    // Another tick doesn't publish it again.
    tick("2026-11-21T12:10:00Z").await;
    assert_eq!(world.published("NoticesGivenUp").len(), 1);
    // Without a tick for two days, the 22nd was missed. The first tick only checks the clock.
    world.clock.advance(chrono::Duration::days(2));
    tick("2026-11-23T12:10:00Z").await;
    assert_eq!(world.published("NoticesGivenUp").len(), 1);
    world.clock.advance(chrono::Duration::minutes(15));
    tick("2026-11-23T12:25:00Z").await;
    assert_eq!(world.published("NoticesGivenUp").len(), 2);
    let line = world.lines();
    assert!(
        line.contains("MISSED") && line.contains("2026-11-22"),
        "{line}"
    );
}

#[tokio::test]
async fn dry_run_starts_no_run_and_changes_nothing() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::NOTIFY_ALL);
    let queue = TestQueue::default();
    let event = dry_run::event();
    let answer = handle(&ports(&world, &queue), &world.run_context(), &event).await;
    assert_eq!(answer.unwrap(), event);
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert!(runs.is_empty() && queue.0.lock().unwrap().is_empty());
    assert_eq!(world.lines(), "");
    let saved = world.store.declared_schedules(JobName::NOTIFY_ALL).await;
    assert_eq!(saved.unwrap(), []);
}
