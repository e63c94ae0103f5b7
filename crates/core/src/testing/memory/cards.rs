//! The cards and their sealed secrets.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::card::{Card, CardPause, CardRecord, CardState};
use crate::ids::{CardId, FamilyId};
use crate::seal::Sealed;
use crate::store::{
    CardConflict, CardCopy, CardCursor, CardStore, NewSecret, RestoreOutcome, RestoreStore, Scope,
    SecretStore, SecretWriter, StoreError, StoreResult, WriteMode,
};

#[async_trait]
impl CardStore for MemoryStore {
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()> {
        let mut state = self.write()?;
        state.require_owners(card)?;
        if state.cards.contains_key(&card.id) || state.is_number_taken(card, &card.fingerprint) {
            return Err(StoreError::AlreadyExists(format!(
                "a card of that number in the family “{}”",
                card.family
            )));
        }
        state.secrets.insert(card.id, secret.clone());
        state.cards.insert(
            card.id,
            CardRecord {
                card: card.clone(),
                state: CardState::default(),
            },
        );
        Ok(())
    }

    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>> {
        Ok(self.read()?.cards.get(&id).cloned())
    }

    async fn family_cards(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        Ok(self
            .read()?
            .cards
            .values()
            .filter(|record| record.card.family == *family)
            .cloned()
            .collect())
    }

    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>> {
        let state = self.read()?;
        let mut found: Vec<(CardCursor, &CardRecord)> = state
            .cards
            .values()
            .filter(|record| {
                let waits = record.card.pause.is_some() || record.state.refused_since.is_some();
                waits == (scope == Scope::Waiting)
            })
            .filter(|record| match scope {
                Scope::All | Scope::Waiting => true,
                Scope::Failed => record
                    .state
                    .last_check
                    .as_ref()
                    .is_none_or(|check| check.failure.is_some()),
            })
            .map(|record| {
                let cursor = CardCursor {
                    library: record.card.library.clone(),
                    fingerprint: record.card.fingerprint.clone(),
                    card: record.card.id,
                };
                (cursor, record)
            })
            .filter(|(cursor, _)| after.is_none_or(|after| cursor > after))
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(found
            .into_iter()
            .take(limit)
            .map(|(_, record)| record.clone())
            .collect())
    }

    async fn replace_card_pause(
        &self,
        id: CardId,
        before: Option<&CardPause>,
        after: Option<&CardPause>,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = &mut state.card_record_mut(id)?.card.pause;
        let is_unchanged = stored.as_ref() == before;
        if is_unchanged {
            *stored = after.cloned();
        }
        Ok(is_unchanged)
    }

    async fn allow_retry(&self, id: CardId) -> StoreResult<()> {
        let mut state = self.write()?;
        state.card_record_mut(id)?.state.allow_retry();
        Ok(())
    }

    async fn remove_card(&self, id: CardId) -> StoreResult<()> {
        if self.write()?.remove_card(id) {
            Ok(())
        } else {
            Err(StoreError::NotFound(format!("card {id}")))
        }
    }
}

#[async_trait]
impl RestoreStore for MemoryStore {
    async fn restore_card(&self, copy: &CardCopy, mode: WriteMode) -> StoreResult<RestoreOutcome> {
        let mut state = match mode {
            WriteMode::Write => self.write()?,
            WriteMode::DryRun => self.read()?,
        };
        let card = &copy.record.card;
        if mode == WriteMode::Write {
            state.require_owners(card)?;
        }
        let stored = state.cards.get(&card.id).cloned();
        let (outcome, to_write) = match stored {
            Some(stored) if stored.card.family == card.family => {
                let account = state.accounts.get(&card.id).cloned();
                copy.merge_into(stored, account, state.secrets.get(&card.id))
            }
            None if !state.is_number_taken(card, &card.fingerprint) => {
                (RestoreOutcome::Added, Some(copy.clone()))
            }
            _ => (RestoreOutcome::Conflict(CardConflict::Taken), None),
        };
        if let Some(copy) = to_write.filter(|_| mode == WriteMode::Write) {
            state.secrets.insert(card.id, copy.secret);
            state.cards.insert(card.id, copy.record);
            if let Some(account) = copy.account {
                state.accounts.insert(card.id, account);
            }
        }
        Ok(outcome)
    }
}

#[async_trait]
impl SecretWriter for MemoryStore {
    async fn replace_secret(
        &self,
        card: CardId,
        before: Uuid,
        after: &NewSecret,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = state.card_record_mut(card)?.card.clone();
        if stored.secret_id != before {
            return Ok(false);
        }
        if state.is_number_taken(&stored, &after.fingerprint) {
            return Err(StoreError::AlreadyExists(format!(
                "a card of that number in the family “{}”",
                stored.family
            )));
        }
        let record = state.card_record_mut(card)?;
        record.card.fingerprint = after.fingerprint.clone();
        record.card.secret_id = after.id;
        record.state.forget_other_hosts();
        state.secrets.insert(card, after.sealed.clone());
        Ok(true)
    }
}

#[async_trait]
impl SecretStore for MemoryStore {
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>> {
        let state = self.read()?;
        Ok(cards
            .iter()
            .filter_map(|card| Some((*card, state.secrets.get(card)?.clone())))
            .collect())
    }

    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>> {
        Ok(self.read()?.secrets.keys().copied().collect())
    }
}
