//! Exports everything from one store to a document, and imports it into another.
//!
//! Each installation has its own keys. The export opens a number and PIN in memory with the source's
//! private key and seals them at once to the destination's public key, bound to the card and to the
//! hosts of its library. The document holds no other secret, but it names people and what they
//! read: only its owner may read the file.
//!
//! Runs aren't exported.

mod check;
mod export;
mod import;
mod notices;
mod report;
mod sealed_text;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::card::{CardPause, CardState, StoredAccount};
use crate::family::Family;
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::library::Library;
use crate::notice::last_notice::LastNotice;
use crate::outbox::OutboxRecord;
use crate::seal::{KeyId, SealError, Sealed};
use crate::store::StoreError;

pub use check::CheckedTransfer;
pub use export::export;
pub use report::{Difference, ImportReport, Tally, TransferPart};

/// The value of [`Transfer::format`].
pub const FORMAT: &str = "libraryhippo export";

/// The version of the document that this code writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// How many days of notices are exported: as many as a store keeps at least.
pub const NOTICE_DAYS: i64 = 35;

/// How many families are read or written concurrently.
const MAX_CONCURRENT_FAMILIES: usize = 8;

/// The document.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`] when it was written.
    pub version: u32,
    /// When it was exported.
    pub exported_at: DateTime<Utc>,
    /// The public key that the numbers and PINs are sealed to.
    pub sealed_to: KeyId,
    /// By id.
    pub libraries: Vec<ExportedLibrary>,
    /// By id.
    pub families: Vec<ExportedFamily>,
}

/// A library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedLibrary {
    /// As it is stored.
    pub library: Library,
    /// When its back-off ends; may be in the past.
    pub back_off_until: Option<DateTime<Utc>>,
}

/// A family with its cards and notices.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedFamily {
    /// As it is stored.
    pub family: Family,
    /// By id.
    pub cards: Vec<ExportedCard>,
    /// Oldest first.
    pub notices: Vec<ExportedNotice>,
}

/// A card without its fingerprint, which an import computes with its own key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedCard {
    /// The same in every store.
    pub id: CardId,
    /// Where it is used.
    pub library: LibraryId,
    /// Whose it is.
    pub patron: String,
    /// While the pause lasts, the card isn't checked.
    pub pause: Option<CardPause>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// How its checks went.
    pub state: CardState,
    /// Its number and PIN, sealed to the destination's key.
    #[serde(with = "sealed_text")]
    pub sealed: Sealed,
    /// The last good account.
    pub account: Option<StoredAccount>,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportedNotice {
    /// The record.
    pub record: OutboxRecord,
    /// What it told the family; only with the newest sent notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_notice: Option<LastNotice>,
}

// These hold names, addresses and what people read, which belong in no log.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("version", &self.version)
            .field("exported_at", &self.exported_at)
            .field("sealed_to", &self.sealed_to)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExportedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedFamily")
            .field("id", &self.family.id)
            .field("cards", &self.cards)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ExportedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedCard")
            .field("id", &self.id)
            .field("library", &self.library)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The counts of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TransferCounts {
    /// Libraries.
    pub libraries: usize,
    /// Families.
    pub families: usize,
    /// Cards of all families.
    pub cards: usize,
    /// Notices of all families.
    pub notices: usize,
    /// The notices that aren't final.
    pub open_notices: usize,
}

/// The progress of an export or import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferProgress {
    /// The number of families.
    Planned(usize),
    /// One family is done.
    FamilyDone,
}

/// Why an export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It is another kind of document.
    #[error("The file isn't an export of LibraryHippo.")]
    NotATransfer,
    /// A newer version wrote it.
    #[error(
        "A newer LibraryHippo wrote the file (format {version}; this one reads up to {VERSION}). \
         Update this one, and import again."
    )]
    Newer {
        /// Its version.
        version: u32,
    },
    /// It was cut off.
    #[error("The file was cut off in line {line}. Copy or export it again.")]
    CutOff {
        /// The last line.
        line: usize,
    },
    /// It can't be parsed. The error omits its text, which may be a name or an address.
    #[error(
        "The file can't be read at line {line}, column {column}: somebody changed it after the \
         export. Export it again."
    )]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It contradicts itself.
    #[error("The file contradicts itself. Export it again.\n{}", indented(.0))]
    Unsound(Vec<String>),
    /// The destination lacks the key that its secrets are sealed to.
    #[error(
        "The file's numbers and PINs are sealed to the key {sealed_to}, but the keys here are \
         {present}. Import the file where that key is. If you have replaced the key since, export \
         again."
    )]
    SealedForAnotherKey {
        /// The key that would open them.
        sealed_to: KeyId,
        /// The destination's keys.
        present: String,
    },
    /// A library has other hosts here. Its PINs must not be sent to them.
    #[error(
        "Some libraries have other hosts here than in the file, and we never send a PIN to hosts \
         that it wasn't sealed for. Nothing was changed. Make the two the same, then export \
         again.\n{}", indented(.0)
    )]
    OtherHosts(Vec<String>),
    /// A card's number and PIN can't be opened or sealed.
    #[error("The card {card} of the family “{family}” stopped the export. {source}")]
    Card {
        /// Its family.
        family: FamilyId,
        /// The card.
        card: CardId,
        /// The cause.
        source: SealError,
    },
    /// A card's library isn't in the store.
    #[error(
        "The card {card} of the family “{family}” belongs to a library that isn't in the store. \
         Add the library or remove the card, then export again."
    )]
    NoLibrary {
        /// Its family.
        family: FamilyId,
        /// The card.
        card: CardId,
    },
    /// A card has no number and PIN in the store.
    #[error(
        "The card {card} of the family “{family}” has no number and PIN in the store. Set them \
         again, or remove the card, then export again."
    )]
    NoSecret {
        /// Its family.
        family: FamilyId,
        /// The card.
        card: CardId,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn indented(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Whether a text looks like a [`Transfer`]: it begins like a JSON object, which TOML never does.
pub fn is_transfer(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

impl Transfer {
    /// Parses a document. [`CheckedTransfer::new`] decides whether it may be imported.
    pub fn parse(text: &str) -> Result<Self, TransferError> {
        // The head alone first: a newer version may differ in everything else.
        let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => TransferError::NotATransfer,
            _ => parse_error(&error),
        })?;
        if head.format != FORMAT {
            return Err(TransferError::NotATransfer);
        }
        if head.version > VERSION {
            return Err(TransferError::Newer {
                version: head.version,
            });
        }
        serde_json::from_str(text).map_err(|error| parse_error(&error))
    }

    /// The document as JSON text, one value a line.
    pub fn to_json(&self) -> Result<String, TransferError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| StoreError::Unusable(format!("it can't be written: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// Counts what it holds.
    pub fn counts(&self) -> TransferCounts {
        let notices = || self.families.iter().flat_map(|family| &family.notices);
        TransferCounts {
            libraries: self.libraries.len(),
            families: self.families.len(),
            cards: self.families.iter().map(|family| family.cards.len()).sum(),
            notices: notices().count(),
            open_notices: notices().filter(|notice| !notice.record.is_over()).count(),
        }
    }
}

/// Converts a parse error. Keeps its position, but not the text.
fn parse_error(error: &serde_json::Error) -> TransferError {
    if error.is_eof() {
        TransferError::CutOff { line: error.line() }
    } else {
        TransferError::Malformed {
            line: error.line(),
            column: error.column(),
        }
    }
}
