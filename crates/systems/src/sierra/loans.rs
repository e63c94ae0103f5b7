//! The rows of the list of loans.

use hippo_core::account::Loan;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::table::{Column, Row};
use crate::ReadContext;
use crate::reading::{Css, element_text, numbers, own_id, stable_id, take_date};

static INPUT: Css = Css::new("input");
static USABLE_INPUT: Css = Css::new("input:not([disabled])");
static REMARK: Css = Css::new("em");

/// A loan, from its row.
pub(super) fn loan(row: &Row<'_>, context: &ReadContext<'_>) -> Result<Loan, Failure> {
    let work = row.work(context.base_url)?;
    let status_cell = row
        .cell(Column::Status)
        .ok_or_else(|| Failure::page_changed("a loan without a status cell"))?;
    let Status {
        due,
        renewals,
        note,
    } = status(&element_text(status_cell), context.date_format)?;
    let renewable = row.cell(Column::Renew).and_then(renewable);
    // Where nothing is offered, the words set apart in the status say why.
    let reason = REMARK
        .first(status_cell)
        .map(element_text)
        .filter(|words| renewable == Some(false) && !words.is_empty());
    let note = note.filter(|note| reason.as_ref() != Some(note));
    let id = row
        .text(Column::Barcode)
        .or_else(|| {
            let input = INPUT.first(row.cell(Column::Renew)?)?;
            input.attr("value").filter(|id| !id.is_empty()).map(own_id)
        })
        .unwrap_or_else(|| stable_id(&[&work.title, work.author.as_deref().unwrap_or_default()]));
    Ok(Loan {
        id,
        title: work.title,
        author: work.author,
        due,
        renewals,
        renewable,
        renewable_reason: reason,
        digital: false,
        format: None,
        note,
        url: work.url,
    })
}

/// Whether the site would renew it: a checkbox proves nothing, since the answer comes only after
/// the attempt; where there is none, or one that cannot be used, the site does not offer it.
fn renewable(cell: ElementRef<'_>) -> Option<bool> {
    (!USABLE_INPUT.is_in(cell)).then_some(false)
}

struct Status {
    due: chrono::NaiveDate,
    renewals: Option<u32>,
    note: Option<String>,
}

/// `DUE 07-20-09 +1 HOLD Renewed 1 time`.
fn status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    // After a renewal, both days are there: “DUE … RENEWED Now due …”. The last one counts.
    let last_due = words.to_ascii_uppercase().rfind("DUE ").unwrap_or(0);
    let (before, from_due) = words.split_at_checked(last_due).unwrap_or(("", words));
    let found = match take_date(from_due, format)? {
        Some((due, rest)) => Some((due, format!("{before} {rest}"))),
        None => take_date(words, format)?,
    };
    let (due, rest) = found.ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let (renewals, rest) = take_renewals(&rest);
    let note: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !matches!(word.trim_end_matches(':'), "DUE" | "Due" | "due"))
        .collect();
    let note = note.join(" ");
    Ok(Status {
        due,
        renewals,
        note: Some(note).filter(|note| !note.is_empty()),
    })
}

/// `Renewed 2 times`, taken out of a text.
fn take_renewals(words: &str) -> (Option<u32>, String) {
    let parts: Vec<&str> = words.split_whitespace().collect();
    let place = parts.windows(3).position(|three| match three {
        [renewed, count, times] => {
            renewed.eq_ignore_ascii_case("renewed")
                && count.bytes().all(|byte| byte.is_ascii_digit())
                && times.to_ascii_lowercase().starts_with("time")
        }
        _ => false,
    });
    let Some(place) = place else {
        return (None, parts.join(" "));
    };
    let count = parts.get(place + 1).copied().unwrap_or_default();
    let rest: Vec<&str> = parts
        .iter()
        .take(place)
        .chain(parts.iter().skip(place + 3))
        .copied()
        .collect();
    (numbers(count).into_iter().next(), rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("DUE 07-20-09", "2009-07-20", None, None)]
    #[case("DUE 07-20-09 Renewed 1 time", "2009-07-20", Some(1), None)]
    #[case("DUE 07-20-09 +1 HOLD", "2009-07-20", None, Some("+1 HOLD"))]
    #[case(
        "DUE 07-20-09 OVERDUE Renewed 12 times",
        "2009-07-20",
        Some(12),
        Some("OVERDUE")
    )]
    #[case("OVERDUE DUE 07-20-09", "2009-07-20", None, Some("OVERDUE"))]
    #[case(
        "RECALLED 07-01-09 DUE 07-20-09",
        "2009-07-20",
        None,
        Some("RECALLED 07-01-09")
    )]
    #[case(
        "DUE 07-20-09 FINE(up to now) $0.80",
        "2009-07-20",
        None,
        Some("FINE(up to now) $0.80")
    )]
    #[case("RETOUR 20-07-09", "2009-07-20", None, Some("RETOUR"))]
    fn a_status_says_when_how_often_and_what_else(
        #[case] words: &str,
        #[case] due: &str,
        #[case] renewals: Option<u32>,
        #[case] note: Option<&str>,
    ) {
        let format = if words.starts_with("RETOUR") {
            "%d-%m-%y"
        } else {
            "%m-%d-%y"
        };
        let status = status(words, Some(format)).unwrap();
        assert_eq!(status.due, due.parse().unwrap());
        assert_eq!(status.renewals, renewals);
        assert_eq!(status.note.as_deref(), note);
    }

    #[test]
    fn the_new_day_after_a_renewal_counts() {
        let status = status("DUE 07-20-09 RENEWED Now due 08-10-09", Some("%m-%d-%y")).unwrap();
        assert_eq!(status.due, "2009-08-10".parse().unwrap());
    }

    #[test]
    fn a_status_without_a_day_is_not_known() {
        assert!(status("CLAIMED RETURNED", Some("%m-%d-%y")).is_err());
    }
}
