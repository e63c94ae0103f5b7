//! The record of changes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::audit::AuditEntry;
use crate::ids::FamilyId;
use crate::store::{AuditStore, StoreResult};

#[async_trait]
impl AuditStore for MemoryStore {
    async fn add_audit_entry(&self, entry: &AuditEntry) -> StoreResult<()> {
        let mut state = self.write()?;
        state.audit.insert((entry.at, entry.id), entry.clone());
        Ok(())
    }

    async fn recent_audit_entries(
        &self,
        family: Option<&FamilyId>,
        since: DateTime<Utc>,
        limit: usize,
    ) -> StoreResult<Vec<AuditEntry>> {
        let state = self.read()?;
        let entries = state.audit.values().rev();
        let entries = entries.filter(|entry| entry.at >= since);
        let entries = entries.filter(|entry| family.is_none() || entry.family.as_ref() == family);
        Ok(entries.take(limit).cloned().collect())
    }
}
