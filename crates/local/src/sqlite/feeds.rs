//! Stores the families' feeds.

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::feed::{Feed, FeedTokenHash};
use hippo_core::ids::FamilyId;
use hippo_core::sign_in::PersonId;
use hippo_core::store::{FeedStore, StoreError, StoreResult};
use rusqlite::{Connection, Row, named_params, params};

use super::families::{exists, family_not_found};
use super::fault::Fault;
use super::row::{StoredRow, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl FeedStore for SqliteStore {
    async fn add_feed(&self, feed: &Feed) -> StoreResult<()> {
        let feed = feed.clone();
        self.write(move |connection| {
            if !exists(connection, &feed.family)? {
                return Err(family_not_found(&feed.family));
            }
            let added = connection
                .prepare_cached(
                    "INSERT INTO feed VALUES
                         (:token_hash, :family, :label, :last_four, :shows_titles, :created_by, :created_at, :last_used)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(named_params! {
                    ":token_hash": feed.token_hash.as_str(),
                    ":family": feed.family.as_str(),
                    ":label": feed.label.as_str(),
                    ":last_four": feed.last_four,
                    ":shows_titles": feed.shows_titles,
                    ":created_by": feed.created_by.as_ref().map(PersonId::as_str),
                    ":created_at": time(feed.created_at),
                    ":last_used": feed.last_used.map(|day| day.to_string()),
                })?;
            match added {
                0 => Err(StoreError::AlreadyExists("a feed with this token".to_owned()).into()),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn feed(&self, token: &FeedTokenHash) -> StoreResult<Option<Feed>> {
        let token = token.clone();
        self.read(move |connection| find_feed(connection, &token))
            .await
    }

    async fn family_feeds(&self, family: &FamilyId) -> StoreResult<Vec<Feed>> {
        let family = family.clone();
        self.read(move |connection| {
            all(
                connection,
                "SELECT * FROM feed WHERE family = ?1 ORDER BY created_at, token_hash",
                [family.as_str()],
                from_row,
            )
        })
        .await
    }

    async fn mark_feed_used(&self, token: &FeedTokenHash, day: NaiveDate) -> StoreResult<bool> {
        let token = token.clone();
        self.write(move |connection| {
            let feed = find_feed(connection, &token)?;
            if !feed.is_some_and(|feed| feed.should_record_use(day)) {
                return Ok(false);
            }
            let changed = connection
                .prepare_cached("UPDATE feed SET last_used = ?2 WHERE token_hash = ?1")?
                .execute(params![token.as_str(), day.to_string()])?;
            Ok(changed > 0)
        })
        .await
    }

    async fn revoke_feed(&self, family: &FamilyId, token: &FeedTokenHash) -> StoreResult<bool> {
        let (family, token) = (family.clone(), token.clone());
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM feed WHERE token_hash = ?1 AND family = ?2")?
                .execute([token.as_str(), family.as_str()])?;
            Ok(removed > 0)
        })
        .await
    }
}

fn find_feed(connection: &Connection, token: &FeedTokenHash) -> Result<Option<Feed>, Fault> {
    first(
        connection,
        "SELECT * FROM feed WHERE token_hash = ?1",
        [token.as_str()],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<Feed, Fault> {
    // A damaged row is named by its last four digits: the token's hash isn't for logs.
    let stored = StoredRow::new("feed", "last_four", row);
    Ok(Feed {
        token_hash: stored.parsed("token_hash")?,
        family: stored.parsed("family")?,
        label: stored.parsed("label")?,
        last_four: stored.text("last_four")?,
        shows_titles: stored.flag("shows_titles")?,
        created_by: stored.optional_word("created_by")?,
        created_at: stored.parsed("created_at")?,
        last_used: stored.optional_parsed("last_used")?,
    })
}
