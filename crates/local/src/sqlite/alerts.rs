//! Stores alerts, and whether they were delivered.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::alerts::PendingAlerts;
use hippo_core::alerts::StoredAlert;
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::store::AlertStore;
use hippo_core::store::StoreResult;
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{StoredRow, integer, json, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl AlertStore for SqliteStore {
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let (key, alert) = (key.clone(), alert.clone());
        self.write(move |connection| {
            let (alert_record, is_new) = match by_key(connection, &key)? {
                Some(ReadAlert::Known(alert_record)) => {
                    (alert_record.with_another_raise(now), false)
                }
                Some(ReadAlert::Unreadable) => return Ok(false),
                None => (StoredAlert::new(alert, now), true),
            };
            upsert(connection, &key, &alert_record).map(|()| is_new)
        })
        .await
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let key = key.clone();
        self.write(move |connection| {
            let alert_record = by_key(connection, &key)?.and_then(ReadAlert::into_alert);
            let next = alert_record.and_then(|alert_record| alert_record.claim(now));
            match next {
                Some(next) => upsert(connection, &key, &next).map(|()| true),
                None => Ok(false),
            }
        })
        .await
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        let key = key.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE alert SET delivered_at = ?2 WHERE key = ?1 AND delivered_at IS NULL",
                )?
                .execute(params![key.as_str(), time(at)])?;
            Ok(())
        })
        .await
    }

    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()> {
        let alert_record = stored.clone();
        self.write(move |connection| {
            let key = alert_record.alert.key();
            let stored = by_key(connection, &key)?.and_then(ReadAlert::into_alert);
            if stored.as_ref() == Some(&alert_record) {
                connection
                    .prepare_cached("DELETE FROM alert WHERE key = ?1")?
                    .execute([key.as_str()])?;
            }
            Ok(())
        })
        .await
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        let key = key.clone();
        let found = self
            .read(move |connection| by_key(connection, &key))
            .await?;
        Ok(found.and_then(ReadAlert::into_alert))
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        let found = self
            .read(move |connection| {
                all(
                    connection,
                    "SELECT * FROM alert WHERE delivered_at IS NULL ORDER BY last_seen, key",
                    [],
                    read_alert,
                )
            })
            .await?;
        let all = found.len();
        let alerts: Vec<StoredAlert> = found
            .into_iter()
            .filter_map(ReadAlert::into_alert)
            .collect();
        Ok(PendingAlerts {
            unreadable: all - alerts.len(),
            alerts,
        })
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self
            .read(move |connection| {
                all(
                    connection,
                    "SELECT * FROM alert ORDER BY last_seen DESC, key LIMIT ?1",
                    [limit],
                    read_alert,
                )
            })
            .await?;
        Ok(found
            .into_iter()
            .filter_map(ReadAlert::into_alert)
            .collect())
    }
}

/// An alert's row, which this version may not be able to read.
enum ReadAlert {
    Known(StoredAlert),
    Unreadable,
}

impl ReadAlert {
    fn into_alert(self) -> Option<StoredAlert> {
        match self {
            Self::Known(alert_record) => Some(alert_record),
            Self::Unreadable => None,
        }
    }
}

fn by_key(connection: &Connection, key: &AlertKey) -> Result<Option<ReadAlert>, Fault> {
    first(
        connection,
        "SELECT * FROM alert WHERE key = ?1",
        [key.as_str()],
        read_alert,
    )
}

fn upsert(
    connection: &Connection,
    key: &AlertKey,
    alert_record: &StoredAlert,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO alert VALUES
                 (:key, :alert, :first_seen, :last_seen, :times, :claimed_at, :delivered_at)",
        )?
        .execute(named_params! {
            ":key": key.as_str(),
            ":alert": json(&alert_record.alert)?,
            ":first_seen": time(alert_record.first_seen),
            ":last_seen": time(alert_record.last_seen),
            ":times": integer(alert_record.times)?,
            ":claimed_at": alert_record.claimed_at.map(time),
            ":delivered_at": alert_record.delivered_at.map(time),
        })?;
    Ok(())
}

/// Reads a row. Skips one that this version can't read, so that the others can be read.
fn read_alert(row: &Row<'_>) -> Result<ReadAlert, Fault> {
    match from_row(row) {
        Ok(alert_record) => Ok(ReadAlert::Known(alert_record)),
        Err(Fault::Damaged(row, reason)) => {
            tracing::warn!(
                row.id = row.id,
                error = %reason,
                "Skipped an alert that this version can't read."
            );
            Ok(ReadAlert::Unreadable)
        }
        Err(fault) => Err(fault),
    }
}

fn from_row(row: &Row<'_>) -> Result<StoredAlert, Fault> {
    let stored = StoredRow::new("alert", "key", row);
    Ok(StoredAlert {
        alert: stored.json("alert")?,
        first_seen: stored.parsed("first_seen")?,
        last_seen: stored.parsed("last_seen")?,
        times: stored.count("times")?,
        claimed_at: stored.optional_parsed("claimed_at")?,
        delivered_at: stored.optional_parsed("delivered_at")?,
    })
}
