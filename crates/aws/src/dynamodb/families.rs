//! Stores families.

use async_trait::async_trait;
use hippo_core::card::CardKey;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Family, StoppedRecipient, Unsubscription};
use hippo_core::feed::FeedTokenHash;
use hippo_core::ids::{CardId, FamilyId};
use hippo_core::mail::MailKind;
use hippo_core::outbox::OutboxRecord;
use hippo_core::store::{FamilyStore, StoreError, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, text};
use super::keys::{self, Key, list};
use super::table::{MAX_ATTEMPTS, Query, WriteOutcome, too_busy_error, wait_before_retry};

#[async_trait]
impl FamilyStore for DynamoDbStore {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        let item = Item::new(&Key::family(&family.id))
            .with_data(family)?
            .listed(list::FAMILIES, family.id.as_str());
        match self.table.put(item, &Expression::absent()).await? {
            WriteOutcome::Done => Ok(()),
            WriteOutcome::ConditionFailed(Some(item)) if is_being_removed(&item) => {
                Err(StoreError::InUse(format!(
                    "The family “{0}” was only partly removed. Remove it again, then add it.",
                    family.id
                )))
            }
            WriteOutcome::ConditionFailed(_) => Err(StoreError::AlreadyExists(format!(
                "a family “{}”",
                family.id
            ))),
        }
    }

    async fn update_family(&self, family: &Family) -> StoreResult<()> {
        let replaced = self
            .change_family(&family.id, |stored| {
                *stored = stored.with_settings_of(family);
                true
            })
            .await?;
        match replaced {
            ChangeOutcome::Missing => Err(family_not_found(&family.id)),
            ChangeOutcome::Changed | ChangeOutcome::Unchanged => Ok(()),
        }
    }

    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool> {
        let replace = |stored: &mut Family| {
            let is_unchanged = stored.has_same_settings(before);
            if is_unchanged {
                *stored = stored.with_settings_of(after);
            }
            is_unchanged
        };
        Ok(self.change_family(&after.id, replace).await? == ChangeOutcome::Changed)
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        let found = self.table.get(&Key::family(id)).await?;
        let found = found.map(|item| self.read_undamaged(&item, read_family));
        Ok(found.transpose()?.flatten().flatten())
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        self.families_page(None, usize::MAX).await
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        let keys = match after {
            None => Expression::new("#listing = :list"),
            Some(after) => Expression::new("#listing = :list AND #listing_order > :after")
                .value(":after", text(after.as_str())),
        };
        let keys = keys.value(":list", text(list::FAMILIES));
        let query = |limit| Query {
            limit,
            ..Query::index("listing", keys.clone())
        };
        self.read_undamaged_page(limit, query, Item::data).await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let stop = |family: &mut Family| family.stop_recipient(stopped.clone());
        Ok(self.change_family(id, stop).await? == ChangeOutcome::Changed)
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let allow = |family: &mut Family| family.allow_recipient(address);
        Ok(self.change_family(id, allow).await? == ChangeOutcome::Changed)
    }

    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        let unsubscribe = |family: &mut Family| family.unsubscribe(unsubscription.clone());
        Ok(self.change_family(id, unsubscribe).await? == ChangeOutcome::Changed)
    }

    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool> {
        let resubscribe = |family: &mut Family| family.resubscribe(address, kind);
        Ok(self.change_family(id, resubscribe).await? == ChangeOutcome::Changed)
    }

    /// Works in steps: first prevents additions to the family, then removes its cards one by one,
    /// then the rest. If it is interrupted, another call finishes it.
    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()> {
        let meta = Key::family(id);
        let hide = Expression::new("SET #removing = :yes REMOVE #listing, #listing_order")
            .value(":yes", text("yes"));
        match self
            .table
            .update(&meta, &hide, &Expression::exists())
            .await?
        {
            WriteOutcome::Done => {}
            WriteOutcome::ConditionFailed(_) => return Err(family_not_found(id)),
        }
        for item in self.family_items(id).await? {
            let card = item.id_after(keys::CARDS).map(str::parse::<CardId>);
            if let Some(Ok(card)) = card {
                let family = id.clone();
                self.remove_card_by_key(&CardKey { family, card }).await?;
            }
        }
        // Deletes the feeds before the pointers to them: if this is interrupted, no feed link outlives its
        // family.
        let items = self.family_items(id).await?;
        let feeds = items.iter().filter_map(parse_pointer_hash);
        let feeds: Vec<Key> = feeds.map(|token| Key::feed(&token)).collect();
        self.table.delete_all(&feeds).await?;
        self.remove_invitations(id).await?;
        // Now mails, feed pointers and accounts without a card remain. Mails that may have been sent are
        // kept without their content and addresses, so that a family with this id gets no second mail
        // for those days.
        let (kept, rest): (Vec<Item>, Vec<Item>) = self
            .family_items(id)
            .await?
            .into_iter()
            .partition(outlives_family);
        for item in &kept {
            self.remove_mail_content(item).await?;
        }
        let rest: Vec<Key> = rest
            .iter()
            .filter_map(|item| {
                Some(Key {
                    pk: item.text("pk")?.to_owned(),
                    sk: item.text("sk")?.to_owned(),
                })
            })
            .filter(|key| *key != meta)
            .collect();
        self.table.delete_all(&rest).await?;
        self.table.delete_all(&[meta]).await
    }
}

