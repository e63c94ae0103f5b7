//! The clock, and the rules of local days.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Clocks further apart than this disagree.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// Whether a stored time is later than `now` by more than [`CLOCK_TOLERANCE`]: a wrong clock wrote it.
pub fn is_in_future(stored: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    stored - now > CLOCK_TOLERANCE
}

/// Tells the time, and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Returns after `duration`; a frozen clock returns at once.
    async fn sleep(&self, duration: Duration);

    /// Returns after `limit` has really passed. By default never, for tests.
    async fn timeout(&self, limit: Duration) {
        let _ = limit;
        std::future::pending().await
    }
}

/// The local date at `instant` in `zone`.
pub fn local_date(instant: DateTime<Utc>, zone: Tz) -> NaiveDate {
    instant.with_timezone(&zone).date_naive()
}

/// The instant at which `date` begins in `zone`: midnight, or the end of the gap that contains it.
pub fn start_of_day(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    due_instant(date, NaiveTime::MIN, zone)
}

/// The instant of a local date and time of day.
///
/// A time inside a clock gap maps to the end of the gap; one that occurs twice maps to the first. A date
/// that does not exist in the zone (Apia, 2011-12-30) maps to the end of its gap, which is on the next
/// date; see [`date_exists`].
pub fn due_instant(date: NaiveDate, time: NaiveTime, zone: Tz) -> DateTime<Utc> {
    let local = date.and_time(time);
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => instant.to_utc(),
        LocalResult::Ambiguous(first, second) => first.min(second).to_utc(),
        LocalResult::None => end_of_gap(local, zone),
    }
}

/// Whether the date exists in the zone.
pub fn date_exists(date: NaiveDate, zone: Tz) -> bool {
    local_date(start_of_day(date, zone), zone) == date
}

/// The first instant after the gap that contains `local`.
fn end_of_gap(local: chrono::NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    // No zone is more than a day from UTC, and no gap is longer than a day. Within these bounds the
    // local time jumps once from before `local` to after it.
    let guess = local.and_utc();
    let (mut before, mut after) = (
        guess.checked_sub_days(Days::new(2)).unwrap_or(guess),
        guess.checked_add_days(Days::new(2)).unwrap_or(guess),
    );
    while after - before > chrono::Duration::seconds(1) {
        let middle = before + (after - before) / 2;
        if middle.with_timezone(&zone).naive_local() < local {
            before = middle;
        } else {
            after = middle;
        }
    }
    // Transitions fall on whole seconds; the search may stop a fraction late.
    DateTime::from_timestamp(after.timestamp(), 0).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[rstest]
    #[case::plain("2026-11-21", "06:30", "America/Toronto", "2026-11-21T11:30:00Z")]
    #[case::inside_a_gap("2026-03-08", "02:30", "America/Toronto", "2026-03-08T07:00:00Z")]
    #[case::occurs_twice("2026-11-01", "01:30", "America/Toronto", "2026-11-01T05:30:00Z")]
    #[case::half_an_hour("2026-10-04", "02:10", "Australia/Lord_Howe", "2026-10-03T15:30:00Z")]
    #[case::midnight_in_a_gap("2024-04-26", "00:15", "Africa/Cairo", "2024-04-25T22:00:00Z")]
    #[case::a_missing_day("2011-12-30", "06:30", "Pacific/Apia", "2011-12-30T10:00:00Z")]
    fn local_time_maps_to_its_instant(
        #[case] day: &str,
        #[case] time: &str,
        #[case] zone: Tz,
        #[case] expected: &str,
    ) {
        let due = due_instant(date(day), format!("{time}:00").parse().unwrap(), zone);
        assert_eq!(due, expected.parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn date_skipped_by_the_zone_does_not_exist() {
        let apia: Tz = "Pacific/Apia".parse().unwrap();
        assert!(date_exists(date("2011-12-29"), apia));
        assert!(!date_exists(date("2011-12-30"), apia));
        assert!(date_exists(date("2011-12-31"), apia));
    }
}
