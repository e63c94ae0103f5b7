//! Calls the hooks around a run. What they do wrong never harms the run.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use crate::alerts::Alert;
use crate::alerts::run_hooks::RunHooks;
use crate::jobs::JobError;
use crate::run::Run;

/// Runs a job's work, and returns an error if it panics.
pub async fn catch_panic<T>(
    work: impl Future<Output = Result<T, JobError>>,
) -> Result<T, JobError> {
    // This is unwind-safe: a panic can only interrupt a change of the run's counts, whose lock
    // recovers from poisoning.
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or(Err(JobError::Panicked))
}

/// Raises alerts, if there are any and somebody takes them.
pub(super) async fn raise(hooks: Option<&RunHooks<'_>>, alerts: &[Alert]) -> Result<(), JobError> {
    if let Some(hooks) = hooks.filter(|_| !alerts.is_empty()) {
        hooks.raise(alerts).await?;
    }
    Ok(())
}

/// Calls the hook before a run; its panics are only logged.
pub(super) async fn call_before_run(hooks: Option<&RunHooks<'_>>, run: &Run) {
    if let Some(hooks) = hooks {
        let hook = AssertUnwindSafe(hooks.before_run(run)).catch_unwind();
        if hook.await.is_err() {
            tracing::error!(run.id = %run.key, "The hook before a run crashed.");
        }
    }
}

/// Calls the hook after a run; its panics are only logged.
pub(super) async fn call_after_run(hooks: Option<&RunHooks<'_>>, run: &Run) {
    if let Some(hooks) = hooks {
        let hook = AssertUnwindSafe(hooks.after_run(run)).catch_unwind();
        if hook.await.is_err() {
            tracing::error!(run.id = %run.key, "The hook after a run crashed.");
        }
    }
}
