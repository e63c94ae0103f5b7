//! Tests ticks over clock changes: each family gets one notice for each of its dates.

use crate::outbox::MailKey;
use std::collections::BTreeMap;

use chrono::{Duration, NaiveTime};
use chrono_tz::Tz;
use rstest::rstest;
use uuid::Uuid;

use super::*;
use crate::clock::{date_exists, due_instant, local_date};
use crate::family::schedule::vectors::load_transitions;
use crate::testing::memory::MemoryStore;
use crate::testing::world::{TestClock, family};

const QUARTER: Duration = Duration::minutes(15);

/// The time between two ticks if those of five hours are missing.
const FIVE_HOURS: Duration = Duration::minutes(5 * 60 + 15);

/// The pattern of ticks.
#[derive(Debug, Clone, Copy)]
enum Ticks {
    EveryQuarterTwice,
    EveryFiveHours,
}

/// Families of one zone, each at its own quarter hour, with the times of their notices.
struct Town {
    store: MemoryStore,
    families: Vec<Family>,
    enqueued: BTreeMap<MailKey, Vec<DateTime<Utc>>>,
}

impl Town {
    async fn new(zone: Tz, quarters: &[u32], since: DateTime<Utc>) -> Self {
        let store = MemoryStore::default();
        let mut families = Vec::new();
        for quarter in quarters {
            let mut one = family(&format!("at-{quarter}"));
            one.timezone = zone;
            one.notice_time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
            one.created_at = since;
            store.add_family(&one).await.unwrap();
            families.push(one);
        }
        Self {
            store,
            families,
            enqueued: BTreeMap::new(),
        }
    }

    /// Runs a tick; the notices it returns are finalised before the next one.
    async fn tick(&mut self, now: DateTime<Utc>) {
        let input = NotifyAllInput::default();
        let clock = TestClock::at(now);
        let mut tick = NotifyTick::new(
            &self.store,
            &self.store,
            &self.store,
            MailKind::OF_NOTIFY_ALL,
            &input,
            &clock,
        );
        while let Some(found) = tick.next().await.unwrap() {
            assert_eq!(found.finalised, [], "a notice was missed at {now}");
            for notice in found.free {
                let planned = self.store.mail(&notice).await.unwrap().unwrap();
                let skipped = planned
                    .claim(Uuid::nil(), now)
                    .and_then(|claimed| claimed.skip(None, now))
                    .unwrap();
                let revision = planned.revision;
                let replaced = self.store.replace_mail(revision, &skipped, None).await;
                assert!(replaced.unwrap());
                self.enqueued.entry(notice).or_default().push(now);
            }
        }
    }

    /// Asserts one notice for each date around `transition`, at the first tick after its time.
    fn assert_sent_once(&self, zone: Tz, transition: DateTime<Utc>, late: Duration) {
        let today = local_date(transition, zone);
        for family in &self.families {
            for date in [today, today + Duration::days(1)] {
                let notice = MailKey::daily(family.id.clone(), date);
                let enqueued = self.enqueued.get(&notice).map(Vec::as_slice);
                if !date_exists(date, zone) {
                    assert_eq!(enqueued, None, "{zone} has no {date}");
                    continue;
                }
                let due = due_instant(date, family.notice_time, zone);
                let Some([at]) = enqueued else {
                    panic!("{zone} {} {date}: {enqueued:?}", family.notice_time);
                };
                assert!(
                    due <= *at && *at < due + late,
                    "{zone} {date}: {at}, due {due}"
                );
            }
        }
        assert!(
            self.enqueued
                .keys()
                .all(|notice| date_exists(notice.date, zone))
        );
        assert!(self.enqueued.values().all(|times| times.len() == 1));
    }
}

/// Runs ticks from before the local day of `transition` to the end of the day after.
async fn tick_around(zone: Tz, transition: DateTime<Utc>, quarters: &[u32], ticks: Ticks) {
    let start = transition - Duration::hours(26);
    let end = transition + Duration::hours(54);
    let mut town = Town::new(zone, quarters, start).await;
    let (mut now, every) = match ticks {
        Ticks::EveryQuarterTwice => (start, QUARTER),
        Ticks::EveryFiveHours => (start, FIVE_HOURS),
    };
    while now <= end {
        town.tick(now).await;
        if matches!(ticks, Ticks::EveryQuarterTwice) {
            town.tick(now).await;
        }
        now += every;
    }
    town.assert_sent_once(zone, transition, every);
}

/// Tests several kinds of clock changes with a family at every quarter hour.
#[rstest]
#[case::gap_at_night("America/Toronto", "2026-03-08T07:00:00Z")]
#[case::overlap_at_night("America/Toronto", "2026-11-01T06:00:00Z")]
#[case::gap_at_midnight("Africa/Cairo", "2026-04-23T22:00:00Z")]
#[case::overlap_at_midnight("Africa/Cairo", "2026-10-29T21:00:00Z")]
#[case::half_an_hour_back("Australia/Lord_Howe", "2026-04-04T15:00:00Z")]
#[case::a_day_that_is_missing("Pacific/Apia", "2011-12-30T10:00:00Z")]
#[tokio::test]
async fn each_date_is_sent_once_at_every_quarter_hour(
    #[case] zone: &str,
    #[case] transition: &str,
    #[values(Ticks::EveryQuarterTwice, Ticks::EveryFiveHours)] ticks: Ticks,
) {
    let quarters: Vec<u32> = (0..96).collect();
    let (zone, transition) = (zone.parse().unwrap(), transition.parse().unwrap());
    tick_around(zone, transition, &quarters, ticks).await;
}

/// Each change has families at a few quarter hours; the schedule's own tests cover all of them.
#[test]
fn each_date_is_sent_once_over_clock_changes() {
    let Some(transitions) = load_transitions() else {
        return;
    };
    let transitions: Vec<_> = (0..).zip(transitions).collect();
    std::thread::scope(|scope| {
        for part in transitions.chunks(100) {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for (turn, transition) in part {
                    let quarters: Vec<u32> = (turn % 16..96).step_by(16).collect();
                    for ticks in [Ticks::EveryQuarterTwice, Ticks::EveryFiveHours] {
                        let (zone, instant) = (transition.zone, transition.instant_utc);
                        runtime.block_on(tick_around(zone, instant, &quarters, ticks));
                    }
                }
            });
        }
    });
}
