//! `check-cards` on one machine: plans the visits and makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::ids::LibraryId;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::plan::{VisitPlanner, report_waiting_cards};
use crate::jobs::check_cards::visit::pages::PageHealth;
use crate::jobs::check_cards::visit::report::VisitRecord;
use crate::jobs::check_cards::visit::{
    CheckedCard, MAX_CARDS_PER_VISIT, Pace, Visit, VisitNews, VisitOptions, VisitPorts, check_visit,
};
use crate::jobs::{JobError, RunError, StopSignal};
use crate::run::Run;
use crate::run::ledger::{self, Ending, OpenRun, RunPlan};
use crate::run::work::{LeftOutReason, WorkItem, WorkResult};
use crate::store::AlertStore;
use crate::store::{CardStore, RunStore};

/// The size of visits that keeps `concurrency` workers busy to the end.
pub fn visit_size(cards: usize, concurrency: usize) -> usize {
    cards
        .div_ceil(concurrency.max(1) * 8)
        .clamp(1, MAX_CARDS_PER_VISIT)
}

/// How many cards that were not begun are put on record at a time.
const RESULTS_PER_ITEM: usize = 500;

/// How a run on one machine goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckOptions {
    /// How many libraries are visited at a time.
    pub concurrency: usize,
    /// The pauses between two cards of one library.
    pub pace: Pace,
}

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            concurrency: 8,
            pace: Pace::default(),
        }
    }
}

/// What the run itself needs from outside, beside its visits.
pub struct RunPorts<'a> {
    /// The cards that are to be checked.
    pub cards: &'a dyn CardStore,
    /// The ledger.
    pub runs: &'a dyn RunStore,
    /// Where alerts are raised.
    pub alerts: &'a dyn AlertStore,
}

/// What a run reports while it goes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// This many cards are to be checked.
    Planned(usize),
    /// One of them was.
    Checked(&'a CheckedCard),
}

/// Checks every card that `input` asks for, in this process, as one run on record.
///
/// The inner error says why no run was started. When `stop` says so, no further card is started.
/// Cards in progress may finish until the grace is over, and the run is recorded as interrupted. By
/// then, what is known about their logins is on record.
pub async fn check_cards(
    ports: &VisitPorts<'_>,
    of_run: &RunPorts<'_>,
    plan: RunPlan<'_>,
    input: &CheckCardsInput,
    options: CheckOptions,
    stop: StopSignal<'_>,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Run, RunError> {
    let run = ledger::start_run(of_run.runs, ports.clock, plan).await?;
    let work = check_all(ports, of_run, &run, input, options, stop, progress);
    let work = ledger::catch_panic(work).await;
    // Paused, removed or set anew since the planning, or under way elsewhere.
    run.count(|counts| {
        counts.skipped = counts
            .planned
            .saturating_sub(counts.done)
            .saturating_sub(counts.failures());
    });
    Ok(run.close(work).await?)
}

