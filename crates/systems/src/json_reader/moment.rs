//! Reads the date of a moment.

use chrono::{NaiveDate, NaiveTime};
use hippo_browser::reading::{DateOrNever, parse_iso_date_or_never};
use hippo_core::failure::Failure;

/// Reads the date of a local moment, such as `2019-10-13T23:59:00-07:00` or `2019-10-13`; `None` for one that means
/// “never”.
///
/// An interface writes the library's own time, so its date counts as it is printed.
pub(super) fn read_date(moment: &str) -> Result<Option<NaiveDate>, Failure> {
    let wrong = || Failure::page_changed("a date in an unknown format");
    let (date, time) = match moment.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (moment, None),
    };
    let is_time = |time: &str| {
        time.get(..5)
            .is_some_and(|start| NaiveTime::parse_from_str(start, "%H:%M").is_ok())
    };
    if !time.is_none_or(is_time) {
        return Err(wrong());
    }
    parse_iso_date_or_never(date, chrono_tz::UTC)
        .map(DateOrNever::date)
        .ok_or_else(wrong)
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
        let date = read_date(text).unwrap();
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
        assert!(read_date(text).is_err());
    }
}
