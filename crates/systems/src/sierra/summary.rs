//! Reads the patron's summary: the card's expiry, and what is owed.
//!
//! Most libraries print it in a box. Others have their own template without that box; their pages are recognised by the
//! template's comment or classes, and their links to the parts of the patron's record.

use std::collections::BTreeSet;
use std::iter::successors;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, amount_after_label, element_text, element_text_without, text_after_words,
    text_around_words,
};
use hippo_core::failure::Failure;
use scraper::{ElementRef, Node};

use super::addresses::{LINKS, part_of_link};
use super::kind::list_kinds;
use crate::list_reader::{AccountPart, read_end};

/// The patron's box.
pub(super) const BOX: &str = ".patNameAddress";
static PATRON: Css = Css::new(BOX);
static ACCOUNT_LINKS: Css = Css::new(LINKS);
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
/// The name of the patron's template, in the comment that the catalogue adds to it.
const TEMPLATE: &str = "patronview_web";

/// Whether a page has a patron's summary. Only account pages link to the parts of a patron's record; every page links to
/// the record itself (`top`) while somebody is logged in.
pub(super) fn has_summary(root: ElementRef<'_>) -> bool {
    let mut links = ACCOUNT_LINKS.all(root).filter_map(part_of_link);
    let mut comments = root.tree().values().filter_map(Node::as_comment);
    let mut is_of_patron =
        || PATRON_PARTS.is_in(root) || comments.any(|comment| comment.contains(TEMPLATE));
    PATRON.is_in(root) || (links.any(|part| !matches!(part, "" | "top")) && is_of_patron())
}

/// Whether a page links to this part of a patron's record.
pub(super) fn links_to(root: ElementRef<'_>, part: &str) -> bool {
    let mut links = ACCOUNT_LINKS.all(root).filter_map(part_of_link);
    links.any(|other| other == part)
}

/// Whether a page would link to a list with entries: it has the patron's box, or links to another list.
pub(super) fn would_link_to_lists(root: ElementRef<'_>) -> bool {
    let mut lists = ["items", "holds", "overdues"].iter();
    PATRON.is_in(root) || lists.any(|list| links_to(root, list))
}

/// Reads the card's last day in the patron's box: `EXP DATE:03-31-2027`.
pub(super) fn read_expiry(patron: ElementRef<'_>) -> Option<String> {
    let text = element_text(patron);
    let mut dates = EXPIRY.iter().flat_map(|label| values_after(&text, label));
    dates.find(|value| value.contains(|c: char| c.is_ascii_digit()))
}

/// Reads what a patron owes where no link says so: `MONEY OWED: $4.40`, `$10.00 in unpaid fines and bills`.
pub(super) fn read_owed(page: ElementRef<'_>) -> Option<String> {
    let text = read_statements(page);
    let owed = text_after_words(&text, &[OWED]).filter(|after| amount_after_label(after).is_some());
    owed.map(str::to_owned).or_else(|| {
        // Only the last words before it may be the amount, with its currency.
        let (before, _) = text_around_words(&text, &[UNPAID])?;
        let words: Vec<&str> = before.split_whitespace().collect();
        let amount = words.last_chunk::<2>().map(|words| words.join(" "));
        amount.or_else(|| Some(before.to_owned()))
    })
}

/// Adds the card's last day where it is printed outside of the patron's box.
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
    if part.card_expires.is_none() && has_summary(root) {
        // It may be written in another way there.
        part.card_expires = read_stated_expiry(root, context).unwrap_or_default();
    }
    Ok(())
}

/// Reads the card's last day among a page's statements: only after a label with a colon, and only one.
fn read_stated_expiry(
    root: ElementRef<'_>,
    context: &ReadContext<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    let text = read_statements(root);
    let mut dates = BTreeSet::new();
    for label in EXPIRY {
        for value in values_after(&text, &format!("{label}:")) {
            dates.extend(read_end(Some(value), context)?);
        }
    }
    Ok(dates.pop_first().filter(|_| dates.is_empty()))
}

fn read_statements(root: ElementRef<'_>) -> String {
    element_text_without(root, |part| NO_STATEMENTS.matches(part)).replace('：', ":")
}

/// Returns what follows a label of the patron's record, each time: a few words, up to the next label.
fn values_after(text: &str, label: &str) -> impl Iterator<Item = String> {
    let first = text_after_words(text, &[label]);
    let all = successors(first, move |after| text_after_words(after, &[label]));
    all.map(|after| {
        let words = after.split_whitespace().take(3);
        let words = words.take_while(|word| !word.contains(':'));
        words.collect::<Vec<_>>().join(" ")
    })
}
