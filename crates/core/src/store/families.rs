//! The families.

use async_trait::async_trait;

use super::StoreResult;
use crate::email_address::EmailAddress;
use crate::family::{Family, StoppedRecipient, Unsubscription};
use crate::ids::FamilyId;
use crate::outbox::MailKind;

/// Stores the families.
#[async_trait]
pub trait FamilyStore: Send + Sync {
    /// Adds a family; [`AlreadyExists`](super::StoreError::AlreadyExists) if its id is taken.
    async fn add_family(&self, family: &Family) -> StoreResult<()>;

    /// Overwrites a family's settings, whatever is stored; keeps stops and unsubscriptions.
    /// [`NotFound`](super::StoreError::NotFound) if it is missing.
    ///
    /// Only the methods about one recipient change that. So an edit can't undo a concurrent report of the
    /// mail service, or a person's wish.
    async fn update_family(&self, family: &Family) -> StoreResult<()>;

    /// Replaces a family's settings if they are still those of `before`, in one conditional write;
    /// true if they were replaced.
    ///
    /// Keeps stops and unsubscriptions, which don't count as a change.
    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool>;

    /// Returns a family, or `None` if it is missing.
    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>>;

    /// Lists all families, ordered by id.
    async fn families(&self) -> StoreResult<Vec<Family>>;

    /// Lists at most `limit` families after `after`, ordered by id.
    ///
    /// By default it loads all families; a store that can page overrides it.
    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        let mut families = self.families().await?;
        families.retain(|family| after.is_none_or(|after| family.id > *after));
        families.truncate(limit);
        Ok(families)
    }

    /// Stops a recipient as [`Family::stop_recipient`] does, in one conditional write; returns false also
    /// if the family is gone.
    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool>;

    /// Allows a recipient again as [`Family::allow_recipient`] does, in one conditional write; returns
    /// false also if the family is gone.
    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool>;

    /// Unsubscribes a recipient as [`Family::unsubscribe`] does, in one conditional write; returns false
    /// also if the family is gone.
    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool>;

    /// Subscribes a recipient again as [`Family::resubscribe`] does, in one conditional write; returns
    /// false also if the family is gone.
    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool>;

    /// Sends every kind of mail to an address again; false if it got all of them.
    async fn allow_every_mail(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let mut has_changed = self.allow_recipient(id, address).await?;
        for kind in MailKind::ALL {
            has_changed |= self.resubscribe(id, address, kind).await?;
        }
        Ok(has_changed)
    }

    /// Removes a family with its mails and feeds, and its cards with their secrets and accounts;
    /// [`NotFound`](super::StoreError::NotFound) if it is missing.
    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()>;
}
