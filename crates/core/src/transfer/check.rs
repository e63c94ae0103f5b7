//! Checks a document before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::{ExportedFamily, ExportedLibrary, ExportedNotice, Transfer, TransferError};
use crate::card::Fingerprint;
use crate::ids::{CardId, LibraryId};
use crate::library::Library;
use crate::seal::{FingerprintKey, LoginOrigins, PrivateKeys, SealContext, SealError};

/// How many contradictions an error lists.
const FAULT_LIMIT: usize = 20;

/// A document that may be imported.
///
/// It is consistent, the destination's keys open every secret, and no library has other hosts there.
#[derive(Debug)]
pub struct CheckedTransfer<'a> {
    pub(super) transfer: &'a Transfer,
    pub(super) keys: &'a PrivateKeys,
    pub(super) fingerprints: BTreeMap<CardId, Fingerprint>,
}

impl<'a> CheckedTransfer<'a> {
    /// Checks a document against the libraries that the destination stores.
    pub fn new(
        transfer: &'a Transfer,
        keys: &'a PrivateKeys,
        fingerprint_key: &FingerprintKey,
        stored: &[Library],
    ) -> Result<Self, TransferError> {
        if !keys.has_key(&transfer.sealed_to) {
            let present: Vec<&str> = keys.keys().iter().map(|(id, _)| id.0.as_str()).collect();
            return Err(TransferError::SealedForAnotherKey {
                sealed_to: transfer.sealed_to.clone(),
                present: present.join(", "),
            });
        }
        refuse_other_hosts(transfer, stored)?;
        let mut faults = Vec::new();
        let mut libraries = BTreeMap::new();
        for ExportedLibrary { library, .. } in &transfer.libraries {
            if libraries.insert(&library.id, library).is_some() {
                faults.push(format!(
                    "The library “{}” is in the file twice.",
                    library.id
                ));
            }
        }
        let mut families = BTreeSet::new();
        let mut fingerprints = BTreeMap::new();
        for exported in &transfer.families {
            let family = &exported.family.id;
            if !families.insert(family) {
                faults.push(format!("The family “{family}” is in the file twice."));
            }
            let mut cards = Cards {
                keys,
                fingerprint_key,
                libraries: &libraries,
                fingerprints: &mut fingerprints,
                faults: &mut faults,
            };
            cards.check_family(exported);
            check_notices(exported, &mut faults);
        }
        if faults.is_empty() {
            return Ok(Self {
                transfer,
                keys,
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

    /// Where the PINs will be sent: the login origins of every library that has a card.
    pub fn login_origins(&self) -> BTreeMap<LibraryId, LoginOrigins> {
        let families = &self.transfer.families;
        families
            .iter()
            .flat_map(|family| &family.cards)
            .filter_map(|card| self.library(&card.library))
            .map(|library| (library.id.clone(), LoginOrigins::from_library(library)))
            .collect()
    }

    /// Finds a library of the document.
    pub(super) fn library(&self, id: &LibraryId) -> Option<&'a Library> {
        let mut libraries = self.transfer.libraries.iter();
        libraries
            .find(|exported| exported.library.id == *id)
            .map(|exported| &exported.library)
    }
}

/// Refuses a document with a library whose stored entry names other hosts.
fn refuse_other_hosts(transfer: &Transfer, stored: &[Library]) -> Result<(), TransferError> {
    let mut others = Vec::new();
    for ExportedLibrary { library, .. } in &transfer.libraries {
        let Some(here) = stored.iter().find(|stored| stored.id == library.id) else {
            continue;
        };
        let (in_file, here) = (
            LoginOrigins::from_library(library),
            LoginOrigins::from_library(here),
        );
        if in_file != here {
            others.push(format!(
                "The library “{}”: {in_file} in the file, {here} here.",
                library.id
            ));
        }
    }
    if others.is_empty() {
        Ok(())
    } else {
        Err(TransferError::OtherHosts(others))
    }
}

/// Checks the cards.
struct Cards<'a> {
    keys: &'a PrivateKeys,
    fingerprint_key: &'a FingerprintKey,
    libraries: &'a BTreeMap<&'a LibraryId, &'a Library>,
    fingerprints: &'a mut BTreeMap<CardId, Fingerprint>,
    faults: &'a mut Vec<String>,
}

impl Cards<'_> {
    /// Opens every secret of a family. Keeps only the fingerprint of each number.
    fn check_family(&mut self, exported: &ExportedFamily) {
        let mut numbers = BTreeSet::new();
        for card in &exported.cards {
            let of = format!(
                "The card {} of the family “{}”",
                card.id, exported.family.id
            );
            let Some(library) = self.libraries.get(&card.library) else {
                self.faults.push(format!(
                    "{of} is of the library “{}”, which isn't in the file.",
                    card.library
                ));
                continue;
            };
            let context = SealContext::new(card.id, library);
            let fingerprint = match self.keys.open(&context, &card.sealed) {
                Ok(secret) => self
                    .fingerprint_key
                    .fingerprint(&card.library, &secret.number),
                Err(SealError::UnknownKey(key)) => {
                    self.faults
                        .push(format!("{of} is sealed with another key, {key}."));
                    continue;
                }
                Err(_) => {
                    self.faults.push(format!(
                        "{of} has a number and PIN that don't open for the hosts of “{}” in the \
                         file, {}.",
                        card.library,
                        LoginOrigins::from_library(library)
                    ));
                    continue;
                }
            };
            if !numbers.insert((&card.library, fingerprint.clone())) {
                self.faults.push(format!(
                    "{of} has the same number as another card of the family."
                ));
            }
            if self.fingerprints.insert(card.id, fingerprint).is_some() {
                self.faults.push(format!("{of} is in the file twice."));
            }
        }
    }
}

fn check_notices(exported: &ExportedFamily, faults: &mut Vec<String>) {
    let family = &exported.family.id;
    let mut keys = BTreeSet::new();
    for ExportedNotice { record, .. } in &exported.notices {
        let date = record.date;
        if record.family != *family {
            faults.push(format!(
                "The file has a notice of {date} under “{family}” that belongs to another family."
            ));
        }
        if !keys.insert(record.key()) {
            faults.push(format!(
                "The notice of the family “{family}” for {date} is in the file twice."
            ));
        }
    }
}
