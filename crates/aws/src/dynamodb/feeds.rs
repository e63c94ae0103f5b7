//! Stores the families' feeds: each under its token's hash, and a pointer to it in its family's partition.

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::feed::{Feed, FeedTokenHash, latest_plausible_use};
use hippo_core::ids::FamilyId;
use hippo_core::store::{FeedStore, StoreError, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::families::{family_exists, family_not_found, parse_pointer_hash};
use super::item::{Item, text};
use super::keys::{self, Key};
use super::table::{Query, TransactionOutcome, TransactionStep, WriteOutcome};

/// The step of the transaction that adds a feed that fails if the family is gone.
const FAMILY_STEP: usize = 0;

#[async_trait]
impl FeedStore for DynamoDbStore {
    async fn add_feed(&self, feed: &Feed) -> StoreResult<()> {
        // The document never changes; the last use is an attribute of its own.
        let document = Feed {
            last_used: None,
            ..feed.clone()
        };
        let mut item = Item::new(&Key::feed(&feed.token_hash))
            .with_text("family", feed.family.as_str())
            .with_data(&document)?;
        if let Some(day) = feed.last_used {
            item = item.with_text("last_used", day.to_string());
        }
        let pointer = Item::new(&Key::feed_pointer(&feed.family, &feed.token_hash));
        let steps = [
            TransactionStep::Check(Key::family(&feed.family), family_exists()),
            TransactionStep::Put(item, Expression::absent()),
            TransactionStep::Put(pointer, Expression::absent()),
        ];
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(()),
            TransactionOutcome::ConditionFailed(refusals) => {
                let is_missing = refusals.iter().any(|refusal| refusal.step == FAMILY_STEP);
                Err(match is_missing {
                    true => family_not_found(&feed.family),
                    false => StoreError::AlreadyExists("a feed with this token".to_owned()),
                })
            }
        }
    }

    async fn feed(&self, token: &FeedTokenHash) -> StoreResult<Option<Feed>> {
        let found = self.table.get(&Key::feed(token)).await?;
        let found = found.map(|item| self.read_undamaged(&item, read_feed));
        Ok(found.transpose()?.flatten())
    }

    async fn family_feeds(&self, family: &FamilyId) -> StoreResult<Vec<Feed>> {
        let keys = self.feed_keys(family).await?;
        let items = self.table.get_all(keys).await?;
        let mut feeds = self.read_all_undamaged(&items, read_feed)?;
        feeds.sort_by_key(|feed| (feed.created_at, feed.token_hash.clone()));
        Ok(feeds)
    }

    async fn mark_feed_used(&self, token: &FeedTokenHash, day: NaiveDate) -> StoreResult<bool> {
        let change = Expression::new("SET #last_used = :day").value(":day", text(day.to_string()));
        let is_new = Expression::new(
            "attribute_exists(#pk) AND (attribute_not_exists(#last_used) OR #last_used < :day \
             OR #last_used > :latest)",
        )
        .value(":day", text(day.to_string()))
        .value(":latest", text(latest_plausible_use(day).to_string()));
        let written = self
            .table
            .update(&Key::feed(token), &change, &is_new)
            .await?;
        Ok(matches!(written, WriteOutcome::Done))
    }

    async fn revoke_feed(&self, family: &FamilyId, token: &FeedTokenHash) -> StoreResult<bool> {
        let is_of_family =
            Expression::new("#family = :family").value(":family", text(family.as_str()));
        let steps = [
            TransactionStep::Delete(Key::feed(token), is_of_family),
            TransactionStep::Delete(Key::feed_pointer(family, token), Expression::default()),
        ];
        let done = self.table.transact(&steps).await?;
        Ok(matches!(done, TransactionOutcome::Done))
    }
}

impl DynamoDbStore {
    /// Reads the keys of a family's feeds.
    async fn feed_keys(&self, family: &FamilyId) -> StoreResult<Vec<Key>> {
        let keys = Expression::new("#pk = :pk AND begins_with(#sk, :tokens)")
            .value(":pk", text(keys::family(family)))
            .value(":tokens", text(keys::TOKENS));
        let pointers = self.table.query(&Query::table(keys)).await?;
        let tokens = pointers.iter().filter_map(parse_pointer_hash);
        Ok(tokens.map(|token| Key::feed(&token)).collect())
    }
}

fn read_feed(item: &Item) -> StoreResult<Feed> {
    let last_used = item.text("last_used").map(str::parse).transpose();
    Ok(Feed {
        last_used: last_used.map_err(|_| item.unreadable("last_used"))?,
        ..item.data()?
    })
}
