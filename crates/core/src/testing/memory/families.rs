//! The families.

use async_trait::async_trait;

use super::MemoryStore;
use crate::email_address::EmailAddress;
use crate::family::{Family, StoppedRecipient, Unsubscription};
use crate::ids::{CardId, FamilyId};
use crate::mail::MailKind;
use crate::store::{FamilyStore, StoreError, StoreResult};

#[async_trait]
impl FamilyStore for MemoryStore {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        let mut state = self.write()?;
        if state.families.contains_key(&family.id) {
            return Err(StoreError::AlreadyExists(format!(
                "a family “{}”",
                family.id
            )));
        }
        state.families.insert(family.id.clone(), family.clone());
        Ok(())
    }

    async fn update_family(&self, family: &Family) -> StoreResult<()> {
        match self.write()?.families.get_mut(&family.id) {
            Some(stored) => {
                *stored = stored.with_settings_of(family);
                Ok(())
            }
            None => Err(StoreError::NotFound(format!("family “{}”", family.id))),
        }
    }

    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = state.families.get_mut(&after.id);
        let stored = stored.filter(|stored| stored.has_same_settings(before));
        Ok(stored.is_some_and(|stored| {
            *stored = stored.with_settings_of(after);
            true
        }))
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        Ok(self.read()?.families.get(id).cloned())
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        Ok(self.read()?.families.values().cloned().collect())
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        Ok(self
            .read()?
            .families
            .values()
            .filter(|family| after.is_none_or(|after| family.id > *after))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let mut state = self.write()?;
        let family = state.families.get_mut(id);
        Ok(family.is_some_and(|family| family.stop_recipient(stopped.clone())))
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let mut state = self.write()?;
        let family = state.families.get_mut(id);
        Ok(family.is_some_and(|family| family.allow_recipient(address)))
    }

    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let family = state.families.get_mut(id);
        Ok(family.is_some_and(|family| family.unsubscribe(unsubscription.clone())))
    }

    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let family = state.families.get_mut(id);
        Ok(family.is_some_and(|family| family.resubscribe(address, kind)))
    }

    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()> {
        let mut state = self.write()?;
        if state.families.remove(id).is_none() {
            return Err(StoreError::NotFound(format!("family “{id}”")));
        }
        let cards: Vec<CardId> = state
            .cards
            .values()
            .filter(|record| record.card.family == *id)
            .map(|record| record.card.id)
            .collect();
        for card in cards {
            state.remove_card(card);
        }
        state.outbox.retain(|cursor, _| cursor.family != *id);
        state.feeds.retain(|_, feed| feed.family != *id);
        state.invitations.retain(|(family, _), _| family != id);
        Ok(())
    }
}
