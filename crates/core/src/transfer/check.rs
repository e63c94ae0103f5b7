//! The look at a document before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::{MovedFamily, MovedLibrary, MovedNotice, Transfer, TransferError};
use crate::card::Fingerprint;
use crate::ids::{CardId, LibraryId};
use crate::seal::{KeyRing, SealError};

/// Of a document that does not agree with itself, so many faults are told.
const FAULT_LIMIT: usize = 20;

/// A document that may be imported: it agrees with itself, and the keys here open every secret.
#[derive(Debug)]
pub struct Checked<'a> {
    pub(super) transfer: &'a Transfer,
    pub(super) ring: &'a KeyRing,
    pub(super) fingerprints: BTreeMap<CardId, Fingerprint>,
}

impl<'a> Checked<'a> {
    /// Looks at all of it; nothing was written when this is an error.
    pub fn new(transfer: &'a Transfer, ring: &'a KeyRing) -> Result<Self, TransferError> {
        let opens = |key| ring.keys().iter().any(|(id, _)| id == key);
        if !opens(&transfer.sealed_for) {
            let present: Vec<&str> = ring.keys().iter().map(|(id, _)| id.0.as_str()).collect();
            return Err(TransferError::SealedForAnotherKey {
                sealed_for: transfer.sealed_for.clone(),
                present: present.join(", "),
            });
        }
        let mut faults = Vec::new();
        let mut libraries = BTreeSet::new();
        for MovedLibrary { library, .. } in &transfer.libraries {
            if !libraries.insert(&library.id) {
                faults.push(format!("The library “{}” is in it twice.", library.id));
            }
        }
        let mut families = BTreeSet::new();
        let mut fingerprints = BTreeMap::new();
        for moved in &transfer.families {
            let family = &moved.family.id;
            if !families.insert(family) {
                faults.push(format!("The family “{family}” is in it twice."));
            }
            look_at_cards(moved, ring, &libraries, &mut fingerprints, &mut faults);
            look_at_notices(moved, &mut faults);
        }
        if faults.is_empty() {
            return Ok(Self {
                transfer,
                ring,
                fingerprints,
            });
        }
        let more = faults.len().saturating_sub(FAULT_LIMIT);
        faults.truncate(FAULT_LIMIT);
        if more > 0 {
            faults.push(format!("And {more} more."));
        }
        Err(TransferError::Unsound(faults))
    }
}

/// Opens every secret, and keeps no more of it than the fingerprint of the number.
fn look_at_cards(
    moved: &MovedFamily,
    ring: &KeyRing,
    libraries: &BTreeSet<&LibraryId>,
    fingerprints: &mut BTreeMap<CardId, Fingerprint>,
    faults: &mut Vec<String>,
) {
    let mut numbers = BTreeSet::new();
    for card in &moved.cards {
        let of = format!("The card {} of the family “{}”", card.id, moved.family.id);
        if !libraries.contains(&card.library) {
            faults.push(format!(
                "{of} is of the library “{}”, which is not in it.",
                card.library
            ));
        }
        let fingerprint = match ring.open(card.id, &card.sealed) {
            Ok(secret) => ring.fingerprint(&card.library, &secret.number),
            Err(SealError::UnknownKey(key)) => {
                faults.push(format!("{of} is sealed with another key, {key}."));
                continue;
            }
            Err(_) => {
                faults.push(format!("{of} has a number and PIN that do not open."));
                continue;
            }
        };
        if !numbers.insert((&card.library, fingerprint.clone())) {
            faults.push(format!("{of} has the number of another of its cards."));
        }
        if fingerprints.insert(card.id, fingerprint).is_some() {
            faults.push(format!("{of} is in it twice."));
        }
    }
}

fn look_at_notices(moved: &MovedFamily, faults: &mut Vec<String>) {
    let family = &moved.family.id;
    let mut dates = BTreeSet::new();
    for MovedNotice { record, .. } in &moved.notices {
        let date = record.date;
        if record.family != *family {
            faults.push(format!(
                "A notice of {date} with the family “{family}” is another's."
            ));
        }
        if !dates.insert(date) {
            faults.push(format!(
                "The notice of the family “{family}” of {date} is in it twice."
            ));
        }
    }
}
