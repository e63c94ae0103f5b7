//! Reads the patron's summary: the totals of the lists, the card's expiry, and the fines.
//!
//! Most libraries print it in a box (`patNameAddress`). Others have their own template without that box; their pages
//! are recognised by the template's comment or classes, and their links to the parts of the patron's record.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, Messages, amount, amount_after_label, currency, element_text, element_text_without,
    first_number, split_date_or_never,
};
use hippo_core::account::Declared;
use hippo_core::failure::Failure;
use rust_decimal::Decimal;
use scraper::ElementRef;

use super::addresses::split_account_path;

static PATRON: Css = Css::new(".patNameAddress");
static MESSAGES: Css = Css::new(".patMessage");
static LINKS: Css = Css::new("a[href]");
/// Classes of the parts that the catalogue itself writes into a patron's page.
static PATRON_PARTS: Css = Css::new("[class^=patFunc], [class*=' patFunc']");
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

/// Totals, links to the lists with entries, expiry, fines.
#[derive(Debug)]
pub(super) struct Summary {
    /// Whether it is in the patron's box.
    pub(super) is_in_box: bool,
    pub(super) links_to_loans: bool,
    pub(super) links_to_holds: bool,
    pub(super) links_to_fines: bool,
    pub(super) declared: Declared,
    pub(super) card_expires: Option<NaiveDate>,
    pub(super) fines: Option<Decimal>,
    pub(super) currency: Option<&'static str>,
    pub(super) messages: Vec<String>,
}

/// The name of the patron's template, in the comment that the catalogue adds to it.
const TEMPLATE: &str = "patronview_web";

/// Whether a page has a patron's summary.
pub(super) fn has_summary(root: ElementRef<'_>, body: &str) -> bool {
    PATRON.is_in(root)
        || ((body.contains(TEMPLATE) || PATRON_PARTS.is_in(root))
            && account_links(root).any(|(part, _)| PARTS.contains(&part)))
}

/// Reads the summary; `None` if the page has none.
pub(super) fn read_summary(
    root: ElementRef<'_>,
    body: &str,
    context: &ReadContext<'_>,
) -> Result<Option<Summary>, Failure> {
    if !has_summary(root, body) {
        return Ok(None);
    }
    let in_box = PATRON.first(root).map(element_text);
    let mut summary = Summary {
        is_in_box: in_box.is_some(),
        links_to_loans: false,
        links_to_holds: false,
        links_to_fines: false,
        declared: Declared::default(),
        card_expires: None,
        fines: None,
        currency: None,
        messages: collect_messages(root),
    };
    for (part, link) in account_links(root) {
        let words = element_text(link);
        match part {
            "items" => {
                summary.links_to_loans = true;
                summary.declared.loans = summary.declared.loans.or(first_number(&words));
            }
            "holds" => {
                summary.links_to_holds = true;
                summary.declared.holds = summary.declared.holds.or(first_number(&words));
            }
            "overdues" => {
                summary.links_to_fines = true;
                summary.set_fines(&words, amount);
            }
            _ => {}
        }
    }
    let in_box = in_box.unwrap_or_default();
    let statements = element_text_without(root, |part| NO_STATEMENTS.matches(part));
    summary.card_expires = match find_expiry(&in_box, false, context)? {
        Some(date) => date,
        // A date elsewhere on the page may be written in another way.
        None => find_expiry(&statements, true, context)
            .ok()
            .flatten()
            .flatten(),
    };
    // A patron who owes nothing has no link; some libraries print the record's amount.
    for words in [&in_box, &statements] {
        if let Some(after) = after_labels(words, OWED).next() {
            summary.set_fines(without_punctuation(after), amount_after_label);
        }
    }
    if let Some((before, _)) = split_at_ascii(&statements, UNPAID) {
        let mut last: Vec<&str> = before
            .split_whitespace()
            .rev()
            .take(WORDS_OF_AMOUNT)
            .collect();
        last.reverse();
        summary.set_fines(&last.join(" "), amount);
    }
    Ok(Some(summary))
}

impl Summary {
    /// Whether the page would link to a list with entries: it is in the patron's box, or links to another list.
    pub(super) fn would_link_to_lists(&self) -> bool {
        self.is_in_box || self.links_to_loans || self.links_to_holds || self.links_to_fines
    }

    /// Sets the fines, unless they are known or the words have no amount.
    fn set_fines(&mut self, words: &str, read: impl Fn(&str) -> Option<Decimal>) {
        if self.fines.is_none() {
            self.fines = read(words);
            self.currency = self.fines.and_then(|_| currency(words));
        }
    }
}

/// Finds the links to the parts of a patron's record.
fn account_links<'a>(root: ElementRef<'a>) -> impl Iterator<Item = (&'a str, ElementRef<'a>)> {
    LINKS.all(root).filter_map(|link| {
        let (_, part) = split_account_path(link.attr("href")?)?;
        Some((part, link))
    })
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

/// Collects the library's messages.
fn collect_messages(root: ElementRef<'_>) -> Vec<String> {
    let mut messages = Messages::default();
    for message in MESSAGES.all(root) {
        messages.add(&element_text(message));
        if messages.is_full() {
            break;
        }
    }
    messages.into_vec()
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

/// Splits a text at a phrase, in any case.
fn split_at_ascii<'a>(words: &'a str, phrase: &str) -> Option<(&'a str, &'a str)> {
    words.split_at_checked(words.to_ascii_lowercase().find(phrase)?)
}
