//! Stores the declared schedules: a job's in one partition, each in its own item.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::Schedule;
use hippo_core::store::{
    DeclaredScheduleStore, SavedSchedules, ScheduleChanges, StoreResult, StoredSchedule,
};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{DECLARED, Key, schedules};
use super::table::{Query, TransactionStep};

#[async_trait]
impl DeclaredScheduleStore for DynamoDbStore {
    async fn declared_schedules(&self, job: JobName) -> StoreResult<Vec<Schedule>> {
        let items = self.schedule_items(job).await?;
        let stored = items.values().filter_map(parse_schedule);
        Ok(stored.map(|stored| stored.schedule).collect())
    }

    async fn save_schedules(
        &self,
        job: JobName,
        schedules: &[Schedule],
        now: DateTime<Utc>,
    ) -> StoreResult<SavedSchedules> {
        let items = self.schedule_items(job).await?;
        let stored: BTreeMap<Label, Option<StoredSchedule>> = items
            .iter()
            .map(|(label, item)| (label.clone(), parse_schedule(item)))
            .collect();
        let changes = ScheduleChanges::between(&stored, schedules, now);
        for saved in &changes.save {
            let label = &saved.schedule.label;
            let before = items.get(label);
            let revision = before.map_or(0, |item| item.revision() + 1);
            let item = Item::new(&Key::declared(job, label))
                .with_data(saved)?
                .with("revision", number(revision));
            // If this is refused, another invocation saved it at the same time.
            self.table.put(item, &condition(before)).await?;
        }
        for label in &changes.remove {
            let step =
                TransactionStep::Delete(Key::declared(job, label), condition(items.get(label)));
            self.table.transact(&[step]).await?;
        }
        Ok(changes.into_saved())
    }
}

/// The condition that the item is as it was read.
fn condition(before: Option<&Item>) -> Expression {
    before.map_or_else(Expression::absent, |item| {
        Expression::unchanged(item.revision())
    })
}

/// Reads a schedule; `None` if it is damaged or a newer version wrote it. The next save replaces it.
fn parse_schedule(item: &Item) -> Option<StoredSchedule> {
    item.data()
        .inspect_err(|error| tracing::warn!(%error, "Skipped a declared schedule."))
        .ok()
}

impl DynamoDbStore {
    /// Reads the items of a job's schedules by label.
    async fn schedule_items(&self, job: JobName) -> StoreResult<BTreeMap<Label, Item>> {
        let keys = Expression::new("#pk = :pk AND begins_with(#sk, :declared)")
            .value(":pk", text(schedules(job)))
            .value(":declared", text(DECLARED));
        let items = self.table.query(&Query::table(keys)).await?.into_iter();
        Ok(items
            .filter_map(|item| Some((item.id_after(DECLARED)?.parse().ok()?, item)))
            .collect())
    }
}
