//! Reads what a loan's cells say.

use hippo_browser::ReadContext;
use hippo_browser::reading::{
    Css, DateOrNever, element_text, element_text_without, first_number, split_date_or_never,
    strip_never,
};
use hippo_core::account::Loan;
use hippo_core::failure::Failure;

use crate::list_reader::{Field, Row};

static RENEWED: Css = Css::new(".patFuncRenewCount");

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
    let status_cell = row
        .element_of(Field::State)
        .ok_or_else(|| Failure::page_changed("a loan without a status cell"))?;
    // The number of renewals, in any language.
    let renewals_apart = RENEWED
        .first(status_cell)
        .and_then(|cell| first_number(&element_text(cell)));
    let words = element_text_without(status_cell, |part| {
        renewals_apart.is_some() && RENEWED.matches(part)
    });
    let status = parse_status(&words, context.date_format)?;
    loan.due = status.due;
    loan.renewals = renewals_apart.or(status.renewals);
    loan.note = status
        .note
        .filter(|note| loan.renewable_reason.as_ref() != Some(note));
    Ok(())
}

struct Status {
    due: Option<chrono::NaiveDate>,
    renewals: Option<u32>,
    note: Option<String>,
}

/// Parses `DUE 07-20-09 +1 HOLD Renewed 1 time`.
fn parse_status(words: &str, format: Option<&str>) -> Result<Status, Failure> {
    let no_date = || Failure::page_changed("a loan without a due date");
    let from_due = find_last_due(words).and_then(|at| words.split_at_checked(at));
    let after_due = match from_due {
        Some((before, from_due)) => {
            split_due_date(from_due, format)?.map(|(due, rest)| (due, format!("{before} {rest}")))
        }
        None => None,
    };
    let (due, rest) = match after_due {
        Some(found) => found,
        None => {
            let (due, rest) = split_date_or_never(words, format)?.ok_or_else(no_date)?;
            let lower = words.to_lowercase();
            let is_of_another_event = lower
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| EVENTS.contains(&word));
            if is_of_another_event || split_date_or_never(&rest, format)?.is_some() {
                return Err(Failure::page_changed(
                    "a loan with a day that may not be its due date",
                ));
            }
            (due, rest)
        }
    };
    let (renewals, rest) = split_renewals(&rest);
    let note: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !matches!(word.trim_end_matches(':'), "DUE" | "Due" | "due"))
        .collect();
    let note = note.join(" ");
    Ok(Status {
        due: due.date(),
        renewals,
        note: Some(note).filter(|note| !note.is_empty()),
    })
}

/// Splits the date after `DUE`, or words for “never”, from a text.
fn split_due_date(
    from_due: &str,
    format: Option<&str>,
) -> Result<Option<(DateOrNever, String)>, Failure> {
    let after = from_due.get("DUE".len()..).unwrap_or_default();
    if let Some(rest) = strip_never(after) {
        return Ok(Some((DateOrNever::Never, rest)));
    }
    split_date_or_never(from_due, format)
}

/// Finds the last `DUE` that is not a part of `OVERDUE`. After a renewal, both days are there, “DUE … RENEWED
/// Now due …”; the last one counts.
fn find_last_due(words: &str) -> Option<usize> {
    // ASCII case folding keeps the positions.
    let upper = words.to_ascii_uppercase();
    let is_apart = |beside: Option<char>| !beside.is_some_and(char::is_alphabetic);
    upper.rmatch_indices("DUE").map(|(at, _)| at).find(|at| {
        upper.split_at_checked(*at).is_some_and(|(before, from)| {
            is_apart(before.chars().next_back()) && is_apart(from.chars().nth(3))
        })
    })
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
        assert_eq!(status.note.as_deref(), note);
    }

    #[rstest]
    #[case("DUE 12-31-2382")]
    #[case("DUE NEVER")]
    #[case("DUE: indefinite")]
    fn loan_without_end_has_no_due_date(#[case] words: &str) {
        let status = parse_status(words, Some("%m-%d-%y")).unwrap();
        assert_eq!((status.due, status.note), (None, None));
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
