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
use super::table::{MAX_ATTEMPTS, Query, Written, too_busy, wait_before_retry};

#[async_trait]
impl FamilyStore for DynamoDbStore {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        let item = Item::new(&Key::family(&family.id))
            .with_data(family)?
            .listed(list::FAMILIES, family.id.as_str());
        match self.table.put(item, &Expression::absent()).await? {
            Written::Done => Ok(()),
            Written::Refused(Some(item)) if is_being_removed(&item) => {
                Err(StoreError::InUse(format!(
                    "The family “{0}” wasn't removed completely. Remove it again first.",
                    family.id
                )))
            }
            Written::Refused(_) => Err(StoreError::AlreadyExists(format!(
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
            Changed::Gone => Err(family_not_found(&family.id)),
            Changed::Done | Changed::Nothing => Ok(()),
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
        Ok(self.change_family(&after.id, replace).await? == Changed::Done)
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        let found = self.table.get(&Key::family(id)).await?;
        let found = found.map(|item| self.unless_damaged(&item, from_item));
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
        self.readable_page(limit, query, Item::data).await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let stop = |family: &mut Family| family.stop_recipient(stopped.clone());
        Ok(self.change_family(id, stop).await? == Changed::Done)
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let allow = |family: &mut Family| family.allow_recipient(address);
        Ok(self.change_family(id, allow).await? == Changed::Done)
    }

    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        let unsubscribe = |family: &mut Family| family.unsubscribe(unsubscription.clone());
        Ok(self.change_family(id, unsubscribe).await? == Changed::Done)
    }

    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool> {
        let resubscribe = |family: &mut Family| family.resubscribe(address, kind);
        Ok(self.change_family(id, resubscribe).await? == Changed::Done)
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
            Written::Done => {}
            Written::Refused(_) => return Err(family_not_found(id)),
        }
        for item in self.family_items(id).await? {
            let card = item.id_after(keys::CARDS).map(str::parse::<CardId>);
            if let Some(Ok(card)) = card {
                let family = id.clone();
                self.remove_card_by_key(&CardKey { family, card }).await?;
            }
        }
        // The feeds come before the pointers to them, so that a link never outlives its family.
        let items = self.family_items(id).await?;
        let feeds = items.iter().filter_map(token_of_pointer);
        let feeds: Vec<Key> = feeds.map(|token| Key::feed(&token)).collect();
        self.table.delete_all(&feeds).await?;
        self.remove_invitations(id).await?;
        // Now mails, feed pointers and accounts without a card remain. Mails that may have been sent are kept
        // without their content and addresses, so that a family with this id gets no second mail for
        // those days.
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
enum Changed {
    Done,
    /// There was nothing to change.
    Nothing,
    Gone,
}

impl DynamoDbStore {
    /// Reads, changes and writes a family, again if another writer was faster.
    /// `change` returns whether there is something to write.
    async fn change_family(
        &self,
        id: &FamilyId,
        change: impl Fn(&mut Family) -> bool + Send + Sync,
    ) -> StoreResult<Changed> {
        let key = Key::family(id);
        let write = Uuid::new_v4().to_string();
        for tries in 0..MAX_ATTEMPTS {
            wait_before_retry(tries).await?;
            let Some(item) = self.table.get(&key).await? else {
                return Ok(Changed::Gone);
            };
            let Some(mut family) = from_item(&item)? else {
                return Ok(Changed::Gone);
            };
            if !change(&mut family) {
                return Ok(Changed::Nothing);
            }
            let before = item.text("data").unwrap_or_default();
            let update = Expression::new("SET #data = :data, #write = :write")
                .value(":data", text(json(&family)?))
                .value(":write", text(write.as_str()));
            let unchanged = Expression::new("#data = :before AND attribute_not_exists(#removing)")
                .value(":before", text(before));
            match self.table.update(&key, &update, &unchanged).await? {
                Written::Done => return Ok(Changed::Done),
                // An earlier try of this write succeeded, but its response was lost.
                Written::Refused(Some(item)) if item.text("write") == Some(&write) => {
                    return Ok(Changed::Done);
                }
                Written::Refused(_) => {}
            }
        }
        Err(too_busy())
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
        for tries in 0..MAX_ATTEMPTS {
            wait_before_retry(tries).await?;
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
                Written::Done => return Ok(()),
                Written::Refused(stored) => current = stored,
            }
        }
        Err(too_busy())
    }

    async fn family_items(&self, id: &FamilyId) -> StoreResult<Vec<Item>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(keys::family(id)));
        self.table.query(&Query::table(keys)).await
    }
}

/// Whether an item is a mail that was tried, or is held after a restore. It outlives the family, so that nothing is sent twice.
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
pub(super) fn from_item(item: &Item) -> StoreResult<Option<Family>> {
    if is_being_removed(item) {
        return Ok(None);
    }
    item.data().map(Some)
}

fn is_being_removed(item: &Item) -> bool {
    item.text("removing").is_some()
}

/// The hash of a feed's token in the family's pointer to it; `None` if the item is no pointer.
pub(super) fn token_of_pointer(item: &Item) -> Option<FeedTokenHash> {
    item.id_after(keys::TOKENS)?.parse().ok()
}
