//! Reads the patron's summary: the card's expiry, the fines, and words that a list is empty.
//!
//! Most libraries print it in a box. Others have their own template without that box; their pages are recognised by the
//! template's comment or classes, and their links to the parts of the patron's record.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, amount, amount_after_label, currency, element_text, element_text_without,
    split_date_or_never, text_after_words, text_around_words,
};
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::{ElementRef, Node};

use super::addresses::{LINKS, part_of_link, words_of_link};
use super::kind::{NO_HOLDS, NO_LOANS, list_kinds};
use crate::list_reader::AccountPart;

static PATRON: Css = Css::new(".patNameAddress");
static ACCOUNT_LINKS: Css = Css::new(LINKS);
/// Classes of the parts that the catalogue itself writes into a patron's page.
static PATRON_PARTS: Css = Css::new("[class^=patFunc], [class*=' patFunc']");
static AREAS: Css = Css::new(".patFuncArea, form#checkout_form, form#hold_form");
/// Elements whose words aren't the library's statements about the patron.
static NO_STATEMENTS: Css =
    Css::new("table.patFunc, tr.patFuncEntry, select, textarea, script, style, title, noscript, a");

/// Labels of the card's expiry, as libraries print the field of the patron's record.
pub(super) const EXPIRY: [&str; 18] = [
    "exp date",
    "exp. date",
    "expiration date",
    "expiration",
    "expiry date",
    "expires",
    "expires on",
    "date d'expiration",
    "date d’expiration",
    "expire le",
    "fecha de vencimiento",
    "fecha de expiración",
    "fecha de caducidad",
    "fecha exp",
    "gültig bis",
    "data di scadenza",
    "有效日期",
    "到期日",
];
/// The label of the patron's fines.
pub(super) const OWED: &str = "money owed";
/// The words after an amount that is owed: `$10.00 in unpaid fines and bills`.
pub(super) const UNPAID: &str = "in unpaid fines";
/// The number of words before [`UNPAID`] that may hold the amount.
const WORDS_OF_AMOUNT: usize = 2;
/// The name of the patron's template, in the comment that the catalogue adds to it.
const TEMPLATE: &str = "patronview_web";

/// The parts of a patron's record that only account pages link to. `top`, the record itself, isn't one of them: every
/// page links to it while somebody is logged in.
const PARTS: [&str; 14] = [
    "bookings",
    "getpsearches",
    "holds",
    "illreq",
    "items",
    "modpinfo",
    "mylists",
    "newpin",
    "overdues",
    "patrate",
    "programs",
    "readinghistory",
    "searchcatalog",
    "sorteditems",
];

/// A patron's summary.
#[derive(Debug)]
pub(super) struct Summary {
    is_in_box: bool,
    /// The parts of the patron's record that it links to.
    links: BTreeSet<String>,
}

impl Summary {
    /// Finds the summary of a page.
    pub(super) fn find(root: ElementRef<'_>) -> Option<Self> {
        let mut comments = root.tree().values().filter_map(Node::as_comment);
        let mut is_patron_page =
            || PATRON_PARTS.is_in(root) || comments.any(|it| it.contains(TEMPLATE));
        let links = ACCOUNT_LINKS.all(root).filter_map(part_of_link);
        let summary = Self {
            is_in_box: PATRON.is_in(root),
            links: links.map(str::to_owned).collect(),
        };
        let mut has_template =
            || PARTS.iter().any(|part| summary.links_to(part)) && is_patron_page();
        (summary.is_in_box || has_template()).then_some(summary)
    }

    pub(super) fn links_to(&self, part: &str) -> bool {
        self.links.contains(part)
    }

    /// Whether the page would link to a list with entries: it is in the patron's box, or links to another list.
    pub(super) fn would_link_to_lists(&self) -> bool {
        let lists = ["items", "holds", "overdues"];
        self.is_in_box || lists.iter().any(|list| self.links_to(list))
    }
}

