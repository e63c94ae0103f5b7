//! Restores exported cards, and merges them into stored ones.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::card::{Card, CardRecord, CardState, LastCheck, StoredAccount};
use crate::seal::Sealed;

/// Whether a store method writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// It writes.
    Write,
    /// It only returns what it would have done.
    DryRun,
}

/// All that a store has of a card.
#[derive(Clone, PartialEq)]
pub struct CardCopy {
    /// The card and the state of its checks.
    pub record: CardRecord,
    /// The sealed number and PIN.
    pub secret: Sealed,
    /// The last good account.
    pub account: Option<StoredAccount>,
}

/// The result of restoring a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreOutcome {
    /// The card was added.
    Added,
    /// The stored card took the newer parts of the copy.
    Completed,
    /// The stored card is the same or newer.
    Unchanged,
    /// The two conflict; the stored card stays unchanged.
    Conflict(CardConflict),
}

/// Why a card can't be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardConflict {
    /// Another card has the copy's number or id.
    Taken,
    /// The stored card has another library, patron, number or secret.
    OtherCard,
    /// They have different pauses, one of which had not ended at the newest check.
    Pause,
    /// The site refused the card in the copy, and a person has since allowed a retry of the stored one.
    RetryAllowed,
    /// The accounts were read at the same time and differ.
    OtherAccount,
}

/// Restores cards from another store.
#[async_trait]
pub trait RestoreStore: Send + Sync {
    /// Adds a card from another store, or merges it into the stored one ([`CardCopy::merge_into`]), in
    /// one conditional write.
    ///
    /// A conflict changes nothing. [`StoreError::NotFound`](super::StoreError::NotFound) if the family or
    /// library is missing; a dry run doesn't need them.
    async fn restore_card(&self, copy: &CardCopy, mode: WriteMode) -> StoreResult<RestoreOutcome>;
}

impl CardCopy {
    /// Merges this copy into the stored card of the same id and family. Returns the outcome, and
    /// the merged card if it must be written.
    ///
    /// The later version of each part wins. If the stored card has a newer check or login than the
    /// copy, it stays unchanged.
    pub fn merge_into(
        &self,
        stored: CardRecord,
        account: Option<StoredAccount>,
        secret: Option<&Sealed>,
    ) -> (RestoreOutcome, Option<Self>) {
        match self.try_merge(stored, account, secret) {
            Ok(Some(merged)) => (RestoreOutcome::Completed, Some(merged)),
            Ok(None) => (RestoreOutcome::Unchanged, None),
            Err(conflict) => (RestoreOutcome::Conflict(conflict), None),
        }
    }