/// The result of changing a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChangeOutcome {
    Changed,
    Unchanged,
    /// The family is missing, or is being removed.
    Missing,
}

impl DynamoDbStore {
    /// Reads, changes and writes a family, and retries if another writer wrote first.
    ///
    /// `change` returns whether there is something to write.
    async fn change_family(
        &self,
        id: &FamilyId,
        change: impl Fn(&mut Family) -> bool + Send + Sync,
    ) -> StoreResult<ChangeOutcome> {
        let key = Key::family(id);
        let write_id = Uuid::new_v4().to_string();
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(item) = self.table.get(&key).await? else {
                return Ok(ChangeOutcome::Missing);
            };
            let Some(mut family) = read_family(&item)? else {
                return Ok(ChangeOutcome::Missing);
            };
            if !change(&mut family) {
                return Ok(ChangeOutcome::Unchanged);
            }
            let before = item.text("data").unwrap_or_default();
            let update = Expression::new("SET #data = :data, #write = :write")
                .value(":data", text(json(&family)?))
                .value(":write", text(write_id.as_str()));
            let unchanged = Expression::new("#data = :before AND attribute_not_exists(#removing)")
                .value(":before", text(before));
            match self.table.update(&key, &update, &unchanged).await? {
                WriteOutcome::Done => return Ok(ChangeOutcome::Changed),
                // An earlier attempt at this write succeeded, but its response was lost.
                WriteOutcome::ConditionFailed(Some(item))
                    if item.text("write") == Some(&write_id) =>
                {
                    return Ok(ChangeOutcome::Changed);
                }
                WriteOutcome::ConditionFailed(_) => {}
            }
        }
        Err(too_busy_error())
    }

    /// Removes a mail's content and addresses from its record.
    async fn remove_mail_content(&self, mail: &Item) -> StoreResult<()> {
        let (Some(pk), Some(sk)) = (mail.text("pk"), mail.text("sk")) else {
            return Ok(());
        };
        let key = Key {
            pk: pk.to_owned(),
            sk: sk.to_owned(),
        };
        let mut current = Some(mail.clone());
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            // It may have expired in the meantime.
            let Some(item) = current else { return Ok(()) };
            let (change, unchanged) = match item.data::<OutboxRecord>() {
                Ok(record) => (
                    Expression::new("SET #data = :data REMOVE #last_notice")
                        .value(":data", text(json(&record.without_addresses())?)),
                    Expression::unchanged(item.revision()),
                ),
                Err(_) => (Expression::new("REMOVE #last_notice"), Expression::exists()),
            };
            match self.table.update(&key, &change, &unchanged).await? {
                WriteOutcome::Done => return Ok(()),
                WriteOutcome::ConditionFailed(stored) => current = stored,
            }
        }
        Err(too_busy_error())
    }

    async fn family_items(&self, id: &FamilyId) -> StoreResult<Vec<Item>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(keys::family(id)));
        self.table.query(&Query::table(keys)).await
    }
}

/// Whether an item is a mail that we tried to send, or that is held after a restore. It is kept, so
/// that nothing is sent twice.
fn outlives_family(item: &Item) -> bool {
    if item.id_after(keys::MAILS).is_none() {
        return false;
    }
    // An unreadable mail may have been sent.
    item.data::<OutboxRecord>()
        .map_or(true, |record| record.attempts > 0 || record.is_held())
}

/// The error for a missing family.
pub(super) fn family_not_found(id: &FamilyId) -> StoreError {
    StoreError::NotFound(format!("family “{id}”"))
}

/// The condition that the family exists and isn't being removed.
pub(super) fn family_exists() -> Expression {
    Expression::new("attribute_exists(#pk) AND attribute_not_exists(#removing)")
}

/// Reads a family. `None` if it is being removed.
pub(super) fn read_family(item: &Item) -> StoreResult<Option<Family>> {
    if is_being_removed(item) {
        return Ok(None);
    }
    item.data().map(Some)
}

fn is_being_removed(item: &Item) -> bool {
    item.text("removing").is_some()
}

/// Parses the hash of a feed's token from the family's pointer to it; `None` if the item isn't a
/// pointer.
pub(super) fn parse_pointer_hash(item: &Item) -> Option<FeedTokenHash> {
    item.id_after(keys::TOKENS)?.parse().ok()
}
