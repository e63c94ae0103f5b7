//! The invitations.

use async_trait::async_trait;

use super::MemoryStore;
use crate::ids::FamilyId;
use crate::invitation::{Invitation, InvitationId};
use crate::store::{InvitationStore, StoreError, StoreResult};

#[async_trait]
impl InvitationStore for MemoryStore {
    async fn add_invitation(&self, invitation: &Invitation) -> StoreResult<bool> {
        let mut inside = self.write()?;
        let family = &invitation.family;
        if !inside.families.contains_key(family) {
            return Err(StoreError::NotFound(format!("family “{family}”")));
        }
        let key = (family.clone(), invitation.id.invited);
        let before = inside.invitations.get(&key);
        if before.is_some_and(|before| before.is_open(invitation.created_at)) {
            return Ok(false);
        }
        inside.invitations.insert(key, invitation.clone());
        Ok(true)
    }

    async fn invitation(
        &self,
        family: &FamilyId,
        id: &InvitationId,
    ) -> StoreResult<Option<Invitation>> {
        let key = (family.clone(), id.invited);
        let inside = self.read()?;
        let found = inside.invitations.get(&key);
        Ok(found.filter(|found| found.id == *id).cloned())
    }

    async fn family_invitations(&self, family: &FamilyId) -> StoreResult<Vec<Invitation>> {
        let inside = self.read()?;
        let found = inside.invitations.values();
        let found = found.filter(|invitation| invitation.family == *family);
        let mut found: Vec<Invitation> = found.cloned().collect();
        found.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(found)
    }

    async fn replace_invitation(
        &self,
        revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool> {
        let mut inside = self.write()?;
        let key = (invitation.family.clone(), invitation.id.invited);
        let stored = inside.invitations.get_mut(&key);
        let stored =
            stored.filter(|stored| stored.id == invitation.id && stored.revision == revision);
        Ok(stored.map(|stored| *stored = invitation.clone()).is_some())
    }

    async fn remove_invitation(&self, family: &FamilyId, id: &InvitationId) -> StoreResult<bool> {
        let key = (family.clone(), id.invited);
        let mut inside = self.write()?;
        let is_stored = inside
            .invitations
            .get(&key)
            .is_some_and(|found| found.id == *id);
        if is_stored {
            inside.invitations.remove(&key);
        }
        Ok(is_stored)
    }
}
