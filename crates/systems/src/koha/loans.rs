//! Reads what only a loan has: its renewal, and remarks.

use hippo_browser::reading::{Css, element_text, element_text_without, non_empty_text};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::phrases::{AUTOMATIC_RENEWALS, BARE_REFUSALS, OFFERS};
use super::work::direct_text;
use crate::list_reader::{Field, Row};

/// The elements that offer a renewal; never followed, never sent.
static RENEWAL: Css = Css::new(
    "input[type=checkbox], input[name=item], input[name=issue], a[href*='opac-renew.pl'], a[data-action*='opac-renew.pl']",
);
static AUTHOR: Css = Css::new(".item-details");
static KIND: Css = Css::new(".itypetext");
/// Remarks beside a loan: a recall, in-house use only, the cost of a renewal, an automatic renewal.
static REMARKS: Css =
    Css::new("td.title > i, td.title > em, .renewalfee, td.renew .automatic-renewal");
/// The same in a renewal's cell. The cost is a label in older pages, and a badge in newer ones.
static REMARK: Css = Css::new(".renewalfee, .label, .badge, .automatic-renewal");
/// The count of remaining renewals, or what follows a reason.
static COUNT: Css = Css::new(".renewals");
static AUTOMATIC_RENEWAL: Css = Css::new(".automatic-renewal");
/// The elements in which newer pages refuse a renewal without giving a reason.
static BARE_REFUSAL: Css = Css::new(".no-renew-too-many, .no-renew-too-late");

/// Reads the author beside the title.
pub(super) fn read_author(title: ElementRef<'_>) -> Option<String> {
    AUTHOR.first(title).map(element_text)
}

/// Reads the kind of item.
pub(super) fn read_kind(cell: ElementRef<'_>) -> Option<String> {
    KIND.first(cell)
        .and_then(non_empty_text)
        .or_else(|| direct_text(cell))
}

/// Adds a loan's renewal and its remarks.
pub(super) fn complete(loan: &mut Loan, row: &Row<'_>) -> Result<(), Failure> {
    let cell = row.element_of(Field::Renewal);
    (loan.renewable, loan.renewable_reason) = cell.map_or((None, None), read_renewal);
    let in_words = cell
        .map(text_without_count)
        .filter(|words| is_automatic(words));
    let note: Vec<String> = REMARKS
        .all(row.element)
        .map(element_text)
        .chain(in_words)
        .filter(|words| !words.is_empty())
        .collect();
    loan.note = Some(note.join(" ")).filter(|note| !note.is_empty());
    Ok(())
}

/// Returns whether the site offers a renewal, and its reason against one. An empty cell and an automatic renewal state
/// neither.
///
/// A patron who may renew nothing sees no checkbox, but still the cost of a renewal and how many
/// remain; neither is a reason.
fn read_renewal(cell: ElementRef<'_>) -> (Option<bool>, Option<String>) {
    if RENEWAL.is_in(cell) {
        return (Some(true), None);
    }
    let text = element_text_without(cell, |inner| REMARK.matches(inner));
    let words = text_without_count(cell);
    let states_neither = element_text(cell).is_empty() || is_automatic(&words) || is_offer(&words);
    let is_alone = words.is_empty() || is_in_parentheses(&words);
    if states_neither || (is_alone && AUTOMATIC_RENEWAL.is_in(cell)) {
        return (None, None);
    }
    let reason = if is_alone {
        // Text without a number is no count: the oldest pages have only the reason there.
        let reason = text.trim_matches(['(', ')', '（', '）']).trim();
        Some(reason).filter(|reason| !reason.is_empty() && !reason.chars().any(char::is_numeric))
    } else {
        let refusal = BARE_REFUSAL.first(cell);
        let is_bare = refusal.is_some_and(|refusal| element_text(refusal) == text);
        let is_bare = is_bare || BARE_REFUSALS.have(text.trim_end_matches('.'));
        Some(text.as_str()).filter(|_| !is_bare)
    };
    (Some(false), reason.map(str::to_owned))
}

/// Returns the text of a renewal cell without the remaining count.
fn text_without_count(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |inner| REMARK.matches(inner) || COUNT.matches(inner))
}

/// Whether a renewal cell states an automatic renewal, perhaps with a count.
fn is_automatic(words: &str) -> bool {
    let before = words.split(['(', '（']).next().unwrap_or_default();
    AUTOMATIC_RENEWALS.have(before.trim().trim_end_matches('.'))
}

fn is_offer(words: &str) -> bool {
    let before = words.split('(').next().unwrap_or_default();
    OFFERS.have(before.trim())
}

fn is_in_parentheses(words: &str) -> bool {
    words.starts_with(['(', '（']) && words.ends_with([')', '）'])
}
