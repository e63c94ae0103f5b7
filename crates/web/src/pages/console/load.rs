//! What the pages load, each in a fixed number of reads.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use hippo_core::clock::local_date;
use hippo_core::run::JobName;
use hippo_core::run::history::RunHistory;
use hippo_core::schedule::Schedule;
use hippo_core::store::StoreResult;

use crate::ports::WebStore;

/// How many days the grid shows.
pub(super) const GRID_DAYS: u64 = 30;

/// At most this many families are looked at for their notices.
pub(super) const MAX_FAMILIES: usize = 1000;

/// The local dates of the grid, and the history that covers them.
pub(super) struct Month {
    pub(super) from: NaiveDate,
    pub(super) to: NaiveDate,
    pub(super) history: RunHistory,
}

/// The first and the last local date of the grid.
pub(super) fn month_dates(now: DateTime<Utc>, zone: Tz) -> (NaiveDate, NaiveDate) {
    let today = local_date(now, zone);
    let from = today.checked_sub_days(Days::new(GRID_DAYS - 1));
    (from.unwrap_or(today), today)
}

/// The UTC dates that local dates reach into.
pub(super) fn utc_dates((from, to): (NaiveDate, NaiveDate)) -> (NaiveDate, NaiveDate) {
    (from.pred_opt().unwrap_or(from), to.succ_opt().unwrap_or(to))
}

/// Loads the runs of the grid's days.
pub(super) async fn load_month(
    store: &dyn WebStore,
    now: DateTime<Utc>,
    zone: Tz,
) -> StoreResult<Month> {
    let dates = month_dates(now, zone);
    let (first, last) = utc_dates(dates);
    Ok(Month {
        from: dates.0,
        to: dates.1,
        history: RunHistory::load(store, first, last, now).await?,
    })
}

/// Loads the declared schedules of all jobs, with one read for each job.
pub(super) async fn load_schedules(store: &dyn WebStore) -> StoreResult<Vec<Schedule>> {
    let mut schedules = Vec::new();
    for job in JobName::all() {
        schedules.extend(store.declared_schedules(job).await?);
    }
    Ok(schedules)
}
