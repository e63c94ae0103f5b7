//! The data of a visit or a notice, loaded at once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::card::{CardKey, CardRecord, StoredAccount};
use crate::family::Family;
use crate::ids::{FamilyId, LibraryId};
use crate::library::Library;
use crate::seal::Sealed;

/// The data of a visit.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVisit {
    /// The library.
    pub library: Library,
    /// When its back-off ends; the time may be in the past.
    pub back_off_until: Option<DateTime<Utc>>,
    /// Since when it has been down; `None`: it is up.
    pub down_since: Option<DateTime<Utc>>,
    /// Whether an account was read with its present entry's system and address.
    pub was_read: bool,
    /// The cards and their sealed secrets, in the requested order.
    pub cards: Vec<(CardRecord, Sealed)>,
}

/// Loads the data of a visit at once.
#[async_trait]
pub trait VisitStore: Send + Sync {
    /// Loads a library with these cards and their secrets, without removed cards; `None` if the library
    /// is gone.
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>>;
}

/// A family with its cards and their accounts.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFamily {
    /// The family.
    pub family: Family,
    /// The family's cards, ordered by id, each with its last good account if it has one.
    pub cards: Vec<(CardRecord, Option<StoredAccount>)>,
}

/// Loads the data of a notice at once.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Loads a family with its cards and their accounts; `None` if the family is gone.
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>>;
}
