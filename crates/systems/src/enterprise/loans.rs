//! The rows of the list of loans.

use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::row::{author, id_after, title};
use crate::ReadContext;
use crate::reading::{Css, element_text, first_number, stable_id, visible_date};

static DUE: Css = Css::new(".checkoutsDueDate");
static RENEW_COUNT: Css = Css::new(".checkoutsRenewCount");
static REFUSAL: Css = Css::new(".checkoutsError");
static REMARK: Css = Css::new(".checkoutsRenewed");
static BOX: Css = Css::new("input[type=checkbox]");

/// A loan, from its row.
pub(super) fn loan(row: ElementRef<'_>, context: &ReadContext<'_>) -> Result<Loan, Failure> {
    let title = title(row)?;
    let author = author(row);
    let due = DUE
        .first(row)
        .map(element_text)
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let refusal = REFUSAL
        .first(row)
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
        due: visible_date(&due, context.date_format)?,
        renewals: RENEW_COUNT
            .first(row)
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
