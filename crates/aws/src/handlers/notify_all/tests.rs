use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::queue::{DueNotice, NoticeQueue, QueueError};

use super::*;
use crate::handlers::testing::World;

#[derive(Default)]
struct TestQueue(Mutex<Vec<DueNotice>>);

#[async_trait]
impl NoticeQueue for TestQueue {
    async fn send(&self, notices: &[DueNotice]) -> Result<(), QueueError> {
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
        runs: &world.store,
        queue: &queue,
        clock: &world.clock,
    };
    let event = json!({"label": "tick", "scheduled_time": "2026-11-21T11:30:00Z"});
    let answer = handle(&ports, &world.metrics, &event).await.unwrap();
    assert_eq!(answer["notices"], 1);
    assert_eq!(
        queue.0.lock().unwrap()[0].date,
        "2026-11-21".parse().unwrap()
    );
    assert_eq!(world.published("NoticesPlanned"), [(1, vec![])]);
    let labels = vec!["notify-all".to_owned(), "tick".to_owned()];
    assert_eq!(world.published("Runs"), [(1, labels)]);
    let error = handle(&ports, &world.metrics, &json!("tick"))
        .await
        .unwrap_err();
    assert!(matches!(error, HandlerError::Event(_)), "{error}");
}
