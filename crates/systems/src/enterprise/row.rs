//! Reads what the columns of a row can't say.

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, element_text, find_date, numbers, split_date, text_after_words, tidy,
};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use crate::list_reader::{Field, Row};

static AUTHOR: Css = Css::new(".checkouts_author, .holds_author");
/// A paragraph with the author and, on further lines, the item's numbers.
static PARAGRAPH: Css = Css::new(".authBreak");
static RENEW_HEADER: Css = Css::new(".checkoutsRenewCountHeader, .checkoutsRenewCount");
/// The checkbox of a hold that is ready, in any language.
static READY_BOX: Css = Css::new("input.readyHoldsCheckbox");

/// The labels of an item's numbers. Without an author, the first number is in the author's
/// place.
pub(super) const NUMBER_LABELS: [&str; 4] =
    ["shelf number", "call number", "item barcode", "barcode"];

/// Words of a column or cell that counts the remaining renewals, not the renewals that were made.
pub(super) const REMAINING: [&str; 5] =
    ["remaining", "left", "restants", "restantes", "verbleibende"];

/// Words before a date that is the last day of something.
pub(super) const UNTIL: [&str; 9] = [
    "by", "until", "till", "through", "before", "avant", "jusqu'au", "hasta", "bis",
];

/// Reads the author, from its own element, or from the text before the first line break or inner
/// element of its paragraph.
pub(super) fn read_author(row: ElementRef<'_>) -> Option<String> {
    let author = match AUTHOR.first(row) {
        Some(own) if !PARAGRAPH.matches(own) => first_line(own, &["br"]),
        _ => first_line(PARAGRAPH.first(row)?, &["br", "span"]),
    };
    let lower = author.to_lowercase();
    let is_number = NUMBER_LABELS.iter().any(|label| lower.starts_with(label));
    (!is_number).then_some(author)
}

/// Returns the text of an element before the first of these inner elements.
fn first_line(element: ElementRef<'_>, ends: &[&str]) -> String {
    let mut line = String::new();
    for node in element.children() {
        match ElementRef::wrap(node) {
            Some(element) if ends.contains(&element.value().name()) => break,
            Some(element) => line.push_str(&element_text(element)),
            None => line.extend(node.value().as_text().map(|text| &**text)),
        }
    }
    tidy(&line)
}

/// Reads that a checkbox can't be used.
pub(super) fn read_disabled(checkbox: ElementRef<'_>) -> Option<String> {
    checkbox.attr("disabled").map(|_| "disabled".to_owned())
}

/// A count of the renewals that remain is no count of those that were made.
pub(super) fn complete_loan(
    loan: &mut Loan,
    row: &Row<'_>,
    _: &ReadContext<'_>,
) -> Result<(), Failure> {
    let mut counts = row
        .header(&RENEW_HEADER)
        .into_iter()
        .chain(row.element_of(Field::Renewals));
    if counts.any(|cell| text_after_words(&element_text(cell), &REMAINING).is_some()) {
        loan.renewals = None;
    }
    Ok(())
}

/// Adds what the status says of days, and what the checkbox and the rank say.
///
/// A date counts only if the words call it the last day, or if it ends a range of days:
/// `Ready since 4/4/15` is another day.
pub(super) fn complete_hold(
    hold: &mut Hold,
    row: &Row<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    if hold.state == HoldState::Other && READY_BOX.is_in(row.element) {
        hold.state = HoldState::Ready;
    }
    let words = row.value(Field::State).unwrap_or_default();
    let is_ready = hold.state == HoldState::Ready;
    let is_suspended = hold.state == HoldState::Suspended;
    if is_ready || is_suspended {
        let lower = words.to_lowercase().replace('\u{2019}', "'");
        if let Some((first, rest)) = split_date(&lower, context.date_format)? {
            let last = last_day(&lower, first, &rest, context.date_format);
            hold.pickup_by = last.filter(|_| is_ready);
            hold.suspended_until = last.filter(|_| is_suspended);
            if last.is_none() {
                hold.note = Some(words);
            }
        }
    }
    // The rank of a ready or travelling hold is meaningless.
    let has_rank = is_suspended || hold.state == HoldState::Waiting;
    hold.position = hold.position.filter(|rank| has_rank && *rank > 0);
    let ranks = numbers(&row.value(Field::Position).unwrap_or_default());
    hold.queue_length = hold
        .position
        .and_then(|rank| ranks.get(1).copied().filter(|length| rank <= *length));
    Ok(())
}

/// Returns the last of the named days if something ends on it.
fn last_day(words: &str, first: NaiveDate, rest: &str, format: Option<&str>) -> Option<NaiveDate> {
    let before = words.split(|c: char| c.is_ascii_digit()).next()?;
    let is_deadline = before
        .split(|c: char| !c.is_alphabetic() && c != '\'')
        .any(|word| UNTIL.contains(&word));
    if is_deadline {
        return Some(first);
    }
    let second = find_date(rest, format).ok()??;
    (second > first).then_some(second)
}
