use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use proptest::prelude::*;

use super::*;
use crate::card::{Card, CardPause, CardRecord, CardState, Fingerprint};
use crate::clock::Clock as _;
use crate::failure::Failure;
use crate::ids::{CardId, FamilyId};
use crate::jobs::RunError;
use crate::queue::QueueError;
use crate::run::harness::{FinishedRun, Harness};
use crate::run::ledger::RunPlan;
use crate::run::not_started::NotStarted;
use crate::run::{RunOutcome, Trigger};
use crate::store::{CardCursor, LibraryStore, RunStore as _, Scope, StoreResult};
use crate::testing::contract::sample;
use crate::testing::world::{NO_DELAY, World, library, run_key, run_plan};

/// A queue that keeps what it is given, and is unavailable after some batches.
struct TestQueue {
    sent: Mutex<Vec<Visit>>,
    batches_left: AtomicUsize,
}

impl TestQueue {
    fn new() -> Self {
        Self::failing_after(usize::MAX)
    }

    fn failing_after(batches: usize) -> Self {
        Self {
            sent: Mutex::default(),
            batches_left: AtomicUsize::new(batches),
        }
    }

    fn sent(&self) -> Vec<Visit> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl VisitQueue for TestQueue {
    async fn send(&self, visits: &[Visit]) -> Result<(), QueueError> {
        assert!(visits.len() <= BATCH_SIZE);
        let left = self
            .batches_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            return Err(QueueError {
                unsent: visits.len(),
                asked: visits.len(),
                reason: "away".to_owned(),
            });
        }
        self.sent.lock().unwrap().extend(visits.iter().cloned());
        Ok(())
    }
}

async fn enqueue(
    world: &World,
    cards: &dyn CardStore,
    queue: &TestQueue,
) -> Result<FinishedRun<EnqueuedVisits>, RunError> {
    let ports = EnqueueVisitsPorts { cards, queue };
    let harness = Harness::new(&world.store, &world.clock);
    harness
        .run(
            &EnqueueVisits(&ports),
            run_plan(),
            &CheckCardsInput::default(),
        )
        .await
}

/// Makes up cards as they are listed, and counts how many were listed before the first visit was
/// sent.
struct ManyCards<'a> {
    libraries: usize,
    cards_each: usize,
    listed: AtomicUsize,
    queue: &'a TestQueue,
    listed_at_first_send: AtomicUsize,
}

impl ManyCards<'_> {
    fn card(&self, index: usize) -> CardRecord {
        let (library, number) = (index / self.cards_each, index % self.cards_each);
        CardRecord {
            card: Card {
                id: CardId::new(ulid::Ulid::from(index as u128)),
                family: "conrad".parse().unwrap(),
                library: format!("l{library:03}").parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(format!("{number:06}")),
                secret_id: uuid::Uuid::nil(),
                pause: None,
                created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            },
            state: CardState::default(),
        }
    }
}

#[async_trait]
impl CardStore for ManyCards<'_> {
    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>> {
        if scope == Scope::Waiting {
            return Ok(Vec::new());
        }
        let total = self.libraries * self.cards_each;
        let first = after.map_or(0, |after| {
            let index: u128 = after.card.to_string().parse::<ulid::Ulid>().unwrap().into();
            index as usize + 1
        });
        let page = first..total.min(first + limit);
        let listed = self.listed.fetch_add(page.len(), Ordering::SeqCst) + page.len();
        if self.queue.sent.lock().unwrap().is_empty() {
            self.listed_at_first_send.store(listed, Ordering::SeqCst);
        }
        Ok(page.map(|index| self.card(index)).collect())
    }

    async fn add_card(&self, _: &Card, _: &crate::seal::Sealed) -> StoreResult<()> {
        unreachable!()
    }
    async fn card(&self, _: CardId) -> StoreResult<Option<CardRecord>> {
        unreachable!()
    }
    async fn family_cards(&self, _: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        unreachable!()
    }
    async fn replace_card_pause(
        &self,
        _: CardId,
        _: Option<&CardPause>,
        _: Option<&CardPause>,
    ) -> StoreResult<bool> {
        unreachable!()
    }
    async fn allow_retry(&self, _: CardId) -> StoreResult<()> {
        unreachable!()
    }
    async fn remove_card(&self, _: CardId) -> StoreResult<()> {
        unreachable!()
    }
}

