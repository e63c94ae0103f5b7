//! Tracks the delivery of a mail to each recipient.
//!
//! A mail server may refuse one recipient temporarily and accept the mail for the others. The mail
//! is then SENT, and only that recipient is retried within the day. No recipient is in two commits
//! unless the first is known to have been refused or not sent.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::recipient::{MailRecipient, RecipientState};
use super::record::{MailState, OutboxRecord, REFUSED_DELAY, TransitionError};
use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::mail::RefusedRecipient;

/// The most retries of temporarily refused recipients after the others were accepted.
pub const MAX_RETRIES: u32 = 3;

impl OutboxRecord {
    /// Whether it is final and no recipient waits for a retry.
    pub fn is_over(&self) -> bool {
        self.state.is_final()
            && !(self.state == MailState::Sent && self.has_recipients(RecipientState::Pending))
    }

    /// Whether some recipients have the mail, so that only others may get it.
    pub fn is_retry(&self) -> bool {
        self.has_recipients(RecipientState::Accepted)
    }

    /// Whether the waiting recipients must be given up now.
    pub fn retries_are_over(&self, now: DateTime<Utc>) -> bool {
        let nobody_has_it = match self.state {
            MailState::Sent => true,
            MailState::Claimed => self.lease_is_over(now),
            _ => false,
        };
        nobody_has_it
            && self.is_retry()
            && self.has_recipients(RecipientState::Pending)
            && (self.retries >= MAX_RETRIES || self.retry_until.is_none_or(|until| until <= now))
    }

    /// The recipients that the mail server refused and those without a known outcome.
    pub fn unreached_recipients(&self) -> impl Iterator<Item = &MailRecipient> {
        self.recipients.iter().filter(|recipient| {
            matches!(
                recipient.state,
                RecipientState::Refused | RecipientState::Unknown
            )
        })
    }

    /// The recipients that the next mail is for.
    pub fn pending_recipients(&self) -> Vec<EmailAddress> {
        self.recipients
            .iter()
            .filter(|recipient| recipient.state == RecipientState::Pending)
            .filter_map(|recipient| recipient.address.clone())
            .collect()
    }

    /// The same record without the addresses: nothing more is to be sent.
    #[must_use]
    pub fn without_addresses(&self) -> Self {
        let mut record = self.clone();
        for recipient in &mut record.recipients {
            recipient.address = None;
        }
        record
    }

