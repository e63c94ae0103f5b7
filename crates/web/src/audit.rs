//! Records who changed what.

use hippo_core::audit::{AUDIT_RETENTION, Actor, AuditEntry, Change};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::sign_in::PersonId;
use hippo_core::store::StoreError;

use crate::ports::WebPorts;

/// Records a change that was just made.
pub(crate) async fn record_change(
    ports: &WebPorts,
    actor: Actor,
    family: Option<&FamilyId>,
    change: Change,
) {
    let entry = AuditEntry::new(actor, family.cloned(), change, ports.clock.now());
    add_entry(ports, entry).await;
}

/// Stores a record. The change can't be undone any more, so a failure only goes to the log.
pub(crate) async fn add_entry(ports: &WebPorts, entry: AuditEntry) {
    if let Err(error) = ports.store.add_audit_entry(&entry).await {
        let change = entry.change.describe();
        tracing::error!(%error, change, "A change was made, but couldn't be recorded.");
    }
}

/// Loads the newest changes that are still kept: those of a family since it was added, or all.
pub(crate) async fn load_changes(
    ports: &WebPorts,
    family: Option<&Family>,
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let kept_since = ports.clock.now() - AUDIT_RETENTION;
    let since = family.map_or(kept_since, |family| family.created_at.max(kept_since));
    let id = family.map(|family| &family.id);
    ports.store.recent_audit_entries(id, since, limit).await
}

/// The number of a person among a family's recipients, from 1.
pub(crate) fn recipient_number(family: &Family, person: &PersonId) -> Option<usize> {
    let mut recipients = family.recipients.iter();
    let position = recipients.position(|address| PersonId::from_address(address) == *person);
    position.map(|position| position + 1)
}