fn many_cards(libraries: usize, cards_each: usize, queue: &TestQueue) -> ManyCards<'_> {
    ManyCards {
        libraries,
        cards_each,
        listed: AtomicUsize::new(0),
        queue,
        listed_at_first_send: AtomicUsize::new(0),
    }
}

#[tokio::test]
async fn visits_are_sent_before_all_cards_are_listed() {
    let world = World::new().await;
    let queue = TestQueue::new();
    let cards = many_cards(10, 5_000, &queue);
    let done = enqueue(&world, &cards, &queue).await.unwrap();
    assert_eq!(
        (done.summary.visits, done.run.counts.planned),
        (5_000, 50_000)
    );
    assert_eq!(cards.listed.load(Ordering::SeqCst), 50_000);
    let listed = cards.listed_at_first_send.load(Ordering::SeqCst);
    assert!(
        listed <= (MAX_WAITING_VISITS + 10) * MAX_CARDS_PER_VISIT + 100,
        "{listed} cards were listed before the first visit was sent"
    );
}

#[tokio::test]
async fn visits_are_interleaved_by_library() {
    let world = World::new().await;
    let queue = TestQueue::new();
    enqueue(&world, &many_cards(4, 50, &queue), &queue)
        .await
        .unwrap();
    let sent = queue.sent();
    assert_eq!(sent.len(), 20);
    for turn in sent.chunks(4) {
        let libraries: BTreeSet<_> = turn.iter().map(|visit| &visit.library).collect();
        assert_eq!(libraries.len(), 4);
    }
}

#[tokio::test]
async fn interrupted_run_is_resumed_and_checks_no_card_twice() {
    let world = World::new().await;
    for number in 0..230 {
        for library in ["wpl", "kpl"] {
            world
                .add_card("conrad", library, (&format!("{number}"), "p"))
                .await;
        }
    }
    let queue = TestQueue::failing_after(0);
    assert!(enqueue(&world, &world.store, &queue).await.is_err());
    // Retried two minutes later; then the schedule fires a second time.
    let queue = TestQueue::new();
    world.clock.advance(chrono::Duration::minutes(2));
    enqueue(&world, &world.store, &queue).await.unwrap();
    assert!(matches!(
        enqueue(&world, &world.store, &queue).await,
        Err(RunError::NotStarted(NotStarted::AlreadyRan(_)))
    ));
    let sent = queue.sent();
    assert_eq!(sent.len(), 46);
    assert!(
        sent.iter()
            .all(|visit| visit.planned_at < world.clock.now())
    );
    for visit in sent.iter().chain(&sent) {
        world.check_visit(visit, NO_DELAY).await;
    }
    assert_eq!(world.logins().len(), 460);
}

