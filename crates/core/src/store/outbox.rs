//! The outbox.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::StoreResult;
use crate::ids::FamilyId;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, OutboxRecord};

/// The position in a list of mails: the last mail of the previous page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxCursor {
    /// The mail's local date.
    pub date: NaiveDate,
    /// The mail's kind.
    pub kind: MailKind,
    /// The mail's family.
    pub family: FamilyId,
}

impl From<&OutboxRecord> for OutboxCursor {
    fn from(record: &OutboxRecord) -> Self {
        Self {
            date: record.date,
            kind: record.kind.clone(),
            family: record.family.clone(),
        }
    }
}

impl From<&MailKey> for OutboxCursor {
    fn from(key: &MailKey) -> Self {
        Self {
            date: key.date,
            kind: key.kind.clone(),
            family: key.family.clone(),
        }
    }
}

/// Whether a store was restored from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreOrigin {
    /// It was not restored.
    Known,
    /// It was restored, and the mails that may have been sent since the copy are not held yet.
    Restored {
        /// [`OutboxStore::last_sent_fence`] knows every sent mail.
        has_sent_fences: bool,
    },
}

/// Stores the outbox.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Inserts a record if its key is free; true if it was inserted. [`NotFound`](super::StoreError::NotFound) if the
    /// family is missing.
    ///
    /// If the mail has no record but was sent before ([`OutboxStore::last_sent_fence`]), it inserts a held
    /// record instead and returns false.
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool>;

    /// Returns the record of a mail, or `None` if it is missing.
    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>>;

    /// Replaces a record if its stored revision is still `expected_revision`; true if it was replaced.
    ///
    /// Returns false also if the record is missing. If `last_notice` is `None`, keeps the stored one. This
    /// is one conditional write; returns once it would survive a crash.
    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool>;

    /// Lists at most `limit` records after `after` that are not final, ordered by date, kind and family.
    ///
    /// A state that this version doesn't know is not final.
    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;

    /// Returns the last notice of the newest SENT daily mail (by date) that stores one.
    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>>;

    /// Returns whether the store was restored from a copy.
    async fn origin(&self) -> StoreResult<StoreOrigin>;

    /// Ends a restore durably. Call it once every mail that may have been sent has a record.
    async fn end_restore(&self) -> StoreResult<()>;

    /// Returns the fence of the claim under which a mail last reached SENDING, from data that outlives the
    /// mail's record and family.
    ///
    /// `None`: it never reached SENDING, or its record has all that is known.
    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>>;

    /// Lists the newest records of a family's mails of one kind, newest date first.
    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>>;
}
