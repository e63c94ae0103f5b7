//! The families.

use async_trait::async_trait;
use hippo_core::card::CardKey;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Family, StoppedRecipient};
use hippo_core::ids::{CardId, FamilyId};
use hippo_core::outbox::OutboxRecord;
use hippo_core::store::{FamilyStore, StoreError, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, text};
use super::keys::{self, Key, list};
use super::table::{Ask, MAX_ATTEMPTS, Written, too_busy, wait};

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
                let stopped = std::mem::take(&mut stored.stopped);
                *stored = Family {
                    stopped,
                    ..family.clone()
                };
                true
            })
            .await?;
        match replaced {
            Changed::Gone => Err(no_family(&family.id)),
            Changed::Done | Changed::Nothing => Ok(()),
        }
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
        let ask = |limit| Ask {
            limit,
            ..Ask::index("listing", keys.clone())
        };
        self.readable_page(limit, ask, Item::data).await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let stop = |family: &mut Family| family.stop_recipient(stopped.clone());
        Ok(self.change_family(id, stop).await? == Changed::Done)
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let allow = |family: &mut Family| family.allow_recipient(address);
        Ok(self.change_family(id, allow).await? == Changed::Done)
    }

    /// In steps, each of which leaves something whole: first nothing new can be added to the
    /// family, then its cards go one after the other, then the rest. One that was cut short is
    /// finished by calling it again.
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
            Written::Refused(_) => return Err(no_family(id)),
        }
        for item in self.all_of(id).await? {
            let card = item.id_after(keys::CARDS).map(str::parse::<CardId>);
            if let Some(Ok(card)) = card {
                let family = id.clone();
                self.remove_by_key(&CardKey { family, card }).await?;
            }
        }
        // What is left: the mails, and accounts whose card is gone. Mails that may have been sent
        // outlive the family: should it be added again, their days are over. What they told and to whom goes.
        let (kept, rest): (Vec<Item>, Vec<Item>) = self
            .all_of(id)
            .await?
            .into_iter()
            .partition(outlives_family);
        for item in &kept {
            self.forget_words_of(item).await?;
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

/// What became of a family that was to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Done,
    /// It is so already.
    Nothing,
    Gone,
}

impl DynamoDbStore {
    /// Changes a family where nobody else changed it since it was read, or else once more.
    /// `change` answers whether there is something to write.
    async fn change_family(
        &self,
        id: &FamilyId,
        change: impl Fn(&mut Family) -> bool + Send + Sync,
    ) -> StoreResult<Changed> {
        let key = Key::family(id);
        let write = Uuid::new_v4().to_string();
        for tries in 0..MAX_ATTEMPTS {
            wait(tries).await?;
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
                // The answer to an earlier try of this very write was lost.
                Written::Refused(Some(item)) if item.text("write") == Some(&write) => {
                    return Ok(Changed::Done);
                }
                Written::Refused(_) => {}
            }
        }
        Err(too_busy())
    }

    /// Drops what a mail told, and the addresses that it was for.
    async fn forget_words_of(&self, mail: &Item) -> StoreResult<()> {
        let (Some(pk), Some(sk)) = (mail.text("pk"), mail.text("sk")) else {
            return Ok(());
        };
        let key = Key {
            pk: pk.to_owned(),
            sk: sk.to_owned(),
        };
        let mut seen = Some(mail.clone());
        for tries in 0..MAX_ATTEMPTS {
            wait(tries).await?;
            // It may have expired meanwhile.
            let Some(item) = seen else { return Ok(()) };
            let (forget, unchanged) = match item.data::<OutboxRecord>() {
                Ok(record) => (
                    Expression::new("SET #data = :data REMOVE #last_notice")
                        .value(":data", text(json(&record.without_addresses())?)),
                    Expression::unchanged(item.revision()),
                ),
                Err(_) => (Expression::new("REMOVE #last_notice"), Expression::exists()),
            };
            match self.table.update(&key, &forget, &unchanged).await? {
                Written::Done => return Ok(()),
                Written::Refused(left) => seen = left,
            }
        }
        Err(too_busy())
    }

    async fn all_of(&self, id: &FamilyId) -> StoreResult<Vec<Item>> {
        let keys = Expression::new("#pk = :pk").value(":pk", text(keys::family(id)));
        self.table.query(&Ask::table(keys)).await
    }
}

/// Whether an item is a mail that may have left, or that is held since one may have.
fn outlives_family(item: &Item) -> bool {
    if item.id_after(keys::MAILS).is_none() {
        return false;
    }
    // One that cannot be read may have been sent.
    item.data::<OutboxRecord>()
        .map_or(true, |record| record.attempts > 0 || record.is_held())
}

/// The failure that says that there is no such family.
pub(super) fn no_family(id: &FamilyId) -> StoreError {
    StoreError::NotFound(format!("family “{id}”"))
}

/// There is such a family, and it is not being removed.
pub(super) fn is_there() -> Expression {
    Expression::new("attribute_exists(#pk) AND attribute_not_exists(#removing)")
}

/// A family; `None` if it is being removed.
pub(super) fn from_item(item: &Item) -> StoreResult<Option<Family>> {
    if is_being_removed(item) {
        return Ok(None);
    }
    item.data().map(Some)
}

fn is_being_removed(item: &Item) -> bool {
    item.text("removing").is_some()
}
