//! Stores sessions of the web pages, attempts to sign in, and their limits.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use hippo_core::sign_in::{PersonId, RateKey, RateLog, Session, SignInAttempt, TokenHash};
use hippo_core::store::{SignInStore, StoreResult};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::fault::Fault;
use super::row::{StoredRow, integer, json, time};
use super::{SqliteStore, first};

#[async_trait]
impl SignInStore for SqliteStore {
    async fn add_session(&self, session: &Session) -> StoreResult<()> {
        let session = session.clone();
        self.write(move |connection| {
            forget_expired(connection, session.signed_in_at)?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    session.hash.to_string(),
                    session.person.as_str(),
                    time(session.expires_at),
                    json(&session)?
                ])?;
            Ok(())
        })
        .await
    }

    async fn session(&self, hash: &TokenHash) -> StoreResult<Option<Session>> {
        let hash = hash.to_string();
        self.read(move |connection| {
            first(
                connection,
                "SELECT person, session FROM session WHERE hash = ?1",
                [hash],
                |row| StoredRow::new("session", "person", row).json("session"),
            )
        })
        .await
    }

    async fn replace_session(&self, session: &Session) -> StoreResult<bool> {
        let session = session.clone();
        self.write(move |connection| {
            let replaced = connection
                .prepare_cached("UPDATE session SET expires_at = ?2, session = ?3 WHERE hash = ?1")?
                .execute(params![
                    session.hash.to_string(),
                    time(session.expires_at),
                    json(&session)?
                ])?;
            Ok(replaced > 0)
        })
        .await
    }

    async fn remove_session(&self, session: &Session) -> StoreResult<()> {
        let hash = session.hash.to_string();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM session WHERE hash = ?1")?
                .execute([hash])?;
            Ok(())
        })
        .await
    }

    async fn remove_sessions(&self, person: &PersonId) -> StoreResult<()> {
        let person = person.to_string();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM session WHERE person = ?1")?
                .execute([person])?;
            Ok(())
        })
        .await
    }

    async fn add_attempt(&self, attempt: &SignInAttempt) -> StoreResult<()> {
        let attempt = attempt.clone();
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT INTO sign_in_attempt VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    attempt.id.to_string(),
                    integer(attempt.revision)?,
                    time(attempt.expires_at),
                    json(&attempt)?
                ])?;
            Ok(())
        })
        .await
    }

    async fn attempt(&self, id: Uuid) -> StoreResult<Option<SignInAttempt>> {
        self.read(move |connection| {
            first(
                connection,
                "SELECT id, attempt FROM sign_in_attempt WHERE id = ?1",
                [id.to_string()],
                |row| StoredRow::new("sign_in_attempt", "id", row).json("attempt"),
            )
        })
        .await
    }

    async fn replace_attempt(
        &self,
        expected_revision: u64,
        attempt: &SignInAttempt,
    ) -> StoreResult<bool> {
        let attempt = attempt.clone();
        self.write(move |connection| {
            let replaced = connection
                .prepare_cached(
                    "UPDATE sign_in_attempt SET revision = ?3, expires_at = ?4, attempt = ?5
                     WHERE id = ?1 AND revision = ?2",
                )?
                .execute(params![
                    attempt.id.to_string(),
                    integer(expected_revision)?,
                    integer(attempt.revision)?,
                    time(attempt.expires_at),
                    json(&attempt)?
                ])?;
            Ok(replaced > 0)
        })
        .await
    }

    async fn rate_log(&self, key: &RateKey) -> StoreResult<Option<RateLog>> {
        let key = key.clone();
        self.read(move |connection| find_rate_log(connection, &key))
            .await
    }

    async fn replace_rate_log(
        &self,
        before: Option<&RateLog>,
        after: &RateLog,
    ) -> StoreResult<bool> {
        let (before, after) = (before.cloned(), after.clone());
        self.write(move |connection| {
            if find_rate_log(connection, &after.key)? != before {
                return Ok(false);
            }
            if let Some(now) = after.times.last() {
                forget_expired(connection, *now)?;
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO rate_log VALUES (?1, ?2, ?3)")?
                .execute(params![
                    after.key.as_str(),
                    time(after.expires_at),
                    json(&after)?
                ])?;
            Ok(true)
        })
        .await
    }
}

fn find_rate_log(connection: &Connection, key: &RateKey) -> Result<Option<RateLog>, Fault> {
    first(
        connection,
        "SELECT expires_at, log FROM rate_log WHERE key = ?1",
        [key.as_str()],
        |row| StoredRow::new("rate_log", "expires_at", row).json("log"),
    )
}

/// Deletes what has expired.
fn forget_expired(connection: &Connection, now: DateTime<Utc>) -> Result<(), Fault> {
    for delete in [
        "DELETE FROM session WHERE expires_at <= ?1",
        "DELETE FROM sign_in_attempt WHERE expires_at <= ?1",
        "DELETE FROM rate_log WHERE expires_at <= ?1",
        "DELETE FROM identity WHERE expires_at <= ?1",
    ] {
        connection.prepare_cached(delete)?.execute([time(now)])?;
    }
    Ok(())
}
