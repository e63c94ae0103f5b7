//! The description of an interface's answers.

use hippo_browser::ReadContext;
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::{Failure, FailureKind};

use super::value::{JsonObject, Path};
use crate::list_reader::Field;

/// The record of a patron, with all lists in it, and the other answers of the interface. Its dates count as they are
/// printed.
pub(crate) struct RecordDescription {
    /// The path that tells the record from other documents, and its value there.
    pub(crate) kind: (Path, &'static str),
    /// The record's own key.
    pub(crate) key: Path,
    /// The key of an entry in a list, if it has one. There may be only one entry of a key.
    pub(crate) entry_key: Path,
    /// In an entry, the key of the record that it belongs to.
    pub(crate) entry_owner: Path,
    pub(crate) loans: EntriesDescription<Loan>,
    pub(crate) holds: EntriesDescription<Hold>,
    pub(crate) bills: BillsDescription,
    /// The card's last day.
    pub(crate) card_expires: Path,
    /// The card's standing, and the values that mean that it is blocked.
    pub(crate) blocked: (Path, &'static [&'static str]),
    pub(crate) login: LoginAnswer,
    pub(crate) refusals: RefusalsDescription,
}

/// A list, and its entries.
pub(crate) struct EntriesDescription<E: 'static> {
    /// The entries. Of a list on several pages, the object that has the entries by their ids.
    pub(crate) list: Path,
    /// What each entry says, and where. Of several paths of a field, the first that has a value counts.
    pub(crate) fields: &'static [(Field, Path)],
    /// The path that tells the entries that count no more, and its value there.
    pub(crate) ignored: Option<(Path, &'static str)>,
    /// The codes for a hold's states. Other codes are [`HoldState::Other`].
    pub(crate) states: &'static [(HoldState, &'static [&'static str])],
    /// Adds what the fields can't say. Returns a message to the patron, if there is one.
    pub(crate) complete:
        fn(&mut E, JsonObject<'_>, &ReadContext<'_>) -> Result<Option<String>, Failure>,
}

/// A list that goes on on further pages. Each page has the ids of its own entries.
pub(crate) struct PagedListDescription<E: 'static> {
    /// The object that describes the page of the list. The other paths begin in it.
    pub(crate) page: Path,
    /// The ids of the page's entries, in order.
    pub(crate) ids: Path,
    /// The number of entries on all pages. Without it, the page doesn't have the list.
    pub(crate) count: Path,
    /// The page's number, from 1.
    pub(crate) number: Path,
    /// The most entries of a page.
    pub(crate) limit: Path,
    /// The number of pages.
    pub(crate) pages: Path,
    pub(crate) entries: EntriesDescription<E>,
}

/// The list of what the patron owes.
pub(crate) struct BillsDescription {
    pub(crate) list: Path,
    /// The sum of a bill, as a decimal number in a text.
    pub(crate) sum: Path,
    /// The ISO 4217 code of its currency.
    pub(crate) currency: Path,
    /// The library's message in a bill.
    pub(crate) message: Path,
}

/// The answer to an accepted login.
pub(crate) struct LoginAnswer {
    /// The session's token.
    pub(crate) token: Path,
    /// The key of the patron's record.
    pub(crate) key: Path,
}

/// The answer to a refused request: a list of codes.
pub(crate) struct RefusalsDescription {
    pub(crate) list: Path,
    pub(crate) code: Path,
    /// What the codes mean. The first that is there counts.
    pub(crate) known: &'static [Refusal],
}

/// Why a request is refused.
pub(crate) struct Refusal {
    pub(crate) codes: Codes,
    pub(crate) kind: FailureKind,
    pub(crate) detail: &'static str,
}

/// The codes of a refusal.
pub(crate) enum Codes {
    Are(&'static [&'static str]),
    /// All that have this part, in lower case.
    Contain(&'static str),
}

impl Refusal {
    /// Returns the failure for a refused request.
    pub(crate) fn failure(&self) -> Failure {
        Failure::new(self.kind, self.detail)
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        match self.codes {
            Codes::Are(codes) => codes.contains(&code),
            Codes::Contain(part) => code.to_ascii_lowercase().contains(part),
        }
    }
}
