//! The rows of the list of loans.

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, element_text, first_number, stable_id, visible_day};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::row::{author, id_after, title};
use super::shown::is_hidden;

static DUE: Css = Css::new(".checkoutsDueDate");
static RENEW_COUNT: Css = Css::new(".checkoutsRenewCount");
static RENEW_HEADER: Css = Css::new(".checkoutsRenewCountHeader, thead .checkoutsRenewCount");
static REFUSAL: Css = Css::new(".checkoutsError");
static REMARK: Css = Css::new(".checkoutsRenewed");
static BOX: Css = Css::new("input[type=checkbox]");

/// Words of a column or cell that counts the renewals that are left, not those that were made.
pub(super) const LEFT: [&str; 5] = ["remaining", "left", "restants", "restantes", "verbleibende"];

/// Whether a list counts the renewals that are left.
pub(super) fn counts_what_is_left(table: ElementRef<'_>) -> bool {
    RENEW_HEADER.all(table).any(speaks_of_what_is_left)
}

fn speaks_of_what_is_left(element: ElementRef<'_>) -> bool {
    let words = element_text(element).to_lowercase();
    words
        .split(|c: char| !c.is_alphabetic())
        .any(|word| LEFT.contains(&word))
}

/// A loan, from its row in a list that `counts_what_is_left`, or not.
pub(super) fn loan(
    row: ElementRef<'_>,
    counts_what_is_left: bool,
    context: &ReadContext<'_>,
) -> Result<Loan, Failure> {
    let title = title(row)?;
    let author = author(row);
    let due = DUE
        .first(row)
        .map(element_text)
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let refusal = REFUSAL
        .all(row)
        .find(|words| !is_hidden(*words))
        .map(element_text)
        .filter(|words| !words.is_empty());
    let renewable = match (&refusal, BOX.first(row)) {
        (Some(_), _) => Some(false),
        (None, Some(checkbox)) => Some(checkbox.attr("disabled").is_none()),
        (None, None) => None,
    };
    let id = id_after(row, &["checkoutTitleLinkDiv_", "checkoutInitialCover_"])
        .unwrap_or_else(|| stable_id(&[&title, author.as_deref().unwrap_or_default()]));
    Ok(Loan {
        id,
        title,
        author,
        due: visible_day(&due, context.date_format)?.date(),
        renewals: RENEW_COUNT
            .first(row)
            .filter(|cell| !counts_what_is_left && !speaks_of_what_is_left(*cell))
            .and_then(|cell| first_number(&element_text(cell))),
        renewable,
        renewable_reason: refusal,
        digital: false,
        format: None,
        note: REMARK
            .first(row)
            .map(element_text)
            .filter(|words| !words.is_empty()),
        url: None,
    })
}
