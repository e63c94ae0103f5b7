//! Records what the command changed, for the list of changes on the pages.

use hippo_core::audit::{Actor, AuditEntry, Change};
use hippo_core::ids::FamilyId;

use crate::context::Context;
use crate::output::print_to_stderr;

/// Records a change that was just made.
///
/// It can't be undone any more, so a failure is only printed.
pub(crate) async fn record_change(context: &Context, family: Option<&FamilyId>, change: Change) {
    let entry = AuditEntry::new(Actor::Command, family.cloned(), change, context.now());
    if let Err(error) = context.store.add_audit_entry(&entry).await {
        print_to_stderr(format!(
            "The change was made, but couldn't be added to the list of changes: {error}"
        ));
    }
}
