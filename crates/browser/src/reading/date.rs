//! Reads machine-readable and visible dates.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use hippo_core::failure::{Failure, Remedy};
use hippo_core::text::clean;

/// Plausible years. An earlier one shows that the format doesn't fit.
const VALID_YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;

/// From this year on, a date means “never”. Systems print 2099, 2382 or 9999.
const FIRST_YEAR_OF_NEVER: i32 = 2069;

/// Phrases that sites print for “never” in place of a date.
pub const NEVER_PHRASES: [&str; 30] = [
    "never",
    "no end",
    "no end date",
    "without end",
    "no due date",
    "no expiry",
    "no expiry date",
    "no expiration",
    "no expiration date",
    "does not expire",
    "doesn't expire",
    "not due",
    "no limit",
    "indefinite",
    "indefinitely",
    "unlimited",
    "permanent",
    "permanently",
    "open-ended",
    "unbegrenzt",
    "unbefristet",
    "niemals",
    "jamais",
    "illimité",
    "indéfini",
    "nunca",
    "indefinido",
    "ilimitado",
    "nooit",
    "aldrig",
];

/// The date on which something ends, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrNever {
    /// On this date.
    On(NaiveDate),
    /// Never: the page has words for it, or a date in the far future.
    Never,
}

impl DateOrNever {
    /// The date, if there is one.
    pub fn date(self) -> Option<NaiveDate> {
        match self {
            Self::On(date) => Some(date),
            Self::Never => None,
        }
    }

    pub(super) fn from_date(date: NaiveDate) -> Self {
        if date.year() >= FIRST_YEAR_OF_NEVER {
            Self::Never
        } else {
            Self::On(date)
        }
    }
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Returns the first date in a text that must have one, such as `DUE 07-20-09 +1 HOLD` or `NEVER`.
///
/// Fails with `page_changed` if it has none, or if the library declares no date format.
pub fn require_date_or_never(text: &str, format: Option<&str>) -> Result<DateOrNever, Failure> {
    split_date_or_never(text, format)?
        .map(|(date, _)| date)
        .or_else(|| starts_with_never(text).then_some(DateOrNever::Never))
        .ok_or_else(|| Failure::page_changed("no date where one was expected"))
}

/// Whether a text begins with words for “never”, apart from punctuation.
pub fn starts_with_never(text: &str) -> bool {
    strip_never(text).is_some()
}

/// Returns the rest of a text that begins with words for “never”.
pub fn strip_never(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let is_at_start = |phrase: &&&str| {
        lower
            .strip_prefix(**phrase)
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let phrase = NEVER_PHRASES
        .iter()
        .filter(is_at_start)
        .max_by_key(|phrase| phrase.len())?;
    let words = phrase.split_whitespace().count();
    let rest: Vec<&str> = text.split_whitespace().skip(words).collect();
    Some(rest.join(" "))
}

/// Finds the first date in a text, in the library's declared format (strftime).
///
/// `None` if there is none, or one that means “never”. Two-digit and four-digit years are both
/// accepted, because sites mix them. Fails with `page_changed` if something that looks like a date isn't in the
/// declared format, or if no format is declared: dates are never guessed.
pub fn find_date(text: &str, format: Option<&str>) -> Result<Option<NaiveDate>, Failure> {
    Ok(split_date_or_never(text, format)?.and_then(|(date, _)| date.date()))
}

/// Splits the first date from the rest of a text. Otherwise like [`find_date`].
pub fn split_date(
    text: &str,
    format: Option<&str>,
) -> Result<Option<(NaiveDate, String)>, Failure> {
    let split = split_date_or_never(text, format)?;
    Ok(split.and_then(|(date, rest)| Some((date.date()?, rest))))
}

/// Splits the first date from the rest of a text. Otherwise like [`find_date`], but returns “never” as
/// such.
///
/// A date with a four-digit year in the far future means “never” in any format, because systems often
/// print it in their own.
pub fn split_date_or_never(
    text: &str,
    format: Option<&str>,
) -> Result<Option<(DateOrNever, String)>, Failure> {
    let Some(format) = format else {
        return if let Some(rest) = strip_far_future_date(text) {
            Ok(Some((DateOrNever::Never, rest)))
        } else if looks_like_a_date(text) {
            Err(wrong_format(&format!(
                "found a date{}, but don't know this library's date format",
                describe_shape(text)
            )))
        } else {
            Ok(None)
        };
    };
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err(wrong_format(
            "found a date, but this library's date format isn't valid strftime",
        ));
    }
    let other_year = if format.contains("%y") {
        format.replace("%y", "%Y")
    } else {
        format.replace("%Y", "%y")
    };
    let mut previous = ' ';
    for (start, character) in text.char_indices() {
        if character.is_alphanumeric() && !previous.is_alphanumeric() {
            let (before, from) = text.split_at(start);
            if let Some((date, after)) =
                date_at_start(from, format).or_else(|| date_at_start(from, &other_year))
            {
                return Ok(Some((
                    DateOrNever::from_date(date),
                    clean(&format!("{before} {after}")),
                )));
            }
        }
        previous = character;
    }
    if let Some(rest) = strip_far_future_date(text) {
        return Ok(Some((DateOrNever::Never, rest)));
    }
    if looks_like_a_date(text) {
        return Err(wrong_format(&format!(
            "found a date{}, which doesn't fit this library's date format",
            describe_shape(text)
        )));
    }
    Ok(None)
}

/// The failure for a date that the declared format doesn't fit.
fn wrong_format(detail: &str) -> Failure {
    Failure::page_changed(detail).with_remedy(Remedy::SetDateFormat)
}

/// Says how the first date in numbers is written, without its numbers, and which formats fit; empty if there is none.
fn describe_shape(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '/' | '.');
    let parts = text.split(|c: char| !is_part(c));
    let shapes = parts.filter_map(|part| {
        let separator = part.chars().find(|c| !c.is_ascii_digit())?;
        let part = part.trim_matches(separator);
        let groups: Vec<usize> = part.split(separator).map(str::len).collect();
        let orders: &[[&str; 3]] = match groups.as_slice() {
            [4, 1 | 2, 1 | 2] => &[["%Y", "%m", "%d"], ["%Y", "%d", "%m"]],
            [1 | 2, 1 | 2, 4] => &[["%m", "%d", "%Y"], ["%d", "%m", "%Y"]],
            [2, 1 | 2, 2] => &[["%m", "%d", "%y"], ["%d", "%m", "%y"], ["%y", "%m", "%d"]],
            [1, 1 | 2, 2] => &[["%m", "%d", "%y"], ["%d", "%m", "%y"]],
            _ => return None,
        };
        let shape = part.replace(|c: char| c.is_ascii_digit(), "N");
        let formats = orders
            .iter()
            .map(|order| order.join(&separator.to_string()));
        let formats: Vec<String> = formats.collect();
        let (last, others) = formats.split_last()?;
        Some(format!(
            " written {shape} (as {} or {last})",
            others.join(", ")
        ))
    });
    shapes.into_iter().next().unwrap_or_default()
}

