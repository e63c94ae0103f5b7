//! The daily history of the runs.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::StoreResult;
use crate::ids::Label;
use crate::run::JobName;
use crate::run::day::{DayKey, RunDay, Square};

/// Stores a small record of each label's day, so that a month of all labels takes few reads.
#[async_trait]
pub trait RunDayStore: Send + Sync {
    /// Upserts squares of a day as [`RunDay::upsert`] does, atomically with other upserts of that day.
    async fn upsert_squares(&self, day: &DayKey, squares: &[Square]) -> StoreResult<()>;

    /// Lists the days from `from` to `to`, both included, ordered by key.
    async fn run_days(&self, from: NaiveDate, to: NaiveDate) -> StoreResult<Vec<(DayKey, RunDay)>>;

    /// Lists one label's days from `from` to `to`, both included and at most 99 days apart, oldest
    /// first. It reads no other label's days.
    async fn days_of_label(
        &self,
        job: JobName,
        label: &Label,
        from: NaiveDate,
        to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>>;
}
