//! Formats dates, times, amounts and counts for a notice.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use crate::card::CardPause;
use crate::failure::FailureKind;

/// The width that plain text is wrapped to, in characters.
const TEXT_WIDTH: usize = 76;

/// A day that is further away than this is written with the year.
const YEAR_AFTER_DAYS: i64 = 180;

/// `today`, `tomorrow`, `yesterday` or `Tuesday, Nov 24`; with the year if it is far away.
pub fn day(date: NaiveDate, today: NaiveDate) -> String {
    match (date - today).num_days() {
        -1 => String::from("yesterday"),
        0 => String::from("today"),
        1 => String::from("tomorrow"),
        _ => full_day(date, today),
    }
}

/// `Tuesday, Nov 24`; with the year if it is far away.
pub fn full_day(date: NaiveDate, today: NaiveDate) -> String {
    if (date - today).num_days().abs() > YEAR_AFTER_DAYS {
        date.format("%A, %b %-d, %Y").to_string()
    } else {
        date.format("%A, %b %-d").to_string()
    }
}

/// As short as is clear, for a subject: `Tuesday` within a week, else `Dec 7`.
pub(crate) fn short_day(date: NaiveDate, today: NaiveDate) -> String {
    match (date - today).num_days() {
        -1..=1 => day(date, today),
        -6..=6 => date.format("%A").to_string(),
        days if days.abs() > YEAR_AFTER_DAYS => date.format("%b %-d, %Y").to_string(),
        _ => date.format("%b %-d").to_string(),
    }
}

/// A time of day in the family's zone: `05:10`, `Friday 05:10`, or `Friday, Nov 6, 05:10`.
pub fn moment(at: DateTime<Utc>, zone: Tz, today: NaiveDate) -> String {
    let local = at.with_timezone(&zone);
    let time = local.format("%H:%M");
    match (local.date_naive() - today).num_days() {
        0 => time.to_string(),
        -6..=6 => format!("{} {time}", local.format("%A")),
        _ => format!("{}, {time}", full_day(local.date_naive(), today)),
    }
}

/// The same in a sentence: `at 05:10`, `on Friday at 05:10`, or `on Friday, Nov 6, at 05:10`.
pub fn at_moment(at: DateTime<Utc>, zone: Tz, today: NaiveDate) -> String {
    let local = at.with_timezone(&zone);
    let time = local.format("%H:%M");
    match (local.date_naive() - today).num_days() {
        0 => format!("at {time}"),
        -6..=6 => format!("on {} at {time}", local.format("%A")),
        _ => format!("on {}, at {time}", full_day(local.date_naive(), today)),
    }
}

/// `due today`, `due Tuesday, Nov 24`, `3 days overdue (due Wednesday, Nov 18)`.
pub(crate) fn due(date: NaiveDate, today: NaiveDate) -> String {
    match (date - today).num_days() {
        days @ ..0 => format!(
            "{} overdue (due {})",
            count(days.unsigned_abs(), "day", "days"),
            day(date, today)
        ),
        _ => format!("due {}", day(date, today)),
    }
}

/// `1 day`, `2 days`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `$12.50`, `€12.50`, `12.50 CHF`; `12.50` if the currency is unknown. Without a sign.
pub(crate) fn money(amount: Decimal, currency: Option<&str>) -> String {
    let amount = amount.abs();
    match currency.map(crate::text::clean).as_deref() {
        Some("CAD" | "USD" | "AUD" | "NZD") => format!("${amount:.2}"),
        Some("EUR") => format!("€{amount:.2}"),
        Some("GBP") => format!("£{amount:.2}"),
        None | Some("") => format!("{amount:.2}"),
        Some(other) => format!("{amount:.2} {other}"),
    }
}

/// Lists words without duplicates: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(mut words: Vec<String>) -> String {
    words.sort();
    words.dedup();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// `paused (lost), checked again from Sunday, Jan 3`; without the day or the reason if the pause has
/// none.
pub fn card_pause(pause: &CardPause, today: NaiveDate) -> String {
    let why = pause.why.as_ref();
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    let again = pause.until.map_or_else(String::new, |until| {
        format!(", checked again from {}", full_day(until, today))
    });
    format!("paused{why}{again}")
}

/// Words a check's failure for a family.
pub fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::WrongCredentials => "the library rejected the number or PIN",
        FailureKind::CardBlocked => "the library has blocked the card",
        FailureKind::SessionExpired => "the library’s site ended the visit early",
        FailureKind::PageChanged => "the library’s site looks different, and we couldn’t read it",
        FailureKind::SealedForOtherHosts => {
            "its website’s address has changed, so we didn’t send the PIN"
        }
        FailureKind::SiteRefused => "the library’s site turned us away for now",
        FailureKind::SiteDown => "the library’s site didn’t answer",
        FailureKind::NotTried => "we didn’t try it this time",
    }
}

/// Breaks web addresses, so that no mail program makes them clickable.
///
/// The scheme and `www.` are dropped, and the dots of the host are put in brackets:
/// `library[.]example/pay`.
pub(crate) fn without_links(text: &str) -> String {
    let words: Vec<String> = text.split(' ').map(without_link).collect();
    words.join(" ")
}

