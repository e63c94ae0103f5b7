//! The invitations.

use async_trait::async_trait;

use super::MemoryStore;
use crate::ids::FamilyId;
use crate::invitation::{Invitation, InvitationId};
use crate::store::{InvitationStore, StoreError, StoreResult};

#[async_trait]
impl InvitationStore for MemoryStore {
    async fn add_invitation(&self, invitation: &Invitation) -> StoreResult<bool> {
        let mut state = self.write()?;
        let family = &invitation.family;
        if !state.families.contains_key(family) {
            return Err(StoreError::NotFound(format!("family “{family}”")));
        }
        let key = (family.clone(), invitation.id.address_hash);
        let before = state.invitations.get(&key);
        if before.is_some_and(|before| before.is_open(invitation.created_at)) {
            return Ok(false);
        }
        state.invitations.insert(key, invitation.clone());
        Ok(true)
    }

    async fn invitation(
        &self,
        family: &FamilyId,
        id: &InvitationId,
    ) -> StoreResult<Option<Invitation>> {
        let key = (family.clone(), id.address_hash);
        let state = self.read()?;
        let found = state.invitations.get(&key);
        Ok(found.filter(|found| found.id == *id).cloned())
    }

    async fn family_invitations(&self, family: &FamilyId) -> StoreResult<Vec<Invitation>> {
        let state = self.read()?;
        let found = state.invitations.values();
        let found = found.filter(|invitation| invitation.family == *family);
        let mut found: Vec<Invitation> = found.cloned().collect();
        found.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(found)
    }

    async fn replace_invitation(
        &self,
        expected_revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let key = (invitation.family.clone(), invitation.id.address_hash);
        let stored = state.invitations.get_mut(&key);
        let stored = stored
            .filter(|stored| stored.id == invitation.id && stored.revision == expected_revision);
        Ok(stored.map(|stored| *stored = invitation.clone()).is_some())
    }

    async fn remove_invitation(&self, family: &FamilyId, id: &InvitationId) -> StoreResult<bool> {
        let key = (family.clone(), id.address_hash);
        let mut state = self.write()?;
        let is_stored = state
            .invitations
            .get(&key)
            .is_some_and(|found| found.id == *id);
        if is_stored {
            state.invitations.remove(&key);
        }
        Ok(is_stored)
    }
}
