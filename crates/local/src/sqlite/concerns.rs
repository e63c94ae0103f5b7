//! What needs the operator, and whether it was told.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::operator::telling::{NotedConcern, OperatorStore, Untold};
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
    ) -> StoreResult<bool> {
        let (key, concern) = (key.clone(), concern.clone());
        self.write(move |connection| {
            let (noted, is_news) = match by_key(connection, &key)? {
                Some(Readable::Yes(noted)) => (noted.seen_again(now), false),
                Some(Readable::No) => return Ok(false),
                None => (NotedConcern::new(concern, now), true),
            };
            put(connection, &key, &noted).map(|()| is_news)
        })
        .await
    }

    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let key = key.clone();
        self.write(move |connection| {
            let noted = by_key(connection, &key)?.and_then(Readable::yes);
            let next = noted.and_then(|noted| noted.set_out(now));
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

    async fn withdraw_concern(&self, noted: &NotedConcern) -> StoreResult<()> {
        let noted = noted.clone();
        self.write(move |connection| {
            let key = noted.concern.key();
            let stored = by_key(connection, &key)?.and_then(Readable::yes);
            if stored.as_ref() == Some(&noted) {
                connection
                    .prepare_cached("DELETE FROM concern WHERE key = ?1")?
                    .execute([key.as_str()])?;
            }
            Ok(())
        })
        .await
    }

    async fn concern(&self, key: &ConcernKey) -> StoreResult<Option<NotedConcern>> {
        let key = key.clone();
        let found = self
            .read(move |connection| by_key(connection, &key))
            .await?;
        Ok(found.and_then(Readable::yes))
    }

    async fn untold_concerns(&self) -> StoreResult<Untold> {
        let found = self
            .read(move |connection| {
                all(
                    connection,
                    "SELECT * FROM concern WHERE told_at IS NULL ORDER BY last_seen, key",
                    [],
                    readable,
                )
            })
            .await?;
        let all = found.len();
        let noted: Vec<NotedConcern> = found.into_iter().filter_map(Readable::yes).collect();
        Ok(Untold {
            newer: all - noted.len(),
            noted,
        })
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self
            .read(move |connection| {
                all(
                    connection,
                    "SELECT * FROM concern ORDER BY last_seen DESC, key LIMIT ?1",
                    [limit],
                    readable,
                )
            })
            .await?;
        Ok(found.into_iter().filter_map(Readable::yes).collect())
    }
}

/// What stands in a row, if this version can read it.
enum Readable {
    Yes(NotedConcern),
    No,
}

impl Readable {
    fn yes(self) -> Option<NotedConcern> {
        match self {
            Self::Yes(noted) => Some(noted),
            Self::No => None,
        }
    }
}

fn by_key(connection: &Connection, key: &ConcernKey) -> Result<Option<Readable>, Fault> {
    first(
        connection,
        "SELECT * FROM concern WHERE key = ?1",
        [key.as_str()],
        readable,
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

/// One that a newer version wrote keeps the others from nobody.
fn readable(row: &Row<'_>) -> Result<Readable, Fault> {
    match from_row(row) {
        Ok(noted) => Ok(Readable::Yes(noted)),
        Err(Fault::Damaged(row, _)) => {
            tracing::warn!(
                row.id = row.id,
                "A thing that needs the operator is left out: a newer version noted it."
            );
            Ok(Readable::No)
        }
        Err(fault) => Err(fault),
    }
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
