//! The record of changes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::audit::AuditEntry;
use crate::ids::FamilyId;

/// Stores who changed what, for [`AUDIT_RETENTION`](crate::audit::AUDIT_RETENTION).
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an entry, in one write; adding it again changes nothing.
    async fn add_audit_entry(&self, entry: &AuditEntry) -> StoreResult<()>;

    /// Lists at most `limit` entries made at or after `since`, newest first: those of a family, or all.
    async fn recent_audit_entries(
        &self,
        family: Option<&FamilyId>,
        since: DateTime<Utc>,
        limit: usize,
    ) -> StoreResult<Vec<AuditEntry>>;
}
