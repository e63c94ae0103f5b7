//! Reads the rows of the list of loans.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, element_text, first_number, non_empty_text, require_date_or_never, work_id,
};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::row::{id_after, read_author, read_title};
use super::visibility::is_hidden;

static DUE: Css = Css::new(".checkoutsDueDate");
static RENEW_COUNT: Css = Css::new(".checkoutsRenewCount");
static RENEW_HEADER: Css = Css::new(".checkoutsRenewCountHeader, thead .checkoutsRenewCount");
static REFUSAL: Css = Css::new(".checkoutsError");
static REMARK: Css = Css::new(".checkoutsRenewed");
static BOX: Css = Css::new("input[type=checkbox]");

/// Words of a column or cell that counts the remaining renewals, not the renewals that were made.
pub(super) const REMAINING: [&str; 5] =
    ["remaining", "left", "restants", "restantes", "verbleibende"];

/// Whether a list counts the remaining renewals.
pub(super) fn counts_remaining_renewals(table: ElementRef<'_>) -> bool {
    RENEW_HEADER.all(table).any(names_remaining)
}

fn names_remaining(element: ElementRef<'_>) -> bool {
    let words = element_text(element).to_lowercase();
    words
        .split(|c: char| !c.is_alphabetic())
        .any(|word| REMAINING.contains(&word))
}

/// Reads a loan from its row; `counts_remaining_renewals` describes the list.
pub(super) fn read_loan(
    row: ElementRef<'_>,
    counts_remaining_renewals: bool,
    context: &ReadContext<'_>,
) -> Result<Loan, Failure> {
    let title = read_title(row)?;
    let author = read_author(row);
    let due = DUE
        .first(row)
        .map(element_text)
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let refusal = REFUSAL
        .all(row)
        .find(|words| !is_hidden(*words))
        .and_then(non_empty_text);
    let renewable = match (&refusal, BOX.first(row)) {
        (Some(_), _) => Some(false),
        (None, Some(checkbox)) => Some(checkbox.attr("disabled").is_none()),
        (None, None) => None,
    };
    let id = id_after(row, &["checkoutTitleLinkDiv_", "checkoutInitialCover_"])
        .unwrap_or_else(|| work_id(&title, author.as_deref()));
    Ok(Loan {
        id,
        title,
        author,
        due: require_date_or_never(&due, context.date_format)?.date(),
        renewals: RENEW_COUNT
            .first(row)
            .filter(|cell| !counts_remaining_renewals && !names_remaining(*cell))
            .and_then(|cell| first_number(&element_text(cell))),
        renewable,
        renewable_reason: refusal,
        digital: false,
        format: None,
        note: REMARK.first(row).and_then(non_empty_text),
        url: None,
    })
}
