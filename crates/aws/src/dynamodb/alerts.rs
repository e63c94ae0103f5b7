//! Stores alerts, and whether they were delivered.

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
use super::table::{
    MAX_ATTEMPTS, Query, TransactionStep, WriteOutcome, too_busy_error, wait_before_retry,
};

#[async_trait]
impl AlertStore for DynamoDbStore {
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let found = self.table.get(&Key::alert(key)).await?;
            let stored = match &found {
                Some(item) => match parse_alert(item) {
                    Some(stored) => stored.with_another_raise(now),
                    None => return Ok(false),
                },
                None => StoredAlert::new(alert.clone(), now),
            };
            if self.put_alert(key, &stored, found.as_ref()).await? {
                return Ok(found.is_none());
            }
        }
        Err(too_busy_error())
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(found) = self.table.get(&Key::alert(key)).await? else {
                return Ok(false);
            };
            let Some(next) = parse_alert(&found).and_then(|stored| stored.claim(now)) else {
                return Ok(false);
            };
            if self.put_alert(key, &next, Some(&found)).await? {
                return Ok(true);
            }
        }
        Err(too_busy_error())
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(found) = self.table.get(&Key::alert(key)).await? else {
                return Ok(());
            };
            let stored = parse_alert(&found).filter(|stored| stored.delivered_at.is_none());
            let Some(stored) = stored else {
                return Ok(());
            };
            let delivered = StoredAlert {
                delivered_at: Some(at),
                ..stored
            };
            if self.put_alert(key, &delivered, Some(&found)).await? {
                return Ok(());
            }
        }
        Err(too_busy_error())
    }

    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()> {
        let key = Key::alert(&stored.alert.key());
        let Some(found) = self.table.get(&key).await? else {
            return Ok(());
        };
        if parse_alert(&found).as_ref() == Some(stored) {
            let unchanged = Expression::unchanged(found.revision());
            // If the condition fails, the alert was raised again or claimed.
            self.table
                .transact(&[TransactionStep::Delete(key, unchanged)])
                .await?;
        }
        Ok(())
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        let found = self.table.get(&Key::alert(key)).await?;
        Ok(found.as_ref().and_then(parse_alert))
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        let found = self
            .query_alerts(list::PENDING_ALERTS, false, usize::MAX)
            .await?;
        let stored: Vec<StoredAlert> = found.iter().filter_map(parse_alert).collect();
        Ok(PendingAlerts {
            unreadable: found.len() - stored.len(),
            alerts: stored,
        })
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        let (pending, delivered) = futures::try_join!(
            self.query_alerts(list::PENDING_ALERTS, true, limit),
            self.query_alerts(list::ALERTS, true, limit),
        )?;
        let mut stored: Vec<StoredAlert> = pending
            .iter()
            .chain(&delivered)
            .filter_map(parse_alert)
            .collect();
        stored.sort_by_key(|stored| Reverse(stored.last_seen));
        stored.truncate(limit);
        Ok(stored)
    }
}

/// Reads an alert. `None` if this version can't read it, so that the others can still be read.
fn parse_alert(item: &Item) -> Option<StoredAlert> {
    item.data()
        .inspect_err(|error| {
            tracing::warn!(%error, "Skipped an alert that this version can't read.");
        })
        .ok()
}

impl DynamoDbStore {
    async fn query_alerts(
        &self,
        listing: &str,
        newest_first: bool,
        limit: usize,
    ) -> StoreResult<Vec<Item>> {
        let keys = Expression::new("#listing = :list").value(":list", text(listing));
        let query = Query {
            newest_first,
            limit,
            ..Query::index("listing", keys)
        };
        self.table.query(&query).await
    }

    /// Writes an alert unless it changed since `read`. Returns false if it did.
    async fn put_alert(
        &self,
        key: &AlertKey,
        stored: &StoredAlert,
        read: Option<&Item>,
    ) -> StoreResult<bool> {
        let write_id = Uuid::new_v4().to_string();
        let revision = read.map_or(0, |item| item.revision() + 1);
        let order = format!("{}#{key}", keys::time(stored.last_seen));
        let listing = match stored.delivered_at {
            Some(_) => list::ALERTS,
            None => list::PENDING_ALERTS,
        };
        let item = Item::new(&Key::alert(key))
            .with_data(stored)?
            .with("revision", number(revision))
            .with("expires_at", self.expiry(stored.last_seen))
            .with_text("write", &write_id)
            .listed(listing, order);
        let condition = read.map_or_else(Expression::absent, |item| {
            Expression::unchanged(item.revision())
        });
        Ok(match self.table.put(item, &condition).await? {
            WriteOutcome::Done => true,
            // An earlier attempt at this write succeeded, but its response was lost.
            WriteOutcome::ConditionFailed(Some(other)) => other.text("write") == Some(&write_id),
            WriteOutcome::ConditionFailed(None) => false,
        })
    }
}
