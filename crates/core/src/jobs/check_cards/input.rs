//! Which cards a run checks.

use serde::{Deserialize, Serialize};

use crate::card::Card;
use crate::ids::{FamilyId, LibraryId};
use crate::store::Scope;

/// Which cards a run is to check. The JSON is the input of a schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckCardsInput {
    /// All cards, or those whose newest check failed.
    pub scope: Scope,
    /// Only this family's.
    pub family: Option<FamilyId>,
    /// Only this library's.
    pub library: Option<LibraryId>,
}

impl CheckCardsInput {
    /// Whether it names the family and the library of a card, or none.
    pub(crate) fn is_about(&self, card: &Card) -> bool {
        let (family, library) = (self.family.as_ref(), self.library.as_ref());
        family.is_none_or(|id| *id == card.family) && library.is_none_or(|id| *id == card.library)
    }
}
