//! Recurrences as the ledger uses them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::schedule::Recurrence;
fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn recurrence(expression: &str, zone: Tz) -> Recurrence {
    Recurrence {
        expression: expression.parse().unwrap(),
        zone,
    }
}

const TORONTO: Tz = chrono_tz::America::Toronto;

#[test]
fn missed_ticks_are_counted_and_a_late_tick_is_not() {
    let ticks = recurrence("rate(15 minutes)", TORONTO);
    let (first, last) = (at("2026-11-21T10:00:03Z"), at("2026-11-21T10:45:01Z"));
    let between = ticks.between(first, last);
    assert_eq!(
        between,
        [at("2026-11-21T10:15:03Z"), at("2026-11-21T10:30:03Z")]
    );
    assert!(ticks.between(first, at("2026-11-21T10:16:30Z")).is_empty());
}

#[test]
fn daily_times_follow_their_timezone() {
    let daily = recurrence("cron(30 2,5 * * ? *)", TORONTO);
    let between = daily.between(at("2026-03-07T10:30:00Z"), at("2026-03-09T12:00:00Z"));
    let expected = [
        // 02:30 does not exist on the 8th.
        at("2026-03-08T09:30:00Z"),
        at("2026-03-09T06:30:00Z"),
        at("2026-03-09T09:30:00Z"),
    ];
    assert_eq!(between, expected);
}

#[test]
fn late_start_belongs_to_the_latest_time() {
    let daily = recurrence("cron(0 18,2,5 * * ? *)", TORONTO);
    for (now, expected) in [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:01:02Z", "2026-11-21T10:00:00Z"),
        ("2026-11-22T00:43:00Z", "2026-11-21T23:00:00Z"),
        ("2026-11-21T06:59:59Z", "2026-11-20T23:00:00Z"),
        // 02:00 does not exist on this day.
        ("2026-03-08T08:00:00Z", "2026-03-07T23:00:00Z"),
    ] {
        assert_eq!(daily.latest(at(now)), Some(at(expected)), "{now}");
    }
    let ticks = recurrence("rate(15 minutes)", TORONTO);
    assert_eq!(ticks.latest(at("2026-11-21T10:00:00Z")), None);
}