/// Parses a machine-readable date, with or without time and zone, and returns the library's local date.
///
/// A time with a zone is converted to the library's zone. `None` also for a date that means “never”.
pub fn parse_iso_date(text: &str, zone: Tz) -> Option<NaiveDate> {
    parse_iso_date_or_never(text, zone)?.date()
}

/// Like [`parse_iso_date`], but returns “never” as such.
pub fn parse_iso_date_or_never(text: &str, zone: Tz) -> Option<DateOrNever> {
    parse_local_iso_date(text, zone).map(DateOrNever::from_date)
}

/// Parses a date of a plausible year.
fn parse_local_iso_date(text: &str, zone: Tz) -> Option<NaiveDate> {
    let text = text.trim();
    let moment = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z"));
    if let Ok(moment) = moment {
        // The conversion would overflow in chrono's first and last years.
        return VALID_YEARS
            .contains(&moment.year())
            .then(|| moment.with_timezone(&zone).date_naive())
            .filter(|day| day.year() >= *VALID_YEARS.start());
    }
    let (date, rest) = NaiveDate::parse_and_remainder(text, "%Y-%m-%d").ok()?;
    let is_local_time = rest.starts_with(['T', ' '])
        && rest
            .chars()
            .skip(1)
            .all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    (VALID_YEARS.contains(&date.year()) && (rest.is_empty() || is_local_time)).then_some(date)
}

/// The date at the beginning of a text, not followed by a digit, and the rest.
fn date_at_start<'a>(text: &'a str, format: &str) -> Option<(NaiveDate, &'a str)> {
    let (date, after) = NaiveDate::parse_and_remainder(text, format).ok()?;
    let is_end_of_century = (date.year(), date.month(), date.day()) == (1999, 12, 31);
    let date = if format.contains("%y") && is_end_of_century {
        date.with_year(2099)?
    } else {
        date
    };
    let ends = !after.starts_with(|c: char| c.is_ascii_digit());
    (ends && VALID_YEARS.contains(&date.year())).then_some((date, after))
}

