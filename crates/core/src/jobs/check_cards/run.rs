//! `check-cards` on one machine: plans the visits and makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::ids::LibraryId;
use crate::jobs::JobError;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::plan::{VisitPlanner, check_selection, record_left_out_cards};
use crate::jobs::check_cards::visit::{
    CheckedCard, MAX_CARDS_PER_VISIT, Pace, VisitOptions, VisitPorts, VisitReport, check_visit,
    end_resolved_page_alerts,
};
use crate::queue::Visit;
use crate::run::JobName;
use crate::run::job::Job;
use crate::run::ledger::{Ending, OpenRun};
use crate::run::work::{LeftOutReason, WorkItem, WorkResult};
use crate::store::{AlertStore, CardStore, Scope};

/// The most interrupted cards that one work item records.
const MAX_RESULTS_PER_WORK_ITEM: usize = 500;

/// How a run on one machine checks its cards, and who watches it.
#[derive(Clone, Copy)]
pub struct CheckOptions<'a> {
    /// How many libraries are visited at a time.
    pub concurrency: usize,
    /// The delay between two cards of one library.
    pub pace: Pace,
    /// Called as the run goes on, to show progress.
    pub on_progress: Option<&'a (dyn Fn(CheckProgress<'_>) + Send + Sync)>,
}

/// The ports of the run, besides those of its visits.
pub struct RunPorts<'a> {
    /// Lists the cards that are to be checked.
    pub cards: &'a dyn CardStore,
    /// The store of alerts.
    pub alerts: &'a dyn AlertStore,
}

/// How far a run has come.
#[derive(Debug)]
pub enum CheckProgress<'a> {
    /// This many cards are to be checked.
    Planned(usize),
    /// One of them was checked.
    Checked(&'a CheckedCard),
}

/// `check-cards` in this process.
///
/// Once a stop is requested, no more cards are started. Cards in progress may finish until the grace
/// is over. By then, what is known of their logins is recorded.
pub struct CheckCards<'a> {
    ports: &'a VisitPorts<'a>,
    run_ports: &'a RunPorts<'a>,
    options: CheckOptions<'a>,
    runs: Mutex<CheckedRuns>,
}

/// The runs of one job: those on which it caught up, then its own.
#[derive(Default)]
struct CheckedRuns {
    count: usize,
    /// The cards of the last one.
    checked: Vec<CheckedCard>,
}

impl<'a> CheckCards<'a> {
    /// Makes the visits with these ports.
    pub fn new(
        ports: &'a VisitPorts<'a>,
        run_ports: &'a RunPorts<'a>,
        options: CheckOptions<'a>,
    ) -> Self {
        Self {
            ports,
            run_ports,
            options,
            runs: Mutex::default(),
        }
    }

    /// Returns the checked cards of the last run, in the order in which their visits ended, and how many
    /// missed runs the job caught up on first.
    pub fn into_checked(self) -> (Vec<CheckedCard>, usize) {
        let runs = self.runs.into_inner();
        let runs = runs.unwrap_or_else(PoisonError::into_inner);
        (runs.checked, runs.count.saturating_sub(1))
    }
}

#[async_trait]
impl Job for CheckCards<'_> {
    const NAME: JobName = JobName::CHECK_CARDS;
    const TIME_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
    type Input = CheckCardsInput;
    type Summary = ();

    fn is_retry(input: &CheckCardsInput) -> bool {
        input.scope == Scope::Failed
    }

    async fn run(&self, run: &OpenRun<'_>, input: &CheckCardsInput) -> Result<(), JobError> {
        let mut checked = Vec::new();
        let work = plan_and_check(
            self.ports,
            self.run_ports,
            run,
            input,
            self.options,
            &mut checked,
        );
        let work = work.await;
        // Paused, removed or changed since the plan was made, or in progress elsewhere.
        run.count(|counts| {
            counts.skipped = counts
                .planned
                .saturating_sub(counts.done)
                .saturating_sub(counts.failures());
        });
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs = CheckedRuns {
            count: runs.count + 1,
            checked,
        };
        work
    }
}

async fn plan_and_check(
    ports: &VisitPorts<'_>,
    run_ports: &RunPorts<'_>,
    run: &OpenRun<'_>,
    input: &CheckCardsInput,
    options: CheckOptions<'_>,
    checked: &mut Vec<CheckedCard>,
) -> Result<(), JobError> {
    record_left_out_cards(run_ports.cards, run, input).await?;
    let (key, planned_at) = (run.key().clone(), run.started_at());
    let plan = |size| {
        VisitPlanner::new(run_ports.cards, input, &key, planned_at, size)
            .without_libraries(run.closed_libraries())
            .plan_all()
    };
    let mut visits = plan(MAX_CARDS_PER_VISIT).await?;
    let cards = visits.iter().map(|visit| visit.cards.len()).sum();
    if cards == 0 {
        check_selection(run_ports.cards, run, input).await?;
    }
    let size = visit_size(cards, options.concurrency);
    if size < MAX_CARDS_PER_VISIT {
        visits = plan(size).await?;
    }
    if let Some(on_progress) = options.on_progress {
        on_progress(CheckProgress::Planned(cards));
    }
    run.count(|counts| {
        counts.planned = u32::try_from(cards).unwrap_or(u32::MAX);
    });
    let ending = check_visits(ports, run, visits, options, checked).await;
    end_resolved_page_alerts(checked, run_ports.alerts, run_ports.cards, ports.clock).await;
    ending
}

