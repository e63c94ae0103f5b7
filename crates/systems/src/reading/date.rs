//! Dates: those that machines read, and those that are written for people.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, NaiveDate};
use chrono_tz::Tz;
use hippo_core::failure::Failure;
use hippo_core::text::clean;

/// Years that a library's page can mean; others show that a format does not fit.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The date in a text that must have one, as `DUE 07-20-09 +1 HOLD`.
///
/// `page_changed` where it has none, or where the library declares no format for visible dates.
pub fn visible_date(text: &str, format: Option<&str>) -> Result<NaiveDate, Failure> {
    find_date(text, format)?.ok_or_else(|| Failure::page_changed("no date where one was expected"))
}

/// The first date in a text, in the library's declared format (strftime); `None`: it has none.
///
/// Years of two digits are taken where the format says four, and the other way round: sites mix
/// both. `page_changed` where something that looks like a date does not have the declared format,
/// or none is declared: a date is never guessed.
pub fn find_date(text: &str, format: Option<&str>) -> Result<Option<NaiveDate>, Failure> {
    Ok(take_date(text, format)?.map(|(date, _)| date))
}

/// As [`find_date`], with the text that remains without the date.
pub fn take_date(text: &str, format: Option<&str>) -> Result<Option<(NaiveDate, String)>, Failure> {
    let Some(format) = format else {
        return if looks_like_a_date(text) {
            Err(Failure::page_changed(
                "a date, but the library has no --date-format",
            ))
        } else {
            Ok(None)
        };
    };
    if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
        return Err(Failure::page_changed(
            "a date, but the library's --date-format is not one of strftime's",
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
                date_at(from, format).or_else(|| date_at(from, &other_year))
            {
                return Ok(Some((date, clean(&format!("{before} {after}")))));
            }
        }
        previous = character;
    }
    if looks_like_a_date(text) {
        return Err(Failure::page_changed(
            "a date that is not written as the library's --date-format says",
        ));
    }
    Ok(None)
}

/// The local day of a machine-readable date, with or without time and zone.
///
/// A time with a zone is a moment, whose day is the one in the library's own zone.
pub fn iso_date(text: &str, zone: Tz) -> Option<NaiveDate> {
    let text = text.trim();
    let moment = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%z"));
    if let Ok(moment) = moment {
        // Of the first and last years that there are, some zones have no day at all.
        return YEARS
            .contains(&moment.year())
            .then(|| moment.with_timezone(&zone).date_naive())
            .filter(|day| YEARS.contains(&day.year()));
    }
    let (date, rest) = NaiveDate::parse_and_remainder(text, "%Y-%m-%d").ok()?;
    let is_local_time = rest.starts_with(['T', ' '])
        && rest
            .chars()
            .skip(1)
            .all(|c| c.is_ascii_digit() || c == ':' || c == '.');
    (YEARS.contains(&date.year()) && (rest.is_empty() || is_local_time)).then_some(date)
}

/// A date at the very beginning of a text that no further digit continues, and what follows it.
fn date_at<'a>(text: &'a str, format: &str) -> Option<(NaiveDate, &'a str)> {
    let (date, after) = NaiveDate::parse_and_remainder(text, format).ok()?;
    let ends = !after.starts_with(|c: char| c.is_ascii_digit());
    (ends && YEARS.contains(&date.year())).then_some((date, after))
}

/// Whether a person would see a date here: `3/4/26`, `2026-03-04`, `4 March`, `Mar. 4`.
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
            [one, other] => (is_month(one) && is_day(other)) || (is_day(one) && is_month(other)),
            _ => false,
        })
}

fn is_month(word: &str) -> bool {
    let word = word.trim_end_matches('.').to_lowercase();
    MONTHS.iter().any(|month| word.starts_with(month)) && word.chars().all(char::is_alphabetic)
}

fn is_day(word: &str) -> bool {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    matches!(digits.parse::<u32>(), Ok(1..=31)) && word.len() <= digits.len() + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::failure::FailureKind;
    use rstest::rstest;

    fn day(text: &str) -> NaiveDate {
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
    fn a_date_is_found_in_the_declared_format(
        #[case] text: &str,
        #[case] format: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(visible_date(text, Some(format)).unwrap(), day(expected));
    }

    #[rstest]
    #[case("1 of 1 holds")]
    #[case("Ready.")]
    #[case("IN TRANSIT")]
    #[case("")]
    #[case("version 1.2")]
    #[case("call 519-555-0100")]
    fn a_text_without_a_date_has_none(#[case] text: &str) {
        assert_eq!(find_date(text, Some("%m-%d-%y")).unwrap(), None);
        assert_eq!(find_date(text, None).unwrap(), None);
    }

    #[rstest]
    #[case("DUE 07-20-09")]
    #[case("4/4/15")]
    #[case("2026-11-21")]
    #[case("21 November")]
    #[case("Nov. 21, 2026")]
    fn a_visible_date_without_a_declared_format_is_an_error(#[case] text: &str) {
        let failure = find_date(text, None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged);
        assert_eq!(
            failure.detail,
            "a date, but the library has no --date-format"
        );
    }

    #[rstest]
    #[case("20-07-09", "%m-%d-%y")]
    #[case("07/20/2009", "%m-%d-%y")]
    #[case("07-20-20091", "%m-%d-%y")]
    #[case("0009-07-20", "%Y-%m-%d")]
    fn a_date_in_another_format_is_an_error_and_never_guessed(
        #[case] text: &str,
        #[case] format: &str,
    ) {
        assert!(visible_date(text, Some(format)).is_err());
    }

    #[test]
    fn what_is_said_beside_a_date_is_kept() {
        let (date, rest) = take_date("DUE 07-20-09  +1 HOLD", Some("%m-%d-%y"))
            .unwrap()
            .unwrap();
        assert_eq!((date, rest.as_str()), (day("2009-07-20"), "DUE +1 HOLD"));
    }

    #[test]
    fn a_format_that_is_none_is_an_error() {
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
    fn a_machine_readable_date_is_the_librarys_local_day(
        #[case] text: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(
            iso_date(text, chrono_tz::America::Toronto),
            expected.map(day)
        );
        let is_day_of_its_own = iso_date(text, chrono_tz::Pacific::Auckland).is_some();
        assert_eq!(is_day_of_its_own, expected.is_some());
    }
}
