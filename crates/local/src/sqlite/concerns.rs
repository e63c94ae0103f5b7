//! What needs the operator, and whether it was told.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::operator::telling::{NotedConcern, OperatorStore};
use hippo_core::operator::{Concern, ConcernKey};
use hippo_core::store::StoreResult;
use rusqlite::{Row, named_params, params};

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
    ) -> StoreResult<bool> {
        let (key, concern) = (key.clone(), concern.clone());
        self.write(move |connection| {
            let found = first(
                connection,
                "SELECT * FROM concern WHERE key = ?1",
                [key.as_str()],
                from_row,
            )?;
            let (noted, is_to_tell) = match found {
                Some(noted) => noted.seen_again(now),
                None => (NotedConcern::new(concern, now), true),
            };
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
                    ":asked_at": time(noted.asked_at),
                    ":told_at": noted.told_at.map(time),
                })?;
            Ok(is_to_tell)
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

fn from_row(row: &Row<'_>) -> Result<NotedConcern, Fault> {
    let stored = Stored::new("concern", "key", row);
    Ok(NotedConcern {
        concern: stored.json("concern")?,
        first_seen: stored.parsed("first_seen")?,
        last_seen: stored.parsed("last_seen")?,
        times: stored.count("times")?,
        asked_at: stored.parsed("asked_at")?,
        told_at: stored.optional_parsed("told_at")?,
    })
}
