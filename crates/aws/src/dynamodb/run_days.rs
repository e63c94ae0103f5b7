//! Stores the daily history of the runs.

use async_trait::async_trait;
use chrono::{NaiveDate, NaiveTime};
use futures::future::try_join_all;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::run::day::{DayKey, RunDay, Square};
use hippo_core::store::{RunDayStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{DAYS_SHARDS, Key, days};
use super::table::{MAX_ATTEMPTS, Query, WriteOutcome, too_busy_error, wait_before_retry};

#[async_trait]
impl RunDayStore for DynamoDbStore {
    /// Costs one read, and one write if the day changes.
    async fn upsert_squares(&self, day: &DayKey, squares: &[Square]) -> StoreResult<()> {
        let key = Key::run_day(day);
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let stored = self.table.get(&key).await?;
            let mut changed: RunDay = match &stored {
                Some(item) => self.read_undamaged(item, Item::data)?.unwrap_or_default(),
                None => RunDay::default(),
            };
            let mut has_changed = false;
            for square in squares {
                has_changed |= changed.upsert(square.clone());
            }
            if !has_changed {
                return Ok(());
            }
            let revision = stored.as_ref().map(Item::revision);
            let item = Item::new(&key)
                .with_data(&changed)?
                .with("revision", number(revision.map_or(0, |read| read + 1)))
                .with(
                    "expires_at",
                    self.expiry(day.date.and_time(NaiveTime::MIN).and_utc()),
                );
            let condition = revision.map_or_else(Expression::absent, Expression::unchanged);
            if let WriteOutcome::Done = self.table.put(item, &condition).await? {
                return Ok(());
            }
        }
        Err(too_busy_error())
    }

    /// Costs one query for each shard.
    async fn run_days(&self, from: NaiveDate, to: NaiveDate) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let queries = (0..DAYS_SHARDS).map(|shard| {
            let keys = Expression::new("#pk = :pk AND #sk BETWEEN :from AND :to")
                .value(":pk", text(days(shard)))
                .value(":from", text(from.to_string()))
                // Sorts after every label of the day.
                .value(":to", text(format!("{to}~")));
            async move { self.table.query(&Query::table(keys)).await }
        });
        let found: Vec<Vec<Item>> = try_join_all(queries).await?;
        self.read_days(&found.concat())
    }

    /// Costs one request, and a read unit for each date.
    async fn days_of_label(
        &self,
        job: JobName,
        label: &Label,
        from: NaiveDate,
        to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let dates = from.iter_days().take_while(|date| *date <= to);
        let keys = dates.map(|date| {
            Key::run_day(&DayKey {
                date,
                job,
                label: label.clone(),
            })
        });
        self.read_days(&self.table.get_all(keys.collect()).await?)
    }
}

impl DynamoDbStore {
    /// Reads days, and sorts them by key.
    fn read_days(&self, items: &[Item]) -> StoreResult<Vec<(DayKey, RunDay)>> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            // A newer version may have stored runs of jobs that this one doesn't know.
            if let Some(key) = day_key(item) {
                let day = self.read_undamaged(item, Item::data)?;
                found.extend(day.map(|day| (key, day)));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// Deletes the days before `before`.
    pub(super) async fn delete_days_before(&self, before: NaiveDate) -> StoreResult<()> {
        for shard in 0..DAYS_SHARDS {
            let keys = Expression::new("#pk = :pk AND #sk < :before")
                .value(":pk", text(days(shard)))
                .value(":before", text(before.to_string()));
            let found = self.table.query(&Query::table(keys)).await?;
            let keys: Vec<Key> = found.iter().filter_map(Item::key).collect();
            self.table.delete_all(&keys).await?;
        }
        Ok(())
    }
}

fn day_key(item: &Item) -> Option<DayKey> {
    let (date, run) = item.text("sk")?.split_once('#')?;
    let (job, label) = run.split_once('#')?;
    Some(DayKey {
        date: date.parse().ok()?,
        job: job.parse().ok()?,
        label: label.parse().ok()?,
    })
}
