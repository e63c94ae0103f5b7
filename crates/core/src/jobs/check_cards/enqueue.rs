//! `check-cards` with workers: plans the visits and enqueues them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::ids::LibraryId;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::plan::{VisitPlanner, check_selection, record_left_out_cards};
use crate::jobs::check_cards::run::CheckCards;
use crate::jobs::check_cards::visit::MAX_CARDS_PER_VISIT;
use crate::jobs::{ENQUEUE_TIME_LIMIT, JobError};
use crate::queue::Visit;
use crate::queue::VisitQueue;
use crate::run::JobName;
use crate::run::job::Job;
use crate::run::ledger::OpenRun;
use crate::store::CardStore;

/// The most visits held in memory, to interleave libraries. A visit takes about a kilobyte.
pub const MAX_WAITING_VISITS: usize = 1000;

/// The most visits sent to the queue at once.
pub const BATCH_SIZE: usize = 100;

/// The ports for enqueueing visits.
pub struct EnqueueVisitsPorts<'a> {
    /// Lists the cards that are to be checked.
    pub cards: &'a dyn CardStore,
    /// The queue of the visits.
    pub queue: &'a dyn VisitQueue,
}

/// What a run has enqueued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EnqueuedVisits {
    /// How many cards were planned.
    pub cards: u32,
    /// How many visits were enqueued.
    pub visits: usize,
}

/// `check-cards` with workers, which make the enqueued visits.
///
/// An interrupted run is resumed: it plans again as of the time at which it began. So the queue or
/// the worker recognises what was enqueued before. The run ends when everything is enqueued. Its
/// counts say how many cards were planned; the workers report the results ([`crate::run::work`]).
pub struct EnqueueVisits<'a>(pub &'a EnqueueVisitsPorts<'a>);

#[async_trait]
impl Job for EnqueueVisits<'_> {
    const NAME: JobName = JobName::CHECK_CARDS;
    const TIME_LIMIT: Duration = ENQUEUE_TIME_LIMIT;
    const RESUMES: bool = true;
    type Input = CheckCardsInput;
    type Summary = EnqueuedVisits;

    fn is_retry(input: &CheckCardsInput) -> bool {
        CheckCards::is_retry(input)
    }

    async fn run(
        &self,
        run: &OpenRun<'_>,
        input: &CheckCardsInput,
    ) -> Result<EnqueuedVisits, JobError> {
        plan_and_enqueue(self.0, run, input).await
    }
}

async fn plan_and_enqueue(
    ports: &EnqueueVisitsPorts<'_>,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
) -> Result<EnqueuedVisits, JobError> {
    let mut enqueued = EnqueuedVisits::default();
    record_left_out_cards(ports.cards, run, input).await?;
    let mut planner = VisitPlanner::new(
        ports.cards,
        input,
        run.key(),
        run.started_at(),
        MAX_CARDS_PER_VISIT,
    )
    .without_libraries(run.closed_libraries());
    let mut waiting = InterleavedVisits::default();
    loop {
        while waiting.len < MAX_WAITING_VISITS {
            match planner.plan_next().await? {
                Some(visit) => waiting.push_visit(visit),
                None => break,
            }
        }
        let batch = waiting.pop_visits(BATCH_SIZE);
        if batch.is_empty() {
            if enqueued.cards == 0 {
                check_selection(ports.cards, run, input).await?;
            }
            return Ok(enqueued);
        }
        ports.queue.send(&batch).await?;
        enqueued.visits += batch.len();
        let cards: usize = batch.iter().map(|visit| visit.cards.len()).sum();
        let cards = u32::try_from(cards).unwrap_or(u32::MAX);
        enqueued.cards = enqueued.cards.saturating_add(cards);
        run.count(|counts| counts.add_enqueued(cards));
    }
}

/// Visits that wait to be sent, in rounds: one visit of each library, then the next of each.
#[derive(Debug, Default)]
struct InterleavedVisits {
    len: usize,
    by_library: BTreeMap<LibraryId, VecDeque<Visit>>,
    last_library: Option<LibraryId>,
}

impl InterleavedVisits {
    fn push_visit(&mut self, visit: Visit) {
        self.len += 1;
        self.by_library
            .entry(visit.library.clone())
            .or_default()
            .push_back(visit);
    }

    fn pop_visits(&mut self, limit: usize) -> Vec<Visit> {
        std::iter::from_fn(|| self.pop_visit())
            .take(limit)
            .collect()
    }

    fn pop_visit(&mut self) -> Option<Visit> {
        use std::ops::Bound::{Excluded, Unbounded};
        let next = self
            .last_library
            .as_ref()
            .and_then(|last| self.by_library.range((Excluded(last), Unbounded)).next())
            .map(|(library, _)| library.clone());
        let library = next.or_else(|| self.by_library.keys().next().cloned())?;
        let visits = self.by_library.get_mut(&library)?;
        let visit = visits.pop_front();
        if visits.is_empty() {
            self.by_library.remove(&library);
        }
        self.last_library = Some(library);
        self.len = self.len.saturating_sub(usize::from(visit.is_some()));
        visit
    }
}

#[cfg(test)]
mod tests;
