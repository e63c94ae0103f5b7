use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::jobs::ledger::StartRules;
use crate::jobs::notify_all::deliver;
use crate::jobs::testing::{World, family};
use crate::queue::{DueNotice, QueueError};
use crate::run::{Job, RunKey, RunOutcome, Trigger};

/// A queue that keeps what it is given, or is away.
#[derive(Default)]
struct TestQueue {
    sent: Mutex<Vec<DueNotice>>,
    away: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl NoticeQueue for TestQueue {
    async fn send(&self, _: &RunKey, notices: &[DueNotice]) -> Result<(), QueueError> {
        if self.away.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(QueueError {
                unsent: notices.len(),
                asked: notices.len(),
                reason: "away".to_owned(),
            });
        }
        self.sent.lock().unwrap().extend(notices.iter().cloned());
        Ok(())
    }
}

async fn tick(
    world: &World,
    queue: &TestQueue,
    time: &str,
) -> Result<Result<Run, RunStart>, JobError> {
    let ports = HandOutNoticesPorts {
        families: &world.store,
        operator: &world.store,
        notices: &world.store,
        runs: &world.store,
        queue,
        clock: &world.clock,
    };
    let plan = RunPlan {
        key: RunKey {
            job: Job::NotifyAll,
            label: "tick".parse().unwrap(),
            scheduled_time: time.parse().unwrap(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: false,
        rules: StartRules::default(),
        after: None,
    };
    hand_out_notices(&ports, plan, &NotifyAllInput::default()).await
}

const TIME: &str = "2026-11-21T11:40:00Z";

#[tokio::test]
async fn a_notice_is_handed_out_by_every_tick_until_somebody_takes_it() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let run = tick(&world, &queue, TIME).await.unwrap().unwrap();
    assert_eq!((run.counts.planned, run.outcome), (2, RunOutcome::Done));
    assert!(matches!(
        tick(&world, &queue, TIME).await.unwrap(),
        Err(RunStart::AlreadyRan(_))
    ));
    let run = tick(&world, &queue, "2026-11-21T11:55:00Z")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.counts.planned, 2);
    // Every notice came twice now, and each is settled once.
    let sent = queue.sent.lock().unwrap().clone();
    let mut settled = 0;
    for notice in &sent {
        let ports = world.notify_ports();
        let result = deliver(&ports, &notice.family, notice.date, None, false).await;
        settled += usize::from(result.unwrap().is_some());
    }
    assert_eq!((sent.len(), settled), (4, 2));
    let run = tick(&world, &queue, "2026-11-21T12:10:00Z")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(run.counts.planned, 0);
}

#[tokio::test]
async fn a_tick_whose_queue_was_away_is_failed_and_goes_on_when_it_is_tried_again() {
    let world = World::new().await;
    let queue = TestQueue::default();
    queue.away.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = tick(&world, &queue, TIME).await.unwrap_err();
    assert!(matches!(error, JobError::Queue(_)), "{error}");
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert_eq!(runs[0].outcome, RunOutcome::Failed);

    queue.away.store(false, std::sync::atomic::Ordering::SeqCst);
    let run = tick(&world, &queue, TIME).await.unwrap().unwrap();
    assert_eq!((run.counts.planned, run.outcome), (2, RunOutcome::Done));
    assert_eq!(queue.sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_left_over_of_a_family_that_was_paused_is_not_handed_out() {
    let world = World::new().await;
    let queue = TestQueue::default();
    tick(&world, &queue, TIME).await.unwrap().unwrap();
    let mut conrad = family("conrad");
    conrad.paused = true;
    world.store.update_family(&conrad).await.unwrap();
    queue.sent.lock().unwrap().clear();
    tick(&world, &queue, "2026-11-21T11:55:00Z")
        .await
        .unwrap()
        .unwrap();
    let sent = queue.sent.lock().unwrap().clone();
    let families: Vec<&str> = sent.iter().map(|notice| notice.family.as_str()).collect();
    assert_eq!(families, ["diaz"]);
}
