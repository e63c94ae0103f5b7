//! One attempt to read one card.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::account::Account;
use crate::card::CardKey;
use crate::clock::is_in_future;
use crate::failure::Failure;
use crate::ids::LibraryId;

/// One attempt to read one card, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its id, which its [`crate::card::LoginMark`] has too.
    pub id: Uuid,
    /// The card.
    pub card: CardKey,
    /// The library.
    pub library: LibraryId,
    /// When it started; a check never overwrites one that started later.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
    /// The account, or why there is none.
    pub outcome: Result<Account, Failure>,
}

impl Check {
    /// Whether a stored check's time can be right when this check is saved. A time more than a minute
    /// after this check's end was written by a wrong clock.
    pub fn accepts_time(&self, stored: DateTime<Utc>) -> bool {
        !is_in_future(stored, self.finished_at)
    }
}