/// A text without its first numeric date in the far future: `12-31-2382`, `9999-12-31`.
fn strip_far_future_date(text: &str) -> Option<String> {
    let mut rest = text;
    let mut offset = 0;
    loop {
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let run = rest.get(start..)?;
        let length = run
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '/' | '.')))
            .unwrap_or(run.len());
        let numbers = run.get(..length)?;
        let groups: Vec<&str> = numbers
            .trim_end_matches(['-', '/', '.'])
            .split(['-', '/', '.'])
            .collect();
        let means_never = |group: &&str| {
            let year: i32 = group.parse().unwrap_or_default();
            group.len() == 4 && year >= FIRST_YEAR_OF_NEVER
        };
        let is_short = |group: &&str| matches!(group.len(), 1 | 2);
        if let [one, other, last] = groups.as_slice()
            && is_short(other)
            && ((means_never(one) && is_short(last)) || (is_short(one) && means_never(last)))
        {
            let before = text.get(..offset + start)?;
            let after = text.get(offset + start + length..)?;
            return Some(clean(&format!("{before} {after}")));
        }
        offset += start + length;
        rest = text.get(offset..)?;
    }
}

/// Whether a text contains something like a date: `3/4/26`, `2026-03-04`, `4 March`, `Mar. 4`.
fn looks_like_a_date(text: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .collect();
    let has_numbers = words.iter().any(|word| {
        word.split(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '/' | '.')))
            .any(|part| {
                ['-', '/', '.'].iter().any(|sign| {
                    let groups: Vec<&str> = part.trim_matches(*sign).split(*sign).collect();
                    groups.len() == 3
                        && groups.iter().all(|group| {
                            matches!(group.len(), 1 | 2 | 4)
                                && group.bytes().all(|byte| byte.is_ascii_digit())
                        })
                })
            })
    });
    has_numbers
        || words.windows(2).any(|pair| match pair {
            [one, other] => {
                (is_month(one) && is_day_of_month(other))
                    || (is_day_of_month(one) && is_month(other))
            }
            _ => false,
        })
}

fn is_month(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_lowercase();
    MONTHS.iter().any(|month| word.starts_with(month)) && word.chars().all(char::is_alphabetic)
}

