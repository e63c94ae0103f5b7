//! Restoring a card that was exported: what a copy changes of the stored card.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::card::{Card, CardRecord, CardState, LastCheck, StoredAccount};
use crate::failure::FailureKind;
use crate::seal::Sealed;

/// Whether a method of the store writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// It writes.
    Write,
    /// It only says what it would write.
    DryRun,
}

/// A card with all that a store keeps of it.
#[derive(Clone, PartialEq)]
pub struct CardCopy {
    /// The card, and how its checks went.
    pub record: CardRecord,
    /// Its sealed number and PIN.
    pub secret: Sealed,
    /// The last good account.
    pub account: Option<StoredAccount>,
}

/// What restoring a card did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// The card is new.
    Added,
    /// The stored card was behind, and took what was newer.
    Completed,
    /// The stored card is the same or newer.
    Unchanged,
    /// The stored card stays as it is.
    Conflict(CardConflict),
}

/// Why a card can't be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardConflict {
    /// Another card has its number or id.
    Taken,
    /// The stored card has another library, patron, number or secret.
    OtherCard,
    /// One of the two is paused.
    Paused,
    /// The stored card may be tried again after the refusal that the copy knows.
    RetryAllowed,
    /// The accounts were read at the same time and differ.
    OtherAccount,
}

/// Restoring cards that another store held.
#[async_trait]
pub trait RestoreStore: Send + Sync {
    /// Adds a card as another store held it, or merges it into the stored one
    /// ([`CardCopy::merge_into`]), in one conditional step. Returns what that did.
    ///
    /// A conflict changes nothing. [`StoreError::NotFound`](super::StoreError::NotFound) if the
    /// family or library isn't there; a dry run may ask before they are.
    async fn restore_card(&self, copy: &CardCopy, mode: WriteMode) -> StoreResult<RestoreOutcome>;
}

impl CardCopy {
    /// Decides what this copy does to the stored card of its id and family. Returns it with what is
    /// to be written, if anything.
    ///
    /// Each part becomes the later of the two. A card that knows a newer check or login than the
    /// copy stays as it is.
    pub fn merge_into(
        &self,
        stored: CardRecord,
        account: Option<StoredAccount>,
        secret: Option<&Sealed>,
    ) -> (RestoreOutcome, Option<Self>) {
        match self.merged(stored, account, secret) {
            Ok(Some(merged)) => (RestoreOutcome::Completed, Some(merged)),
            Ok(None) => (RestoreOutcome::Unchanged, None),
            Err(conflict) => (RestoreOutcome::Conflict(conflict), None),
        }
    }

    fn merged(
        &self,
        stored: CardRecord,
        account: Option<StoredAccount>,
        secret: Option<&Sealed>,
    ) -> Result<Option<Self>, CardConflict> {
        let same_card = Card {
            paused: stored.card.paused,
            ..self.record.card.clone()
        };
        if same_card != stored.card || secret != Some(&self.secret) {
            return Err(CardConflict::OtherCard);
        }
        if self.record == stored && self.account == account {
            return Ok(None);
        }
        if self.record.card.paused != stored.card.paused {
            return Err(CardConflict::Paused);
        }
        let (here, there) = (&stored.state, &self.record.state);
        if newest_known(here) > newest_known(there) {
            return Ok(None);
        }
        if here.refused_since.is_none()
            && there.refused_since.is_some()
            && here.last_check == there.last_check
        {
            return Err(CardConflict::RetryAllowed);
        }
        let read_at = |account: &Option<StoredAccount>| account.as_ref().map(|read| read.read_at);
        let stored_is_later = read_at(&account) > read_at(&self.account);
        if account.is_some()
            && read_at(&account) == read_at(&self.account)
            && account != self.account
        {
            return Err(CardConflict::OtherAccount);
        }
        let checks = [&here.last_check, &there.last_check].into_iter().flatten();
        let state = CardState {
            last_check: checks.max_by_key(|check| check.started_at).cloned(),
            last_success_at: here.last_success_at.max(there.last_success_at),
            // An account that was read after the refusal ends it.
            refused_since: there
                .refused_since
                .filter(|since| !stored_is_later || read_at(&account) < Some(*since)),
            login_mark: there.login_mark.clone(),
        };
        let merged = Self {
            record: CardRecord {
                state,
                ..stored.clone()
            },
            account: match stored_is_later {
                true => account.clone(),
                false => self.account.clone(),
            },
            secret: self.secret.clone(),
        };
        let is_same = merged.record == stored && merged.account == account;
        Ok((!is_same).then_some(merged))
    }

    /// The same copy for a store that can't hold the account: as if it had never been read.
    #[must_use]
    pub fn without_account(mut self) -> Self {
        let state = &mut self.record.state;
        state.last_success_at = None;
        state.last_check.take_if(|last| last.failure.is_none());
        self.account = None;
        self
    }
}

/// When the newest check or login began whose outcome matters.
fn newest_known(state: &CardState) -> Option<DateTime<Utc>> {
    let tried = |check: &&LastCheck| {
        let failure = check.failure.as_ref();
        failure.is_none_or(|failure| failure.kind != FailureKind::NotTried)
    };
    let last_check = state.last_check.as_ref().filter(tried);
    [
        last_check.map(|check| check.started_at),
        state.last_success_at,
        state.refused_since,
        state.login_mark.as_ref().map(|mark| mark.at),
    ]
    .into_iter()
    .max()
    .flatten()
}
