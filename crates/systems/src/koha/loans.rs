//! The rows of the list of loans.

use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::Row;
use crate::ReadContext;
use crate::reading::{Css, element_text, stable_id, tidy};

/// What offers a renewal; never followed, never sent.
static OFFER: Css = Css::new(
    "input[name=item], input[name=issue], a[href*='opac-renew.pl'], a[data-action*='opac-renew.pl']",
);
static AUTHOR: Css = Css::new(".item-details");
static KIND: Css = Css::new(".itypetext");
/// Words beside a loan: that it was recalled, that it may not leave the house, what a renewal costs.
static REMARKS: Css = Css::new("td.title > i, td.title > em, .renewalfee");

/// A loan, from its row.
pub(super) fn loan(
    row: &Row<'_>,
    dates: &Dates<'_>,
    context: &ReadContext<'_>,
) -> Result<Loan, Failure> {
    let work = row.work(context.base_url)?;
    let due = dates
        .of_cell(row.must_cell("date_due")?)?
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let author = row
        .cell("author")
        .or_else(|| AUTHOR.first(row.cell("title")?))
        .map(|cell| tidy(&element_text(cell)))
        .filter(|author| !author.is_empty());
    // What stands beside the title is the volume of a work of several, or the number of a magazine.
    let title = if work.beside.is_empty() {
        work.title
    } else {
        format!("{} {}", work.title, work.beside)
    };
    let (renewable, renewable_reason) = row.cell("renew").map_or((None, None), renewable);
    let note: Vec<String> = REMARKS
        .all(row.element)
        .map(element_text)
        .filter(|words| !words.is_empty())
        .collect();
    let id = row
        .own_words("barcode")
        .or(work.record)
        .unwrap_or_else(|| stable_id(&[&title, author.as_deref().unwrap_or_default()]));
    Ok(Loan {
        id,
        title,
        author,
        due,
        // The page counts what is left, and a library may change how many there are.
        renewals: None,
        renewable,
        renewable_reason,
        digital: false,
        format: row
            .cell("itype")
            .and_then(|cell| KIND.first(cell))
            .map(element_text)
            .filter(|kind| !kind.is_empty()),
        note: Some(note.join(" ")).filter(|note| !note.is_empty()),
        url: work.url,
    })
}

/// Whether the site offers to renew it, and what it says instead; an empty cell says neither.
fn renewable(cell: ElementRef<'_>) -> (Option<bool>, Option<String>) {
    if OFFER.is_in(cell) {
        return (Some(true), None);
    }
    let words = element_text(cell);
    if words.is_empty() {
        (None, None)
    } else {
        (Some(false), Some(words))
    }
}
