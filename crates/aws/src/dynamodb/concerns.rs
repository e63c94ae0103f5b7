//! What needs the operator, and whether it was told.

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::operator::telling::{NotedConcern, OperatorStore, Untold};
use hippo_core::operator::{Concern, ConcernKey};
use hippo_core::store::StoreResult;
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::{Ask, Step, TRIES, Written, too_busy, wait};

#[async_trait]
impl OperatorStore for DynamoDbStore {
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        for tries in 0..TRIES {
            wait(tries).await?;
            let found = self.table.get(&Key::concern(key)).await?;
            let noted = match &found {
                Some(item) => match readable(item) {
                    Some(noted) => noted.seen_again(now),
                    None => return Ok(false),
                },
                None => NotedConcern::new(concern.clone(), now),
            };
            if self.put_concern(key, &noted, found.as_ref()).await? {
                return Ok(found.is_none());
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
            let Some(next) = readable(&found).and_then(|noted| noted.set_out(now)) else {
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
            let noted = readable(&found).filter(|noted| noted.told_at.is_none());
            let Some(noted) = noted else {
                return Ok(());
            };
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

    async fn withdraw_concern(&self, noted: &NotedConcern) -> StoreResult<()> {
        let key = Key::concern(&noted.concern.key());
        let Some(found) = self.table.get(&key).await? else {
            return Ok(());
        };
        if readable(&found).as_ref() == Some(noted) {
            let unchanged = Expression::unchanged(found.revision());
            // Refused: somebody saw it again, or set out to tell it.
            self.table.transact(&[Step::Delete(key, unchanged)]).await?;
        }
        Ok(())
    }

    async fn concern(&self, key: &ConcernKey) -> StoreResult<Option<NotedConcern>> {
        let found = self.table.get(&Key::concern(key)).await?;
        Ok(found.as_ref().and_then(readable))
    }

    async fn untold_concerns(&self) -> StoreResult<Untold> {
        let found = self
            .concerns(list::UNTOLD_CONCERNS, false, usize::MAX)
            .await?;
        let noted: Vec<NotedConcern> = found.iter().filter_map(readable).collect();
        Ok(Untold {
            newer: found.len() - noted.len(),
            noted,
        })
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let (untold, told) = futures::try_join!(
            self.concerns(list::UNTOLD_CONCERNS, true, limit),
            self.concerns(list::CONCERNS, true, limit),
        )?;
        let mut noted: Vec<NotedConcern> =
            untold.iter().chain(&told).filter_map(readable).collect();
        noted.sort_by_key(|noted| Reverse(noted.last_seen));
        noted.truncate(limit);
        Ok(noted)
    }
}

/// One that a newer version wrote keeps the others from nobody.
fn readable(item: &Item) -> Option<NotedConcern> {
    item.data()
        .inspect_err(|error| {
            tracing::warn!(%error, "A thing that needs the operator is left out: a newer version noted it.");
        })
        .ok()
}

impl DynamoDbStore {
    async fn concerns(
        &self,
        listing: &str,
        newest_first: bool,
        limit: usize,
    ) -> StoreResult<Vec<Item>> {
        let keys = Expression::new("#listing = :list").value(":list", text(listing));
        let ask = Ask {
            newest_first,
            limit,
            ..Ask::index("listing", keys)
        };
        self.table.query(&ask).await
    }

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
        let listing = match noted.told_at {
            Some(_) => list::CONCERNS,
            None => list::UNTOLD_CONCERNS,
        };
        let item = Item::new(&Key::concern(key))
            .with_data(noted)?
            .with("revision", number(revision))
            .with("expires_at", self.expiry(noted.last_seen))
            .with_text("write", &write)
            .listed(listing, order);
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
