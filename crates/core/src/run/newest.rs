//! The newest runs, of which one is a schedule's.

use super::{JobName, Run, Trigger};
use crate::ids::Label;
use crate::store::{RunStore, StoreResult};

/// Lists the newest `limit` runs of a job, or of one of its labels; the one that began last first.
///
/// Lists more if a person started all of these, as after a backfill, until one of a schedule is among
/// them.
pub(crate) async fn list_newest_runs(
    runs: &dyn RunStore,
    job: JobName,
    label: Option<&Label>,
    limit: usize,
) -> StoreResult<Vec<Run>> {
    let mut limit = limit;
    loop {
        let newest = runs.recent_runs(Some(job), label, limit).await?;
        let is_by_schedule = |run: &Run| run.trigger != Trigger::Person;
        if newest.len() < limit || newest.iter().any(is_by_schedule) {
            return Ok(newest);
        }
        limit = limit.saturating_mul(8);
    }
}
