//! The queues between a job that plans and the workers that do.

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::FamilyId;
use crate::jobs::check_cards::visit::Visit;
use crate::outbox::{MailKey, MailKind};
use crate::run::RunKey;

/// Work could not be handed out; what was handed out before stays so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The queue did not take {unsent} of {asked} messages: {reason}")]
pub struct QueueError {
    /// How many it did not take, after every try.
    pub unsent: usize,
    /// How many it was given.
    pub asked: usize,
    /// Why, in words for the operator.
    pub reason: String,
}

/// Takes visits, and gives each to one worker; visits of one library one after the other.
#[async_trait]
pub trait VisitQueue: Send + Sync {
    /// Hands out all of these, or says that it could not.
    ///
    /// After an error some of them may have been taken. The same visit sent again is taken once,
    /// as long as the queue remembers it, or comes twice: a worker must bear that.
    async fn send(&self, visits: &[Visit]) -> Result<(), QueueError>;
}

/// A message of the queue of mails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailMessage {
    /// The kind.
    pub kind: MailKind,
    /// The family.
    pub family: FamilyId,
    /// The family's local date.
    pub date: NaiveDate,
    /// The run that enqueued it.
    pub run: RunKey,
}

impl MailMessage {
    /// The message of a run that enqueues this mail.
    pub fn new(key: &MailKey, run: &RunKey) -> Self {
        Self {
            kind: key.kind.clone(),
            family: key.family.clone(),
            date: key.date,
            run: run.clone(),
        }
    }

    /// The key of the mail's record.
    pub fn key(&self) -> MailKey {
        MailKey::new(self.kind.clone(), self.family.clone(), self.date)
    }
}

/// Takes mails that are due, and gives each to a worker, now and then to two.
#[async_trait]
pub trait MailQueue: Send + Sync {
    /// Enqueues all of these, or says that it could not; then some may have been taken.
    async fn send(&self, run: &RunKey, mails: &[MailKey]) -> Result<(), QueueError>;
}
