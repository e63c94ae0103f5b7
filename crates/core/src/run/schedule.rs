//! When a label's schedule fires, to find missed runs.

use chrono::{DateTime, Days, Duration, LocalResult, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::clock::local_date;

/// When a schedule fires. The schedule itself lives elsewhere (EventBridge, cron, a timer).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// This many minutes apart, regardless of clock changes.
    EveryMinutes(u32),
    /// At these times of day in a zone.
    ///
    /// Like EventBridge Scheduler: a time in a clock gap is left out, one that occurs twice fires at the
    /// first.
    Daily {
        /// The zone.
        zone: Tz,
        /// The times of day.
        times: Vec<NaiveTime>,
    },
}

impl Schedule {
    /// When it fires between `after` and `before`, oldest first.
    ///
    /// A tick of an interval that is at most half an interval before `before` counts as the one at
    /// `before`, since ticks aren't exact to the second.
    pub fn between(&self, after: DateTime<Utc>, before: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        match self {
            Self::EveryMinutes(minutes) => {
                let distance = Duration::minutes(i64::from((*minutes).max(1)));
                std::iter::successors(Some(after + distance), |tick| Some(*tick + distance))
                    .take_while(|tick| *tick + distance / 2 < before)
                    .collect()
            }
            Self::Daily { zone, times } => {
                let last = local_date(before, *zone);
                std::iter::successors(Some(local_date(after, *zone)), |date| {
                    date.checked_add_days(Days::new(1))
                })
                .take_while(|date| *date <= last)
                .flat_map(|date| fired_on(date, *zone, times))
                .filter(|instant| after < *instant && *instant < before)
                .collect()
            }
        }
    }

    /// Returns the last time at which it fired, up to `now`.
    ///
    /// A run that is started without a scheduled time is for that time. `None` for intervals, or if
    /// nothing fired in the last week.
    pub fn latest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Self::Daily { zone, times } = self else {
            return None;
        };
        let today = local_date(now, *zone);
        (0..=7)
            .filter_map(|days| today.checked_sub_days(Days::new(days)))
            .find_map(|date| {
                let fired = fired_on(date, *zone, times);
                fired.into_iter().rfind(|instant| *instant <= now)
            })
    }
}

/// When daily times fire on a local date, oldest first.
fn fired_on(date: NaiveDate, zone: Tz, times: &[NaiveTime]) -> Vec<DateTime<Utc>> {
    let mut fired: Vec<_> = times
        .iter()
        .filter_map(
            |time| match zone.from_local_datetime(&date.and_time(*time)) {
                LocalResult::Single(instant) => Some(instant.to_utc()),
                LocalResult::Ambiguous(first, second) => Some(first.min(second).to_utc()),
                LocalResult::None => None,
            },
        )
        .collect();
    fired.sort_unstable();
    fired
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn missed_ticks_are_counted_and_a_late_tick_is_not() {
        let ticks = Schedule::EveryMinutes(15);
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
        let daily = Schedule::Daily {
            zone: chrono_tz::America::Toronto,
            times: ["02:30", "05:00"]
                .map(|time| NaiveTime::parse_from_str(time, "%H:%M").unwrap())
                .to_vec(),
        };
        let between = daily.between(at("2026-03-07T10:00:00Z"), at("2026-03-09T12:00:00Z"));
        let expected = [
            // 02:30 does not exist on the 8th.
            at("2026-03-08T09:00:00Z"),
            at("2026-03-09T06:30:00Z"),
            at("2026-03-09T09:00:00Z"),
        ];
        assert_eq!(between, expected);
    }

    #[test]
    fn late_start_belongs_to_the_latest_daily_time() {
        let daily = Schedule::Daily {
            zone: chrono_tz::America::Toronto,
            times: ["18:00", "02:30", "05:00"]
                .map(|time| NaiveTime::parse_from_str(time, "%H:%M").unwrap())
                .to_vec(),
        };
        for (now, expected) in [
            ("2026-11-21T10:00:00Z", Some("2026-11-21T10:00:00Z")),
            ("2026-11-21T10:01:02Z", Some("2026-11-21T10:00:00Z")),
            ("2026-11-22T00:43:00Z", Some("2026-11-21T23:00:00Z")),
            ("2026-11-21T07:29:59Z", Some("2026-11-20T23:00:00Z")),
            // 02:30 does not exist on this day.
            ("2026-03-08T08:00:00Z", Some("2026-03-07T23:00:00Z")),
        ] {
            assert_eq!(daily.latest(at(now)), expected.map(at), "{now}");
        }
        assert_eq!(
            Schedule::EveryMinutes(15).latest(at("2026-11-21T10:00:00Z")),
            None
        );
        let never = Schedule::Daily {
            zone: chrono_tz::UTC,
            times: Vec::new(),
        };
        assert_eq!(never.latest(at("2026-11-21T10:00:00Z")), None);
    }

    /// A row of the table of what EventBridge does at clock changes.
    #[derive(Deserialize)]
    struct Case {
        zone: Tz,
        local: chrono::NaiveDateTime,
        eventbridge: String,
    }

    #[derive(Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }

    #[test]
    fn daily_times_fire_when_eventbridge_says() {
        let folder = std::env::var("SCHEDULE_VECTORS").map_or_else(
            |_| {
                std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("../../../shared/schedule-vectors")
            },
            std::path::PathBuf::from,
        );
        let file = folder.join("eventbridge_dst.json");
        let Ok(text) = std::fs::read_to_string(&file) else {
            eprintln!(
                "SKIPPED: there is no {}; set SCHEDULE_VECTORS.",
                file.display()
            );
            return;
        };
        let cases = serde_json::from_str::<Cases>(&text).unwrap().cases;
        assert!(cases.len() > 1000);
        for Case {
            zone,
            local,
            eventbridge,
        } in cases
        {
            let daily = Schedule::Daily {
                zone,
                times: vec![local.time()],
            };
            let noon = local.and_utc();
            let fired: Vec<_> = daily
                .between(noon - Duration::hours(40), noon + Duration::hours(40))
                .into_iter()
                .filter(|instant| local_date(*instant, zone) == local.date())
                .collect();
            let expected: Vec<DateTime<Utc>> = eventbridge.parse().into_iter().collect();
            assert_eq!(fired, expected, "{zone} {local}");
        }
    }
}
