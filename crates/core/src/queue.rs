//! The queues between a job that plans and the workers that do.

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::FamilyId;
use crate::jobs::check_cards::visit::Visit;
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

/// A notice that somebody should send now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DueNotice {
    /// The family.
    pub family: FamilyId,
    /// The family's local date; it was computed once, when the notice was planned.
    pub date: NaiveDate,
}

/// A message of the queue of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeMessage {
    /// The family.
    pub family: FamilyId,
    /// The family's local date.
    pub date: NaiveDate,
    /// The run that handed it out; a message of an older version names none.
    #[serde(default)]
    pub run: Option<RunKey>,
}

/// Takes notices, and gives each to a worker, now and then to two.
#[async_trait]
pub trait NoticeQueue: Send + Sync {
    /// Hands out all of these, or says that it could not; then some may have been taken.
    async fn send(&self, run: &RunKey, notices: &[DueNotice]) -> Result<(), QueueError>;
}
