//! `check-cards` with workers: plans the visits and enqueues them.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::Clock;
use crate::ids::LibraryId;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::plan::{VisitPlanner, report_waiting_cards};
use crate::jobs::check_cards::visit::{MAX_CARDS_PER_VISIT, Visit};
use crate::jobs::{JobError, RunError};
use crate::queue::VisitQueue;
use crate::run::Run;
use crate::run::ledger::{self, Ending, OpenRun, RunPlan};
use crate::store::{CardStore, RunStore};

/// How many visits wait to be interleaved by library. A visit takes about a kilobyte.
pub const MAX_WAITING_VISITS: usize = 1000;

/// How many visits are enqueued at a time.
pub const BATCH_SIZE: usize = 100;

/// What handing out visits needs from outside.
pub struct EnqueueVisitsPorts<'a> {
    /// The cards that are to be checked.
    pub cards: &'a dyn CardStore,
    /// The ledger.
    pub runs: &'a dyn RunStore,
    /// Where the visits go.
    pub queue: &'a dyn VisitQueue,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// A run that handed out its visits.
#[derive(Debug, Clone, PartialEq)]
pub struct EnqueuedVisits {
    /// The run; its counts say how many cards were planned.
    pub run: Run,
    /// How many visits there were.
    pub visits: usize,
}

/// Hands out a visit for every card that `input` asks for, as one run on record.
///
/// The inner error says why no run was started. A run that is on record but did not come to its end
/// goes on: it plans anew with the time at which it began, so that what was handed out before is
/// known again by the queue, or by the worker. The run ends when all is handed out: its counts are
/// of the cards planned, what became of them is reported by the workers ([`crate::run::work`]).
pub async fn enqueue_visits(
    ports: &EnqueueVisitsPorts<'_>,
    plan: RunPlan<'_>,
    input: &CheckCardsInput,
) -> Result<EnqueuedVisits, RunError> {
    let run = ledger::start_or_resume_run(ports.runs, ports.clock, plan).await?;
    let mut visits = 0;
    let work = ledger::catch_panic(send_all(ports, &run, input, &mut visits)).await;
    let run = run.close(work).await?;
    Ok(EnqueuedVisits { run, visits })
}

async fn send_all(
    ports: &EnqueueVisitsPorts<'_>,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
    sent: &mut usize,
) -> Result<Ending, JobError> {
    report_waiting_cards(ports.cards, run, input).await?;
    let mut planner = VisitPlanner::new(
        ports.cards,
        input,
        run.key(),
        run.started_at(),
        MAX_CARDS_PER_VISIT,
    );
    let mut turns = LibraryRotation::default();
    loop {
        while turns.waiting < MAX_WAITING_VISITS {
            match planner.next().await? {
                Some(visit) => turns.add(visit),
                None => break,
            }
        }
        let batch = turns.take(BATCH_SIZE);
        if batch.is_empty() {
            return Ok(Ending::Through);
        }
        ports.queue.send(&batch).await?;
        *sent += batch.len();
        let cards: usize = batch.iter().map(|visit| visit.cards.len()).sum();
        let cards = u32::try_from(cards).unwrap_or(u32::MAX);
        run.count(|counts| counts.add_enqueued(cards));
    }
}

/// The visits that wait, by library; libraries take turns.
#[derive(Debug, Default)]
struct LibraryRotation {
    waiting: usize,
    by_library: BTreeMap<LibraryId, VecDeque<Visit>>,
    last: Option<LibraryId>,
}

impl LibraryRotation {
    fn add(&mut self, visit: Visit) {
        self.waiting += 1;
        self.by_library
            .entry(visit.library.clone())
            .or_default()
            .push_back(visit);
    }

    fn take(&mut self, limit: usize) -> Vec<Visit> {
        std::iter::from_fn(|| self.next()).take(limit).collect()
    }

    fn next(&mut self) -> Option<Visit> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = self
            .last
            .as_ref()
            .and_then(|last| self.by_library.range((Excluded(last), Unbounded)).next())
            .map(|(library, _)| library.clone());
        let library = after.or_else(|| self.by_library.keys().next().cloned())?;
        let visits = self.by_library.get_mut(&library)?;
        let visit = visits.pop_front();
        if visits.is_empty() {
            self.by_library.remove(&library);
        }
        self.last = Some(library);
        self.waiting = self.waiting.saturating_sub(usize::from(visit.is_some()));
        visit
    }
}

#[cfg(test)]
mod tests;
