use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::jobs::notify::run::deliver;
use crate::outbox::{MailKey, MailState, OutboxRecord};
use crate::queue::QueueError;
use crate::run::harness::Harness;
use crate::run::ledger::StartRules;
use crate::run::not_started::NotStarted;
use crate::run::work::{self, Subject, WorkOutcome};
use crate::run::{Run, RunKey, RunOutcome, Trigger};
use crate::testing::world::{World, account, family};

/// A queue that keeps its messages, unless it is unavailable.
#[derive(Default)]
struct TestQueue {
    sent: Mutex<Vec<MailKey>>,
    unavailable: std::sync::atomic::AtomicBool,
    /// Accepts the messages, but loses the response.
    loses_response: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl MailQueue for TestQueue {
    async fn send(&self, _: &RunKey, notices: &[MailKey]) -> Result<(), QueueError> {
        let unavailable = Err(QueueError {
            unsent: notices.len(),
            asked: notices.len(),
            reason: "unavailable".to_owned(),
        });
        if self.unavailable.load(std::sync::atomic::Ordering::SeqCst) {
            return unavailable;
        }
        self.sent.lock().unwrap().extend(notices.iter().cloned());
        match self
            .loses_response
            .load(std::sync::atomic::Ordering::SeqCst)
        {
            true => unavailable,
            false => Ok(()),
        }
    }
}

async fn tick(world: &World, queue: &TestQueue, time: &str) -> Result<Run, RunError> {
    tick_with_callback(world, queue, time, &|_| {}).await
}

async fn tick_with_callback(
    world: &World,
    queue: &TestQueue,
    time: &str,
    on_finalised: &(dyn Fn(&MailResult) + Send + Sync),
) -> Result<Run, RunError> {
    let ports = EnqueueNoticesPorts {
        families: &world.store,
        alerts: &world.store,
        outbox: &world.store,
        kinds: MailKind::OF_NOTIFY_ALL,
        runs: &world.store,
        queue,
        clock: &world.clock,
    };
    let plan = RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "tick".parse().unwrap(),
            scheduled_time: time.parse().unwrap(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: false,
        rules: StartRules::default(),
        hooks: None,
    };
    let harness = Harness::new(&world.store, &world.clock);
    let job = EnqueueNotices {
        ports: &ports,
        on_finalised,
    };
    let input = NotifyAllInput::default();
    Ok(harness.run(&job, plan, &input).await?.run)
}

const TIME: &str = "2026-11-21T11:40:00Z";

#[tokio::test]
async fn notice_is_enqueued_by_each_tick_until_claimed() {
    let world = World::new().await;
    let queue = TestQueue::default();
    let run = tick(&world, &queue, TIME).await.unwrap();
    assert_eq!((run.counts.planned, run.outcome), (2, RunOutcome::Done));
    assert!(matches!(
        tick(&world, &queue, TIME).await,
        Err(RunError::NotStarted(NotStarted::AlreadyRan(_)))
    ));
    let run = tick(&world, &queue, "2026-11-21T11:55:00Z").await.unwrap();
    assert_eq!(run.counts.planned, 2);
    // Every notice was delivered twice, and each is finalised once.
    let sent = queue.sent.lock().unwrap().clone();
    let mut finalised = 0;
    for notice in &sent {
        let ports = world.notify_ports();
        let result = deliver(&ports, notice, None, false).await;
        finalised += usize::from(result.unwrap().is_some());
    }
    assert_eq!((sent.len(), finalised), (4, 2));
    let run = tick(&world, &queue, "2026-11-21T12:10:00Z").await.unwrap();
    assert_eq!(run.counts.planned, 0);
}

#[tokio::test]
async fn tick_fails_without_its_queue_and_resumes_on_retry() {
    let world = World::new().await;
    let queue = TestQueue::default();
    queue
        .unavailable
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let error = tick(&world, &queue, TIME).await.unwrap_err();
    assert!(
        matches!(error, RunError::Job(JobError::Queue(_))),
        "{error}"
    );
    let runs = world.store.recent_runs(None, None, 10).await.unwrap();
    assert_eq!(runs[0].outcome, RunOutcome::Failed);

    queue
        .unavailable
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let run = tick(&world, &queue, TIME).await.unwrap();
    assert_eq!((run.counts.planned, run.outcome), (2, RunOutcome::Done));
    assert_eq!(queue.sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn retried_tick_counts_notices_of_its_first_attempt() {
    let world = World::new().await;
    let queue = TestQueue::default();
    queue
        .loses_response
        .store(true, std::sync::atomic::Ordering::SeqCst);
    tick(&world, &queue, TIME).await.unwrap_err();
    // One message is processed before the second attempt, which then finds one claimable notice.
    let first = queue.sent.lock().unwrap()[0].clone();
    let ports = world.notify_ports();
    let finalised = deliver(&ports, &first, None, false).await;
    let key: RunKey = format!("notify-all/tick/{TIME}").parse().unwrap();
    let subject = Subject::from(first);
    let report = WorkItem {
        item_id: "worker".to_owned(),
        results: vec![WorkResult {
            subject,
            outcome: finalised.unwrap().unwrap().state.into(),
        }],
    };
    world.store.save_work_item(&key, &report).await.unwrap();
    queue
        .loses_response
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let run = tick(&world, &queue, TIME).await.unwrap();
    let work = world.store.work_items(&key).await.unwrap();
    let run = run.with_work(&work, world.clock.now());
    assert_eq!((run.counts.planned, run.counts.enqueued), (2, 2));
    assert_eq!(run.outcome, RunOutcome::Running);

    // A third attempt finds nothing to do and changes nothing: the run is recorded as failed again.
    let mut failed = world.store.run(&key).await.unwrap().unwrap();
    failed.outcome = RunOutcome::Failed;
    world.store.report_run(&failed).await.unwrap();
    let second = queue.sent.lock().unwrap().pop().unwrap();
    deliver(&ports, &second, None, false).await.unwrap();
    let run = tick(&world, &queue, TIME).await.unwrap();
    assert!(run.counts.enqueued > 0, "{run:?}");
}

#[rstest::rstest]
#[case::on_its_day("2026-11-21T12:10:00Z", None, false)]
#[case::after_its_day("2026-11-23T12:10:00Z", None, false)]
#[case::asked_for("2026-11-21T12:10:00Z", Some("2026-11-21"), true)]
#[tokio::test]
async fn enqueued_notice_of_a_family_that_is_then_paused_is_skipped(
    #[case] now: &str,
    #[case] requested: Option<&str>,
    #[case] at_once: bool,
) {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let overdue = account(&[("Emma", "2026-11-20")]);
    world.site.answer("1", Ok(overdue));
    world.check_all().await;
    let queue = TestQueue::default();
    tick(&world, &queue, TIME).await.unwrap();
    let mut conrad = family("conrad");
    conrad.pause(None, world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    world.clock.set(now);
    let mut sent = queue.sent.lock().unwrap().clone();
    sent.retain(|notice| notice.family == conrad.id);
    let [notice] = &sent[..] else {
        panic!("{sent:?}")
    };
    let requested = requested.map(|date| date.parse().unwrap());
    let ports = world.notify_ports();
    let result = deliver(&ports, notice, requested, at_once).await.unwrap();
    let result = result.unwrap();
    assert_eq!(
        (result.state, result.reason.as_deref()),
        (MailState::Skipped, Some("The family was paused."))
    );
    let record = world.store.mail(notice).await.unwrap().unwrap();
    assert_eq!(record.state, MailState::Skipped);
    assert_eq!(world.mails(), 0);
    assert_eq!(world.store.recent_alerts(10).await.unwrap(), []);
    // It is final, also for the next tick.
    conrad.resume(world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    let again = deliver(&ports, notice, requested, at_once).await.unwrap();
    assert_eq!((again, world.mails()), (None, 0));
}

/// Adds a notice of conrad whose worker stopped while sending, long enough ago to be given up.
async fn add_overdue_doubt(world: &World) {
    use crate::clock::Clock as _;
    let now = world.clock.now() - chrono::Duration::minutes(20);
    let date = "2026-11-21".parse().unwrap();
    let planned = OutboxRecord::planned(MailKey::daily(world.conrad(), date), now);
    world.store.plan_mail(&planned).await.unwrap();
    let sending = planned
        .claim(uuid::Uuid::nil(), now)
        .and_then(|claimed| claimed.begin_sending("hash".to_owned(), &[], now))
        .unwrap();
    let written = world.store.replace_mail(0, &sending, None).await;
    assert!(written.unwrap());
}

#[tokio::test]
async fn notices_finalised_by_a_tick_are_counted_once() {
    let world = World::new().await;
    add_overdue_doubt(&world).await;
    let queue = TestQueue::default();
    let run = tick(&world, &queue, TIME).await.unwrap();
    assert_eq!(run.outcome, RunOutcome::DoneWithFailures);
    // Diaz's notice was enqueued; its worker reports the result.
    assert_eq!((run.counts.planned, run.counts.enqueued), (1, 1));
    let done = WorkItem {
        item_id: "diaz/2026-11-21".to_owned(),
        results: vec![work::WorkResult {
            subject: Subject::Mail {
                kind: MailKind::DAILY,
                family: "diaz".parse().unwrap(),
                date: "2026-11-21".parse().unwrap(),
            },
            outcome: WorkOutcome::Done,
        }],
    };
    world.store.save_work_item(&run.key, &done).await.unwrap();

    let work = world.store.work_items(&run.key).await.unwrap();
    let given_up = Subject::Mail {
        kind: MailKind::DAILY,
        family: world.conrad(),
        date: "2026-11-21".parse().unwrap(),
    };
    let outcomes = work::results(&work);
    let outcome = outcomes.get(&given_up).map(|outcome| outcome.to_string());
    assert_eq!(outcome.as_deref(), Some("GAVE_UP"));
    let stored = world.store.run(&run.key).await.unwrap().unwrap();
    let totals = stored.with_work(&work, run.started_at);
    assert_eq!(totals.outcome, RunOutcome::DoneWithFailures);
    assert_eq!((totals.counts.done, totals.counts.failures()), (1, 1));
    assert_eq!(totals.counts.failed["GAVE_UP"], 1);
}

#[tokio::test]
async fn finalised_mails_are_reported_even_if_the_tick_fails() {
    let world = World::new().await;
    add_overdue_doubt(&world).await;
    let queue = TestQueue::default();
    queue
        .unavailable
        .store(true, std::sync::atomic::Ordering::SeqCst);
    // Diaz's notice was planned before, so the tick finds it together with the one it gives up.
    let date = "2026-11-21".parse().unwrap();
    let diaz = OutboxRecord::planned(
        MailKey::daily("diaz".parse().unwrap(), date),
        TIME.parse().unwrap(),
    );
    world.store.plan_mail(&diaz).await.unwrap();
    let finalised_states = Mutex::new(Vec::new());
    let on_finalised =
        |finalised: &MailResult| finalised_states.lock().unwrap().push(finalised.state);
    let failed = tick_with_callback(&world, &queue, TIME, &on_finalised).await;
    assert!(failed.is_err());
    assert_eq!(finalised_states.into_inner().unwrap(), [MailState::GaveUp]);
}
