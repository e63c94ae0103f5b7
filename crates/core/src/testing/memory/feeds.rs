//! The families' feeds.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::MemoryStore;
use crate::feed::{Feed, FeedTokenHash};
use crate::ids::FamilyId;
use crate::store::{FeedStore, StoreError, StoreResult};

#[async_trait]
impl FeedStore for MemoryStore {
    async fn add_feed(&self, feed: &Feed) -> StoreResult<()> {
        let mut state = self.write()?;
        if !state.families.contains_key(&feed.family) {
            return Err(StoreError::NotFound(format!("family “{}”", feed.family)));
        }
        if state.feeds.contains_key(&feed.token_hash) {
            return Err(StoreError::AlreadyExists(
                "a feed with this token".to_owned(),
            ));
        }
        state.feeds.insert(feed.token_hash.clone(), feed.clone());
        Ok(())
    }

    async fn feed(&self, token: &FeedTokenHash) -> StoreResult<Option<Feed>> {
        Ok(self.read()?.feeds.get(token).cloned())
    }

    async fn family_feeds(&self, family: &FamilyId) -> StoreResult<Vec<Feed>> {
        let state = self.read()?;
        let feeds = state.feeds.values().filter(|feed| feed.family == *family);
        let mut feeds: Vec<Feed> = feeds.cloned().collect();
        feeds.sort_by_key(|feed| (feed.created_at, feed.token_hash.clone()));
        Ok(feeds)
    }

    async fn mark_feed_used(&self, token: &FeedTokenHash, day: NaiveDate) -> StoreResult<bool> {
        let mut state = self.write()?;
        let feed = state.feeds.get_mut(token);
        let Some(feed) = feed.filter(|feed| feed.should_record_use(day)) else {
            return Ok(false);
        };
        feed.last_used = Some(day);
        Ok(true)
    }

    async fn revoke_feed(&self, family: &FamilyId, token: &FeedTokenHash) -> StoreResult<bool> {
        let mut state = self.write()?;
        let feed = state.feeds.get(token);
        let is_of_family = feed.is_some_and(|feed| feed.family == *family);
        if is_of_family {
            state.feeds.remove(token);
        }
        Ok(is_of_family)
    }
}