#[tokio::test]
async fn failed_run_counts_the_cards_it_enqueued() {
    let world = World::new().await;
    let queue = TestQueue::failing_after(2);
    let error = enqueue(&world, &many_cards(3, 1_000, &queue), &queue)
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Job(JobError::Queue(_))));
    let run = world.store.run(&run_key()).await.unwrap().unwrap();
    assert_eq!(
        (run.outcome, run.counts.planned as usize),
        (RunOutcome::Failed, 2 * BATCH_SIZE * MAX_CARDS_PER_VISIT)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_card_is_enqueued_exactly_once(
        cards in prop::collection::btree_set((0usize..5, 0u16..400, any::<bool>()), 0..260),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for id in ["l0", "l1", "l2", "l3", "l4"] {
                world.store.add_library(&library(id)).await.unwrap();
            }
            for (library, number, second_family) in &cards {
                let family = if *second_family { "diaz" } else { "conrad" };
                world.add_card(family, &format!("l{library}"), (&number.to_string(), "p")).await;
            }
            let queue = TestQueue::new();
            let done = enqueue(&world, &world.store, &queue).await.unwrap();
            let mut seen = BTreeSet::new();
            for visit in queue.sent() {
                for key in visit.cards {
                    let card = world.record(key.card).await.card;
                    prop_assert_eq!(&card.library, &visit.library);
                    prop_assert!(seen.insert(key), "a card was enqueued twice");
                }
            }
            prop_assert_eq!(seen.len(), cards.len());
            prop_assert_eq!(done.run.counts.planned as usize, cards.len());
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn waiting_cards_are_recorded_with_the_reason() {
    let world = World::new().await;
    let paused = world.add_card("conrad", "wpl", ("1", "p")).await;
    let refused = world.add_card("conrad", "wpl", ("2", "p")).await;
    world.add_card("conrad", "wpl", ("3", "p")).await;
    let pause = sample::card_pause(None);
    world.store.set_pause(paused, Some(&pause)).await.unwrap();
    let refusal = Failure::wrong_credentials("no");
    world.site.answer("2", Err(refusal));
    let visit = world.visit("wpl", &[refused]).await;
    world.check_visit(&visit, NO_DELAY).await;
    let queue = TestQueue::new();
    let enqueued = enqueue(&world, &world.store, &queue).await;
    let run = enqueued.unwrap().run;
    assert_eq!(run.counts.planned, 1);
    let work = world.store.work_items(&run.key).await.unwrap();
    let mut outcomes: Vec<String> = crate::run::work::results(&work)
        .into_values()
        .map(ToString::to_string)
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["left_out:paused", "left_out:pin_refused"]);
    // The workers don't check these: the run waits only for the third card.
    let run = run.with_work(&work, world.clock.now());
    assert_eq!((run.outcome, run.counts.skipped), (RunOutcome::Running, 0));
}

#[tokio::test]
async fn schedule_with_an_unknown_id_fails() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let queue = TestQueue::new();
    let ports = EnqueueVisitsPorts {
        cards: &world.store,
        queue: &queue,
    };
    let harness = Harness::new(&world.store, &world.clock);
    let run = async |number: i64, trigger, input: serde_json::Value| {
        let mut plan = RunPlan {
            trigger,
            ..run_plan()
        };
        plan.key.scheduled_time += chrono::TimeDelta::minutes(number);
        let key = plan.key.clone();
        let input = serde_json::from_value(input).unwrap();
        let ended = harness.run(&EnqueueVisits(&ports), plan, &input).await;
        let outcome = world.store.run(&key).await.unwrap().unwrap().outcome;
        assert_eq!(ended.is_err(), outcome == RunOutcome::Failed);
        outcome
    };
    let unknown = CardId::generate();
    for (number, (input, outcome)) in [
        (serde_json::json!({"library": "wlp"}), RunOutcome::Failed),
        (serde_json::json!({"family": "connrad"}), RunOutcome::Failed),
        (serde_json::json!({"card": unknown}), RunOutcome::Failed),
        (
            serde_json::json!({"library": "wpl", "family": "conrad", "card": card}),
            RunOutcome::Done,
        ),
        (serde_json::json!({}), RunOutcome::Done),
    ]
    .into_iter()
    .enumerate()
    {
        let number = i64::try_from(number).unwrap();
        let ended = run(number, Trigger::Schedule, input.clone()).await;
        assert_eq!(ended, outcome, "{input}");
        // A person sees that there is no card to check.
        let ended = run(100 + number, Trigger::Person, input).await;
        assert_eq!(ended, RunOutcome::Done);
    }
}
