//! Records runs that don't start.

use super::hooks::call_after_run;
use crate::alerts::run_hooks::RunHooks;
use crate::jobs::{JobError, RunError};
use crate::run::not_started::NotStarted;
use crate::run::record_days::record_in_days;
use crate::run::{Run, RunOutcome};
use crate::store::RunStore;

/// Records a run that does not start. An existing record is kept.
pub(super) async fn skip_run(
    runs: &dyn RunStore,
    run: Run,
    outcome: RunOutcome,
    hooks: Option<&RunHooks<'_>>,
) -> Result<NotStarted, JobError> {
    let run = Run {
        outcome,
        finished_at: Some(run.started_at),
        ..run
    };
    record_skipped_run(runs, run, hooks).await
}

/// Records a skipped run whose outcome is set.
pub(crate) async fn record_skipped_run(
    runs: &dyn RunStore,
    run: Run,
    hooks: Option<&RunHooks<'_>>,
) -> Result<NotStarted, JobError> {
    let outcome = run.outcome;
    if !runs.record_run(&run).await? {
        let stored = runs.run(&run.key).await?;
        return Ok(NotStarted::AlreadyRan(stored.unwrap_or(run)));
    }
    record_in_days(runs, std::slice::from_ref(&run)).await;
    // If every run of a label comes too late, no other run delivers the alert.
    if matches!(
        outcome,
        RunOutcome::Missed | RunOutcome::SkippedClockInDoubt
    ) {
        call_after_run(hooks, &run).await;
    }
    Ok(NotStarted::Skipped(run))
}

/// Logs why a run didn't start; a fault of the job is logged by its caller.
pub(super) fn log_not_started(error: &RunError) {
    match error {
        RunError::NotStarted(NotStarted::AlreadyRan(run) | NotStarted::StillRunning(run)) => {
            tracing::info!(run.id = %run.key, "A run wasn't started: it ran already, or the last one is still going.");
        }
        RunError::NotStarted(NotStarted::Skipped(run)) => {
            tracing::warn!(run.id = %run.key, outcome = run.outcome.as_str(), "A run wasn't started.");
        }
        RunError::Job(_) => {}
    }
}