    fn try_merge(
        &self,
        stored: CardRecord,
        account: Option<StoredAccount>,
        secret: Option<&Sealed>,
    ) -> Result<Option<Self>, CardConflict> {
        // An export has no id of the secret.
        let same_card = Card {
            pause: stored.card.pause.clone(),
            secret_id: stored.card.secret_id,
            ..self.record.card.clone()
        };
        if same_card != stored.card || secret != Some(&self.secret) {
            return Err(CardConflict::OtherCard);
        }
        let is_same_pause = self.record.card.pause == stored.card.pause;
        if is_same_pause && self.record.state == stored.state && self.account == account {
            return Ok(None);
        }
        // A check drops a pause that has ended, but the older of the two may still have it.
        let newest_check = [&stored.state, &self.record.state]
            .into_iter()
            .filter_map(|state| state.last_check.as_ref())
            .map(|check| check.started_at)
            .max();
        let active_pause = |card: &Card| match newest_check {
            Some(at) => card.active_pause(at).cloned(),
            None => card.pause.clone(),
        };
        let pause = active_pause(&stored.card);
        if active_pause(&self.record.card) != pause {
            return Err(CardConflict::Pause);
        }
        let (stored_state, copied_state) = (&stored.state, &self.record.state);
        if newest_attempt_at(stored_state) > newest_attempt_at(copied_state) {
            return Ok(None);
        }
        if stored_state.refused_since.is_none()
            && copied_state.refused_since.is_some()
            && stored_state.last_check == copied_state.last_check
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
        let last_success_at = stored_state
            .last_success_at
            .max(copied_state.last_success_at);
        let states = [stored_state, copied_state];
        let (last_check, earlier_failure) = merge_checks(states, last_success_at);
        let state = CardState {
            is_corrected: states
                .iter()
                .any(|state| state.is_corrected && state.last_check == last_check),
            last_check,
            earlier_failure,
            last_success_at,
            // An account that was read after the refusal ends it.
            refused_since: copied_state
                .refused_since
                .filter(|since| !stored_is_later || read_at(&account) < Some(*since)),
            login_mark: copied_state.login_mark.clone(),
        };
        let merged = Self {
            record: CardRecord {
                card: Card {
                    pause,
                    ..stored.card.clone()
                },
                state,
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

    /// Removes the account, as if it had never been read, for a store that can't hold it.
    #[must_use]
    pub fn without_account(mut self) -> Self {
        let state = &mut self.record.state;
        state.last_success_at = None;
        state.last_check.take_if(|last| last.failure.is_none());
        self.account = None;
        self
    }
}

/// Returns the newer last check, and the newer failure before it if it wasn't tried.
fn merge_checks(
    states: [&CardState; 2],
    last_success_at: Option<DateTime<Utc>>,
) -> (Option<LastCheck>, Option<LastCheck>) {
    let newest = |checks: [Option<&LastCheck>; 2]| {
        let checks = checks.into_iter().flatten();
        checks.max_by_key(|check| check.started_at).cloned()
    };
    let last_check = newest(states.map(|state| state.last_check.as_ref()));
    let is_hidden = last_check.as_ref().is_some_and(|last| !last.was_tried());
    let earlier_failure = newest(states.map(CardState::last_tried)).filter(|tried| {
        is_hidden && tried.failure.is_some() && Some(tried.started_at) > last_success_at
    });
    (last_check, earlier_failure)
}

/// Returns when the newest check or login began, without checks that were not tried.
fn newest_attempt_at(state: &CardState) -> Option<DateTime<Utc>> {
    [
        state.last_tried().map(|check| check.started_at),
        state.last_success_at,
        state.refused_since,
        state.login_mark.as_ref().map(|mark| mark.at),
    ]
    .into_iter()
    .max()
    .flatten()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::card::CardPause;
    use crate::testing::contract::sample;

    const CONFLICT: RestoreOutcome = RestoreOutcome::Conflict(CardConflict::Pause);

    /// A card that was checked at noon, on the 21st in Toronto.
    fn checked(card: &Card, pause: Option<CardPause>, is_checked: bool) -> CardCopy {
        let mut card = card.clone();
        let at = sample::time("17:00:00");
        card.pause = pause;
        CardCopy {
            secret: sample::sealed(card.id),
            record: CardRecord {
                card,
                state: CardState {
                    last_check: is_checked.then_some(LastCheck {
                        started_at: at,
                        finished_at: at,
                        failure: None,
                    }),
                    ..CardState::default()
                },
            },
            account: None,
        }
    }

    #[rstest]
    #[case::both_are_the_same(Some("2026-11-22"), Some("2026-11-22"), RestoreOutcome::Completed)]
    #[case::copy_has_ended(Some("2026-11-21"), None, RestoreOutcome::Completed)]
    #[case::stored_has_ended(None, Some("2026-11-20"), RestoreOutcome::Completed)]
    #[case::both_have_ended(Some("2026-11-21"), Some("2026-11-20"), RestoreOutcome::Completed)]
    #[case::copy_is_paused(Some("2026-11-22"), None, CONFLICT)]
    #[case::stored_is_paused(None, Some("2026-11-22"), CONFLICT)]
    #[case::copy_has_another_end(Some("2026-11-22"), Some("2026-11-23"), CONFLICT)]
    fn only_a_pause_that_has_not_ended_conflicts(
        #[case] copied: Option<&str>,
        #[case] stored: Option<&str>,
        #[case] expected: RestoreOutcome,
    ) {
        let pause = |until: Option<&str>| until.map(|until| sample::card_pause(Some(until)));
        let card = sample::card("conrad", "wpl", "f");
        let copy = checked(&card, pause(copied), true);
        let here = checked(&card, pause(stored), false).record;
        let (outcome, merged) = copy.merge_into(here, None, Some(&copy.secret));
        assert_eq!(outcome, expected);
        let kept = merged.and_then(|merged| merged.record.card.pause);
        let is_same = expected == RestoreOutcome::Completed && copied == stored;
        assert_eq!(kept, pause(copied.filter(|_| is_same)));
    }
}
