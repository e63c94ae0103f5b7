//! The ledger of the runs.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{MemoryStore, State};
use crate::clock::is_in_future;
use crate::ids::Label;
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{JobName, Run, RunKey, RunOutcome};
use crate::store::{RunStart, RunStore, StoreError, StoreResult};

#[async_trait]
impl RunStore for MemoryStore {
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart> {
        let mut state = self.write()?;
        let stored = state.runs.get(&run.key);
        if let Some(stored) = stored.filter(|stored| !run.may_replace(stored)) {
            return Ok(RunStart::AlreadyRan(stored.clone()));
        }
        let silent_since = run.started_at - silence;
        let mut going = None;
        for other in state.runs.values_mut().filter(|other| {
            other.key.job == run.key.job
                && other.key.label == run.key.label
                && other.outcome == RunOutcome::Running
        }) {
            if other.reported_at < silent_since || is_in_future(other.reported_at, run.started_at) {
                other.outcome = RunOutcome::Lost;
                other.finished_at = Some(other.reported_at);
            } else {
                going = Some(other.clone());
            }
        }
        let (stored, start) = match going {
            Some(going) if !allow_overlap => {
                let skipped = Run {
                    outcome: RunOutcome::SkippedStillRunning,
                    finished_at: Some(run.started_at),
                    ..run.clone()
                };
                (skipped, RunStart::StillRunning(going))
            }
            _ => (run.clone(), RunStart::Started),
        };
        state.runs.insert(run.key.clone(), stored);
        Ok(start)
    }

    async fn record_run(&self, run: &Run) -> StoreResult<bool> {
        let mut state = self.write()?;
        if state.runs.contains_key(&run.key) {
            return Ok(false);
        }
        state.runs.insert(run.key.clone(), run.clone());
        Ok(true)
    }

    async fn report_run(&self, run: &Run) -> StoreResult<()> {
        match self.write()?.runs.get_mut(&run.key) {
            Some(stored) => {
                stored.reported_at = run.reported_at;
                stored.finished_at = run.finished_at;
                stored.outcome = run.outcome;
                stored.counts = run.counts.clone();
                Ok(())
            }
            None => Err(StoreError::NotFound(format!("run {}", run.key))),
        }
    }

    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()> {
        let key = (run.clone(), work.item_id.clone());
        self.write()?.work.insert(key, work.clone());
        Ok(())
    }

    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>> {
        let state = self.read()?;
        let of_run = state.work.iter().filter(|((key, _), _)| key == run);
        Ok(of_run.map(|(_, work)| work.clone()).collect())
    }

    async fn tick_times(&self) -> StoreResult<TickTimes> {
        Ok(self.read()?.tick_times.clone())
    }

    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool> {
        let stored = &mut self.write()?.tick_times;
        let is_same = stored == before;
        if is_same {
            *stored = after.clone();
        }
        Ok(is_same)
    }

    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>> {
        Ok(self.read()?.runs.get(key).cloned())
    }

    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>> {
        let mut runs: Vec<Run> = self
            .read()?
            .runs
            .values()
            .filter(|run| job.is_none_or(|job| job == run.key.job))
            .filter(|run| label.is_none_or(|label| *label == run.key.label))
            .cloned()
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        runs.truncate(limit);
        Ok(runs)
    }

    async fn delete_history_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let mut state = self.write()?;
        let State { runs, work, .. } = &mut *state;
        runs.retain(|_, run| run.started_at >= before);
        work.retain(|(run, _), _| runs.contains_key(run));
        state
            .run_days
            .retain(|day, _| day.date >= before.date_naive());
        state.alerts.retain(|_, alert| alert.last_seen >= before);
        state
            .pauses
            .retain(|_, pause| pause.until.is_none_or(|until| until >= before));
        state
            .outbox
            .retain(|_, (record, _)| record.planned_at >= before || !record.is_over());
        Ok(())
    }
}
