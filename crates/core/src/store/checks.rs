//! The checks and their accounts.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreResult;
use crate::card::{CardKey, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::ids::{CardId, FamilyId};

/// The result of saving a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The check is stored, and is the newest.
    Stored,
    /// A check that started later is already stored, so this one is not.
    Older,
    /// The card is gone; nothing was changed.
    CardGone,
}

/// Stores the checks and their accounts.
#[async_trait]
pub trait CheckStore: Send + Sync {
    /// Writes the login mark before a login is sent; false if the login is not allowed.
    ///
    /// It is not allowed while another check of the same day has an unsettled mark, nor for a card that
    /// is paused at the mark's time or refused by the site. Returns once the mark would survive a crash.
    /// [`NotFound`](super::StoreError::NotFound) if the card is gone.
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool>;

    /// Records the outcome of this check's login, which settles its login mark.
    ///
    /// A settled mark stays, to show that the check is running, but blocks no other login. A refusal
    /// sets `refused_since` to the mark's time (if it is not set), unless an account was read since. Does
    /// nothing if the mark belongs to another check or the card is gone. Returns once the write would
    /// survive a crash.
    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()>;

    /// Saves a check with its account or failure, and removes its login mark, by these rules:
    ///
    /// - A check never overwrites one that started later, unless that one was `not_tried`, and never an
    ///   account that was read later. A failure keeps the last good account.
    /// - A `not_tried` check keeps the failure of the check before it as `earlier_failure`, and a check that
    ///   was tried clears it ([`CardState::replace_last_check`](crate::card::CardState::replace_last_check)).
    /// - `wrong_credentials` sets `refused_since` to the start of the check (if it is not set), even if
    ///   the check is [`Saved::Older`], unless an account was read since. An account clears it and sets
    ///   `last_success_at`.
    /// - The mark is removed only if this check wrote it, even if the check is [`Saved::Older`]: a check
    ///   that found the mark of a crash must keep it. The mark stays if the failure leaves the login in
    ///   doubt and the mark is not settled.
    /// - A pause that ended before the check started is removed, unless the check is [`Saved::Older`].
    /// - A failure's `retry_after` is not stored.
    async fn save_check(&self, check: &Check) -> StoreResult<Saved>;

    /// Lists the last good accounts of a family's cards.
    async fn family_accounts(&self, family: &FamilyId)
    -> StoreResult<Vec<(CardId, StoredAccount)>>;
}
