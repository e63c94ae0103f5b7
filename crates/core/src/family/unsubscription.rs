//! The recipients who unsubscribed from one kind of mail.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Family;
use crate::email_address::EmailAddress;
use crate::mail::MailKind;
use crate::sign_in::TokenHash;

/// A recipient who unsubscribed from one kind of mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscription {
    /// The address.
    pub address: EmailAddress,
    /// The kind of mail.
    pub kind: MailKind,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The link that was used, which may undo it.
    pub link: Option<TokenHash>,
}

impl Family {
    /// The unsubscription of an address from a kind of mail, if there is one.
    pub fn unsubscription(
        &self,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> Option<&Unsubscription> {
        let mut unsubscribed = self.unsubscribed.iter();
        unsubscribed.find(|one| one.kind == *kind && one.address.is_same_mailbox(address))
    }

    /// Whether an address is unsubscribed from a kind of mail.
    pub fn is_unsubscribed(&self, address: &EmailAddress, kind: &MailKind) -> bool {
        self.unsubscription(address, kind).is_some()
    }

    /// Unsubscribes a recipient; false if it is unsubscribed already or not a recipient.
    pub fn unsubscribe(&mut self, unsubscription: Unsubscription) -> bool {
        let Unsubscription { address, kind, .. } = &unsubscription;
        let mut recipients = self.recipients.iter();
        let is_recipient = recipients.any(|known| known.is_same_mailbox(address));
        if !is_recipient || self.is_unsubscribed(address, kind) {
            return false;
        }
        self.unsubscribed.push(unsubscription);
        true
    }

    /// Subscribes a recipient again; false if it was subscribed.
    pub fn resubscribe(&mut self, address: &EmailAddress, kind: &MailKind) -> bool {
        let before = self.unsubscribed.len();
        self.unsubscribed
            .retain(|one| one.kind != *kind || !one.address.is_same_mailbox(address));
        self.unsubscribed.len() < before
    }

    /// The recipients that get this kind of mail.
    pub fn subscribed_recipients(&self, kind: &MailKind) -> Vec<EmailAddress> {
        let mut reachable = self.reachable_recipients();
        reachable.retain(|address| !self.is_unsubscribed(address, kind));
        reachable
    }

    /// When the last recipient unsubscribed from a kind of mail, if none is left.
    pub fn everybody_unsubscribed_since(&self, kind: &MailKind) -> Option<DateTime<Utc>> {
        if !self.subscribed_recipients(kind).is_empty() {
            return None;
        }
        let reachable = self.reachable_recipients();
        let unsubscribed = reachable
            .iter()
            .filter_map(|address| self.unsubscription(address, kind));
        unsubscribed.map(|one| one.since).max()
    }
}
