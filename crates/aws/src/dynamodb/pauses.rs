//! Stores the pauses of the schedules, all in one partition: there are few.

use async_trait::async_trait;
use hippo_core::schedule::Pause;
use hippo_core::store::{PauseStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, text};
use super::keys::{Key, PAUSES};
use super::table::{Query, Written};

#[async_trait]
impl PauseStore for DynamoDbStore {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(PAUSES));
        let items = self.table.query(&Query::table(keys)).await?;
        self.readable(&items, Item::data)
    }

    async fn replace_pause(&self, before: Option<&Pause>, after: &Pause) -> StoreResult<bool> {
        let mut item = Item::new(&Key::pause(after)).with_data(after)?;
        if let Some(until) = after.until {
            item = item.with("expires_at", self.expiry(until));
        }
        let unchanged = match before {
            None => Expression::absent(),
            Some(before) => {
                Expression::new("#data = :before").value(":before", text(json(before)?))
            }
        };
        Ok(match self.table.put(item, &unchanged).await? {
            Written::Done => true,
            // An earlier try of this write succeeded, but its response was lost.
            Written::Refused(Some(item)) => item.data::<Pause>()? == *after,
            Written::Refused(None) => false,
        })
    }
}

impl DynamoDbStore {
    /// Deletes the pauses that ended before this time.
    pub(super) async fn forget_pauses(
        &self,
        before: chrono::DateTime<chrono::Utc>,
    ) -> StoreResult<()> {
        let is_over = |pause: &Pause| pause.until.is_some_and(|until| until < before);
        let pauses = self.pauses().await?.into_iter().filter(is_over);
        let keys: Vec<Key> = pauses.map(|pause| Key::pause(&pause)).collect();
        self.table.delete_all(&keys).await
    }
}
