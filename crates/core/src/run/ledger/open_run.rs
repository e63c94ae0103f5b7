//! A run that is recorded and running, until its end is recorded.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use futures::FutureExt as _;

use super::hooks::{call_after_run, raise};
use crate::alerts::Alert;
use crate::alerts::run_hooks::RunHooks;
use crate::clock::Clock;
use crate::ids::LibraryId;
use crate::jobs::{JobError, StopRequest};
use crate::run::harness::OnProgress;
use crate::run::record_days::record_in_days;
use crate::run::steps::RunStep;
use crate::run::work::WorkItem;
use crate::run::{Counts, Run, RunKey, RunOutcome, Trigger};
use crate::store::RunStore;

/// How the work of a run ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All was done, or tried.
    Completed,
    /// A person stopped it.
    Stopped,
}

/// A run that is recorded and running.
pub struct OpenRun<'a> {
    pub(super) runs: &'a dyn RunStore,
    pub(super) clock: &'a dyn Clock,
    pub(super) run: Run,
    /// Whether it was recorded as started before: another execution may be running, or have ended.
    pub(super) is_resumed: bool,
    pub(super) counts: Mutex<Counts>,
    /// The libraries that it leaves out.
    pub(super) closed_libraries: BTreeSet<LibraryId>,
    /// The earlier runs that were found lost or missed.
    pub(super) missing: Vec<Run>,
    pub(super) alerts: Mutex<Vec<Alert>>,
    pub(super) hooks: Option<&'a RunHooks<'a>>,
    pub(super) stop: &'a dyn StopRequest,
    pub(super) on_progress: OnProgress<'a>,
}

impl<'a> OpenRun<'a> {
    /// Lets the signal stop the run, and the observer see its counts.
    pub(in crate::run) fn attach(
        self,
        stop: &'a dyn StopRequest,
        on_progress: OnProgress<'a>,
    ) -> Self {
        Self {
            stop,
            on_progress,
            ..self
        }
    }
}

impl OpenRun<'_> {
    /// Asked between two work items, it says whether the run should stop.
    pub fn stop(&self) -> &dyn StopRequest {
        self.stop
    }

    /// The run, as it was recorded when it started.
    pub(in crate::run) fn start(&self) -> &Run {
        &self.run
    }

    /// Its key.
    pub fn key(&self) -> &RunKey {
        &self.run.key
    }

    /// The libraries that it leaves out, because its schedule says so for this day.
    pub fn closed_libraries(&self) -> &BTreeSet<LibraryId> {
        &self.closed_libraries
    }

    /// Who started it.
    pub fn trigger(&self) -> Trigger {
        self.run.trigger
    }

    /// When it began.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.run.started_at
    }

    /// The earlier runs that were found lost or missed when it started.
    pub fn missing(&self) -> &[Run] {
        &self.missing
    }

    /// Queues an alert, which is raised and delivered when the run ends.
    ///
    /// If no later run would find the problem again, raise its alert at once, with
    /// [`raise_alerts`](crate::alerts::raise_alerts).
    pub fn alert(&self, alert: Alert) {
        let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        alerts.push(alert);
    }

    /// Changes its counts.
    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.lock();
        change(&mut counts);
        (self.on_progress)(&counts);
    }

    /// Its counts so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Reports progress with the counts so far.
    pub async fn report(&self) -> Result<(), JobError> {
        let run = Run {
            reported_at: self.clock.now(),
            counts: self.counts(),
            ..self.run.clone()
        };
        Ok(self.runs.report_run(&run).await?)
    }

    /// Reports progress with the counts so far, and saves a work item.
    pub async fn save_work_item(&self, work: &WorkItem) -> Result<(), JobError> {
        if !work.results.is_empty() {
            self.runs.save_work_item(&self.run.key, work).await?;
        }
        self.report().await
    }

    /// Records its end. An error of the work takes precedence over an error of the record.
    pub async fn close(self, work: Result<Ending, JobError>) -> Result<Run, JobError> {
        self.close_within(work, &[]).await
    }

    /// Records its end like [`close`](Self::close), with these steps after the run, outermost first.
    pub(in crate::run) async fn close_within(
        mut self,
        work: Result<Ending, JobError>,
        steps: &[&dyn RunStep],
    ) -> Result<Run, JobError> {
        let now = self.clock.now();
        let counts = self.counts();
        self.run.outcome = match &work {
            Err(_) => RunOutcome::Failed,
            Ok(Ending::Stopped) => RunOutcome::Interrupted,
            Ok(Ending::Completed) if counts.failures() > 0 => RunOutcome::DoneWithFailures,
            Ok(Ending::Completed) => RunOutcome::Done,
        };
        self.run.reported_at = now;
        self.run.finished_at = Some(now);
        self.run.counts = counts;
        let mut alerts = std::mem::take(&mut self.alerts)
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let damaged = self.runs.damaged_rows().into_iter();
        alerts.extend(damaged.map(Alert::from));
        if let Err(error) = &work {
            alerts.push(Alert::RunFailed {
                run: self.run.key.clone(),
                fault: error.into(),
            });
        }
        // Alerts come first, because nobody looks at an ended run again.
        if let Err(error) = raise(self.hooks, &alerts).await {
            tracing::error!(run.id = %self.run.key, %error, "An alert couldn't be stored.");
        }
        let closed = self.record_end().await;
        record_in_days(self.runs, std::slice::from_ref(&self.run)).await;
        let counts = &self.run.counts;
        tracing::info!(
            run.id = %self.run.key,
            outcome = self.run.outcome.as_str(),
            duration_ms = self.run.duration(now).num_milliseconds(),
            planned = counts.planned,
            done = counts.done,
            failed = counts.failures(),
            skipped = counts.skipped,
            "A run ended."
        );
        for step in steps.iter().rev() {
            let step = AssertUnwindSafe(step.after(&self.run)).catch_unwind();
            if step.await.is_err() {
                tracing::error!(run.id = %self.run.key, "A step after a run crashed.");
            }
        }
        // Last, so that it delivers the alerts that the steps raise.
        call_after_run(self.hooks, &self.run).await;
        work?;
        closed?;
        Ok(self.run)
    }

    async fn record_end(&mut self) -> Result<(), JobError> {
        if self.is_resumed
            && let Some(stored) = self.runs.run(&self.run.key).await?
        {
            let counts = std::mem::take(&mut self.run.counts);
            self.run.counts = counts.at_least(&stored.counts);
        }
        Ok(self.runs.report_run(&self.run).await?)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic between two changes leaves valid counts.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