fn is_day_of_month(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    matches!(digits.parse::<u32>(), Ok(1..=31)) && word.len() <= digits.len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::failure::FailureKind;
    use rstest::rstest;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("DUE 07-20-09 +1 HOLD", "%m-%d-%y", "2009-07-20")]
    #[case("DUE 07-20-09  Renewed 1 time", "%m-%d-%y", "2009-07-20")]
    #[case("EXP DATE:12-04-2009", "%m-%d-%y", "2009-12-04")]
    #[case("due 07-20-09", "%m-%d-%Y", "2009-07-20")]
    #[case("Pickup by: 4/4/15", "%m/%d/%y", "2015-04-04")]
    #[case("4/4/15", "%-m/%-d/%y", "2015-04-04")]
    #[case("by 21 Nov 2026 at noon", "%d %b %Y", "2026-11-21")]
    #[case("November 21, 2026", "%B %d, %Y", "2026-11-21")]
    #[case("21.11.2026, 23:59", "%d.%m.%Y", "2026-11-21")]
    #[case("9 of 83 until 1/2/2027", "%d/%m/%Y", "2027-02-01")]
    fn date_is_found_in_the_declared_format(
        #[case] text: &str,
        #[case] format: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(
            require_date_or_never(text, Some(format)).unwrap(),
            DateOrNever::On(date(expected))
        );
    }

    #[rstest]
    #[case("1 of 1 holds")]
    #[case("Ready.")]
    #[case("IN TRANSIT")]
    #[case("")]
    #[case("version 1.2")]
    #[case("call 519-555-0100")]
    fn text_without_a_date_has_none(#[case] text: &str) {
        assert_eq!(find_date(text, Some("%m-%d-%y")).unwrap(), None);
        assert_eq!(find_date(text, None).unwrap(), None);
    }

    #[rstest]
    #[case("DUE 07-20-09")]
    #[case("4/4/15")]
    #[case("2026-11-21")]
    #[case("21 November")]
    #[case("Nov. 21, 2026")]
    fn visible_date_without_a_format_is_an_error(#[case] text: &str) {
        let failure = find_date(text, None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged);
        assert!(failure.detail.starts_with("found a date"), "{failure}");
        let end = ", but don't know this library's date format";
        assert!(failure.detail.ends_with(end), "{failure}");
        assert_eq!(failure.remedy, Some(Remedy::SetDateFormat));
    }

    #[rstest]
    #[case(
        "DUE 07-20-09",
        " written NN-NN-NN (as %m-%d-%y, %d-%m-%y or %y-%m-%d)"
    )]
    #[case("due 4/4/2015", " written N/N/NNNN (as %m/%d/%Y or %d/%m/%Y)")]
    #[case("2026-11-21", " written NNNN-NN-NN (as %Y-%m-%d or %Y-%d-%m)")]
    #[case("21.11.26", " written NN.NN.NN (as %m.%d.%y, %d.%m.%y or %y.%m.%d)")]
    #[case(
        "519-555-0100, due 1/2/26",
        " written N/N/NN (as %m/%d/%y or %d/%m/%y)"
    )]
    #[case("21 November", "")]
    fn failure_shows_how_a_date_is_written_but_not_the_date(
        #[case] text: &str,
        #[case] shape: &str,
    ) {
        let detail = find_date(text, None).unwrap_err().detail;
        let expected = format!("found a date{shape}, but don't know this library's date format");
        assert_eq!(detail, expected);
    }

    #[rstest]
    #[case("20-07-09", "%m-%d-%y")]
    #[case("07/20/2009", "%m-%d-%y")]
    #[case("07-20-20091", "%m-%d-%y")]
    #[case("0009-07-20", "%Y-%m-%d")]
    fn date_in_another_format_is_an_error(#[case] text: &str, #[case] format: &str) {
        assert!(require_date_or_never(text, Some(format)).is_err());
    }

    #[rstest]
    #[case("NEVER")]
    #[case("12-31-2382")]
    #[case("12-31-9999")]
    #[case("12-31-99")]
    #[case("12-31-2099")]
    #[case("31/12/9999")]
    #[case("9999-12-31 23:59")]
    #[case("No due date")]
    #[case("Never.")]
    #[case(": indefinite")]
    #[case("unbefristet")]
    fn words_and_far_future_dates_mean_never(#[case] text: &str) {
        assert_eq!(
            require_date_or_never(text, Some("%m-%d-%y")).unwrap(),
            DateOrNever::Never
        );
        assert_eq!(find_date(text, Some("%m-%d-%y")).unwrap(), None);
    }

    #[rstest]
    #[case("Nevers branch")]
    #[case("soon")]
    #[case("13-32-2026")]
    #[case("12-31-226")]
    #[case("")]
    fn unreadable_date_is_an_error(#[case] text: &str) {
        assert!(require_date_or_never(text, Some("%m-%d-%y")).is_err());
    }

    #[test]
    fn machine_readable_far_future_is_never() {
        let zone = chrono_tz::America::Toronto;
        for text in ["9999-12-31T23:59:59Z", "2382-12-31", "2099-12-31 23:59:00"] {
            assert_eq!(
                parse_iso_date_or_never(text, zone),
                Some(DateOrNever::Never),
                "{text}"
            );
            assert_eq!(parse_iso_date(text, zone), None, "{text}");
        }
        assert_eq!(
            parse_iso_date_or_never("2068-12-31", zone),
            Some(DateOrNever::On(date("2068-12-31")))
        );
    }

    #[test]
    fn text_beside_a_date_is_kept() {
        let (due, rest) = split_date("DUE 07-20-09  +1 HOLD", Some("%m-%d-%y"))
            .unwrap()
            .unwrap();
        assert_eq!((due, rest.as_str()), (date("2009-07-20"), "DUE +1 HOLD"));
    }

    #[test]
    fn invalid_format_is_an_error() {
        let failure = find_date("4/4/15", Some("%Q")).unwrap_err();
        assert!(failure.detail.contains("strftime"));
    }

    #[rstest]
    #[case("2026-11-21", Some("2026-11-21"))]
    #[case("2026-11-21T23:59:00", Some("2026-11-21"))]
    #[case("2026-11-21 23:59", Some("2026-11-21"))]
    #[case("2026-11-22T04:59:59Z", Some("2026-11-21"))]
    #[case("2026-11-22T05:00:00.000+0000", Some("2026-11-22"))]
    #[case("2026-11-21T23:30:00-08:00", Some("2026-11-22"))]
    #[case("2026-13-01", None)]
    #[case("21/11/2026", None)]
    #[case("2026-11-211", None)]
    #[case("0001-01-01T00:00:00Z", None)]
    #[case("+262142-12-31T23:59:59+0000", None)]
    #[case("-262143-01-01T00:00:00+0000", None)]
    #[case("1970-01-01T00:00:00+14:00", None)]
    #[case("", None)]
    fn machine_readable_date_is_a_local_date(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(
            parse_iso_date(text, chrono_tz::America::Toronto),
            expected.map(date)
        );
        let has_auckland_date = parse_iso_date(text, chrono_tz::Pacific::Auckland).is_some();
        assert_eq!(has_auckland_date, expected.is_some());
    }
}
