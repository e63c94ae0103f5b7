//! The queues between a planning job and its workers.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::card::CardKey;
use crate::ids::{FamilyId, LibraryId};
use crate::message::MessageRequest;
use crate::outbox::{MailKey, MailKind};
use crate::run::RunKey;

/// Work could not be enqueued; messages enqueued before stay so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The queue didn't take {unsent} of {asked} messages: {reason}")]
pub struct QueueError {
    /// How many messages it did not accept after all retries.
    pub unsent: usize,
    /// How many messages were sent to it.
    pub asked: usize,
    /// The reason, for the operator.
    pub reason: String,
}

/// Up to ten cards of one library. The JSON is a message of the queue of visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// The library.
    pub library: LibraryId,
    /// The cards; those with the same number are adjacent.
    pub cards: Vec<CardKey>,
    /// When the run planned it. A card whose last check began later is done.
    pub planned_at: DateTime<Utc>,
    /// The run that it belongs to.
    pub run: RunKey,
}

/// Delivers each visit to one worker; visits of one library one after the other.
#[async_trait]
pub trait VisitQueue: Send + Sync {
    /// Enqueues all of these visits.
    ///
    /// After an error some may have been enqueued. A visit that is sent again is deduplicated while the
    /// queue remembers it, and delivered twice later: a worker must tolerate that.
    async fn send(&self, visits: &[Visit]) -> Result<(), QueueError>;
}

/// A message of the mail queue.
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
    /// Creates the message of a run that enqueues this mail.
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

/// Delivers due mails to workers, each at least once.
#[async_trait]
pub trait MailQueue: Send + Sync {
    /// Enqueues all of these mails; after an error some may have been enqueued.
    async fn send(&self, run: &RunKey, mails: &[MailKey]) -> Result<(), QueueError>;
}

/// Takes the requests for messages, for known and unknown addresses alike.
#[async_trait]
pub trait MessageQueue: Send + Sync {
    /// Enqueues a request. Takes the same time whether anybody has the address.
    async fn send(&self, request: MessageRequest) -> Result<(), QueueError>;
}
