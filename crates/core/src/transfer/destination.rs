//! Where an import goes.

use std::collections::BTreeMap;

use super::Mode;
use crate::ids::CardId;
use crate::seal::Sealed;
use crate::store::{LoadedFamily, Store};

/// The store that a family goes to, and what it holds of that family.
pub(super) struct Destination<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) mode: Mode,
    pub(super) here: Option<&'a LoadedFamily>,
    pub(super) secrets: BTreeMap<CardId, Sealed>,
}
