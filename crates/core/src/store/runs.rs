//! The ledger of runs.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::{DamagedRow, PauseStore, RunDayStore, StoreResult};
use crate::ids::Label;
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{JobName, Run, RunKey};

/// The result of starting a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunStart {
    /// The run is recorded and may begin its work.
    Started,
    /// A run with this key is already recorded: the schedule fired twice.
    AlreadyRan(Run),
    /// The label's last run is still going; this one is recorded as skipped.
    StillRunning(Run),
}

/// Stores the ledger of runs.
#[async_trait]
pub trait RunStore: RunDayStore + PauseStore {
    /// Records a run before its work begins, in one write.
    ///
    /// A person's run [replaces](Run::may_replace) the record of one that never started.
    ///
    /// Unless `allow_overlap`, it looks for a `Running` run of the same job and label:
    ///
    /// - If that run reported within `silence` before `run.started_at`, the new run is recorded as
    ///   `SkippedStillRunning`, finished when it began.
    /// - If that run has been silent for longer, or a clock ahead of `run.started_at` wrote its report, it
    ///   is recorded as `Lost`, finished when it last reported.
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart>;

    /// Records a run that ended without starting, if its key is free; true if it was recorded.
    ///
    /// It blocks no other run.
    async fn record_run(&self, run: &Run) -> StoreResult<bool>;

    /// Replaces a run's report, end, outcome and counts; [`NotFound`](super::StoreError::NotFound) if it is missing.
    async fn report_run(&self, run: &Run) -> StoreResult<()>;

    /// Upserts a work item's result in one write; idempotent.
    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()>;

    /// Lists the work items of a run, ordered by item id.
    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>>;

    /// Lists the damaged rows that were found since the store was opened.
    ///
    /// Other lists leave damaged rows out, and a read by id returns `None` for one.
    fn damaged_rows(&self) -> Vec<DamagedRow> {
        Vec::new()
    }

    /// Returns by how much `now` is ahead of the store's own clock; `None`: it has no clock.
    async fn clock_skew(&self, now: DateTime<Utc>) -> StoreResult<Option<TimeDelta>> {
        let _ = now;
        Ok(None)
    }

    /// Returns when `notify-all` ticked.
    async fn tick_times(&self) -> StoreResult<TickTimes>;

    /// Replaces the tick times if they are still `before`; true if they were replaced.
    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool>;

    /// Returns a run, or `None` if it is missing.
    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>>;

    /// Lists the newest runs, of one job or label if given; the one that began last comes first.
    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>>;

    /// Lists at most `limit` of the newest runs of each label of a job, ordered by label; the one that
    /// began last comes first.
    ///
    /// By default it loads all runs of the job; a store that keeps a label's runs together overrides it.
    async fn newest_runs_by_label(&self, job: JobName, limit: usize) -> StoreResult<Vec<Run>> {
        let mut by_label: BTreeMap<Label, Vec<Run>> = BTreeMap::new();
        for run in self.recent_runs(Some(job), None, usize::MAX).await? {
            let of_label = by_label.entry(run.key.label.clone()).or_default();
            if of_label.len() < limit {
                of_label.push(run);
            }
        }
        Ok(by_label.into_values().flatten().collect())
    }

    /// Deletes runs started, notices planned, alerts last raised and pauses ended before `before`, except
    /// open notices; and the daily history before its date.
    async fn delete_history_before(&self, before: DateTime<Utc>) -> StoreResult<()>;
}
