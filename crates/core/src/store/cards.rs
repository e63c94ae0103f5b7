//! The cards.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{StoreError, StoreResult};
use crate::card::{Card, CardPause, CardRecord, Fingerprint};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::seal::Sealed;

/// Selects the cards to list; in JSON, the scope of a schedule's input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every card.
    #[default]
    All,
    /// The cards whose newest check failed or that were never checked.
    Failed,
    /// The cards that no run may check for now: paused, or refused by the site. A schedule's input can't
    /// select it.
    #[serde(skip)]
    Waiting,
}

impl Scope {
    /// The scopes that an input may have.
    pub const INPUTS: [Self; 2] = [Self::All, Self::Failed];

    /// Returns the name in options and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The position in a list of cards: the last card of the previous page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardCursor {
    /// The card's library.
    pub library: LibraryId,
    /// The card's fingerprint.
    pub fingerprint: Fingerprint,
    /// The card's id.
    pub card: CardId,
}

/// How often [`CardStore::set_pause`] reads a card whose pause somebody else changes.
const MAX_PAUSE_ATTEMPTS: u32 = 20;

/// Stores the cards.
#[async_trait]
pub trait CardStore: Send + Sync {
    /// Adds a card with its sealed number and PIN, in one write.
    ///
    /// [`StoreError::AlreadyExists`] if its id is taken, or its family already has a card with the same
    /// number at the library; [`StoreError::NotFound`] if the family or library is missing.
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()>;

    /// Returns a card, or `None` if it is missing.
    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>>;

    /// Lists a family's cards, ordered by id.
    async fn family_cards(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>>;

    /// Lists at most `limit` cards of a scope after `after`, ordered by library, fingerprint and id
    /// ([`CardCursor`]).
    ///
    /// Only [`Scope::Waiting`] lists paused and refused cards. It lists a card whose pause has ended too,
    /// until the card is checked.
    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>>;

    /// Pauses the checks of a card, or resumes them (`None`), if its stored pause is still `before`, in one
    /// conditional write; true if it was changed. [`StoreError::NotFound`] if the card is missing.
    async fn replace_card_pause(
        &self,
        id: CardId,
        before: Option<&CardPause>,
        after: Option<&CardPause>,
    ) -> StoreResult<bool>;

    /// Pauses the checks of a card, or resumes them (`None`), whatever its pause is now;
    /// [`StoreError::NotFound`] if it is missing.
    async fn set_pause(&self, id: CardId, pause: Option<&CardPause>) -> StoreResult<()> {
        for _ in 0..MAX_PAUSE_ATTEMPTS {
            let record = self.card(id).await?;
            let record = record.ok_or_else(|| StoreError::NotFound(format!("card {id}")))?;
            let before = record.card.pause.as_ref();
            if self.replace_card_pause(id, before, pause).await? {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(
            "others keep changing the pause of this card".to_owned(),
        ))
    }

    /// Clears the refusal and the login mark of a card, so that a check may log in again
    /// ([`CardState::allow_retry`](crate::card::CardState::allow_retry)); [`StoreError::NotFound`] if it is
    /// missing.
    async fn allow_retry(&self, id: CardId) -> StoreResult<()>;

    /// Removes a card with its secret and account; [`StoreError::NotFound`] if it is missing.
    async fn remove_card(&self, id: CardId) -> StoreResult<()>;
}
