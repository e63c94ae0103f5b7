//! Dates in text, all moved by the same number of days.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{Datelike as _, Days, NaiveDate};

const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Forms that are tried after the library's own: a date that it writes otherwise stays a date.
const USUAL: [&str; 8] = [
    "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y", "%m-%d-%y",
];

/// How dates are found and moved.
pub(super) struct Dates {
    formats: Vec<String>,
    days: i64,
}

impl Dates {
    /// Moves the dates in the library's form, and in usual ones, by so many days.
    pub(super) fn new(format: Option<&str>, days: i64) -> Self {
        let mut formats = Vec::new();
        let sound =
            |format: &&str| !StrftimeItems::new(format).any(|item| matches!(item, Item::Error));
        if let Some(format) = format.filter(sound) {
            formats.push(format.to_owned());
            formats.push(if format.contains("%y") {
                format.replace("%y", "%Y")
            } else {
                format.replace("%Y", "%y")
            });
        }
        formats.extend(USUAL.map(str::to_owned));
        Self { formats, days }
    }

    /// A day, moved.
    pub(super) fn moved(&self, date: NaiveDate) -> NaiveDate {
        let days = Days::new(self.days.unsigned_abs());
        let moved = if self.days < 0 {
            date.checked_sub_days(days)
        } else {
            date.checked_add_days(days)
        };
        moved
            .filter(|moved| YEARS.contains(&moved.year()))
            .unwrap_or(date)
    }

    /// The date that the text begins with: how many bytes of it, its time of the day included, and
    /// what stands in their place.
    pub(super) fn at(&self, text: &str) -> Option<(usize, String)> {
        // A word is no date, unless the library writes months out.
        let (date, format, length) = self.formats.iter().find_map(|format| {
            let (date, after) = NaiveDate::parse_and_remainder(text, format).ok()?;
            let ends =
                !after.starts_with(|c: char| c.is_ascii_digit() || c.is_alphabetic() && c != 'T');
            let length = text.len() - after.len();
            (ends && YEARS.contains(&date.year())).then_some((date, format, length))
        })?;
        let moved = self.moved(date);
        let source = text.get(..length)?;
        // What was written without zeros is so again.
        let padded = printed(date, format)?;
        let format = if padded == source {
            format.clone()
        } else {
            format.replace("%m", "%-m").replace("%d", "%-d")
        };
        let time = time_of_day(text.get(length..)?);
        Some((length + time.len(), printed(moved, &format)? + time))
    }
}

fn printed(date: NaiveDate, format: &str) -> Option<String> {
    let mut text = String::new();
    write!(text, "{}", date.format(format)).ok()?;
    Some(text)
}

/// The time that follows a date: `T23:59:00-05:00`, ` 23:59:00`.
fn time_of_day(text: &str) -> &str {
    let Some(rest) = text.strip_prefix(['T', ' ']) else {
        return "";
    };
    let sign = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | '-' | 'Z');
    let end = rest.find(|c| !sign(c)).unwrap_or(rest.len());
    let clock = rest.get(..end).unwrap_or_default();
    let is_time = clock.len() <= 32
        && clock.get(2..3) == Some(":")
        && clock
            .get(..2)
            .is_some_and(|hour| hour.bytes().all(|byte| byte.is_ascii_digit()));
    if is_time {
        text.get(..=end).unwrap_or_default()
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2026-11-21", "2026-11-22")]
    #[case("2026-11-30T23:59:00-05:00 and", "2026-12-01T23:59:00-05:00")]
    #[case("2026-12-31 23:59:00", "2027-01-01 23:59:00")]
    #[case("11/21/26, x", "11/22/26")]
    #[case("2/3/27", "2/4/27")]
    #[case("31.12.2026", "01.01.2027")]
    #[case("11-21-26", "11-22-26")]
    fn a_date_stays_a_date(#[case] text: &str, #[case] expected: &str) {
        let dates = Dates::new(Some("%m-%d-%y"), 1);
        assert_eq!(dates.at(text).unwrap().1, expected);
    }

    #[rstest]
    #[case("519-555-1234")]
    #[case("0000-00-00")]
    #[case("Monday")]
    #[case("12 of 83")]
    fn what_is_no_date_is_left(#[case] text: &str) {
        assert_eq!(Dates::new(Some("%m-%d-%y"), 1).at(text), None);
    }
}
