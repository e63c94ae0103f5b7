//! One patron's card at one library, and how its checks went.

mod mask;
mod number;
mod pause;
mod typed;

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use self::mask::SecretMask;
pub use self::number::normalize_card_number;
pub use self::pause::{CardPause, InvalidPauseEnd};
pub use self::typed::{InvalidSecretInput, parse_secret_input, trim_invisible};
use crate::account::Account;
use crate::clock::is_in_future;
use crate::failure::{Failure, FailureKind};
use crate::ids::{CardId, FamilyId, LibraryId};

/// One patron's card at one library, without its number and PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Never changes.
    pub id: CardId,
    /// The family that gets its notices.
    pub family: FamilyId,
    /// Where it is used.
    pub library: LibraryId,
    /// The patron's name in the mail.
    pub patron: String,
    /// Equal for cards with the same number at one library. Doesn't reveal the number.
    pub fingerprint: Fingerprint,
    /// Names the stored number and PIN: setting them again gives them a new id. Says nothing about them.
    pub secret_id: Uuid,
    /// While it lasts, the card is not checked; see [`Card::active_pause`].
    pub pause: Option<CardPause>,
    /// When the card was added.
    pub created_at: DateTime<Utc>,
}

impl Card {
    /// The card's key in the stores.
    pub fn key(&self) -> CardKey {
        CardKey {
            family: self.family.clone(),
            card: self.id,
        }
    }

    /// The pause that keeps the card from being checked at `now`.
    pub fn active_pause(&self, now: DateTime<Utc>) -> Option<&CardPause> {
        self.pause.as_ref().filter(|pause| pause.includes(now))
    }
}

/// A card's key in the stores: its family, and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CardKey {
    /// The card's family.
    pub family: FamilyId,
    /// The card.
    pub card: CardId,
}

/// A keyed hash of a library and a card number.
///
/// It is equal for equal numbers at one library, and useless without the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// A card's number and PIN in plain text. Wiped from memory when dropped. `Debug` shows neither.
#[derive(Clone)]
pub struct CardSecret {
    /// The number on the card, or the user name.
    pub number: SecretString,
    /// The PIN or password.
    pub pin: SecretString,
}

impl fmt::Debug for CardSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardSecret(…)")
    }
}

/// The results of a card's checks so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// The newest check.
    pub last_check: Option<LastCheck>,
    /// The last failed check, kept while all newer ones were `not_tried`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_failure: Option<LastCheck>,
    /// A person has corrected what `last_check` failed on, such as the PIN, so that its failure no longer counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_corrected: bool,
    /// When the newest check that read an account began.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Since when the site rejects the number or PIN; the card waits for a person.
    pub refused_since: Option<DateTime<Utc>>,
    /// The mark of a login whose check is not saved yet.
    pub login_mark: Option<LoginMark>,
}

impl CardState {
    /// Returns the state without the times that a clock ahead of `now` wrote. The next check
    /// replaces them.
    ///
    /// A refusal always stays: a rejected PIN is never sent again automatically.
    #[must_use]
    pub fn without_future(&self, now: DateTime<Utc>) -> Self {
        let is_past = |last: &LastCheck| !is_in_future(last.started_at, now);
        let login_mark = self.login_mark.clone();
        Self {
            last_check: self.last_check.clone().filter(is_past),
            earlier_failure: self.earlier_failure.clone().filter(is_past),
            is_corrected: self.is_corrected,
            last_success_at: self.last_success_at.filter(|at| !is_in_future(*at, now)),
            refused_since: self.refused_since,
            login_mark: login_mark.filter(|mark| !is_in_future(mark.at, now)),
        }
    }

    /// The newest time that a clock ahead of `now` wrote, if one did.
    pub fn newest_in_future(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let checks = [&self.last_check, &self.earlier_failure]
            .into_iter()
            .flatten();
        let mark = self.login_mark.as_ref().map(|mark| mark.at);
        [self.last_success_at, self.refused_since, mark]
            .into_iter()
            .flatten()
            .chain(checks.map(|check| check.started_at))
            .filter(|at| is_in_future(*at, now))
            .max()
    }

