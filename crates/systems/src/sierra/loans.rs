//! Reads what a loan's cells say.

use std::iter::successors;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, element_text_without, first_number, split_date_or_never, strip_never,
    text_after_words,
};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;

use crate::list_reader::{Field, Row};

/// The number of renewals, in any language.
pub(super) const RENEWAL_COUNT: &str = ".patFuncRenewCount";
static RENEWED: Css = Css::new(RENEWAL_COUNT);

/// Words for other events of an item, whose date is not its due date.
pub(super) const EVENTS: [&str; 8] = [
    "billed", "claim", "claims", "claimed", "lost", "recall", "recalled", "returned",
];

/// Adds what the status says: the due date, the renewals, and other words.
pub(super) fn complete(
    loan: &mut Loan,
    row: &Row<'_>,
    context: &ReadContext<'_>,
) -> Result<(), Failure> {
    let status = row.element_of(Field::State);
    let status = status.ok_or_else(|| Failure::page_changed("a loan without a status cell"))?;
    let words = element_text_without(status, |part| {
        loan.renewals.is_some() && RENEWED.matches(part)
    });
    let status = parse_status(&words, context.date_format)?;
    loan.due = status.due;
    loan.renewals = loan.renewals.or(status.renewals);
    let note = Some(status.note).filter(|note| !note.is_empty());
    loan.note = note.filter(|note| loan.renewable_reason.as_ref() != Some(note));
    Ok(())
}

struct Status {
    due: Option<NaiveDate>,
    renewals: Option<u32>,
    note: String,
}

/// Parses `DUE 07-20-09 +1 HOLD Renewed 1 time`.
fn parse_status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    let (due, rest) = match split_due_date(words, format)? {
        Some(found) => found,
        None => split_only_date(words, format)?,
    };
    let (renewals, rest) = split_renewals(&rest);
    let is_due = |word: &&str| word.trim_end_matches(':').eq_ignore_ascii_case("due");
    let note: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !is_due(word))
        .collect();
    Ok(Status {
        due: due.date(),
        renewals,
        note: note.join(" "),
    })
}

/// Splits the date after `DUE`, or words for “never”, from a text. After a renewal, both days are there,
/// “DUE … RENEWED Now due …”; the last one counts.
fn split_due_date(
    words: &str,
    format: Option<&str>,
) -> Result<Option<(DateOrNever, String)>, Failure> {
    let after_due = |text| text_after_words(text, &["due"]);
    let Some(after) = successors(after_due(words), |after| after_due(after)).last() else {
        return Ok(None);
    };
    let date = match strip_never(after) {
        Some(rest) => Some((DateOrNever::Never, rest)),
        None => split_date_or_never(after, format)?,
    };
    let before = words.strip_suffix(after).unwrap_or_default();
    Ok(date.map(|(due, rest)| (due, format!("{before} {rest}"))))
}

/// Splits the only date from a text that has no word for it, in another language.
fn split_only_date(words: &str, format: Option<&str>) -> Result<(DateOrNever, String), Failure> {
    let (due, rest) = split_date_or_never(words, format)?
        .ok_or_else(|| Failure::page_changed("a loan without a due date"))?;
    let is_of_another_event = text_after_words(words, &EVENTS).is_some();
    if is_of_another_event || split_date_or_never(&rest, format)?.is_some() {
        return Err(Failure::page_changed(
            "a loan with a day that may not be its due date",
        ));
    }
    Ok((due, rest))
}

/// Splits `Renewed 2 times` from a text.
fn split_renewals(words: &str) -> (Option<u32>, String) {
    let mut parts: Vec<&str> = words.split_whitespace().collect();
    let index = parts.windows(3).position(|three| match three {
        [renewed, count, times] => {
            renewed.eq_ignore_ascii_case("renewed")
                && count.bytes().all(|byte| byte.is_ascii_digit())
                && times.to_ascii_lowercase().starts_with("time")
        }
        _ => false,
    });
    let count = index.and_then(|index| parts.drain(index..index + 3).nth(1));
    (count.and_then(first_number), parts.join(" "))
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
    #[case(
        "OVERDUE 07-20-09 FINE(up to now) $1.20",
        "2009-07-20",
        None,
        Some("OVERDUE FINE(up to now) $1.20")
    )]
    #[case(
        "DUE 07-20-09ORPHAN SHELF  Renewed 2 times",
        "2009-07-20",
        Some(2),
        Some("ORPHAN SHELF")
    )]
    #[case("DUE 07-20-09 10:00AM", "2009-07-20", None, Some("10:00AM"))]
    #[case("DUE: 07-20-09", "2009-07-20", None, None)]
    #[case(
        "DUE 07-20-09 BILLED 08-10-09",
        "2009-07-20",
        None,
        Some("BILLED 08-10-09")
    )]
    fn status_has_due_date_renewals_and_note(
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
        let status = parse_status(words, Some(format)).unwrap();
        assert_eq!(status.due, Some(due.parse().unwrap()));
        assert_eq!(status.renewals, renewals);
        assert_eq!(status.note, note.unwrap_or_default());
    }

    #[rstest]
    #[case("DUE 12-31-2382")]
    #[case("DUE NEVER")]
    #[case("DUE: indefinite")]
    fn loan_without_end_has_no_due_date(#[case] words: &str) {
        let status = parse_status(words, Some("%m-%d-%y")).unwrap();
        assert_eq!((status.due, status.note.as_str()), (None, ""));
    }

    #[test]
    fn new_due_date_after_a_renewal_counts() {
        let status =
            parse_status("DUE 07-20-09 RENEWED Now due 08-10-09", Some("%m-%d-%y")).unwrap();
        assert_eq!(status.due, Some("2009-08-10".parse().unwrap()));
    }

    #[rstest]
    #[case("CLAIMED RETURNED")]
    #[case("CLAIMS RETURNED 07-20-09")]
    #[case("BILLED 07-20-09")]
    #[case("BILLED 07-20-09 PAYMENT DUE $12.00")]
    #[case("RECALLED 07-20-09")]
    #[case("RETOUR 07-20-09 MAINTENANT 08-10-09")]
    fn status_without_a_certain_due_date_is_a_changed_page(#[case] words: &str) {
        assert!(parse_status(words, Some("%m-%d-%y")).is_err());
    }
}
