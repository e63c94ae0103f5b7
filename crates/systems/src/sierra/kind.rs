//! Tells which list a table of class `patFunc` is.

use hippo_browser::reading::{Css, element_text, text_after_words};
use scraper::ElementRef;

use crate::list_reader::own_rows;

/// Phrases that state an empty list.
pub(super) const NO_LOANS: &[&str] = &[
    "no items checked out",
    "no items currently checked out",
    "not have any items checked out",
    "no checkouts",
];
pub(super) const NO_HOLDS: &[&str] = &[
    "no holds",
    "no requests",
    "not have any holds",
    "not have any requests",
];

/// Words of the headers that only a list of holds has.
const HOLD_HEADERS: &[&str] = &["cancel", "freeze", "pickup", "pick up", "pick-up"];

/// The row with the title and the total.
pub(super) const TITLE_ROW: &str = "tr.patFuncTitle, th.patFuncTitle[colspan]";
pub(super) const HEADER_ROW: &str = "tr.patFuncHeaders";
/// The row of an empty list, in any language.
pub(super) const EMPTY_ROW: &str = "tr.patFuncNoEntries";

static TITLE: Css = Css::new(TITLE_ROW);
static HEADERS: Css = Css::new(HEADER_ROW);
static NO_ENTRIES: Css = Css::new(EMPTY_ROW);
static LOANS: Css = Css::new(
    "form:is(#checkout_form, [name=checkout_form]) table, table:has(.patFuncBarcode, .patFuncCallNo)",
);
static HOLDS: Css = Css::new(
    "form:is(#hold_form, [name=hold_form]) table, table:has(.patFuncPickup, .patFuncCancel, .patFuncFreeze)",
);
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
        if !own_rows(table).any(|row| HEADERS.matches(row) || NO_ENTRIES.matches(row)) {
            return Self::NONE;
        }
        let text = |css: &'static Css| css.first(table).map(element_text).unwrap_or_default();
        let (title, headers, empty) = (text(&TITLE), text(&HEADERS), text(&NO_ENTRIES));
        let has = |text: &str, known: &[&str]| text_after_words(text, known).is_some();
        let by_words = Self {
            loans: has(&title, &["checked out"]) || has(&headers, &["renew", "barcode"]),
            holds: has(&title, &["hold", "holds"]) || has(&headers, HOLD_HEADERS),
        };
        if by_words != Self::NONE {
            return by_words;
        }
        let by_markup = Self {
            loans: LOANS.matches(table),
            holds: HOLDS.matches(table),
        };
        let by_empty_row = Self {
            loans: has(&empty, NO_LOANS),
            holds: has(&empty, NO_HOLDS),
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

/// Whether a list says in a row, in any language, that it has no entry.
pub(super) fn is_empty(table: ElementRef<'_>) -> bool {
    NO_ENTRIES.is_in(table)
}
