//! Stores the pauses of the schedules, all in one partition: there are few.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::ids::Label;
use hippo_core::schedule::Pause;
use hippo_core::store::{PauseStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, text};
use super::keys::{Key, PAUSES};
use super::table::{Query, WriteOutcome};

#[async_trait]
impl PauseStore for DynamoDbStore {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        let mut pauses: Vec<Pause> = self
            .pauses_by_label()
            .await?
            .into_iter()
            .flatten()
            .collect();
        pauses.sort_by(|one, other| (one.since, &one.label).cmp(&(other.since, &other.label)));
        Ok(pauses)
    }

    async fn replace_pauses(
        &self,
        label: Option<&Label>,
        before: &[Pause],
        after: &[Pause],
    ) -> StoreResult<bool> {
        let mut item = Item::new(&Key::pauses(label)).with_data(&after)?;
        let ends = after.iter().map(|pause| pause.until);
        // If one of the pauses has no end, the item doesn't expire.
        if let Some(ends) = ends.collect::<Option<Vec<DateTime<Utc>>>>()
            && let Some(last) = ends.into_iter().max()
        {
            item = item.with("expires_at", self.expiry(last));
        }
        let unchanged = match before {
            [] => Expression::new("attribute_not_exists(#pk) OR #data = :before"),
            _ => Expression::new("#data = :before"),
        };
        let unchanged = unchanged.value(":before", text(json(&before)?));
        Ok(match self.table.put(item, &unchanged).await? {
            WriteOutcome::Done => true,
            // An earlier attempt at this write succeeded, but its response was lost.
            WriteOutcome::ConditionFailed(Some(item)) => item.data::<Vec<Pause>>()? == after,
            WriteOutcome::ConditionFailed(None) => false,
        })
    }
}

impl DynamoDbStore {
    /// Lists the pauses, one list for each label.
    async fn pauses_by_label(&self) -> StoreResult<Vec<Vec<Pause>>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(PAUSES));
        let items = self.table.query(&Query::table(keys)).await?;
        self.read_all_undamaged(&items, Item::data)
    }

    /// Deletes the pauses that ended before this time.
    pub(super) async fn delete_ended_pauses(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let is_over = |pause: &Pause| pause.until.is_some_and(|until| until < before);
        for pauses in self.pauses_by_label().await? {
            let mut kept = pauses.clone();
            kept.retain(|pause| !is_over(pause));
            let Some(first) = pauses.first().filter(|_| kept != pauses) else {
                continue;
            };
            // If this is refused, somebody has just changed them. The next call deletes the old ones.
            self.replace_pauses(first.label.as_ref(), &pauses, &kept)
                .await?;
        }
        Ok(())
    }
}
