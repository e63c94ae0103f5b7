//! Reads all that a site says of a loan in one text: `DUE 07-20-09 +1 HOLD Renewed 1 time`.

use std::iter::successors;

use hippo_browser::reading::{
    DateOrNever, first_number, split_date_or_never, strip_never, text_after_words,
    text_around_words,
};
use hippo_core::failure::Failure;

/// The words of such a text. All others are a note.
pub(crate) struct StatusWords {
    /// The words before the due date. After a renewal, both days are there, and the last one counts. In a text without
    /// these words, as in another language, the only date is the due date, and a lone word before it means “due”.
    pub(crate) due: &'static [&'static str],
    /// The words for other events of the loan, whose date is not its due date. Without a date, its due date is unknown.
    pub(crate) events: &'static [&'static str],
    /// The word before the number of renewals, and the beginning of the one behind it.
    pub(crate) renewals: [&'static str; 2],
}

/// The word before the new due date: `DUE 12-25-26 RENEWED Now due 12-30-26`.
const NEW_DUE: &str = "now";

/// What such a text says.
#[derive(Debug)]
pub(super) struct LoanStatus {
    pub(super) due: DateOrNever,
    pub(super) renewals: Option<u32>,
    pub(super) note: Option<String>,
}

impl StatusWords {
    /// Reads a text. Fails with `page_changed` if its due date isn't certain.
    pub(super) fn read(&self, text: &str, format: Option<&str>) -> Result<LoanStatus, Failure> {
        let (due, rest) = self.split_due_date(text, format)?;
        let mut words: Vec<&str> = rest.split_whitespace().collect();
        let [renewed, times] = self.renewals;
        let is_count = |three: &[&str]| {
            matches!(three, [before, count, behind]
                if before.eq_ignore_ascii_case(renewed)
                    && count.bytes().all(|byte| byte.is_ascii_digit())
                    && behind.to_ascii_lowercase().starts_with(times))
        };
        let count_at = words.windows(3).position(is_count);
        let renewals = count_at.and_then(|at| words.drain(at..at + 3).nth(1));
        let renewals = renewals.and_then(first_number);
        words.retain(|word| text_around_words(word, self.due) != Some(("", "")));
        let note = Some(words.join(" ")).filter(|note| !note.is_empty());
        Ok(LoanStatus {
            due,
            renewals,
            note,
        })
    }

    /// Splits the due date from the rest of a text.
    fn split_due_date(
        &self,
        text: &str,
        format: Option<&str>,
    ) -> Result<(DateOrNever, String), Failure> {
        let after_due = |text| text_after_words(text, self.due);
        if let Some(after) = successors(after_due(text), |after| after_due(after)).last() {
            let found = match strip_never(after) {
                Some(rest) => Some((DateOrNever::Never, rest)),
                None => split_date_or_never(after, format)?,
            };
            if let Some((due, rest)) = found {
                let before = text.strip_suffix(after).unwrap_or_default();
                let before = self.without_old_date(before, format)?;
                return Ok((due, format!("{before} {rest}")));
            }
        }
        let is_of_another_event = text_after_words(text, self.events).is_some();
        let Some((due, rest)) = split_date_or_never(text, format)? else {
            return if is_of_another_event {
                Ok((DateOrNever::Never, text.to_owned()))
            } else {
                Err(Failure::page_changed("a loan without a due date"))
            };
        };
        if is_of_another_event || split_date_or_never(&rest, format)?.is_some() {
            return Err(Failure::page_changed(
                "a loan with a day that may not be its due date",
            ));
        }
        Ok((due, self.without_lone_word(text, rest)))
    }

    /// Drops the date of an earlier due date from the words before the new one.
    fn without_old_date(&self, before: &str, format: Option<&str>) -> Result<String, Failure> {
        let after_old = text_after_words(before, self.due).unwrap_or_default();
        if text_after_words(after_old, self.due).is_none() {
            return Ok(before.to_owned());
        }
        let without = split_date_or_never(before, format)?;
        let without = without.map_or_else(|| before.to_owned(), |(_, rest)| rest);
        let words = without.split_whitespace();
        let words = words.filter(|word| !word.eq_ignore_ascii_case(NEW_DUE));
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    /// Drops the only word before the date of a text from the rest of it. One that ends with a known word for “due”,
    /// such as `OVERDUE`, says more.
    fn without_lone_word(&self, text: &str, rest: String) -> String {
        let before = text.split(|c: char| c.is_ascii_digit()).next();
        let lone = before.unwrap_or_default().trim();
        let word = lone.trim_end_matches(':').to_lowercase();
        let says_more = self.due.iter().any(|due| word.ends_with(due));
        if says_more || word.is_empty() || !word.chars().all(char::is_alphabetic) {
            return rest;
        }
        rest.strip_prefix(lone).map(str::to_owned).unwrap_or(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const WORDS: StatusWords = StatusWords {
        due: &["due"],
        events: &["billed", "claims", "claimed", "recalled"],
        renewals: ["renewed", "time"],
    };

    fn read(text: &str) -> Result<LoanStatus, Failure> {
        WORDS.read(text, Some("%m-%d-%y"))
    }

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
    #[case("RETOUR 20-07-09", "2009-07-20", None, None)]
    #[case("RETOUR: 20-07-09 (2)", "2009-07-20", None, Some("(2)"))]
    #[case("12-07-09 FINE", "2009-12-07", None, Some("FINE"))]
    #[case(
        "DUE 07-20-09 RENEWED Now due 08-10-09",
        "2009-08-10",
        None,
        Some("RENEWED")
    )]
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
        let status = WORDS.read(words, Some(format)).unwrap();
        assert_eq!(status.due.date(), Some(due.parse().unwrap()));
        assert_eq!(status.renewals, renewals);
        assert_eq!(status.note.as_deref(), note);
    }

    #[rstest]
    #[case("DUE 12-31-2382")]
    #[case("DUE NEVER")]
    #[case("DUE: indefinite")]
    fn loan_without_end_has_no_due_date(#[case] words: &str) {
        let status = read(words).unwrap();
        assert_eq!((status.due, status.note), (DateOrNever::Never, None));
    }

    #[test]
    fn new_due_date_after_a_renewal_counts() {
        let status = read("DUE 07-20-09 RENEWED Now due 08-10-09").unwrap();
        assert_eq!(status.due.date(), Some("2009-08-10".parse().unwrap()));
    }

    #[rstest]
    #[case("CLAIMED RETURNED")]
    #[case("BILLED $12.00 +1 HOLD")]
    fn loan_with_an_event_and_no_date_has_a_note(#[case] words: &str) {
        let status = read(words).unwrap();
        assert_eq!(status.due, DateOrNever::Never);
        assert_eq!(status.note.as_deref(), Some(words));
    }

    #[rstest]
    #[case("ON LOAN")]
    #[case("CLAIMS RETURNED 07-20-09")]
    #[case("BILLED 07-20-09")]
    #[case("BILLED 07-20-09 PAYMENT DUE $12.00")]
    #[case("RECALLED 07-20-09")]
    #[case("RETOUR 07-20-09 MAINTENANT 08-10-09")]
    fn status_without_a_certain_due_date_is_a_changed_page(#[case] words: &str) {
        assert!(read(words).is_err());
    }
}
