//! The sealed numbers and PINs.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreResult;
use crate::card::{Card, Fingerprint};
use crate::ids::CardId;
use crate::seal::Sealed;

/// A sealed number and PIN that replace those of a card.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSecret {
    /// What the card calls them: [`Card::secret_id`].
    pub id: Uuid,
    /// The fingerprint of the number.
    pub fingerprint: Fingerprint,
    /// Both, sealed.
    pub sealed: Sealed,
}

impl NewSecret {
    /// A number and PIN that somebody set again.
    pub fn new(fingerprint: Fingerprint, sealed: Sealed) -> Self {
        Self {
            id: Uuid::new_v4(),
            fingerprint,
            sealed,
        }
    }

    /// The number and PIN that the card has, resealed.
    pub fn resealed(card: &Card, sealed: Sealed) -> Self {
        Self {
            id: card.secret_id,
            fingerprint: card.fingerprint.clone(),
            sealed,
        }
    }
}

/// Replaces sealed numbers and PINs, and can't read any.
#[async_trait]
pub trait SecretWriter: Send + Sync {
    /// Replaces a card's secret, its id and its fingerprint, if the id is still `before`, in one conditional
    /// write; true if it was replaced. The card's state forgets that the old one was sealed for other hosts
    /// ([`CardState::forget_other_hosts`](crate::card::CardState::forget_other_hosts)).
    ///
    /// [`NotFound`](super::StoreError::NotFound) if the card is missing;
    /// [`AlreadyExists`](super::StoreError::AlreadyExists) if another card of its family has that number at the
    /// library.
    async fn replace_secret(
        &self,
        card: CardId,
        before: Uuid,
        after: &NewSecret,
    ) -> StoreResult<bool>;
}

/// Stores the sealed numbers and PINs.
#[async_trait]
pub trait SecretStore: SecretWriter {
    /// Returns the sealed secrets of these cards, without missing ones.
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>>;

    /// Lists all cards that have a secret, ordered by id.
    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>>;
}