/// Adds what a summary says in words.
pub(super) fn complete(
    part: &mut AccountPart,
    root: ElementRef<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    if list_kinds(root).any(|kind| kind.loans && kind.holds) {
        return Err(Failure::page_changed(
            "a table that may be of loans or of holds",
        ));
    }
    if Summary::find(root).is_none() {
        return Ok(());
    }
    if !part.has_loans() && !part.has_holds() {
        let areas: Vec<String> = AREAS.all(root).map(element_text).collect();
        let words = areas.join(" ");
        if text_after_words(&words, NO_LOANS).is_some() {
            part.state_no_loans();
        }
        if text_after_words(&words, NO_HOLDS).is_some() {
            part.state_no_holds();
        }
    }
    let in_box = PATRON.first(root).map(element_text).unwrap_or_default();
    let statements = element_text_without(root, |part| NO_STATEMENTS.matches(part));
    part.card_expires = match find_expiry(&in_box, false, context)? {
        Some(date) => date,
        // A date elsewhere on the page may be written in another way.
        None => find_expiry(&statements, true, context)
            .ok()
            .flatten()
            .flatten(),
    };
    let mut set_fines = |words: &str, read: fn(&str) -> Option<Decimal>| {
        if part.fines.is_none() {
            part.fines = read(words);
            part.currency = part.fines.and_then(|_| currency(words));
        }
    };
    for link in ACCOUNT_LINKS.all(root) {
        set_fines(&words_of_link(link, "overdues").unwrap_or_default(), amount);
    }
    // A patron who owes nothing has no link; some libraries print the record's amount.
    for words in [&in_box, &statements] {
        if let Some(after) = after_labels(words, OWED).next() {
            set_fines(without_punctuation(after), amount_after_label);
        }
    }
    if let Some((before, _)) = text_around_words(&statements, &[UNPAID]) {
        let words: Vec<&str> = before.split_whitespace().collect();
        let last = words.len().saturating_sub(WORDS_OF_AMOUNT);
        set_fines(&words.get(last..).unwrap_or_default().join(" "), amount);
    }
    Ok(())
}

/// Finds the card's expiry after one of its labels; the inner `None` means never.
///
/// Outside of the patron's box (`is_loose`) a label needs its colon, and two dates that differ make it unknown.
fn find_expiry(
    words: &str,
    is_loose: bool,
    context: &ReadContext<'_>,
) -> Result<Option<Option<NaiveDate>>, Failure> {
    // Other words follow the date.
    let words_in_date = context
        .date_format
        .map_or(1, |format| format.split_whitespace().count());
    let mut dates = BTreeSet::new();
    for label in EXPIRY {
        for after in after_labels(words, label) {
            if is_loose && !after.trim_start().starts_with([':', '：']) {
                continue;
            }
            let after = without_punctuation(after);
            let date_words: Vec<&str> = after.split_whitespace().take(words_in_date).collect();
            let date = split_date_or_never(&date_words.join(" "), context.date_format)?;
            if let Some((date, _)) = date {
                if !is_loose {
                    return Ok(Some(date.date()));
                }
                dates.insert(date.date());
            }
        }
    }
    Ok(dates.pop_first().filter(|_| dates.is_empty()))
}

/// Returns the texts after a label of the patron's record, `EXP DATE:`, in any case; the label must be whole words.
fn after_labels<'a>(words: &'a str, label: &'a str) -> impl Iterator<Item = &'a str> {
    // ASCII case folding keeps the positions.
    let lower = words.to_ascii_lowercase();
    let places: Vec<usize> = lower.match_indices(label).map(|(at, _)| at).collect();
    places.into_iter().filter_map(move |at| {
        let before = words.get(..at)?;
        let after = words.get(at + label.len()..)?;
        let is_whole =
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphabetic);
        is_whole.then_some(after)
    })
}

fn without_punctuation(after: &str) -> &str {
    after.trim_start_matches([':', '：', '.', ' '])
}