/// The size of visits that keeps `concurrency` workers busy to the end.
fn visit_size(cards: usize, concurrency: usize) -> usize {
    cards
        .div_ceil(concurrency.max(1) * 8)
        .clamp(1, MAX_CARDS_PER_VISIT)
}

/// Makes the visits, several at a time, and records each as it ends.
async fn check_visits(
    ports: &VisitPorts<'_>,
    run: &OpenRun<'_>,
    visits: Vec<Visit>,
    options: CheckOptions<'_>,
    checked: &mut Vec<CheckedCard>,
) -> Result<(), JobError> {
    let stop = run.stop();
    let show_checked = |card: &CheckedCard| {
        if let Some(on_progress) = options.on_progress {
            on_progress(CheckProgress::Checked(card));
        }
    };
    let visit_options = VisitOptions {
        stop,
        on_checked: Some(&show_checked),
        ..VisitOptions::new(options.pace)
    };
    let mut waiting = WaitingVisits::new(visits);
    let mut running = FuturesUnordered::new();
    let mut fault = None;
    loop {
        while fault.is_none() && !stop.is_requested() && running.len() < options.concurrency.max(1)
        {
            let Some(NextVisit {
                visit,
                delay_before_first_card,
            }) = waiting.pop_visit()
            else {
                break;
            };
            let options = VisitOptions {
                delay_before_first_card,
                ..visit_options
            };
            running.push(async move {
                let report = check_visit(ports, &visit, options).await;
                (visit, report)
            });
        }
        let Some((visit, report)) = running.next().await else {
            break;
        };
        waiting.mark_visit_done(&visit.library, report.is_library_down());
        // Never `?` here: visits in progress must finish, or their logins would have no outcome.
        if let Err(error) = record_visit(run, &visit, report, checked).await {
            fault.get_or_insert(error);
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if stop.is_requested() {
        record_interrupted(run, waiting).await?;
    }
    Ok(())
}

/// Counts and records the result of each card of a visit.
async fn record_visit(
    run: &OpenRun<'_>,
    visit: &Visit,
    mut report: VisitReport,
    checked: &mut Vec<CheckedCard>,
) -> Result<(), JobError> {
    // A visit in this process is never delivered twice, so another run checked these cards.
    let others = report.checked_before.drain(..);
    let others = others.map(|record| (record.card, LeftOutReason::CheckedAlready));
    report.left_out.extend(others);
    let work = report.work_item(visit);
    run.count(|counts| {
        for result in &work.results {
            counts.add(&result.outcome);
        }
    });
    for alert in report.alerts {
        run.alert(alert);
    }
    checked.extend(report.checked);
    let saved = run.save_work_item(&work).await;
    report.ending?;
    saved
}

/// Records the cards whose visits were not started.
async fn record_interrupted(run: &OpenRun<'_>, mut waiting: WaitingVisits) -> Result<(), JobError> {
    let mut interrupted: Vec<WorkResult> = Vec::new();
    while let Some(NextVisit { visit, .. }) = waiting.pop_visit() {
        waiting.mark_visit_done(&visit.library, false);
        let report = VisitReport::new(Ending::Stopped);
        interrupted.extend(report.work_item(&visit).results);
    }
    for (number, results) in (0_usize..).zip(interrupted.chunks(MAX_RESULTS_PER_WORK_ITEM)) {
        let item_id = WorkItem::inline_item_id(&format!("interrupted/{number}"));
        let results = results.to_vec();
        run.save_work_item(&WorkItem { item_id, results }).await?;
    }
    Ok(())
}

/// Visits that wait for their turn; each library has one at a time.
///
/// A library that is down goes first: its visits make no requests while we back off, but would make
/// them later. Then comes the library with the most visits left, so that it doesn't delay the end
/// of the run.
struct WaitingVisits {
    /// The next visit of each library is the last in its list.
    by_library: BTreeMap<LibraryId, Vec<Visit>>,
    busy: BTreeSet<LibraryId>,
    visited: BTreeSet<LibraryId>,
    down: BTreeSet<LibraryId>,
}

/// The visit to make next.
struct NextVisit {
    visit: Visit,
    /// Whether an earlier visit of this run was at the library, and the library isn't known to be
    /// down.
    delay_before_first_card: bool,
}

impl WaitingVisits {
    fn new(visits: Vec<Visit>) -> Self {
        let mut by_library: BTreeMap<LibraryId, Vec<Visit>> = BTreeMap::new();
        for visit in visits.into_iter().rev() {
            let library = visit.library.clone();
            by_library.entry(library).or_default().push(visit);
        }
        Self {
            by_library,
            busy: BTreeSet::new(),
            visited: BTreeSet::new(),
            down: BTreeSet::new(),
        }
    }

    /// Takes the next visit to a library that has none in progress; `None`: there is none for now.
    fn pop_visit(&mut self) -> Option<NextVisit> {
        let (library, visits) = self
            .by_library
            .iter_mut()
            .filter(|(library, _)| !self.busy.contains(*library))
            .max_by_key(|(library, visits)| (self.down.contains(*library), visits.len()))?;
        let visit = visits.pop()?;
        let library = library.clone();
        if visits.is_empty() {
            self.by_library.remove(&library);
        }
        self.busy.insert(library.clone());
        let is_down = self.down.contains(&library);
        let is_first = self.visited.insert(library);
        Some(NextVisit {
            visit,
            delay_before_first_card: !is_first && !is_down,
        })
    }

    /// Frees the library for its next visit. A library that was down once counts as down.
    fn mark_visit_done(&mut self, library: &LibraryId, is_down: bool) {
        self.busy.remove(library);
        if is_down {
            self.down.insert(library.clone());
        }
    }
}

#[cfg(test)]
mod tests;
