use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::queue::Visit;
use hippo_core::queue::{QueueError, VisitQueue};
use hippo_core::run::{JobName, RunOutcome};
use hippo_core::schedule::Pause;
use hippo_core::store::{DeclaredScheduleStore as _, RunStore};
use hippo_core::testing::contract::sample;

use super::*;
use crate::dry_run;
use crate::handlers::testing::World;
use serde_json::json;

#[derive(Default)]
struct TestQueue {
    sent: Mutex<Vec<Visit>>,
    is_down: bool,
}

#[async_trait]
impl VisitQueue for TestQueue {
    async fn send(&self, visits: &[Visit]) -> Result<(), QueueError> {
        if self.is_down {
            return Err(QueueError {
                unsent: visits.len(),
                asked: visits.len(),
                reason: "QueueDoesNotExist".to_owned(),
            });
        }
        self.sent.lock().unwrap().extend_from_slice(visits);
        Ok(())
    }
}

async fn fire(world: &World, queue: &TestQueue, event: Value) -> Result<Value, HandlerError> {
    let ports = EnqueueVisitsPorts {
        cards: &world.store,
        queue,
    };
    handle(&ports, &world.run_context(), &event).await
}

fn event() -> Value {
    json!({"label": "all", "scheduled_time": "2026-11-21T10:00:00Z", "scope": "all", "library": null, "family": null})
}

#[tokio::test]
async fn schedule_that_fires_twice_enqueues_each_card_once() {
    let world = World::new().await;
    for number in 0..12 {
        world.add_card(&number.to_string()).await;
    }
    let queue = TestQueue::default();
    let run = "check-cards/all/2026-11-21T10:00:00Z";
    assert_eq!(
        fire(&world, &queue, event()).await.unwrap(),
        json!({"run": run, "cards": 12, "visits": 2})
    );
    assert_eq!(
        fire(&world, &queue, event()).await.unwrap(),
        json!({"not_started": "already_ran", "run": run})
    );
    assert_eq!(queue.sent.lock().unwrap().len(), 2);
    let stored = world
        .store
        .run(&run.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.counts.planned, 12);
    assert_eq!(stored.input["scope"], "all");
    let labels = vec!["check-cards".to_owned(), "all".to_owned()];
    assert_eq!(world.published("Runs"), [(1, labels)]);
    assert_eq!(world.published("VisitsPlanned"), [(2, vec![])]);
}

#[tokio::test]
async fn late_event_is_missed_unless_it_is_replayed() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    let queue = TestQueue::default();
    let late = fire(&world, &queue, event()).await.unwrap();
    assert_eq!(late["not_started"], "skipped");
    let run = late["run"].as_str().unwrap().parse().unwrap();
    let stored = world.store.run(&run).await.unwrap().unwrap();
    assert_eq!(stored.outcome, RunOutcome::Missed);
    let mut letter = event();
    letter["scheduled_time"] = json!("2026-11-21T09:00:00Z");
    letter["replayed"] = json!(true);
    let replayed = fire(&world, &queue, letter).await.unwrap();
    assert_eq!(replayed["visits"], 0, "{replayed}");
}

#[tokio::test]
async fn backfill_replaces_a_missed_run_but_proves_no_schedule() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    world.add_card("1").await;
    let queue = TestQueue::default();
    let late = fire(&world, &queue, event()).await.unwrap();
    assert_eq!(late["not_started"], "skipped");
    let mut backfill = event();
    backfill["backfill"] = json!(true);
    let ran = fire(&world, &queue, backfill.clone()).await.unwrap();
    assert_eq!((&ran["run"], &ran["cards"]), (&late["run"], &json!(1)));
    // The alarm about missing checks looks at the label of the schedule.
    let labels = vec!["check-cards".to_owned(), "person".to_owned()];
    assert_eq!(world.published("Runs"), [(1, labels)]);
    let again = fire(&world, &queue, backfill).await.unwrap();
    assert_eq!(again["not_started"], "already_ran");
}

