use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::jobs::check_cards::visit::Visit;
use hippo_core::queue::{QueueError, VisitQueue};
use hippo_core::store::RunStore;

use super::*;
use crate::handlers::testing::World;

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
        runs: &world.store,
        queue,
        clock: &world.clock,
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
async fn dry_run_changes_nothing() {
    let world = World::new().await;
    world.add_card("1").await;
    let queue = TestQueue::default();
    let event = dry_run::event();
    assert_eq!(fire(&world, &queue, event.clone()).await.unwrap(), event);
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert!(runs.is_empty() && queue.sent.lock().unwrap().is_empty());
    assert_eq!(world.lines(), "");
}
