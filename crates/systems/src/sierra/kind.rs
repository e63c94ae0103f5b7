//! Tells which list a table of class `patFunc` is.

use hippo_browser::reading::{Css, Element, element_text, text_after_words};

use crate::list_reader::{NO_LOANS, NO_REQUESTS, own_rows};

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
/// What only a list of bookings has.
static BOOKINGS: Css = Css::new(".patFuncBookDate, input[name^=canbook]");
static TABLES: Css = Css::new("table");

/// Whether a table is a list of loans, and whether it is one of holds.
pub(super) type Kind = (bool, bool);

/// Tells a table by its headers and its title, or else by what doesn't depend on the language: the form around it
/// and the classes of its cells, or else by the words of the row that states that it is empty.
pub(super) fn kind_of(table: Element<'_>) -> Kind {
    let mut rows = own_rows(table);
    if !rows.any(|row| HEADERS.matches(row) || NO_ENTRIES.matches(row)) || BOOKINGS.is_in(table) {
        return Kind::default();
    }
    let has = |css: &'static Css, words: &[&str]| {
        let part = css.first(table).map(element_text);
        part.is_some_and(|text| text_after_words(&text, words).is_some())
    };
    let by_words = (
        has(&TITLE, &["checked out"]) || has(&HEADERS, &["renew", "barcode"]),
        has(&TITLE, &["hold", "holds"]) || has(&HEADERS, HOLD_HEADERS),
    );
    if by_words != Kind::default() {
        return by_words;
    }
    let by_markup = (LOANS.matches(table), HOLDS.matches(table));
    let by_empty_row = (has(&NO_ENTRIES, NO_LOANS), has(&NO_ENTRIES, NO_REQUESTS));
    let mut kinds = [by_markup, by_empty_row].into_iter();
    kinds
        .find(|(loans, holds)| loans != holds)
        .unwrap_or_default()
}

/// Returns the kinds of the lists on a page.
pub(super) fn list_kinds(root: Element<'_>) -> impl Iterator<Item = Kind> {
    let kinds = TABLES.all(root).map(kind_of);
    kinds.filter(|kind| *kind != Kind::default())
}
