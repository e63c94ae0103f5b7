//! Reads the date of a moment.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use hippo_browser::reading::{DateOrNever, parse_iso_date_or_never, starts_with_never};
use hippo_core::failure::Failure;

/// Reads the date of a moment, such as `2019-10-13T23:59:00-07:00` or `2019-10-13`; `None` for one that means “never”.
///
/// Without a time zone, it is the library's own time, and its date counts as it is printed. With one, it may be any
/// time, or an empty text in place of none.
pub(super) fn read_date(moment: &str, timezone: Option<Tz>) -> Result<Option<NaiveDate>, Failure> {
    let Some(timezone) = timezone else {
        return read_printed_date(moment);
    };
    if moment.is_empty() || starts_with_never(moment) {
        return Ok(None);
    }
    parse_iso_date_or_never(moment, timezone)
        .map(DateOrNever::date)
        .ok_or_else(unknown_format)
}

fn read_printed_date(moment: &str) -> Result<Option<NaiveDate>, Failure> {
    let (date, time) = match moment.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (moment, None),
    };
    let is_time = |time: &str| {
        time.get(..5)
            .is_some_and(|start| NaiveTime::parse_from_str(start, "%H:%M").is_ok())
    };
    if !time.is_none_or(is_time) {
        return Err(unknown_format());
    }
    parse_iso_date_or_never(date, chrono_tz::UTC)
        .map(DateOrNever::date)
        .ok_or_else(unknown_format)
}

fn unknown_format() -> Failure {
    Failure::page_changed("a date in an unknown format")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("2019-10-13T23:59:00-07:00", Some("2019-10-13"))]
    #[case("2019-10-13T00:10:00+13:00", Some("2019-10-13"))]
    #[case("2019-10-13", Some("2019-10-13"))]
    #[case("2999-12-31", None)]
    fn date_counts_as_the_library_writes_it(#[case] text: &str, #[case] expected: Option<&str>) {
        let date = read_date(text, None).unwrap();
        assert_eq!(date, expected.map(|date| date.parse().unwrap()));
    }

    #[rstest]
    #[case("")]
    #[case("soon")]
    #[case("10/13/2019")]
    #[case("2019-10-13Tnoon")]
    #[case("2019-10-13T")]
    #[case("0019-10-13")]
    fn other_text_is_no_date(#[case] text: &str) {
        assert!(read_date(text, None).is_err());
    }

    #[rstest]
    #[case("2026-12-02T07:59:59.000Z", Some("2026-12-01"))]
    #[case("2026-12-01T23:59:00", Some("2026-12-01"))]
    #[case("2026-12-01", Some("2026-12-01"))]
    #[case("9999-12-31", None)]
    #[case("Never", None)]
    #[case("", None)]
    fn day_counts_in_the_time_zone(#[case] text: &str, #[case] expected: Option<&str>) {
        let date = read_date(text, Some(chrono_tz::America::Vancouver)).unwrap();
        assert_eq!(date, expected.map(|date| date.parse().unwrap()));
        assert!(read_date("soon", Some(chrono_tz::UTC)).is_err());
    }
}
