//! What needs the operator, and whether it was told.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::operator::telling::{NotedConcern, OperatorStore};
use hippo_core::operator::{Concern, ConcernKey};
use hippo_core::store::StoreResult;
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::{Ask, TRIES, Written, too_busy, wait};

#[async_trait]
impl OperatorStore for DynamoDbStore {
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        for tries in 0..TRIES {
            wait(tries).await?;
            let found = self.table.get(&Key::concern(key)).await?;
            let noted = match &found {
                Some(item) => item.data::<NotedConcern>()?.seen_again(now),
                None => NotedConcern::new(concern.clone(), now),
            };
            if self.put_concern(key, &noted, found.as_ref()).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool> {
        for tries in 0..TRIES {
            wait(tries).await?;
            let Some(found) = self.table.get(&Key::concern(key)).await? else {
                return Ok(false);
            };
            let Some(next) = found.data::<NotedConcern>()?.set_out(now) else {
                return Ok(false);
            };
            if self.put_concern(key, &next, Some(&found)).await? {
                return Ok(true);
            }
        }
        Err(too_busy())
    }

    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()> {
        for tries in 0..TRIES {
            wait(tries).await?;
            let Some(found) = self.table.get(&Key::concern(key)).await? else {
                return Ok(());
            };
            let noted: NotedConcern = found.data()?;
            if noted.told_at.is_some() {
                return Ok(());
            }
            let told = NotedConcern {
                told_at: Some(at),
                ..noted
            };
            if self.put_concern(key, &told, Some(&found)).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let keys = Expression::new("#listing = :list").value(":list", text(list::CONCERNS));
        let found = self
            .table
            .query(&Ask {
                newest_first: true,
                limit,
                ..Ask::index("listing", keys)
            })
            .await?;
        found.iter().map(Item::data).collect()
    }
}

impl DynamoDbStore {
    /// Writes it over what was read; false if somebody else wrote in between.
    async fn put_concern(
        &self,
        key: &ConcernKey,
        noted: &NotedConcern,
        read: Option<&Item>,
    ) -> StoreResult<bool> {
        let write = Uuid::new_v4().to_string();
        let revision = read.map_or(0, |item| item.revision() + 1);
        let order = format!("{}#{key}", keys::time(noted.last_seen));
        let item = Item::new(&Key::concern(key))
            .with_data(noted)?
            .with("revision", number(revision))
            .with("expires_at", self.expiry(noted.last_seen))
            .with_text("write", &write)
            .listed(list::CONCERNS, order);
        let condition = read.map_or_else(Expression::absent, |item| {
            Expression::unchanged(item.revision())
        });
        Ok(match self.table.put(item, &condition).await? {
            Written::Done => true,
            // The answer to an earlier try of this very write was lost.
            Written::Refused(Some(other)) => other.text("write") == Some(&write),
            Written::Refused(None) => false,
        })
    }
}
