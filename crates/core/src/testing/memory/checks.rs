//! The checks, and what visits and notices load.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::card::{CardKey, LastCheck, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::failure::Failure;
use crate::failure::FailureKind;
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::library::ReadAs;
use crate::store::{
    AccountStore, CheckStore, LoadedFamily, LoadedVisit, Saved, StoreResult, VisitStore,
};

#[async_trait]
impl CheckStore for MemoryStore {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        let mut state = self.write()?;
        let record = state.card_record_mut(card.card)?;
        let is_paused = record.card.active_pause(mark.at).is_some();
        let waits = is_paused || record.state.refused_since.is_some();
        let card_state = &mut record.state;
        let refused = waits
            || card_state
                .login_mark
                .as_ref()
                .is_some_and(|open| mark.is_blocked_by(open));
        if !refused {
            card_state.login_mark = Some(mark.clone());
        }
        Ok(!refused)
    }

    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        let mut state = self.write()?;
        let Ok(record) = state.card_record_mut(card.card) else {
            return Ok(());
        };
        let card_state = &mut record.state;
        if let Some(mark) = card_state
            .login_mark
            .as_mut()
            .filter(|mark| mark.check == check)
        {
            mark.is_settled = true;
            if outcome == LoginOutcome::Refused
                && card_state
                    .last_success_at
                    .is_none_or(|success| success < mark.at)
            {
                card_state.refused_since.get_or_insert(mark.at);
            }
        }
        Ok(())
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        let mut state = self.write()?;
        let Ok(record) = state.card_record_mut(check.card.card) else {
            return Ok(Saved::CardGone);
        };
        let card_state = &mut record.state;
        let failure = check.outcome.as_ref().err();
        let is_in_doubt = failure.is_some_and(|failure| failure.login_in_doubt);
        if card_state
            .login_mark
            .as_ref()
            .is_some_and(|mark| mark.check == check.id && (mark.is_settled || !is_in_doubt))
        {
            card_state.login_mark = None;
        }
        if failure.is_some_and(|failure| failure.kind == FailureKind::WrongCredentials)
            && card_state
                .last_success_at
                .is_none_or(|success| success < check.started_at || !check.accepts_time(success))
        {
            card_state.refused_since.get_or_insert(check.started_at);
        }
        let tried = card_state.last_tried().map(|last| last.started_at);
        let plausible = |at: Option<_>| at.filter(|at| check.accepts_time(*at));
        let newest = plausible(tried).max(plausible(card_state.last_success_at));
        if newest.is_some_and(|newest| newest > check.started_at) {
            return Ok(Saved::Older);
        }
        let pause = record.card.pause.take();
        record.card.pause = pause.filter(|pause| pause.includes(check.started_at));
        card_state.replace_last_check(LastCheck {
            started_at: check.started_at,
            finished_at: check.finished_at,
            failure: check.outcome.as_ref().err().map(Failure::to_stored),
        });
        if let Ok(account) = &check.outcome {
            card_state.refused_since = None;
            card_state.last_success_at = Some(check.started_at);
            state.accounts.insert(
                check.card.card,
                StoredAccount {
                    read_at: check.started_at,
                    account: account.clone(),
                },
            );
        }
        Ok(Saved::Stored)
    }

    async fn family_accounts(
        &self,
        family: &FamilyId,
    ) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        let state = self.read()?;
        Ok(state
            .accounts
            .iter()
            .filter(|(card, _)| {
                state
                    .cards
                    .get(card)
                    .is_some_and(|record| record.card.family == *family)
            })
            .map(|(card, account)| (*card, account.clone()))
            .collect())
    }
}

#[async_trait]
impl VisitStore for MemoryStore {
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>> {
        let state = self.read()?;
        Ok(state.libraries.get(library).map(|found| LoadedVisit {
            library: found.clone(),
            back_off_until: state.backing_off.get(library).copied(),
            down_since: state.down.get(library).copied(),
            was_read: state.read_as.get(library) == Some(&ReadAs::from_entry(found)),
            cards: cards
                .iter()
                .filter_map(|key| {
                    let record = state.cards.get(&key.card)?;
                    let secret = state.secrets.get(&key.card)?;
                    (record.card.family == key.family).then(|| (record.clone(), secret.clone()))
                })
                .collect(),
        }))
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let state = self.read()?;
        Ok(state.families.get(family).map(|found| LoadedFamily {
            family: found.clone(),
            cards: state
                .cards
                .values()
                .filter(|record| record.card.family == *family)
                .map(|record| (record.clone(), state.accounts.get(&record.card.id).cloned()))
                .collect(),
        }))
    }
}