async fn check_all(
    ports: &VisitPorts<'_>,
    of_run: &RunPorts<'_>,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
    options: CheckOptions,
    stop: StopSignal<'_>,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Ending, JobError> {
    report_waiting_cards(of_run.cards, run, input).await?;
    let (key, planned_at) = (run.key().clone(), run.started_at());
    let plan = |size| VisitPlanner::new(of_run.cards, input, &key, planned_at, size).all();
    let mut visits = plan(MAX_CARDS_PER_VISIT).await?;
    let cards = visits.iter().map(|visit| visit.cards.len()).sum();
    let size = visit_size(cards, options.concurrency);
    if size < MAX_CARDS_PER_VISIT {
        visits = plan(size).await?;
    }
    let visit_options = VisitOptions {
        pace: options.pace,
        deadline: None,
        stop,
    };
    progress(Progress::Planned(cards));
    run.count(|counts| {
        counts.planned = u32::try_from(cards).unwrap_or(u32::MAX);
    });
    let pages = PageHealth::default();
    let hear = |news: &VisitNews<'_>| match news {
        VisitNews::Checked(card) => {
            run.count(|counts| match &card.check.outcome {
                Ok(_) => counts.done += 1,
                Err(failure) => counts.add_failure(failure.kind.as_str()),
            });
            progress(Progress::Checked(card));
        }
        VisitNews::Alert(alert) => run.alert(alert.clone()),
        // What is planned and neither done nor failed is counted as left out at the end.
        VisitNews::CheckedBefore(_) | VisitNews::LeftOut(..) => {}
    };
    let mut queue = VisitRotation::new(visits);
    let mut running = FuturesUnordered::new();
    let mut begun: BTreeMap<LibraryId, (Visit, Arc<VisitRecord>)> = BTreeMap::new();
    let mut grace = pin!(stop.grace_is_over());
    let mut fault = None;
    loop {
        while fault.is_none() && !stop.is_asked() && running.len() < options.concurrency.max(1) {
            let Some(next) = queue.next() else {
                break;
            };
            let hear = &hear;
            let record = Arc::new(VisitRecord::default());
            let key = next.visit.library.clone();
            begun.insert(key, (next.visit.clone(), Arc::clone(&record)));
            let pages = &pages;
            running.push(async move {
                if next.waits_before {
                    options.pace.wait(ports.clock).await;
                }
                let is_down = AtomicBool::new(false);
                let news = |news: VisitNews<'_>| {
                    // Here no visit comes twice: another run checked it.
                    let news = match news {
                        VisitNews::CheckedBefore(before) => {
                            VisitNews::LeftOut(&before.card, LeftOutReason::CheckedAlready)
                        }
                        news => news,
                    };
                    if let VisitNews::Checked(card) = &news
                        && let Err(failure) = &card.check.outcome
                        && failure.kind.affects_library()
                    {
                        is_down.store(true, Ordering::Relaxed);
                    }
                    record.hear(&news);
                    pages.hear(&news);
                    hear(&news);
                };
                let result = check_visit(ports, &next.visit, visit_options, &news).await;
                let rest = match &result {
                    _ if stop.is_asked() => Some(LeftOutReason::Interrupted),
                    Ok(()) => Some(LeftOutReason::Removed),
                    Err(_) => None,
                };
                let work = record.report(&next.visit, rest);
                let is_down = is_down.into_inner();
                (next.visit.library, is_down, work, result)
            });
        }
        let (library, is_down, work, result) = match select(running.next(), grace.as_mut()).await {
            Either::Left((Some(ended), _)) => ended,
            Either::Left((None, _)) | Either::Right(_) => break,
        };
        begun.remove(&library);
        queue.left(&library);
        if is_down {
            queue.is_down(&library);
        }
        if let Err(error) = result {
            fault.get_or_insert(error);
        }
        // Never `?` here: what was begun is finished, or its logins would have no outcome.
        if let Err(error) = run.save_work_item(&work).await {
            fault.get_or_insert(error);
        }
    }
    drop(running);
    let interrupted = Some(LeftOutReason::Interrupted);
    for (visit, record) in begun.into_values() {
        run.save_work_item(&record.report(&visit, interrupted))
            .await?;
    }
    if fault.is_none() && stop.is_asked() {
        let mut rest: Vec<WorkResult> = Vec::new();
        while let Some(next) = queue.next() {
            queue.left(&next.visit.library);
            rest.extend(
                VisitRecord::default()
                    .report(&next.visit, interrupted)
                    .results,
            );
        }
        for (number, results) in (0_usize..).zip(rest.chunks(RESULTS_PER_ITEM)) {
            let item_id = WorkItem::inline_item_id(&format!("interrupted/{number}"));
            let results = results.to_vec();
            run.save_work_item(&WorkItem { item_id, results }).await?;
        }
    }
    pages.end_page_changes(of_run.alerts, ports.clock).await;
    match fault {
        Some(fault) => Err(fault),
        None if stop.is_asked() => Ok(Ending::Stopped),
        None => Ok(Ending::Through),
    }
}

/// Visits that wait: one at a time to each library.
///
/// A library that is down goes first: while we back off, its visits make no requests, and after
/// that each would. Then comes the library with the most visits left, so that it doesn't delay the
/// end.
struct VisitRotation {
    waiting: BTreeMap<LibraryId, Vec<Visit>>,
    busy: BTreeSet<LibraryId>,
    begun: BTreeSet<LibraryId>,
    down: BTreeSet<LibraryId>,
}

/// A visit whose turn it is.
struct NextVisit {
    visit: Visit,
    /// It is not the first at its library, and the library is not known to be down.
    waits_before: bool,
}

impl VisitRotation {
    fn new(visits: Vec<Visit>) -> Self {
        let mut waiting: BTreeMap<LibraryId, Vec<Visit>> = BTreeMap::new();
        // Popped from the end: the first of each library stands last.
        for visit in visits.into_iter().rev() {
            waiting
                .entry(visit.library.clone())
                .or_default()
                .push(visit);
        }
        Self {
            waiting,
            busy: BTreeSet::new(),
            begun: BTreeSet::new(),
            down: BTreeSet::new(),
        }
    }

    fn next(&mut self) -> Option<NextVisit> {
        let (library, visits) = self
            .waiting
            .iter_mut()
            .filter(|(library, _)| !self.busy.contains(*library))
            .max_by_key(|(library, visits)| (self.down.contains(*library), visits.len()))?;
        let visit = visits.pop()?;
        let library = library.clone();
        if visits.is_empty() {
            self.waiting.remove(&library);
        }
        self.busy.insert(library.clone());
        let is_down = self.down.contains(&library);
        let is_first = self.begun.insert(library);
        Some(NextVisit {
            visit,
            waits_before: !is_first && !is_down,
        })
    }

    fn left(&mut self, library: &LibraryId) {
        self.busy.remove(library);
    }

    fn is_down(&mut self, library: &LibraryId) {
        self.down.insert(library.clone());
    }
}

#[cfg(test)]
mod tests;
