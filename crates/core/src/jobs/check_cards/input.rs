//! Which cards a run checks.

use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::store::Scope;

/// Selects the cards that a run checks. The JSON is the input of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckCardsInput {
    /// All cards, or those whose last check failed.
    pub scope: Scope,
    /// Only this family's cards.
    pub family: Option<FamilyId>,
    /// Only this library's cards.
    pub library: Option<LibraryId>,
    /// Only this card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardId>,
}

impl CheckCardsInput {
    /// Selects one card.
    pub fn for_card(card: &Card) -> Self {
        Self {
            family: Some(card.family.clone()),
            library: Some(card.library.clone()),
            card: Some(card.id),
            ..Self::default()
        }
    }

    /// Whether it names a library, a family or a card.
    pub(super) fn is_narrowed(&self) -> bool {
        self.family.is_some() || self.library.is_some() || self.card.is_some()
    }

    /// Whether it selects the card, whatever its scope.
    pub(super) fn is_for_card(&self, card: &Card) -> bool {
        let (family, library) = (self.family.as_ref(), self.library.as_ref());
        family.is_none_or(|id| *id == card.family)
            && library.is_none_or(|id| *id == card.library)
            && self.card.is_none_or(|id| id == card.id)
    }
}
