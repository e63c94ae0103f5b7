//! Recognises a library's message that states when the card expires.

use std::fmt::Write as _;

use chrono::NaiveDate;

/// A longer message says more than that, so it needs attention of its own. In characters.
const MAX_CHARS: usize = 160;

/// How libraries write a date, besides the format of their entry.
const DATE_FORMATS: [&str; 14] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%-m/%-d/%Y",
    "%d/%m/%Y",
    "%-d/%-m/%Y",
    "%d.%m.%Y",
    "%-d.%-m.%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%B %-d, %Y",
    "%b %-d, %Y",
    "%-d %B %Y",
    "%-d %b %Y",
];

/// Whether a short message states this date. `format` is that of the library's entry.
pub(crate) fn states_expiry(message: &str, last_day: NaiveDate, format: Option<&str>) -> bool {
    let formats = DATE_FORMATS.into_iter().chain(format);
    message.chars().count() <= MAX_CHARS
        && formats.into_iter().any(|format| {
            let mut date = String::new();
            // A format that chrono doesn't know writes nothing whole.
            write!(date, "{}", last_day.format(format)).is_ok() && has_date(message, &date)
        })
}

/// Whether a text has this date, and not as a part of a longer number.
fn has_date(text: &str, date: &str) -> bool {
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    !date.is_empty()
        && text.match_indices(date).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default();
            let after = text.get(at + date.len()..).unwrap_or_default();
            !is_digit(before.chars().next_back()) && !is_digit(after.chars().next())
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::koha("Your card is good until 12/20/2026", None, true)]
    #[case::german("Ihr Ausweis ist gültig bis 20.12.2026.", None, true)]
    #[case::words("Expires December 20, 2026", None, true)]
    #[case::own_format("Valid to 20/12/26", Some("%d/%m/%y"), true)]
    #[case::another_format("Valid to 20/12/26", None, false)]
    #[case::another_day("Your card is good until 12/21/2026", None, false)]
    #[case::longer_number("Receipt 112/20/2026", None, false)]
    #[case::unknown_format("12/20/2026", Some("%!"), true)]
    #[case::no_date("Please return everything", Some("%!"), false)]
    #[case::empty_format("Please return everything", Some(""), false)]
    fn short_message_states_an_expiry_by_its_date(
        #[case] message: &str,
        #[case] format: Option<&str>,
        #[case] expected: bool,
    ) {
        let last_day = "2026-12-20".parse().unwrap();
        assert_eq!(states_expiry(message, last_day, format), expected);
    }

    #[test]
    fn long_message_stays_a_message() {
        let long = format!("Good until 2026-12-20. {}", "Ask at the desk. ".repeat(10));
        assert!(!states_expiry(&long, "2026-12-20".parse().unwrap(), None));
    }
}
