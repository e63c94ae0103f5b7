//! The families' feeds.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::StoreResult;
use crate::feed::{Feed, FeedTokenHash};
use crate::ids::FamilyId;

/// Stores the feeds by the hash of their tokens.
#[async_trait]
pub trait FeedStore: Send + Sync {
    /// Adds a feed; [`StoreError::AlreadyExists`] if its token is taken, [`StoreError::NotFound`] if its
    /// family is missing.
    ///
    /// [`StoreError::AlreadyExists`]: super::StoreError::AlreadyExists
    /// [`StoreError::NotFound`]: super::StoreError::NotFound
    async fn add_feed(&self, feed: &Feed) -> StoreResult<()>;

    /// Returns the feed of a token, in one read; `None` if there is none or it was revoked.
    async fn feed(&self, token: &FeedTokenHash) -> StoreResult<Option<Feed>>;

    /// Lists a family's feeds, ordered by when they were made and by token.
    async fn family_feeds(&self, family: &FamilyId) -> StoreResult<Vec<Feed>>;

    /// Stores that a feed was used on a day, in one conditional write; true if it was stored.
    ///
    /// Stores nothing unless [`Feed::should_record_use`], or if the feed is gone.
    async fn mark_feed_used(&self, token: &FeedTokenHash, day: NaiveDate) -> StoreResult<bool>;

    /// Revokes a feed of this family; false if the family has no such feed.
    async fn revoke_feed(&self, family: &FamilyId, token: &FeedTokenHash) -> StoreResult<bool>;
}
