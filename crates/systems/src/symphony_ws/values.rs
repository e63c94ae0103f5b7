//! The value types of the interface's JSON.

use chrono::{NaiveDate, NaiveTime};
use hippo_browser::reading::{DateOrNever, parse_iso_date_or_never};
use hippo_core::failure::Failure;
use serde::{Deserialize, Deserializer};

/// A record that another one refers to. Its fields are there only if they were asked for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Linked<T> {
    #[serde(default)]
    pub(super) key: Option<String>,
    #[serde(default = "Option::default")]
    pub(super) fields: Option<T>,
}

/// A record whose key alone matters.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    #[serde(default)]
    pub(super) key: Option<String>,
}

/// A local moment as the interface writes it, such as `2019-10-13T23:59:00-07:00` or `2019-10-13`.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Moment(String);

impl Moment {
    /// Returns its date at the library; `None` for one that means “never”.
    ///
    /// The interface writes the library's own time, so its date counts as it is printed.
    pub(super) fn date(&self) -> Result<Option<NaiveDate>, Failure> {
        let wrong = || Failure::page_changed("a date in an unknown format");
        let (date, time) = match self.0.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (self.0.as_str(), None),
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
}

/// Reads an optional date.
pub(super) fn date_of(moment: Option<&Moment>) -> Result<Option<NaiveDate>, Failure> {
    moment.map_or(Ok(None), Moment::date)
}

/// Deserialises a field so that `null` differs from a missing field.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
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
        let date = Moment(text.to_owned()).date().unwrap();
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
        assert!(Moment(text.to_owned()).date().is_err());
    }
}
