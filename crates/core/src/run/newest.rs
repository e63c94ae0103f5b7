//! The newest runs, of which one is a schedule's.

use super::{JobName, Run, Trigger};
use crate::ids::Label;
use crate::store::{RunStore, StoreResult};

/// Lists the newest `limit` runs of a job, or of one of its labels; the one that began last first.
///
/// Lists more until there is one among them that a schedule started, as after a backfill, and that is
/// `enough`.
pub(crate) async fn list_newest_runs(
    runs: &dyn RunStore,
    job: JobName,
    label: Option<&Label>,
    limit: usize,
    enough: impl Fn(&Run) -> bool,
) -> StoreResult<Vec<Run>> {
    let mut limit = limit;
    loop {
        let newest = runs.recent_runs(Some(job), label, limit).await?;
        let is_enough = |run: &Run| run.trigger != Trigger::Person && enough(run);
        if newest.len() < limit || newest.iter().any(is_enough) {
            return Ok(newest);
        }
        limit = limit.saturating_mul(8);
    }
}
