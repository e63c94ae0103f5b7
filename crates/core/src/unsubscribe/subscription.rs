//! The subscription that an unsubscribe link is for, and how to end it.

use chrono::{DateTime, Utc};

use super::token::{UnsubscribeLink, UnsubscribeToken};
use crate::email_address::EmailAddress;
use crate::family::{Family, Unsubscription};
use crate::mail::MailKind;
use crate::store::{FamilyStore, OutboxStore, StoreResult};

/// The recipients and the kind of mail that a token stands for.
#[derive(Debug, Clone)]
pub struct Subscription {
    family: Family,
    kind: MailKind,
    link: UnsubscribeLink,
}

/// Finds the subscription that a token is for, in two reads; `None`: the mail or the family is gone, or the token is
/// forged.
pub async fn find_subscription(
    families: &dyn FamilyStore,
    outbox: &dyn OutboxStore,
    token: &UnsubscribeToken,
) -> StoreResult<Option<Subscription>> {
    let Some(record) = outbox.mail(token.mail()).await? else {
        return Ok(None);
    };
    let Some(link) = record.unsubscribe_link(&token.hash()) else {
        return Ok(None);
    };
    let family = families.family(&record.family).await?;
    // A family that was added again under the same id never sent this mail.
    let family = family.filter(|family| family.created_at <= record.planned_at);
    Ok(family.map(|family| Subscription {
        family,
        kind: record.kind.clone(),
        link: link.clone(),
    }))
}

impl Subscription {
    /// The kind of mail.
    pub fn kind(&self) -> &MailKind {
        &self.kind
    }

    /// The family, for the log.
    pub fn family(&self) -> &Family {
        &self.family
    }

    /// The recipients that the token stands for. Leaves out people who have left the family.
    pub fn recipients(&self) -> Vec<&EmailAddress> {
        let recipients = self.family.recipients.iter();
        recipients
            .filter(|address| self.link.stands_for(address))
            .collect()
    }

    /// Whether the mail had one recipient, so that one click unsubscribes.
    pub fn has_single_recipient(&self) -> bool {
        self.link.recipient.is_some()
    }

    /// Whether a recipient is unsubscribed.
    pub fn is_unsubscribed(&self, address: &EmailAddress) -> bool {
        self.family.is_unsubscribed(address, &self.kind)
    }

    /// Whether a recipient unsubscribed with this link, which can then undo it.
    pub fn can_undo(&self, address: &EmailAddress) -> bool {
        let unsubscribed = self.family.unsubscription(address, &self.kind);
        unsubscribed.is_some_and(|one| one.link.as_ref() == Some(&self.link.token))
    }

    /// Unsubscribes a recipient; false if there is nothing to change.
    pub async fn unsubscribe(
        &self,
        families: &dyn FamilyStore,
        address: &EmailAddress,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        if !self.link.stands_for(address) {
            return Ok(false);
        }
        let unsubscription = Unsubscription {
            address: address.clone(),
            kind: self.kind.clone(),
            since: now,
            link: Some(self.link.token.clone()),
        };
        families.unsubscribe(&self.family.id, &unsubscription).await
    }

    /// Undoes what this link did; false if there is nothing to undo.
    pub async fn undo_unsubscription(
        &self,
        families: &dyn FamilyStore,
        address: &EmailAddress,
    ) -> StoreResult<bool> {
        if !self.link.stands_for(address) || !self.can_undo(address) {
            return Ok(false);
        }
        families
            .resubscribe(&self.family.id, address, &self.kind)
            .await
    }
}