#[tokio::test]
async fn run_of_a_paused_schedule_enqueues_nothing_and_is_counted() {
    let world = World::new().await;
    world.add_card("1").await;
    let pause = Pause {
        label: Some("all".parse().unwrap()),
        since: "2026-11-21T09:00:00Z".parse().unwrap(),
        until: Some("2026-11-21T11:00:00Z".parse().unwrap()),
        by: "ana".to_owned(),
        why: None,
    };
    assert!(sample::add_pause(&world.store, &pause).await);
    let queue = TestQueue::default();
    let reply = fire(&world, &queue, event()).await.unwrap();
    assert_eq!(reply["not_started"], "skipped");
    let run = reply["run"].as_str().unwrap().parse().unwrap();
    let stored = world.store.run(&run).await.unwrap().unwrap();
    assert_eq!(stored.outcome, RunOutcome::SkippedPaused);
    assert!(queue.sent.lock().unwrap().is_empty());
    let paused = (1, vec!["all".to_owned()]);
    assert_eq!(world.published("RunsPaused"), [paused]);
    assert!(world.published("Runs").is_empty());
    // The schedule fires again, and a person starts one.
    fire(&world, &queue, event()).await.unwrap();
    let manual = json!({"label": "person", "scheduled_time": "2026-11-21T10:30:00Z"});
    assert_eq!(fire(&world, &queue, manual).await.unwrap()["cards"], 1);
    assert_eq!(world.published("RunsPaused").len(), 1);
}

#[tokio::test]
async fn label_without_a_schedule_has_no_deadline() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    let mut other = event();
    other["label"] = json!("other");
    let reply = fire(&world, &TestQueue::default(), other).await.unwrap();
    assert_eq!(reply["visits"], 0, "{reply}");
}

#[tokio::test]
async fn first_run_saves_the_schedules_of_its_job() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    fire(&world, &TestQueue::default(), event()).await.unwrap();
    let saved = world.store.declared_schedules(JobName::CHECK_CARDS).await;
    let saved: Vec<_> = saved.unwrap();
    assert_eq!(saved, world.schedules.values().cloned().collect::<Vec<_>>());
    assert_eq!(saved.len(), 2);
}

#[tokio::test]
async fn wrong_event_fails_and_records_no_run() {
    let world = World::new().await;
    let error = fire(&world, &TestQueue::default(), json!({"source": "aws.s3"}))
        .await
        .unwrap_err();
    assert!(matches!(error, HandlerError::Event(_)), "{error}");
    assert!(
        world
            .store
            .recent_runs(None, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(world.published("Runs").is_empty());
}

#[tokio::test]
async fn unreachable_queue_fails_the_invocation() {
    let world = World::new().await;
    world.add_card("1").await;
    let queue = TestQueue {
        is_down: true,
        ..TestQueue::default()
    };
    let error = fire(&world, &queue, event()).await.unwrap_err();
    assert!(error.to_string().contains("QueueDoesNotExist"), "{error}");
    assert!(world.published("Runs").is_empty());
}

#[tokio::test]
async fn dry_run_starts_no_run_and_changes_nothing() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    world.add_card("1").await;
    let queue = TestQueue::default();
    let event = dry_run::event();
    assert_eq!(fire(&world, &queue, event.clone()).await.unwrap(), event);
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert!(runs.is_empty() && queue.sent.lock().unwrap().is_empty());
    assert_eq!(world.lines(), "");
    let saved = world.store.declared_schedules(JobName::CHECK_CARDS).await;
    assert_eq!(saved.unwrap(), []);
}

#[tokio::test]
async fn save_schedules_event_returns_the_count_and_starts_no_run() {
    let mut world = World::new().await;
    world.declare_schedules(JobName::CHECK_CARDS);
    world.add_card("1").await;
    let queue = TestQueue::default();
    for changed in [2, 0] {
        let answer = fire(&world, &queue, json!({"save_schedules": true})).await;
        assert_eq!(answer.unwrap(), json!({"schedules": 2, "changed": changed}));
    }
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert!(runs.is_empty() && queue.sent.lock().unwrap().is_empty());
    assert_eq!(world.lines(), "");
    let saved = world.store.declared_schedules(JobName::CHECK_CARDS).await;
    assert_eq!(
        saved.unwrap(),
        world.schedules.values().cloned().collect::<Vec<_>>()
    );
}
