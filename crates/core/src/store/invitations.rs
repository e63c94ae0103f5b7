//! The invitations to the families' emails.

use async_trait::async_trait;

use super::StoreResult;
use crate::ids::FamilyId;
use crate::invitation::{Invitation, InvitationId};

/// Stores the invitations until they are used, withdrawn or expired.
///
/// An id means one invitation, never an earlier or a later one of the same address.
#[async_trait]
pub trait InvitationStore: Send + Sync {
    /// Adds an invitation, unless one of the same address to the family is open when this one is made, in one
    /// conditional write; true if it was added. [`StoreError::NotFound`] if its family is missing.
    ///
    /// [`StoreError::NotFound`]: super::StoreError::NotFound
    async fn add_invitation(&self, invitation: &Invitation) -> StoreResult<bool>;

    /// Returns an invitation of a family; it may have expired.
    async fn invitation(
        &self,
        family: &FamilyId,
        id: &InvitationId,
    ) -> StoreResult<Option<Invitation>>;

    /// Lists a family's invitations, ordered by when they were made and by id; some may have expired.
    async fn family_invitations(&self, family: &FamilyId) -> StoreResult<Vec<Invitation>>;

    /// Replaces the invitation of the same id if its stored revision is still `expected_revision`, in one conditional
    /// write; true if it was replaced.
    async fn replace_invitation(
        &self,
        expected_revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool>;

    /// Removes an invitation, in one conditional write; false if it is gone already.
    async fn remove_invitation(&self, family: &FamilyId, id: &InvitationId) -> StoreResult<bool>;
}
