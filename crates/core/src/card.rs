//! One patron's card at one library, and how its checks went.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Account;
use crate::failure::Failure;
use crate::ids::{CardId, FamilyId, LibraryId};

/// One patron's card at one library, without its number and PIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Never changes.
    pub id: CardId,
    /// Who is told about it.
    pub family: FamilyId,
    /// Where it is used.
    pub library: LibraryId,
    /// Whose it is, as the mail says.
    pub patron: String,
    /// Tells whether two cards have the same number, without telling the number.
    pub fingerprint: Fingerprint,
    /// While true, it is not checked.
    pub paused: bool,
    /// When the card was added.
    pub created_at: DateTime<Utc>,
}

impl Card {
    /// Where the card stands in the stores.
    pub fn key(&self) -> CardKey {
        CardKey {
            family: self.family.clone(),
            card: self.id,
        }
    }
}

/// Where a card stands in the stores: its family, and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CardKey {
    /// The card's family.
    pub family: FamilyId,
    /// The card.
    pub card: CardId,
}

/// A keyed hash of a card number: equal for equal numbers, useless without the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

/// A card's number and PIN, in the clear. Wiped from memory when dropped; never shown.
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

/// How a card's checks went so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// The newest check.
    pub last_check: Option<LastCheck>,
    /// When the newest check that gave an account began.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Since when the site refuses the number or PIN: the card waits for a person.
    pub refused_since: Option<DateTime<Utc>>,
    /// A login was about to be sent and its outcome is not known yet.
    pub login_mark: Option<LoginMark>,
}

/// The newest check of a card: when, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCheck {
    /// When it began; orders checks.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// Why it gave no account; `None`: it gave one.
    pub failure: Option<Failure>,
}

/// The durable word that a login is about to be sent.
///
/// A check that finds one of the same day without an outcome does not log in again on its own: a
/// crash loop must not lock a patron out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginMark {
    /// The check that wrote it; the same check may log in once more.
    pub check: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// The library's local date then.
    pub day: NaiveDate,
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
    /// What the pages said.
    pub account: Account,
}
