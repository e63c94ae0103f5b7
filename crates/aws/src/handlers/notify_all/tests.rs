use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::queue::{DueNotice, NoticeQueue, QueueError};
use hippo_core::run::RunKey;

use hippo_core::run::rhythm::Rhythm;
use hippo_core::store::RunStore as _;

use super::*;
use crate::handlers::testing::World;

#[derive(Default)]
struct TestQueue(Mutex<Vec<DueNotice>>);

#[async_trait]
impl NoticeQueue for TestQueue {
    async fn send(&self, _: &RunKey, notices: &[DueNotice]) -> Result<(), QueueError> {
        self.0.lock().unwrap().extend_from_slice(notices);
        Ok(())
    }
}

#[tokio::test]
async fn a_tick_hands_out_what_is_due_and_counts_itself() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let ports = HandOutNoticesPorts {
        families: &world.store,
        notices: &world.store,
        operator: &world.store,
        runs: &world.store,
        queue: &queue,
        clock: &world.clock,
    };
    let event = json!({"label": "tick", "scheduled_time": "2026-11-21T11:30:00Z"});
    let answer = handle(&ports, &world.frame(), &event).await.unwrap();
    assert_eq!(answer["notices"], 1);
    assert_eq!(
        queue.0.lock().unwrap()[0].date,
        "2026-11-21".parse().unwrap()
    );
    assert_eq!(world.published("NoticesPlanned"), [(1, vec![])]);
    let labels = vec!["notify-all".to_owned(), "tick".to_owned()];
    assert_eq!(world.published("Runs"), [(1, labels)]);
    let error = handle(&ports, &world.frame(), &json!("tick"))
        .await
        .unwrap_err();
    assert!(matches!(error, HandlerError::Event(_)), "{error}");
}

#[tokio::test]
async fn ticks_that_never_came_are_on_record_and_need_the_operator() {
    let mut world = World::new().await;
    world.rhythms = [("tick".to_owned(), Rhythm::EveryMinutes(15))].into();
    let queue = TestQueue::default();
    let ports = HandOutNoticesPorts {
        families: &world.store,
        notices: &world.store,
        operator: &world.store,
        runs: &world.store,
        queue: &queue,
        clock: &world.clock,
    };
    for time in ["10:00", "11:00"] {
        let event = json!({"label": "tick", "scheduled_time": format!("2026-11-21T{time}:00Z")});
        handle(&ports, &world.frame(), &event).await.unwrap();
    }
    let concerns = world.concerns.lock().unwrap().clone();
    let keys: Vec<String> = concerns
        .iter()
        .map(|concern| concern.key().to_string())
        .collect();
    assert_eq!(keys, ["runs-missed/notify-all/tick/2026-11-21T10:15:00Z"]);
    let missed = "notify-all/tick/2026-11-21T10:30:00Z".parse().unwrap();
    let run = world.store.run(&missed).await.unwrap().unwrap();
    assert_eq!(run.outcome.as_str(), "missed");
}
