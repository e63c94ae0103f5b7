//! Tells which list a table of class `patFunc` is.

use hippo_browser::reading::{Css, element_text, text_after_words};
use scraper::ElementRef;

use crate::list_reader::cells;

/// Phrases that state an empty list.
pub(super) const NO_LOANS: &[&str] = &[
    "no items checked out",
    "no items currently checked out",
    "not have any items checked out",
    "no checkouts",
    "no current checkouts",
    "no loans",
    "nothing checked out",
];
pub(super) const NO_HOLDS: &[&str] = &[
    "no holds",
    "no requests",
    "not have any holds",
    "not have any requests",
];

/// The row with the title and the total.
pub(super) const TITLE_ROW: &str = "tr.patFuncTitle, th.patFuncTitle[colspan]";
pub(super) const HEADER_ROW: &str = "tr.patFuncHeaders";
/// The row of an empty list, in any language.
pub(super) const EMPTY_ROW: &str = "tr.patFuncNoEntries";

static TITLE: Css = Css::new(TITLE_ROW);
static HEADERS: Css = Css::new(HEADER_ROW);
static NO_ENTRIES: Css = Css::new(EMPTY_ROW);
static LOAN_CELLS: Css = Css::new(".patFuncBarcode, .patFuncCallNo");
static HOLD_CELLS: Css = Css::new(".patFuncPickup, .patFuncCancel, .patFuncFreeze");
static FORM: Css = Css::new("form");
static TABLES: Css = Css::new("table");

/// Whether a table is a list of loans, and whether it is one of holds. A table that may be both is unclear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) loans: bool,
    pub(super) holds: bool,
}

impl Kind {
    const NONE: Self = Self {
        loans: false,
        holds: false,
    };

    /// Tells a table by its headers and its title, or else by what doesn't depend on the language: the form around it
    /// and the classes of its cells, or else by the words of the row that states that it is empty.
    pub(super) fn of_table(table: ElementRef<'_>) -> Self {
        let header = own_rows(table).find(|row| HEADERS.matches(*row));
        let empty = own_rows(table).find(|row| NO_ENTRIES.matches(*row));
        if header.is_none() && empty.is_none() {
            return Self::NONE;
        }
        let title = TITLE.first(table).map(element_text).unwrap_or_default();
        let title = title.to_ascii_uppercase();
        let mut by_words = Self {
            loans: title.contains("CHECKED OUT"),
            holds: title.contains("HOLD"),
        };
        for header in header.into_iter().flat_map(cells) {
            let words = element_text(header).to_ascii_uppercase();
            by_words.loans |= matches!(words.as_str(), "RENEW" | "BARCODE");
            by_words.holds |= matches!(words.as_str(), "CANCEL" | "FREEZE")
                || words.starts_with("CANCEL IF")
                || ["PICKUP", "PICK UP", "PICK-UP"]
                    .iter()
                    .any(|pickup| words.contains(pickup));
        }
        if by_words != Self::NONE {
            return by_words;
        }
        let form = FORM.closest_around(table);
        let name = form.and_then(|form| form.attr("id").or_else(|| form.attr("name")));
        let by_markup = Self {
            loans: name == Some("checkout_form") || LOAN_CELLS.is_in(table),
            holds: name == Some("hold_form") || HOLD_CELLS.is_in(table),
        };
        let words = empty.map(element_text).unwrap_or_default();
        let by_empty_row = Self {
            loans: text_after_words(&words, NO_LOANS).is_some(),
            holds: text_after_words(&words, NO_HOLDS).is_some(),
        };
        let mut kinds = [by_markup, by_empty_row].into_iter();
        kinds
            .find(|kind| kind.loans != kind.holds)
            .unwrap_or(Self::NONE)
    }
}

/// Returns the kinds of the lists on a page.
pub(super) fn list_kinds(root: ElementRef<'_>) -> impl Iterator<Item = Kind> {
    let kinds = TABLES.all(root).map(Kind::of_table);
    kinds.filter(|kind| *kind != Kind::NONE)
}

/// Whether a list has no entry: a row says so in any language, or nothing is below the headers.
pub(super) fn is_empty(table: ElementRef<'_>) -> bool {
    let is_header =
        |row: &ElementRef<'_>| HEADERS.matches(*row) || TITLE.matches(*row) || TITLE.is_in(*row);
    own_rows(table).any(|row| NO_ENTRIES.matches(row))
        || own_rows(table)
            .filter(|row| !is_header(row))
            .all(|row| element_text(row).is_empty())
}

/// Returns the rows of a table itself: not those of a table within it.
fn own_rows(table: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let groups = table.child_elements();
    groups.flat_map(|group| group.child_elements())
}