    /// The record as a store keeps it: once it is over, without the addresses.
    pub fn to_keep(&self) -> Cow<'_, Self> {
        if self.is_over() && self.recipients.iter().any(|one| one.address.is_some()) {
            Cow::Owned(self.without_addresses())
        } else {
            Cow::Borrowed(self)
        }
    }

    /// The same record with the family's reachable recipients.
    ///
    /// While no recipient has the mail, new recipients are added. A waiting recipient who left or was
    /// stopped no longer waits.
    #[must_use]
    pub fn with_recipients_of(&self, family: &Family) -> Self {
        let is_reachable = |address: &EmailAddress| {
            family.recipients.contains(address) && !family.is_stopped(address)
        };
        let is_waiting = |recipient: &MailRecipient| recipient.state == RecipientState::Pending;
        let mut recipients: Vec<MailRecipient> = self
            .recipients
            .iter()
            .filter(|recipient| {
                let address = recipient.address.as_ref();
                !is_waiting(recipient) || address.is_some_and(is_reachable)
            })
            .cloned()
            .collect();
        if !self.is_retry() {
            for (address, number) in family.recipients.iter().zip(1..) {
                let is_known = recipients
                    .iter()
                    .filter_map(|known| known.address.as_ref())
                    .any(|known| known.reaches_the_same_as(address));
                if is_reachable(address) && !is_known {
                    recipients.push(MailRecipient {
                        number,
                        address: Some(address.clone()),
                        state: RecipientState::Pending,
                        fence: 0,
                        reason: None,
                        in_doubt: false,
                    });
                }
            }
        }
        Self {
            recipients,
            ..self.clone()
        }
    }

    /// The same record with the mail service's answers about some recipients.
    #[must_use]
    pub fn with_refusals(&self, refused: &[RefusedRecipient]) -> Self {
        let mut record = self.clone();
        for recipient in &mut record.recipients {
            let of_it = refused
                .iter()
                .find(|refused| Some(&refused.address) == recipient.address.as_ref());
            if let Some(refusal) = of_it
                && matches!(
                    recipient.state,
                    RecipientState::Pending | RecipientState::Sending
                )
            {
                recipient.reason = Some(refusal.reason.clone());
                if refusal.for_good {
                    recipient.give_up();
                } else {
                    recipient.state = RecipientState::Pending;
                }
            }
        }
        record
    }

    /// To SENT: the operator was alerted about the temporarily refused recipients.
    pub fn give_up_recipients(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        if !self.retries_are_over(now) {
            return Err(TransitionError::Waiting);
        }
        Ok(self.sent_without_the_rest(now))
    }

    /// Every recipient that is not refused is in the mail of this claim.
    ///
    /// `for_now` are those that were refused for now just before.
    pub(super) fn begin_with_recipients(&self, for_now: &[EmailAddress]) -> Vec<MailRecipient> {
        let mut recipients = self.recipients.clone();
        for recipient in &mut recipients {
            let address = recipient.address.as_ref();
            if recipient.state == RecipientState::Pending
                && address.is_some_and(|address| !for_now.contains(address))
            {
                recipient.state = RecipientState::Sending;
                recipient.fence = self.fence;
                recipient.reason = None;
            }
        }
        recipients
    }

    /// To SENT with these changes; waiting recipients are retried later while attempts are left.
    pub(super) fn sent_to(&self, reached: &[RecipientState], now: DateTime<Utc>) -> Self {
        let mut sent = self.release(MailState::Sent, None, now);
        for recipient in &mut sent.recipients {
            if reached.contains(&recipient.state) {
                recipient.state = RecipientState::Accepted;
                recipient.reason = None;
            }
        }
        sent.with_next_retry(now)
    }

    /// Back to where it can be claimed again: none of this claim's recipients has the mail.
    pub(super) fn back(&self, reason: String, delay: bool, now: DateTime<Utc>) -> Self {
        let mut back = self.release(MailState::Pending, Some(reason.clone()), now);
        for recipient in &mut back.recipients {
            if recipient.state == RecipientState::Sending {
                recipient.state = RecipientState::Pending;
                recipient.fence = 0;
                if !recipient.in_doubt {
                    recipient.reason.get_or_insert_with(|| reason.clone());
                }
            }
        }
        if back.is_retry() {
            back.state = MailState::Sent;
            return back.with_next_retry(now);
        }
        back.not_before = delay.then(|| now + REFUSED_DELAY);
        back
    }

    /// To SENT if other recipients have the mail; the waiting ones stop waiting.
    pub(crate) fn sent_without_the_rest(&self, now: DateTime<Utc>) -> Self {
        let mut sent = self.release(MailState::Sent, None, now);
        for recipient in &mut sent.recipients {
            match recipient.state {
                RecipientState::Pending => recipient.give_up(),
                // Its worker stopped without a result.
                RecipientState::Sending => recipient.state = RecipientState::Unknown,
                _ => {}
            }
        }
        sent.reason = sent.recipients_reason();
        sent
    }

    /// Sets the next retry of the waiting recipients, or ends their wait.
    fn with_next_retry(mut self, now: DateTime<Utc>) -> Self {
        self.not_before = None;
        for recipient in &mut self.recipients {
            // It was over, and a delivery event came late.
            if recipient.state == RecipientState::Pending && recipient.address.is_none() {
                recipient.state = RecipientState::Refused;
            }
        }
        if self.has_recipients(RecipientState::Pending) {
            if self.retries >= MAX_RETRIES {
                for recipient in &mut self.recipients {
                    if recipient.state == RecipientState::Pending {
                        recipient.give_up();
                    }
                }
            } else {
                self.not_before = Some(now + REFUSED_DELAY);
            }
        }
        self.reason = self.recipients_reason();
        self
    }

    /// Describes the recipients' problems to the operator in one or two sentences.
    fn recipients_reason(&self) -> Option<String> {
        let numbers = |of_state: &dyn Fn(&MailRecipient) -> bool| {
            let recipients = self
                .recipients
                .iter()
                .filter(|recipient| of_state(recipient));
            let all: Vec<String> = recipients
                .map(|recipient| {
                    let why = recipient.reason.as_deref();
                    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                    format!("recipient {}{why}", recipient.number)
                })
                .collect();
            (!all.is_empty()).then(|| all.join(" and "))
        };
        let waits = |recipient: &MailRecipient| recipient.state == RecipientState::Pending;
        let sentences: Vec<String> = [
            numbers(&|recipient| recipient.state == RecipientState::Refused)
                .map(|who| format!("The mail server refused {who}; the others have the mail.")),
            numbers(&|recipient| waits(recipient) && !recipient.in_doubt)
                .map(|who| format!("The mail server refused {who} for now; we’ll try again.")),
            numbers(&|recipient| waits(recipient) && recipient.in_doubt)
                .map(|who| format!("We can’t tell whether {who} got the mail; we’ll try again.")),
            numbers(&|recipient| recipient.state == RecipientState::Unknown)
                .map(|who| format!("We can’t tell whether {who} got the mail.")),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }

    fn has_recipients(&self, state: RecipientState) -> bool {
        self.recipients
            .iter()
            .any(|recipient| recipient.state == state)
    }
}

#[cfg(test)]
mod tests;