fn without_link(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    // ASCII lower case keeps the byte positions.
    let Some(at) = lower.find("://").or_else(|| lower.find("www.")) else {
        return word.to_owned();
    };
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let (head, tail) = word.split_at(at);
    let head = head.trim_end_matches(is_scheme);
    let mut rest = tail.trim_start_matches("://");
    while rest
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("www."))
    {
        rest = rest.get(4..).unwrap_or_default();
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    format!("{head}{}{}", host.replace('.', "[.]"), without_link(path))
}

/// Puts the first letter of `text` in upper case.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Wraps long lines at spaces and indents the rest like the line's first word.
///
/// A longer word, such as a link, stays whole.
pub(crate) fn wrap(text: &str) -> String {
    let mut wrapped = String::with_capacity(text.len() + text.len() / 16);
    for line in text.lines() {
        let content = line.trim_start_matches(['*', '-', ' ']);
        let indent = line.chars().count() - content.chars().count();
        // A line of dashes has no words to wrap.
        let hanging = " ".repeat(if indent > 8 { 0 } else { indent });
        let mut width = 0;
        for (index, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if index > 0 && width + 1 + length > TEXT_WIDTH && width > hanging.len() {
                wrapped.push('\n');
                wrapped.push_str(&hanging);
                width = hanging.len();
            } else if index > 0 {
                wrapped.push(' ');
                width += 1;
            }
            wrapped.push_str(word);
            width += length;
        }
        wrapped.push('\n');
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("2026-11-18", "3 days overdue (due Wednesday, Nov 18)")]
    #[case("2026-11-20", "1 day overdue (due yesterday)")]
    #[case("2026-11-21", "due today")]
    #[case("2026-11-22", "due tomorrow")]
    #[case("2026-11-24", "due Tuesday, Nov 24")]
    #[case("2027-01-05", "due Tuesday, Jan 5")]
    #[case("2027-11-21", "due Sunday, Nov 21, 2027")]
    #[case("2025-11-21", "365 days overdue (due Friday, Nov 21, 2025)")]
    fn due_date_is_relative_to_the_notices_day(#[case] due_on: &str, #[case] words: &str) {
        assert_eq!(due(date(due_on), date("2026-11-21")), words);
    }

    #[rstest]
    #[case("2026-11-21T10:10:00Z", "05:10")]
    #[case("2026-11-21T04:59:00Z", "Friday 23:59")]
    #[case("2026-11-15T10:10:00Z", "Sunday 05:10")]
    #[case("2026-11-14T10:10:00Z", "Saturday, Nov 14, 05:10")]
    fn time_names_its_day_unless_it_is_today(#[case] at: &str, #[case] words: &str) {
        let zone = chrono_tz::America::Toronto;
        assert_eq!(moment(at.parse().unwrap(), zone, date("2026-11-21")), words);
    }

    #[rstest]
    #[case("2026-11-21T10:10:00Z", "at 05:10")]
    #[case("2026-11-21T04:59:00Z", "on Friday at 23:59")]
    #[case("2026-11-14T10:10:00Z", "on Saturday, Nov 14, at 05:10")]
    fn time_in_a_sentence_has_its_preposition(#[case] at: &str, #[case] words: &str) {
        let (zone, today) = (chrono_tz::America::Toronto, date("2026-11-21"));
        assert_eq!(at_moment(at.parse().unwrap(), zone, today), words);
    }

    #[rstest]
    #[case("12.5", Some("CAD"), "$12.50")]
    #[case("-3", Some("EUR"), "€3.00")]
    #[case("0.4", None, "0.40")]
    #[case("7", Some("CHF"), "7.00 CHF")]
    #[case("7", Some("<b>"), "7.00 <b>")]
    fn money_shows_its_currency_if_known(
        #[case] amount: &str,
        #[case] currency: Option<&str>,
        #[case] words: &str,
    ) {
        assert_eq!(money(amount.parse().unwrap(), currency), words);
    }

    #[rstest]
    #[case("See http://library.example/pay.", "See library[.]example/pay.")]
    #[case("(HTTPS://Library.Example)", "(Library[.]Example)")]
    #[case(
        "www.library.example or WWW.x.example",
        "library[.]example or x[.]example"
    )]
    #[case("http://www.www.a.b/http://c.d", "a[.]b/c[.]d")]
    #[case("javascript://x.y", "x[.]y")]
    #[case("No address: 3.50 at 10 a.m.", "No address: 3.50 at 10 a.m.")]
    fn web_address_is_not_clickable(#[case] text: &str, #[case] words: &str) {
        assert_eq!(without_links(text), words);
    }

    #[rstest]
    #[case(&[], "")]
    #[case(&["Ada"], "Ada")]
    #[case(&["Ben", "Ada", "Ben"], "Ada and Ben")]
    #[case(&["Ada", "Ben", "Cy"], "Ada, Ben and Cy")]
    fn names_are_listed_once_each(#[case] names: &[&str], #[case] words: &str) {
        assert_eq!(
            listed(names.iter().map(ToString::to_string).collect()),
            words
        );
    }

    #[test]
    fn long_line_is_wrapped_and_long_word_stays_whole() {
        let line = format!("* {}", "word ".repeat(20).trim_end());
        let wrapped = wrap(&line);
        assert_eq!(wrapped.lines().count(), 2);
        assert!(
            wrapped
                .lines()
                .all(|line| line.chars().count() <= TEXT_WIDTH)
        );
        assert!(wrapped.lines().nth(1).unwrap().starts_with("  word"));
        let link = format!("  https://example.org/{}", "x".repeat(100));
        assert_eq!(wrap(&link), format!("{link}\n"));
    }
}
