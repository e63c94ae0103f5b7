//! The newest runs, of which one is a schedule's.

use super::{JobName, Run, Trigger};
use crate::ids::Label;
use crate::store::{RunStore, StoreResult};

/// The search for a run that is enough ends when this many of a schedule's runs are listed.
pub(crate) const MAX_SEARCHED_RUNS: usize = 64;

/// Lists the newest `limit` runs of a job, or of one of its labels; the one that began last first.
///
/// Lists more until one of those that a schedule started is `enough`, or until there are
/// [`MAX_SEARCHED_RUNS`] of them. Those that a person started don't count: a backfill may have made many.
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
        let by_schedule = newest.iter().filter(|run| run.trigger != Trigger::Person);
        if newest.len() < limit
            || by_schedule.clone().any(&enough)
            || by_schedule.count() >= MAX_SEARCHED_RUNS
        {
            return Ok(newest);
        }
        limit = limit.saturating_mul(8);
    }
}
