//! The daily history of the runs.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::MemoryStore;
use crate::ids::Label;
use crate::run::JobName;
use crate::run::day::{DayKey, RunDay, Square};
use crate::store::{RunDayStore, StoreResult};

#[async_trait]
impl RunDayStore for MemoryStore {
    async fn upsert_squares(&self, day: &DayKey, squares: &[Square]) -> StoreResult<()> {
        let mut state = self.write()?;
        let stored = state.run_days.entry(day.clone()).or_default();
        for square in squares {
            stored.upsert(square.clone());
        }
        Ok(())
    }

    async fn run_days(&self, from: NaiveDate, to: NaiveDate) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let state = self.read()?;
        let days = state.run_days.iter();
        Ok(days
            .filter(|(key, _)| (from..=to).contains(&key.date))
            .map(|(key, day)| (key.clone(), day.clone()))
            .collect())
    }

    async fn days_of_label(
        &self,
        job: JobName,
        label: &Label,
        from: NaiveDate,
        to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let mut days = self.run_days(from, to).await?;
        days.retain(|(key, _)| key.job == job && key.label == *label);
        Ok(days)
    }
}
