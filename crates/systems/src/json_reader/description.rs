//! The description of an interface's answers.

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::{Failure, FailureKind};

use super::value::{JsonObject, Path, References};
use crate::list_reader::{Field, LoginDescription};

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
    /// The path of the list's first page below the site's address. The page of a state is below it, by the state's code
    /// in lower case.
    pub(crate) address: &'static str,
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

impl<E> PagedListDescription<E> {
    /// Returns the codes of the states, each of which has pages of its own.
    pub(super) fn states(&self) -> impl Iterator<Item = &'static str> {
        self.entries
            .states
            .iter()
            .flat_map(|(_, codes)| *codes)
            .copied()
    }

    /// Whether entries are listed by their states, too.
    pub(super) fn has_states(&self) -> bool {
        !self.entries.states.is_empty()
    }
}

/// The pages of an account, each of which has its state as JSON in a script: the totals of the whole account, and
/// perhaps the page of a list.
pub(crate) struct StateDescription {
    /// The attributes of the script.
    pub(crate) script: &'static [(&'static str, &'static str)],
    /// What is read of the state, out of much more.
    pub(crate) parts: &'static [Path],
    pub(crate) references: References,
    /// The objects that every page of the account has.
    pub(crate) needed: &'static [Path],
    /// The page's own address, without its scheme and host.
    pub(crate) address: Path,
    /// The parameter of an address with the number of a list's page.
    pub(crate) number_parameter: &'static str,
    /// The site's own number of the user. It is null while nobody is logged in.
    pub(crate) user: Path,
    pub(crate) cards: CardsDescription,
    pub(crate) loans: PagedListDescription<Loan>,
    pub(crate) holds: PagedListDescription<Hold>,
    pub(crate) totals: TotalsDescription,
    /// The library's messages to the patron, each an object or a text.
    pub(crate) messages: &'static [Path],
    /// The fields of a message that may have its text.
    pub(crate) message_texts: &'static [&'static str],
    /// What only a page without its list has: the library's own system doesn't answer.
    pub(crate) outages: &'static [Path],
    /// The form for a visitor who isn't logged in.
    pub(crate) login: &'static LoginDescription,
    /// The messages beside the form that refuse a login, in any words.
    pub(crate) login_errors: &'static Css,
    /// The message in the state that refuses a login.
    pub(crate) login_error: Path,
    pub(crate) demand: DemandDescription,
}

/// The cards that a page shows.
pub(crate) struct CardsDescription {
    /// The ids of the user's cards.
    pub(crate) user_card_ids: Path,
    /// The object that has the cards by their ids.
    pub(crate) cards: Path,
    /// The page's library. A user may have cards at several.
    pub(crate) library: Path,
    /// In a card, its library.
    pub(crate) card_library: Path,
    /// In a card, its number.
    pub(crate) number: Path,
    /// In a card, its last day.
    pub(crate) expires: Path,
}

/// The totals of the whole account.
pub(crate) struct TotalsDescription {
    /// The objects that may state them. They must agree.
    pub(crate) places: &'static [Path],
    /// The number of loans.
    pub(crate) loans: Path,
    /// The number of holds.
    pub(crate) holds: Path,
    /// The holds of each state, by its code: an object with the number of each kind of item.
    pub(crate) holds_by_state: Path,
    /// What the patron owes.
    pub(crate) owed: Path,
    /// What the library owes the patron.
    pub(crate) credit: Path,
}

/// A page that asks the patron to do something first, in place of any other.
pub(crate) struct DemandDescription {
    /// A part of its address's path.
    pub(crate) path: &'static str,
    /// Tells it by its elements.
    pub(crate) is_shown: fn(Element<'_>) -> bool,
    /// What it asks for.
    pub(crate) detail: &'static str,
}

impl DemandDescription {
    /// Whether such a page has this path.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        path.contains(self.path)
    }

    pub(super) fn failure(&self) -> Failure {
        Failure::new(FailureKind::CardBlocked, self.detail)
    }
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
