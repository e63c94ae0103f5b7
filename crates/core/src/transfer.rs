//! Moves everything from one side to the other, in one document.
//!
//! A side is where LibraryHippo runs: one machine, or a stack on AWS. Each has keys of its own, so a
//! number and PIN are opened in memory with the private key of the side that is left and sealed at once
//! to the public key of the side to come, bound to its card and to the hosts of its library like any
//! other. Nothing else in the document is secret to a machine, but it names
//! people and what they read: who writes it to a file keeps that file to its owner.
//!
//! Runs do not move: they tell what one side did.

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

use crate::card::{CardState, StoredAccount};
use crate::family::Family;
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::library::Library;
use crate::notice::last_notice::LastNotice;
use crate::outbox::OutboxRecord;
use crate::seal::{KeyId, SealError, Sealed};
use crate::store::StoreError;

pub use check::Checked;
pub use export::export;
pub use report::{Difference, Part, Report, Tally};

/// The value of [`Transfer::format`].
pub const FORMAT: &str = "libraryhippo move";

/// The version of the document that this code writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// Notices of this many days move: as long as they are kept at least.
pub const NOTICE_DAYS: i64 = 35;

/// How many families are read or written at once.
const MAX_CONCURRENT_FAMILIES: usize = 8;

/// Everything that moves.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`] when it was written.
    pub version: u32,
    /// When it was exported.
    pub made_at: DateTime<Utc>,
    /// The public key that the numbers and PINs are sealed to.
    pub sealed_for: KeyId,
    /// By id.
    pub libraries: Vec<MovedLibrary>,
    /// By id.
    pub families: Vec<MovedFamily>,
}

/// A library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedLibrary {
    /// As it is stored.
    pub library: Library,
    /// Until when it is to be left alone; may lie in the past.
    pub back_off_until: Option<DateTime<Utc>>,
}

/// A family and all that is its own.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedFamily {
    /// As it is stored.
    pub family: Family,
    /// By id.
    pub cards: Vec<MovedCard>,
    /// Oldest first.
    pub notices: Vec<MovedNotice>,
}

/// A card, and how its checks went. Without its fingerprint: import makes it with its own key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedCard {
    /// The same on both sides.
    pub id: CardId,
    /// Where it is used.
    pub library: LibraryId,
    /// Whose it is.
    pub patron: String,
    /// While true, it is not checked.
    pub paused: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// How its checks went.
    pub state: CardState,
    /// Its number and PIN, sealed for the other side.
    #[serde(with = "sealed_text")]
    pub sealed: Sealed,
    /// The last good account.
    pub account: Option<StoredAccount>,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedNotice {
    /// How far it got.
    pub record: OutboxRecord,
    /// What the family was told last; with the newest notice that was sent, and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_notice: Option<LastNotice>,
}

// People's names, addresses and what they read stand in these: none of it belongs in a log.
impl fmt::Debug for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transfer")
            .field("version", &self.version)
            .field("made_at", &self.made_at)
            .field("sealed_for", &self.sealed_for)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MovedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MovedFamily")
            .field("id", &self.family.id)
            .field("cards", &self.cards)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MovedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MovedCard")
            .field("id", &self.id)
            .field("library", &self.library)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// How much a document holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Libraries.
    pub libraries: usize,
    /// Families.
    pub families: usize,
    /// Cards of all families.
    pub cards: usize,
    /// Notices of all families.
    pub notices: usize,
    /// Of these, the ones that are not final.
    pub open_mails: usize,
}

/// What an export or an import reports while it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This many families are to be done.
    Planned(usize),
    /// One of them is.
    FamilyDone,
}

/// Why an export or an import failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It is a document of another kind.
    #[error("The file isn't an export of LibraryHippo.")]
    NotATransfer,
    /// A newer version wrote it.
    #[error(
        "A newer LibraryHippo wrote the file (format {version}; this one reads up to {VERSION}). \
         Update this one, and import again."
    )]
    Newer {
        /// What it says.
        version: u32,
    },
    /// It was cut off.
    #[error("The file was cut off in line {line}. Copy or export it again.")]
    CutOff {
        /// The last line.
        line: usize,
    },
    /// It can't be read. Its text is not repeated: it may be a name or an address.
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
    /// Its secrets are sealed for keys that are not here.
    #[error(
        "The file's numbers and PINs are sealed for the key {sealed_for}, and the keys here are \
         {present}. If the file is meant for another side, import it there. If the key here has \
         changed, export again for the present one."
    )]
    SealedForAnotherKey {
        /// The key that would open them.
        sealed_for: KeyId,
        /// The keys that are here.
        present: String,
    },
    /// A library has other hosts here, to which its PINs must not be sent.
    #[error(
        "Some libraries have other hosts here than in the file, and we never send a PIN to hosts \
         that it wasn't sealed for. Nothing was changed. Make the two the same, then export \
         again.\n{}", indented(.0)
    )]
    OtherHosts(Vec<String>),
    /// A card's number and PIN could not be opened or sealed.
    #[error("The card {card} of the family “{family}” stopped the export. {source}")]
    Card {
        /// Whose it is.
        family: FamilyId,
        /// Which.
        card: CardId,
        /// Why.
        source: SealError,
    },
    /// A card's library is not in the store.
    #[error("The card {card} of the family “{family}” is of a library that isn't in the store.")]
    NoLibrary {
        /// Whose it is.
        family: FamilyId,
        /// Which.
        card: CardId,
    },
    /// A card has no number and PIN in the store.
    #[error(
        "The card {card} of the family “{family}” has no number and PIN in the store. Set them \
         again, or remove the card, then export again."
    )]
    NoSecret {
        /// Whose it is.
        family: FamilyId,
        /// Which.
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
    /// Reads a document. [`Checked::new`] finds out whether it may be imported.
    pub fn parse(text: &str) -> Result<Self, TransferError> {
        // The head first, and alone: a newer version may say everything else in another way.
        let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => TransferError::NotATransfer,
            _ => fault(&error),
        })?;
        if head.format != FORMAT {
            return Err(TransferError::NotATransfer);
        }
        if head.version > VERSION {
            return Err(TransferError::Newer {
                version: head.version,
            });
        }
        serde_json::from_str(text).map_err(|error| fault(&error))
    }

    /// The document as text, one fact a line, with an end of line at its end.
    pub fn to_json(&self) -> Result<String, TransferError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| StoreError::Unusable(format!("it cannot be written: {error}")))?;
        text.push('\n');
        Ok(text)
    }

    /// How much it holds.
    pub fn counts(&self) -> Contents {
        let notices = || self.families.iter().flat_map(|family| &family.notices);
        Contents {
            libraries: self.libraries.len(),
            families: self.families.len(),
            cards: self.families.iter().map(|family| family.cards.len()).sum(),
            notices: notices().count(),
            open_mails: notices().filter(|notice| !notice.record.is_over()).count(),
        }
    }
}

/// Where a document can't be read, without its text.
fn fault(error: &serde_json::Error) -> TransferError {
    if error.is_eof() {
        TransferError::CutOff { line: error.line() }
    } else {
        TransferError::Malformed {
            line: error.line(),
            column: error.column(),
        }
    }
}
