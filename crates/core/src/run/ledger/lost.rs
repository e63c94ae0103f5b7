//! Finds runs that stopped reporting.

use super::hooks::raise;
use crate::alerts::Alert;
use crate::alerts::run_hooks::RunHooks;
use crate::jobs::JobError;
use crate::run::record_days::record_in_days;
use crate::run::{Run, RunOutcome};
use crate::store::RunStore;

/// Returns the earlier runs that turned out to be lost.
///
/// A lost run stays among the newest of its label for a while. Every run that starts in the meantime
/// raises its alert again, since the first to find it may have crashed before it did.
pub(super) async fn find_lost_runs(
    runs: &dyn RunStore,
    before: &[Run],
    hooks: Option<&RunHooks<'_>>,
) -> Result<Vec<Run>, JobError> {
    let is = |outcome| move |run: &&Run| run.outcome == outcome;
    let mut lost = Vec::new();
    for run in before.iter().filter(is(RunOutcome::Running)) {
        let now = runs.run(&run.key).await?;
        if let Some(run) = now.filter(|run| run.outcome == RunOutcome::Lost) {
            tracing::warn!(run.id = %run.key, "A run stopped reporting; it is lost.");
            lost.push(run);
        }
    }
    record_in_days(runs, &lost).await;
    // Oldest first: the alert names the first of a day.
    let known = before.iter().rev().filter(is(RunOutcome::Lost));
    let mut alerts: Vec<Alert> = known
        .chain(&lost)
        .map(|run| Alert::RunLost {
            run: run.key.clone(),
        })
        .collect();
    alerts.dedup_by_key(|alert| alert.key());
    raise(hooks, &alerts).await?;
    Ok(lost)
}
