//! A person's request to send a mail again.

use chrono::{DateTime, Utc};

use crate::family::Family;
use crate::outbox::{MailKey, MailState, OutboxRecord, TransitionError};
use crate::store::{OutboxStore, StoreError};

/// Why a mail is not sent again.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// It has no record.
    #[error("There is no such email.")]
    NotFound,
    /// Its day is over.
    #[error("Its day is over for the family, so it would be out of date.")]
    DayPassed,
    /// Its family is paused.
    #[error("The family is paused. Resume it first.")]
    FamilyPaused,
    /// A newer version wrote it.
    #[error("A newer version wrote this notice. Use that version.")]
    Newer,
    /// A worker has it.
    #[error("The notice is being sent right now. Look again in a few minutes.")]
    BeingSent,
    /// Something else changed it since it was read.
    #[error("Something else changed the notice at the same moment. Nothing was done.")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A mail that can be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    before: OutboxRecord,
    after: OutboxRecord,
}

impl Resend {
    /// Prepares to send a family's mail again. It writes nothing.
    pub async fn prepare(
        outbox: &dyn OutboxStore,
        family: &Family,
        key: &MailKey,
        now: DateTime<Utc>,
    ) -> Result<Self, ResendError> {
        let before = outbox.mail(key).await?.ok_or(ResendError::NotFound)?;
        Self::from_record(family, before, now)
    }

    /// Prepares to send the mail of a record again.
    pub fn from_record(
        family: &Family,
        before: OutboxRecord,
        now: DateTime<Utc>,
    ) -> Result<Self, ResendError> {
        if family.has_passed(before.date, now) {
            return Err(ResendError::DayPassed);
        }
        if family.is_mail_paused(before.date, now) {
            return Err(ResendError::FamilyPaused);
        }
        let after = before.resend(now).map_err(|error| match error {
            TransitionError::Newer => ResendError::Newer,
            _ => ResendError::BeingSent,
        })?;
        Ok(Self { before, after })
    }

    /// The revision of the record that it was prepared from.
    pub fn revision(&self) -> u64 {
        self.before.revision
    }

    /// Whether the record of this revision was asked for again, and nothing happened since.
    pub fn is_asked_for_since(&self, revision: u64) -> bool {
        self.before.revision.checked_sub(1) == Some(revision)
            && self.before.state == MailState::Pending
    }

    /// What a person has to know before.
    pub fn warning(&self) -> Option<&'static str> {
        match self.before.state {
            MailState::Sent => Some("It was sent, so the family gets a second one."),
            MailState::GaveUp | MailState::Unknown | MailState::Sending => {
                Some("We can't tell whether it arrived, so the family may get it twice.")
            }
            _ => None,
        }
    }

    /// Lets the next run send it, if its record hasn't changed.
    pub async fn save(&self, outbox: &dyn OutboxStore) -> Result<(), ResendError> {
        let is_saved = outbox
            .replace_mail(self.before.revision, &self.after, None)
            .await?;
        match is_saved {
            true => Ok(()),
            false => Err(ResendError::Changed),
        }
    }
}
