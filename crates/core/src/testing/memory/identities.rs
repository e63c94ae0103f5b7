//! The links of identities.

use async_trait::async_trait;

use super::MemoryStore;
use crate::sign_in::{IdentityId, IdentityLink, PersonId};
use crate::store::{IdentityStore, StoreResult};

#[async_trait]
impl IdentityStore for MemoryStore {
    async fn identity_link(&self, identity: &IdentityId) -> StoreResult<Option<IdentityLink>> {
        Ok(self.read()?.identities.get(identity).cloned())
    }

    async fn replace_identity_link(
        &self,
        before: Option<&IdentityLink>,
        after: &IdentityLink,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        if state.identities.get(&after.identity) != before {
            return Ok(false);
        }
        let id = after.identity.clone();
        state.identities.insert(id, after.clone());
        Ok(true)
    }

    async fn count_identities(&self, person: &PersonId) -> StoreResult<usize> {
        let state = self.read()?;
        let links = state.identities.values();
        Ok(links.filter(|link| link.person() == Some(person)).count())
    }

    async fn unlink_identities(&self, person: &PersonId) -> StoreResult<()> {
        let mut state = self.write()?;
        state
            .identities
            .retain(|_, link| link.person() != Some(person));
        Ok(())
    }
}
