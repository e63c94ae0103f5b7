//! The daily history of the runs, brought up to date from the ledger.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};

use super::day::{DayKey, RunDay, Square};
use super::{JobName, Run, RunKey, RunOutcome};
use crate::ids::Label;
use crate::store::{RunStore, StoreResult};

/// How many of each job's newest runs are compared with the history, in one query.
const MAX_NEWEST_RUNS: usize = 100;

/// How many runs whose workers may still report are looked up at a time.
const MAX_OPEN_RUNS: usize = 20;

/// One run in the history of its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// When it was scheduled to start.
    pub scheduled_time: DateTime<Utc>,
    /// How it ended; [`RunOutcome::Running`] also while its workers may still report.
    pub outcome: RunOutcome,
    /// How long it took, as in [`Square::seconds`].
    pub seconds: Option<u32>,
    /// Whether its day has so many runs that they are stored as [`DayTick`](super::day::DayTick)s.
    pub is_tick: bool,
}

/// The runs of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelHistory {
    /// The job.
    pub job: JobName,
    /// The label.
    pub label: Label,
    /// Oldest first.
    pub runs: Vec<PastRun>,
}

impl LabelHistory {
    /// The id of one of its runs.
    pub fn key(&self, run: &PastRun) -> RunKey {
        RunKey {
            job: self.job,
            label: self.label.clone(),
            scheduled_time: run.scheduled_time,
        }
    }
}

/// The runs of all labels in a span of days.
#[derive(Debug, Clone, Default)]
pub struct RunHistory {
    /// Each label with its runs, ordered by job and label.
    pub labels: Vec<LabelHistory>,
    /// The newest runs of each job, as the ledger has them.
    pub newest: Vec<Run>,
    /// The squares that the stored days lack.
    corrections: Vec<(DayKey, Square)>,
}

impl RunHistory {
    /// Loads the runs of each label from `from` to `to`, both UTC dates. It writes nothing.
    ///
    /// The number of reads doesn't depend on the number of labels or days.
    pub async fn load(
        store: &dyn RunStore,
        from: NaiveDate,
        to: NaiveDate,
        now: DateTime<Utc>,
    ) -> StoreResult<Self> {
        let stored = store.run_days(from, to).await?;
        let mut days: BTreeMap<DayKey, RunDay> = stored.into_iter().collect();
        let mut corrections: Vec<(DayKey, Square)> = Vec::new();
        let mut newest: Vec<Run> = Vec::new();
        // A run that is going has no square yet, and a crash may have prevented one.
        for job in JobName::all() {
            for run in store.recent_runs(Some(job), None, MAX_NEWEST_RUNS).await? {
                let (key, square) = (DayKey::from(&run.key), Square::from(&run));
                if (from..=to).contains(&key.date)
                    && days.entry(key.clone()).or_default().upsert(square.clone())
                    && square.outcome != RunOutcome::Running
                {
                    corrections.push((key, square));
                }
                newest.push(run);
            }
        }
        for (key, time) in open_runs(&days) {
            let run = RunKey {
                job: key.job,
                label: key.label.clone(),
                scheduled_time: time,
            };
            let Some(stored) = store.run(&run).await? else {
                continue;
            };
            let work = store.work_items(&run).await?;
            let square = Square::with_work(stored, &work, now);
            if !square.is_open
                && let Some(day) = days.get_mut(&key)
                && day.upsert(square.clone())
            {
                corrections.push((key, square));
            }
        }
        Ok(Self {
            labels: arrange_by_label(days),
            newest,
            corrections,
        })
    }

    /// Stores the missing squares. Only logs an error, since the next reader tries again.
    pub async fn correct_days(&self, store: &dyn RunStore) {
        for (key, square) in &self.corrections {
            if let Err(error) = store
                .upsert_squares(key, std::slice::from_ref(square))
                .await
            {
                tracing::warn!(%error, "The daily history wasn't corrected.");
            }
        }
    }
}

/// The newest runs whose workers may still report.
fn open_runs(days: &BTreeMap<DayKey, RunDay>) -> Vec<(DayKey, DateTime<Utc>)> {
    let open: BTreeSet<(DateTime<Utc>, &DayKey)> = days
        .iter()
        .flat_map(|(key, day)| {
            let open = day.squares.iter().filter(|square| square.is_open);
            open.map(move |square| (square.scheduled_time, key))
        })
        .collect();
    let newest = open.into_iter().rev().take(MAX_OPEN_RUNS);
    newest.map(|(time, key)| (key.clone(), time)).collect()
}

/// Arranges stored days by label.
pub fn arrange_by_label(days: BTreeMap<DayKey, RunDay>) -> Vec<LabelHistory> {
    let mut labels: BTreeMap<(JobName, Label), Vec<PastRun>> = BTreeMap::new();
    for (key, day) in days {
        let ticks = day.ticks();
        let is_tick = !ticks.is_empty();
        let runs = labels.entry((key.job, key.label)).or_default();
        runs.extend(ticks.into_iter().map(|tick| PastRun {
            scheduled_time: key.date.and_time(tick.time).and_utc(),
            outcome: tick.outcome,
            seconds: tick.seconds,
            is_tick,
        }));
        runs.extend(day.squares.into_iter().map(|square| PastRun {
            scheduled_time: square.scheduled_time,
            outcome: match square.is_open {
                true => RunOutcome::Running,
                false => square.outcome,
            },
            seconds: square.seconds,
            is_tick,
        }));
    }
    labels
        .into_iter()
        .map(|((job, label), mut runs)| {
            runs.sort_by_key(|run| run.scheduled_time);
            LabelHistory { job, label, runs }
        })
        .collect()
}
