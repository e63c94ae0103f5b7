//! What needs the operator, and whether it was told.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::operator::telling::{NotedConcern, OperatorStore};
use hippo_core::operator::{Concern, ConcernKey};
use hippo_core::store::StoreResult;
use rusqlite::{Connection, Row, named_params, params};

use super::fault::Fault;
use super::row::{Stored, integer, json, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let (key, concern) = (key.clone(), concern.clone());
        self.write(move |connection| {
            let noted = match by_key(connection, &key)? {
                Some(noted) => noted.seen_again(now),
                None => NotedConcern::new(concern, now),
            };
            put(connection, &key, &noted)
        })
        .await
    }

    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let key = key.clone();
        self.write(move |connection| {
            let next = by_key(connection, &key)?.and_then(|noted| noted.set_out(now));
            match next {
                Some(next) => put(connection, &key, &next).map(|()| true),
                None => Ok(false),
            }
        })
        .await
    }

    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()> {
        let key = key.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE concern SET told_at = ?2 WHERE key = ?1 AND told_at IS NULL",
                )?
                .execute(params![key.as_str(), time(at)])?;
            Ok(())
        })
        .await
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM concern ORDER BY last_seen DESC, key LIMIT ?1",
                [limit],
                from_row,
            )
        })
        .await
    }
}

fn by_key(connection: &Connection, key: &ConcernKey) -> Result<Option<NotedConcern>, Fault> {
    first(
        connection,
        "SELECT * FROM concern WHERE key = ?1",
        [key.as_str()],
        from_row,
    )
}

fn put(connection: &Connection, key: &ConcernKey, noted: &NotedConcern) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO concern VALUES
                 (:key, :concern, :first_seen, :last_seen, :times, :asked_at, :told_at)",
        )?
        .execute(named_params! {
            ":key": key.as_str(),
            ":concern": json(&noted.concern)?,
            ":first_seen": time(noted.first_seen),
            ":last_seen": time(noted.last_seen),
            ":times": integer(noted.times)?,
            ":asked_at": noted.asked_at.map(time),
            ":told_at": noted.told_at.map(time),
        })?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<NotedConcern, Fault> {
    let stored = Stored::new("concern", "key", row);
    Ok(NotedConcern {
        concern: stored.json("concern")?,
        first_seen: stored.parsed("first_seen")?,
        last_seen: stored.parsed("last_seen")?,
        times: stored.count("times")?,
        asked_at: stored.optional_parsed("asked_at")?,
        told_at: stored.optional_parsed("told_at")?,
    })
}