    /// Replaces the newest check. A check that wasn't tried keeps the failure before it.
    pub fn replace_last_check(&mut self, check: LastCheck) {
        self.earlier_failure = self.failure_to_keep(&check);
        self.is_corrected = false;
        self.last_check = Some(check);
    }

    /// Returns the failed check to keep beside this newer one.
    pub fn failure_to_keep(&self, newer: &LastCheck) -> Option<LastCheck> {
        if newer.was_tried() || self.is_corrected {
            return None;
        }
        let last_tried = self.last_tried().cloned();
        last_tried.filter(|last| last.failure.is_some())
    }

    /// Returns the newest check that was tried, if it is still known. One that read an account is forgotten once a
    /// `not_tried` one follows; see `last_success_at`.
    pub fn last_tried(&self) -> Option<&LastCheck> {
        let last_check = self.last_check.as_ref();
        last_check
            .filter(|last| last.was_tried())
            .or(self.earlier_failure.as_ref())
    }

    /// Returns the check that says best why there is no newer account: the last one that was tried
    /// and failed, else the newest one if it wasn't tried. `None` also if a person has corrected it.
    pub fn explaining_failure(&self) -> Option<(&LastCheck, &Failure)> {
        if self.is_corrected {
            return None;
        }
        let last = self.earlier_failure.as_ref().or(self.last_check.as_ref())?;
        Some((last, last.failure.as_ref()?))
    }

    /// Returns why the card could not be checked before its pause, and since when its PIN is rejected or when the last check
    /// failed; `None`: it could be checked.
    pub fn failure_before_pause(&self) -> Option<(Failure, DateTime<Utc>)> {
        if let Some(since) = self.refused_since {
            return Some((Failure::wrong_credentials("rejected"), since));
        }
        let (last, failure) = self.explaining_failure()?;
        (failure.kind != FailureKind::NotTried).then(|| (failure.clone(), last.started_at))
    }

    /// Allows another login, because a person says so, and forgets the failure that only a person can end.
    pub fn allow_retry(&mut self) {
        self.refused_since = None;
        self.login_mark = None;
        self.forget_failures(&[
            FailureKind::WrongCredentials,
            FailureKind::SealedForOtherHosts,
        ]);
    }

    /// Forgets that the PIN was sealed for other hosts, because it was resealed.
    ///
    /// A rejected PIN stays rejected: it may be the same one under another key.
    pub fn forget_other_hosts(&mut self) {
        self.forget_failures(&[FailureKind::SealedForOtherHosts]);
    }

    /// Forgets the last failure if it's of one of these kinds, so that a later `not_tried` check doesn't bring it
    /// back.
    fn forget_failures(&mut self, kinds: &[FailureKind]) {
        let is_among = |check: &LastCheck| {
            let failure = check.failure.as_ref();
            failure.is_some_and(|failure| kinds.contains(&failure.kind))
        };
        self.earlier_failure.take_if(|failed| is_among(failed));
        self.is_corrected |= self.last_check.as_ref().is_some_and(is_among);
    }

    /// Marks the stored account as damaged, so that the next check replaces it.
    pub fn mark_account_damaged(&mut self) {
        self.last_success_at = None;
        if let Some(last) = &mut self.last_check {
            last.failure.get_or_insert_with(|| {
                Failure::page_changed("Its stored account is damaged. The next check replaces it.")
            });
        }
    }
}

/// The newest check of a card: when, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheck {
    /// When it began; orders checks.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Why it read no account; `None`: it read one.
    pub failure: Option<Failure>,
}

impl LastCheck {
    /// Whether the check asked the library: it isn't `not_tried`.
    pub fn was_tried(&self) -> bool {
        let failure = self.failure.as_ref();
        failure.is_none_or(|failure| failure.kind != FailureKind::NotTried)
    }
}

/// The durable mark that a login is about to be sent.
///
/// If a check finds a mark of the same day without an outcome, it doesn't log in: a crash loop must
/// not lock a patron out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginMark {
    /// The check that wrote it; the same check may log in once more.
    pub check: Uuid,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The library's local date then.
    pub day: NaiveDate,
    /// The login's outcome is recorded. The mark stays until its check is saved, but blocks no login.
    #[serde(default)]
    pub is_settled: bool,
}

