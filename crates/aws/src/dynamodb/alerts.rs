//! The alerts, and whether they were delivered.

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::alerts::PendingAlerts;
use hippo_core::alerts::StoredAlert;
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::store::AlertStore;
use hippo_core::store::StoreResult;
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::{Ask, MAX_ATTEMPTS, Step, Written, too_busy, wait};

#[async_trait]
impl AlertStore for DynamoDbStore {
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        for tries in 0..MAX_ATTEMPTS {
            wait(tries).await?;
            let found = self.table.get(&Key::alert(key)).await?;
            let noted = match &found {
                Some(item) => match readable(item) {
                    Some(noted) => noted.raised_again(now),
                    None => return Ok(false),
                },
                None => StoredAlert::new(alert.clone(), now),
            };
            if self.put_alert(key, &noted, found.as_ref()).await? {
                return Ok(found.is_none());
            }
        }
        Err(too_busy())
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        for tries in 0..MAX_ATTEMPTS {
            wait(tries).await?;
            let Some(found) = self.table.get(&Key::alert(key)).await? else {
                return Ok(false);
            };
            let Some(next) = readable(&found).and_then(|noted| noted.claim(now)) else {
                return Ok(false);
            };
            if self.put_alert(key, &next, Some(&found)).await? {
                return Ok(true);
            }
        }
        Err(too_busy())
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        for tries in 0..MAX_ATTEMPTS {
            wait(tries).await?;
            let Some(found) = self.table.get(&Key::alert(key)).await? else {
                return Ok(());
            };
            let noted = readable(&found).filter(|noted| noted.delivered_at.is_none());
            let Some(noted) = noted else {
                return Ok(());
            };
            let told = StoredAlert {
                delivered_at: Some(at),
                ..noted
            };
            if self.put_alert(key, &told, Some(&found)).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    async fn withdraw_alert(&self, noted: &StoredAlert) -> StoreResult<()> {
        let key = Key::alert(&noted.alert.key());
        let Some(found) = self.table.get(&key).await? else {
            return Ok(());
        };
        if readable(&found).as_ref() == Some(noted) {
            let unchanged = Expression::unchanged(found.revision());
            // Refused: somebody raised it again, or claimed it.
            self.table.transact(&[Step::Delete(key, unchanged)]).await?;
        }
        Ok(())
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        let found = self.table.get(&Key::alert(key)).await?;
        Ok(found.as_ref().and_then(readable))
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        let found = self.alerts(list::PENDING_ALERTS, false, usize::MAX).await?;
        let noted: Vec<StoredAlert> = found.iter().filter_map(readable).collect();
        Ok(PendingAlerts {
            newer: found.len() - noted.len(),
            alerts: noted,
        })
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        let (untold, told) = futures::try_join!(
            self.alerts(list::PENDING_ALERTS, true, limit),
            self.alerts(list::ALERTS, true, limit),
        )?;
        let mut noted: Vec<StoredAlert> = untold.iter().chain(&told).filter_map(readable).collect();
        noted.sort_by_key(|noted| Reverse(noted.last_seen));
        noted.truncate(limit);
        Ok(noted)
    }
}

/// Skips one that a newer version wrote, so that the others can be read.
fn readable(item: &Item) -> Option<StoredAlert> {
    item.data()
        .inspect_err(|error| {
            tracing::warn!(%error, "An alert is left out: a newer version wrote it.");
        })
        .ok()
}

impl DynamoDbStore {
    async fn alerts(
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

    /// Writes it if it is still as it was read. False if somebody else wrote in between.
    async fn put_alert(
        &self,
        key: &AlertKey,
        noted: &StoredAlert,
        read: Option<&Item>,
    ) -> StoreResult<bool> {
        let write = Uuid::new_v4().to_string();
        let revision = read.map_or(0, |item| item.revision() + 1);
        let order = format!("{}#{key}", keys::time(noted.last_seen));
        let listing = match noted.delivered_at {
            Some(_) => list::ALERTS,
            None => list::PENDING_ALERTS,
        };
        let item = Item::new(&Key::alert(key))
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
