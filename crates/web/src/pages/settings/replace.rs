//! Replaces the family of the person who is signed in.

use hippo_core::family::Family;

use crate::access::session::FamilyMember;
use crate::error::PageError;
use crate::ports::WebPorts;

/// Replaces the member's family. If another request came first, it loads what that one stored, and returns false.
pub(super) async fn replace_or_reload(
    ports: &WebPorts,
    member: &mut FamilyMember,
    after: &Family,
) -> Result<bool, PageError> {
    let before = &member.loaded.family;
    if ports.store.replace_family(before, after).await? {
        return Ok(true);
    }
    let present = ports.store.family(&after.id).await?;
    member.loaded.family = present.ok_or_else(PageError::not_found)?;
    Ok(false)
}