impl LoginMark {
    /// Whether a login of `day` has no recorded outcome.
    pub fn is_open_on(&self, day: NaiveDate) -> bool {
        !self.is_settled && self.day == day
    }
}

/// A login's outcome, known before its check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// A page showed us logged in.
    Accepted,
    /// The site refused the number or PIN.
    Refused,
    /// It wasn't sent, since another card of its number may not log in.
    NotSent,
}

impl LoginMark {
    /// Whether a stored mark forbids this login: it belongs to another check of the same day, has no
    /// outcome, and wasn't written by a clock ahead of ours.
    pub fn is_blocked_by(&self, stored: &Self) -> bool {
        stored.check != self.check
            && stored.is_open_on(self.day)
            && !is_in_future(stored.at, self.at)
    }
}

/// A card and how its checks went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRecord {
    /// The card.
    pub card: Card,
    /// How its checks went.
    pub state: CardState,
}

/// The last good account of a card, and when it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAccount {
    /// When the check that read it began.
    pub read_at: DateTime<Utc>,
    /// The account.
    pub account: Account,
}

impl StoredAccount {
    /// Returns the account with a plausible time.
    ///
    /// If a clock ahead of `now` stored it, it counts as read when its card was added. `None`: that
    /// clock added the card too, so the account's age is unknown.
    #[must_use]
    pub fn with_plausible_time(self, card: &Card, now: DateTime<Utc>) -> Option<Self> {
        if !is_in_future(self.read_at, now) {
            return Some(self);
        }
        (!is_in_future(card.created_at, now)).then_some(Self {
            read_at: card.created_at,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use rstest::rstest;

    fn now() -> DateTime<Utc> {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    fn checked_at(at: DateTime<Utc>) -> CardState {
        CardState {
            last_check: Some(LastCheck {
                started_at: at,
                finished_at: at,
                failure: None,
            }),
            last_success_at: Some(at),
            refused_since: Some(at),
            earlier_failure: None,
            is_corrected: false,
            login_mark: Some(LoginMark {
                check: Uuid::nil(),
                at,
                day: at.date_naive(),
                is_settled: false,
            }),
        }
    }

    #[rstest]
    #[case(Duration::seconds(60), true)]
    #[case(Duration::seconds(61), false)]
    #[case(Duration::days(400), false)]
    fn times_over_a_minute_ahead_are_ignored(#[case] ahead: Duration, #[case] counts: bool) {
        let state = checked_at(now() + ahead);
        let known = state.without_future(now());
        assert_eq!(known.last_check.is_some(), counts);
        assert_eq!(known.last_success_at.is_some(), counts);
        assert_eq!(known.login_mark.is_some(), counts);
        assert_eq!(state.newest_in_future(now()).is_none(), counts);
        // A rejected PIN waits for a person, regardless of the clock.
        assert_eq!(known.refused_since, state.refused_since);
    }

    #[test]
    fn future_account_counts_as_read_when_its_card_was_added() {
        let card = Card {
            id: CardId::generate(),
            family: "conrad".parse().unwrap(),
            library: "wpl".parse().unwrap(),
            patron: "Robin".to_owned(),
            fingerprint: Fingerprint("f".to_owned()),
            secret_id: Uuid::nil(),
            pause: None,
            created_at: now() - Duration::days(9),
        };
        let stored = |read_at| StoredAccount {
            read_at,
            account: Account::unknown("koha".parse().unwrap()),
        };
        let later = now() + Duration::days(2);
        let known = stored(later).with_plausible_time(&card, now());
        assert_eq!(known, Some(stored(card.created_at)));
        let fresh = stored(now()).with_plausible_time(&card, now());
        assert_eq!(fresh, Some(stored(now())));
        let from_future = Card {
            created_at: later,
            ..card
        };
        assert_eq!(stored(later).with_plausible_time(&from_future, now()), None);
    }
}
