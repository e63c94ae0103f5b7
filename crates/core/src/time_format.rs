//! Formats times, dates and durations for people.

use crate::clock::local_date;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

/// Formats an instant in a zone, such as `14:05 today` or `Fri 20 Nov 14:05`.
pub fn moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    format_moment(at, now, zone, "%H:%M")
}

/// Formats an instant in a sentence, such as `at 14:05 today` or `on Fri 20 Nov at 14:05`.
pub fn at_moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    let today = local_date(now, zone);
    match (local.date_naive() - today).num_days() {
        -1..=1 => format!("at {}", moment(at, now, zone)),
        _ => format!(
            "on {} at {}",
            day(local.date_naive(), today),
            local.format("%H:%M")
        ),
    }
}

/// Formats an instant with its zone, such as `14:05 EST today` or `Fri 20 Nov 14:05 EST`.
pub fn moment_with_zone(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    format_moment(at, now, zone, "%H:%M %Z")
}

fn format_moment(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz, time: &str) -> String {
    let local = at.with_timezone(&zone);
    let days = (local.date_naive() - local_date(now, zone)).num_days();
    let time = local.format(time);
    match days {
        0 => format!("{time} today"),
        -1 => format!("{time} yesterday"),
        1 => format!("{time} tomorrow"),
        -200..=200 => format!("{} {time}", local.format("%a %-d %b")),
        _ => format!("{} {time}", local.format("%Y-%m-%d")),
    }
}

/// Formats an age, such as `just now`, `12 min ago`, `3 h ago` or `2 days ago`.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - at).num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// Formats a date relative to another, such as `today`, `tomorrow` or `Mon 23 Nov`.
pub fn day(date: NaiveDate, today: NaiveDate) -> String {
    match (date - today).num_days() {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        -200..=200 => date.format("%a %-d %b").to_string(),
        _ => date.format("%Y-%m-%d").to_string(),
    }
}

/// Formats a duration, such as `0.4 s`, `12 s` or `3 min 5 s`.
pub fn duration(length: chrono::Duration) -> String {
    let milliseconds = length.num_milliseconds().max(0);
    match milliseconds {
        ..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..60_000 => format!("{} s", milliseconds / 1000),
        _ => format!(
            "{} min {} s",
            milliseconds / 60_000,
            milliseconds % 60_000 / 1000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("2026-11-21T14:05:00Z", "at 09:05 today")]
    #[case("2026-11-20T14:05:00Z", "at 09:05 yesterday")]
    #[case("2026-11-22T14:05:00Z", "at 09:05 tomorrow")]
    #[case("2026-12-06T11:30:00Z", "on Sun 6 Dec at 06:30")]
    #[case("2027-12-06T11:30:00Z", "on 2027-12-06 at 06:30")]
    fn moment_fits_into_a_sentence(#[case] instant: &str, #[case] expected: &str) {
        let now = at("2026-11-21T15:00:00Z");
        let words = at_moment(at(instant), now, chrono_tz::America::Toronto);
        assert_eq!(words, expected);
    }

    #[rstest]
    #[case("2026-11-21T14:05:00Z", "09:05 today")]
    #[case("2026-11-21T04:05:00Z", "23:05 yesterday")]
    #[case("2026-11-22T11:30:00Z", "06:30 tomorrow")]
    #[case("2026-11-17T14:05:00Z", "Tue 17 Nov 09:05")]
    #[case("2024-11-17T14:05:00Z", "2024-11-17 09:05")]
    fn instant_is_formatted_in_its_zone(#[case] instant: &str, #[case] expected: &str) {
        let now = at("2026-11-21T15:00:00Z");
        assert_eq!(
            moment(at(instant), now, chrono_tz::America::Toronto),
            expected
        );
    }

    #[test]
    fn instant_can_name_its_zone() {
        let now = at("2026-11-21T15:00:00Z");
        let toronto = |text| moment_with_zone(at(text), now, chrono_tz::America::Toronto);
        assert_eq!(toronto("2026-11-21T14:05:00Z"), "09:05 EST today");
        assert_eq!(toronto("2026-10-17T14:05:00Z"), "Sat 17 Oct 10:05 EDT");
        let saint_paul = chrono_tz::America::Sao_Paulo;
        assert_eq!(moment_with_zone(now, now, saint_paul), "12:00 -03 today");
    }

    #[rstest]
    #[case("2026-11-21T14:59:30Z", "just now")]
    #[case("2026-11-21T14:48:00Z", "12 min ago")]
    #[case("2026-11-21T11:59:00Z", "3 h ago")]
    #[case("2026-11-18T11:59:00Z", "3 days ago")]
    #[case("2026-11-21T16:00:00Z", "just now")]
    fn age_uses_the_fitting_unit(#[case] instant: &str, #[case] expected: &str) {
        assert_eq!(ago(at(instant), at("2026-11-21T15:00:00Z")), expected);
    }
}
