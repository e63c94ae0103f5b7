//! Tracks the delivery of a mail to each recipient.
//!
//! A mail server may refuse one recipient temporarily and accept the mail for the others. The mail
//! is then SENT, and only that recipient is retried within the day. A recipient is in a second mail
//! only if the first was not sent to it, or if the family prefers two mails to none.

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

    /// Whether some recipients have the mail, so that only the others may still get it.
    pub fn is_retry(&self) -> bool {
        self.has_recipients(RecipientState::Accepted)
    }

    /// Whether the waiting recipients must be given up now.
    pub fn retries_are_over(&self, now: DateTime<Utc>) -> bool {
        let is_unclaimed = match self.state {
            MailState::Sent => true,
            MailState::Claimed => self.lease_is_over(now),
            _ => false,
        };
        is_unclaimed
            && self.is_retry()
            && self.has_recipients(RecipientState::Pending)
            && (self.retries >= MAX_RETRIES || self.retry_until.is_none_or(|until| until <= now))
    }

    /// The recipients that were refused or whose outcome is unknown.
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

    /// Removes the addresses: nothing more is sent.
    #[must_use]
    pub fn without_addresses(&self) -> Self {
        let mut record = self.clone();
        for recipient in &mut record.recipients {
            recipient.address = None;
        }
        record
    }

    /// Returns the record to store: without addresses once it is over.
    pub fn to_stored(&self) -> Cow<'_, Self> {
        if self.is_over() && self.recipients.iter().any(|one| one.address.is_some()) {
            Cow::Owned(self.without_addresses())
        } else {
            Cow::Borrowed(self)
        }
    }

    /// Updates the recipients to those of the family that can be reached and want its kind.
    ///
    /// New recipients are added while no recipient has the mail. A waiting recipient who left the
    /// family, was stopped or unsubscribed is removed.
    #[must_use]
    pub fn with_recipients_of(&self, family: &Family) -> Self {
        let is_reachable = |address: &EmailAddress| {
            family.recipients.contains(address)
                && !family.is_stopped(address)
                && !family.is_unsubscribed(address, &self.kind)
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
                    .any(|known| known.is_same_mailbox(address));
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

    /// Applies the mail service's refusals of some recipients.
    #[must_use]
    pub fn with_refusals(&self, refused: &[RefusedRecipient]) -> Self {
        let mut record = self.clone();
        for recipient in &mut record.recipients {
            let refusal = refused
                .iter()
                .find(|refused| Some(&refused.address) == recipient.address.as_ref());
            if let Some(refusal) = refusal
                && matches!(
                    recipient.state,
                    RecipientState::Pending | RecipientState::Sending
                )
            {
                recipient.reason = Some(refusal.reason.clone());
                if refusal.is_permanent {
                    recipient.give_up();
                } else {
                    recipient.state = RecipientState::Pending;
                }
            }
        }
        record
    }

    /// To SENT: the waiting recipients are given up. Alert the operator first.
    pub fn give_up_recipients(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        if !self.retries_are_over(now) {
            return Err(TransitionError::Waiting);
        }
        Ok(self.sent_without_the_rest(now))
    }

    /// To SENT: the waiting recipients are dropped once their retries are over. Nobody is to alert: the
    /// family is paused.
    pub fn drop_waiting_recipients(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        if !self.retries_are_over(now) {
            return Err(TransitionError::Waiting);
        }
        Ok(self.without_waiting_recipients().sent_without_the_rest(now))
    }

    /// Removes the recipients that wait for a retry, if the others have the mail.
    #[must_use]
    pub fn without_waiting_recipients(&self) -> Self {
        let mut record = self.clone();
        if self.is_retry() {
            let is_waiting = |one: &MailRecipient| one.state == RecipientState::Pending;
            record.recipients.retain(|one| !is_waiting(one));
        }
        record
    }

    /// Returns the recipients, with all waiting ones in the mail of this claim.
    ///
    /// `refused_for_now` lists the exceptions: the mail server has just refused them temporarily.
    pub(super) fn recipients_in_sending(
        &self,
        refused_for_now: &[EmailAddress],
    ) -> Vec<MailRecipient> {
        let mut recipients = self.recipients.clone();
        for recipient in &mut recipients {
            let address = recipient.address.as_ref();
            if recipient.state == RecipientState::Pending
                && address.is_some_and(|address| !refused_for_now.contains(address))
            {
                recipient.state = RecipientState::Sending;
                recipient.fence = self.fence;
                recipient.reason = None;
            }
        }
        recipients
    }

    /// To SENT: recipients in a state of `reached` have the mail; waiting ones are retried later.
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

    /// Makes the record claimable again: none of this claim's recipients has the mail.
    pub(super) fn release_unsent(&self, reason: String, delay: bool, now: DateTime<Utc>) -> Self {
        let mut unsent = self.release(MailState::Pending, Some(reason.clone()), now);
        for recipient in &mut unsent.recipients {
            if recipient.state == RecipientState::Sending {
                recipient.state = RecipientState::Pending;
                recipient.fence = 0;
                if !recipient.in_doubt {
                    recipient.reason.get_or_insert_with(|| reason.clone());
                }
            }
        }
        if unsent.is_retry() {
            unsent.state = MailState::Sent;
            return unsent.with_next_retry(now);
        }
        unsent.not_before = delay.then(|| now + REFUSED_DELAY);
        unsent
    }

    /// To SENT: some recipients have the mail, and the others are given up.
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
            // Without its address it can't be retried: the record was over before a late delivery
            // event came.
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
        let list = |is_listed: &dyn Fn(&MailRecipient) -> bool| {
            let recipients = self
                .recipients
                .iter()
                .filter(|recipient| is_listed(recipient));
            let names: Vec<String> = recipients
                .map(|recipient| {
                    let why = recipient.reason.as_deref();
                    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
                    format!("recipient {}{why}", recipient.number)
                })
                .collect();
            (!names.is_empty()).then(|| names.join(" and "))
        };
        let is_waiting = |recipient: &MailRecipient| recipient.state == RecipientState::Pending;
        let sentences: Vec<String> = [
            list(&|recipient| recipient.state == RecipientState::Refused)
                .map(|who| format!("The mail server refused {who}; the others have the mail.")),
            list(&|recipient| is_waiting(recipient) && !recipient.in_doubt)
                .map(|who| format!("The mail server refused {who} for now; we’ll try again.")),
            list(&|recipient| is_waiting(recipient) && recipient.in_doubt)
                .map(|who| format!("We can’t tell whether {who} got the email; we’ll try again.")),
            list(&|recipient| recipient.state == RecipientState::Unknown)
                .map(|who| format!("We can’t tell whether {who} got the email.")),
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
