//! Puts a run on record: before its work, and after it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::jobs::JobError;
use crate::run::{Counts, Run, RunKey, RunOutcome, Trigger};
use crate::store::{RunStart, RunStore};

/// A run that was silent for longer is lost. Longer than a visit of ten cards may take.
pub const SILENCE: Duration = Duration::from_secs(20 * 60);

/// What a run is about to do.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// What makes it one.
    pub key: RunKey,
    /// Who started it.
    pub trigger: Trigger,
    /// What it was asked to do; ids and options only.
    pub input: serde_json::Value,
    /// Whether it may go while the last of its label is still going.
    pub allow_overlap: bool,
}

/// A run that is on record and going.
#[derive(Debug, Clone)]
pub struct OpenRun {
    run: Run,
}

/// Puts a run on record as going, unless it ran already or the last one still goes.
pub async fn open(
    runs: &dyn RunStore,
    clock: &dyn Clock,
    plan: RunPlan,
) -> Result<Result<OpenRun, RunStart>, JobError> {
    let started = start(runs, clock, plan).await?;
    Ok(started.inspect_err(not_begun))
}

/// The same, but a run that is on record and did not come to its end goes on.
///
/// For jobs that may be started again after a crash, and whose steps may be made twice.
pub async fn open_or_go_on(
    runs: &dyn RunStore,
    clock: &dyn Clock,
    plan: RunPlan,
) -> Result<Result<OpenRun, RunStart>, JobError> {
    match start(runs, clock, plan).await? {
        Err(RunStart::AlreadyRan(run))
            if matches!(run.outcome, RunOutcome::Running | RunOutcome::Failed) =>
        {
            tracing::info!(run.id = %run.key, "A run goes on that did not come to its end.");
            Ok(Ok(OpenRun { run }))
        }
        started => Ok(started.inspect_err(not_begun)),
    }
}

async fn start(
    runs: &dyn RunStore,
    clock: &dyn Clock,
    plan: RunPlan,
) -> Result<Result<OpenRun, RunStart>, JobError> {
    let now = clock.now();
    let run = Run {
        key: plan.key,
        trigger: plan.trigger,
        input: plan.input,
        started_at: now,
        reported_at: now,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    match runs.start_run(&run, plan.allow_overlap, SILENCE).await? {
        RunStart::Started => {
            tracing::info!(run.id = %run.key, trigger = ?run.trigger, "A run began.");
            Ok(Ok(OpenRun { run }))
        }
        other => Ok(Err(other)),
    }
}

fn not_begun(why: &RunStart) {
    if let RunStart::AlreadyRan(run) | RunStart::StillRunning(run) = why {
        tracing::info!(run.id = %run.key, "A run was not begun: it ran already, or the last one is still going.");
    }
}

impl OpenRun {
    /// What makes it one.
    pub fn key(&self) -> &RunKey {
        &self.run.key
    }

    /// When it began.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.run.started_at
    }

    /// Says that the run is going, with its counts so far.
    pub async fn report(
        &mut self,
        runs: &dyn RunStore,
        now: DateTime<Utc>,
        counts: &Counts,
    ) -> Result<(), JobError> {
        self.run.reported_at = now;
        self.run.counts = counts.clone();
        Ok(runs.report_run(&self.run).await?)
    }

    /// Puts the end of the run on record.
    pub async fn close(
        mut self,
        runs: &dyn RunStore,
        clock: &dyn Clock,
        outcome: RunOutcome,
        counts: Counts,
    ) -> Result<Run, JobError> {
        let now = clock.now();
        self.run.reported_at = now;
        self.run.finished_at = Some(now);
        self.run.outcome = outcome;
        self.run.counts = counts;
        runs.report_run(&self.run).await?;
        let counts = &self.run.counts;
        tracing::info!(
            run.id = %self.run.key,
            outcome = outcome.as_str(),
            duration_ms = self.run.duration(now).num_milliseconds(),
            planned = counts.planned,
            done = counts.done,
            failed = counts.failures(),
            skipped = counts.skipped,
            "A run ended."
        );
        Ok(self.run)
    }
}
