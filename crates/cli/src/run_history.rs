//! The daily history of the runs, brought up to date from the ledger.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use hippo_core::run::day::{DayKey, RunDay, Square};
use hippo_core::run::{JobName, RunKey, RunOutcome};

use crate::context::Context;
use crate::exit::CommandError;

/// How many of each job's newest runs are compared with the history, in one query.
const MAX_NEWEST: usize = 100;

/// How many runs whose workers may still report are looked up at a time.
const MAX_OPEN: usize = 20;

/// One run in the history of its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PastRun {
    pub(crate) scheduled_time: DateTime<Utc>,
    /// How it ended; [`RunOutcome::Running`] also while its workers may still report.
    pub(crate) outcome: RunOutcome,
    pub(crate) seconds: Option<u32>,
    /// Whether it is one of many runs of its day.
    pub(crate) is_tick: bool,
}

/// The runs of one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelHistory {
    pub(crate) job: JobName,
    pub(crate) label: hippo_core::ids::Label,
    /// Oldest first.
    pub(crate) runs: Vec<PastRun>,
}

impl LabelHistory {
    /// The id of one of its runs.
    pub(crate) fn key(&self, run: &PastRun) -> RunKey {
        RunKey {
            job: self.job,
            label: self.label.clone(),
            scheduled_time: run.scheduled_time,
        }
    }
}

/// Loads the runs of each label from `from` to `to`, both UTC dates, and corrects their stored days.
///
/// The number of reads doesn't depend on the number of labels or days.
pub(crate) async fn load(
    context: &Context,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<LabelHistory>, CommandError> {
    let stored = context.store.run_days(from, to).await?;
    let mut days: BTreeMap<DayKey, RunDay> = stored.into_iter().collect();
    let mut corrections: Vec<(DayKey, Square)> = Vec::new();
    // A run that is going has no square yet, and a crash may have prevented one.
    for job in JobName::all() {
        for run in context
            .store
            .recent_runs(Some(job), None, MAX_NEWEST)
            .await?
        {
            let (key, square) = (DayKey::from(&run.key), Square::from(&run));
            if (from..=to).contains(&key.date)
                && days.entry(key.clone()).or_default().upsert(square.clone())
                && square.outcome != RunOutcome::Running
            {
                corrections.push((key, square));
            }
        }
    }
    for (key, time) in open_runs(&days) {
        let run = RunKey {
            job: key.job,
            label: key.label.clone(),
            scheduled_time: time,
        };
        let Some(stored) = context.store.run(&run).await? else {
            continue;
        };
        let work = context.store.work_items(&run).await?;
        let square = Square::with_work(stored, &work, context.now());
        if !square.is_open
            && let Some(day) = days.get_mut(&key)
            && day.upsert(square.clone())
        {
            corrections.push((key, square));
        }
    }
    for (key, square) in &corrections {
        if let Err(error) = context
            .store
            .upsert_squares(key, std::slice::from_ref(square))
            .await
        {
            tracing::warn!(%error, "The daily history was not corrected.");
        }
    }
    Ok(by_label(days))
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
    let newest = open.into_iter().rev().take(MAX_OPEN);
    newest.map(|(time, key)| (key.clone(), time)).collect()
}

fn by_label(days: BTreeMap<DayKey, RunDay>) -> Vec<LabelHistory> {
    let mut labels: BTreeMap<(JobName, hippo_core::ids::Label), Vec<PastRun>> = BTreeMap::new();
    for (key, day) in days {
        let midnight = key.date.and_time(NaiveTime::MIN).and_utc();
        let ticks = day.ticks();
        let is_tick = !ticks.is_empty();
        let runs = labels.entry((key.job, key.label)).or_default();
        runs.extend(ticks.into_iter().map(|tick| PastRun {
            scheduled_time: midnight + Duration::minutes(i64::from(tick.minute)),
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
