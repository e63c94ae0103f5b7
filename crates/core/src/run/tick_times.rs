//! Whether a tick of `notify-all` may trust the clock.
//!
//! One tick of a wrong clock would make today's notices MISSED, send tomorrow's early and delete
//! data that is still needed. So the first tick whose time contradicts the recorded times only
//! records its time. The next one that agrees with it proceeds. A machine that was off loses one
//! tick.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::CLOCK_TOLERANCE;

/// The clock is in doubt if the store's newest time is further ahead of it than this.
pub const MAX_STORE_CLOCK_LEAD: TimeDelta = TimeDelta::days(1);

/// The clock is in doubt if the last tick was longer ago than this. A schedule may fire once a day.
pub const MAX_TICK_GAP: TimeDelta = TimeDelta::hours(26);

/// A tick within this time after a doubted one ends the doubt, whatever the schedule is.
pub const MAX_CONFIRM_GAP: TimeDelta = TimeDelta::hours(1);

/// When the ticks of `notify-all` came, by their own clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct TickTimes {
    /// The last tick whose clock was trusted.
    pub last: Option<DateTime<Utc>>,
    /// The tick that put the clock in doubt, while it is.
    pub doubted: Option<DateTime<Utc>>,
    /// The time between the last two ticks that were no more than [`MAX_TICK_GAP`] apart, in seconds.
    pub gap_seconds: i64,
    /// Runs recorded up to this time prove nothing about the clock: a wrong clock wrote them.
    pub disregarded_until: Option<DateTime<Utc>>,
    /// When a restored store was first used. Runs before that don't count as missed.
    pub restored_at: Option<DateTime<Utc>>,
}

/// What contradicts the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockDoubt {
    /// The last tick is too long ago: the clock is ahead, or nothing ran since.
    LongSince(DateTime<Utc>),
    /// The store has times in the future: the clock is behind, or was ahead.
    StoreAhead(DateTime<Utc>),
}

/// What a tick does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TickVerdict {
    /// It proceeds.
    Trusted,
    /// It only records its time.
    InDoubt(ClockDoubt),
}

impl TickTimes {
    /// Judges a tick at `now`, where `newest` is the newest recorded time; returns the updated times.
    pub fn judge(&self, newest: Option<DateTime<Utc>>, now: DateTime<Utc>) -> (Self, TickVerdict) {
        let newest = newest
            .filter(|newest| self.disregarded_until.is_none_or(|until| *newest > until))
            .max(self.last);
        let ahead = newest.filter(|newest| *newest - now > MAX_STORE_CLOCK_LEAD);
        let long_since = self.last.filter(|last| now - *last > MAX_TICK_GAP);
        let doubt = match (ahead, long_since) {
            (Some(newest), _) => Some(ClockDoubt::StoreAhead(newest)),
            (None, Some(last)) => Some(ClockDoubt::LongSince(last)),
            (None, None) => None,
        };
        let gap = self.doubted.or(self.last).map(|before| now - before);
        let gap = gap.filter(|gap| CLOCK_TOLERANCE <= *gap && *gap <= MAX_TICK_GAP);
        let gap_seconds = gap.map_or(self.gap_seconds, |gap| gap.num_seconds());
        match doubt {
            Some(doubt) if !self.is_confirmed_at(now) => {
                // A duplicate tick does not restart the wait.
                let is_same = |doubted: &DateTime<Utc>| (now - *doubted).abs() < CLOCK_TOLERANCE;
                let after = Self {
                    doubted: self.doubted.filter(is_same).or(Some(now)),
                    gap_seconds,
                    ..self.clone()
                };
                (after, TickVerdict::InDoubt(doubt))
            }
            doubt => {
                let wrong = match doubt {
                    Some(ClockDoubt::StoreAhead(newest)) => Some(newest),
                    _ => None,
                };
                let after = Self {
                    last: Some(now),
                    doubted: None,
                    gap_seconds,
                    disregarded_until: self
                        .disregarded_until
                        .max(wrong)
                        .filter(|until| *until > now),
                    restored_at: self.restored_at,
                };
                (after, TickVerdict::Trusted)
            }
        }
    }

    /// Whether a tick at `now` confirms the one that put the clock in doubt.
    ///
    /// It comes between a minute and an hour later. If ticks are more than an hour apart, it may
    /// come up to an hour after the last known interval.
    fn is_confirmed_at(&self, now: DateTime<Utc>) -> bool {
        let schedule = TimeDelta::seconds(self.gap_seconds) + MAX_CONFIRM_GAP;
        let longest = match self.gap_seconds > MAX_CONFIRM_GAP.num_seconds() {
            true => schedule,
            false => MAX_CONFIRM_GAP,
        };
        self.doubted
            .is_some_and(|doubted| CLOCK_TOLERANCE <= now - doubted && now - doubted <= longest)
    }

    /// Returns how far the clock went back since the last tick.
    ///
    /// `None`: it is within the tolerance, or so far that the clock is in doubt.
    pub fn backward_jump(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let back = self.last? - now;
        (CLOCK_TOLERANCE < back && back <= MAX_STORE_CLOCK_LEAD).then_some(back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn ticked(last: &str) -> TickTimes {
        TickTimes {
            last: Some(at(last)),
            gap_seconds: 15 * 60,
            ..TickTimes::default()
        }
    }

    fn is_trusted(times: &mut TickTimes, now: DateTime<Utc>) -> bool {
        let (after, judgement) = times.judge(None, now);
        *times = after;
        judgement == TickVerdict::Trusted
    }

    #[test]
    fn first_tick_ever_is_trusted() {
        assert!(is_trusted(
            &mut TickTimes::default(),
            at("2026-11-21T12:00:00Z")
        ));
    }

    #[test]
    fn tick_after_26_hours_waits_for_the_next_one() {
        let mut times = ticked("2026-11-21T12:00:00Z");
        assert!(is_trusted(&mut times.clone(), at("2026-11-22T14:00:00Z")));
        assert!(!is_trusted(&mut times, at("2026-11-22T14:00:01Z")));
        // The same tick once more, then one that is due.
        assert!(!is_trusted(&mut times, at("2026-11-22T14:00:40Z")));
        assert!(is_trusted(&mut times, at("2026-11-22T14:15:00Z")));
        assert!(is_trusted(&mut times, at("2026-11-22T14:30:00Z")));
    }

    #[test]
    fn one_tick_by_a_wrong_clock_changes_nothing() {
        for wrong in [
            "2029-01-01T00:00:00Z",
            "2026-11-23T12:00:00Z",
            "1970-01-01T00:00:00Z",
        ] {
            let mut times = ticked("2026-11-21T12:00:00Z");
            assert!(!is_trusted(&mut times, at(wrong)), "{wrong}");
            assert!(
                is_trusted(&mut times, at("2026-11-21T12:15:00Z")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn confirming_tick_comes_within_an_hour() {
        for (minutes, confirms) in [
            (0, false),
            (1, true),
            (60, true),
            (61, false),
            (3000, false),
        ] {
            let mut times = ticked("2026-11-21T12:00:00Z");
            let wrong = at("2026-12-01T12:00:00Z");
            assert!(!is_trusted(&mut times, wrong));
            let next = wrong + TimeDelta::minutes(minutes);
            assert_eq!(is_trusted(&mut times, next), confirms, "{minutes} minutes");
        }
    }

    #[test]
    fn runs_from_the_future_cast_doubt_on_the_clock_once() {
        let mut times = TickTimes::default();
        let newest = Some(at("2027-11-21T12:00:00Z"));
        let now = at("2026-11-21T12:00:00Z");
        let (after, judgement) = times.judge(newest, now);
        assert!(matches!(
            judgement,
            TickVerdict::InDoubt(ClockDoubt::StoreAhead(_))
        ));
        times = after;
        for minutes in [15, 30, 45] {
            let (after, judgement) = times.judge(newest, now + TimeDelta::minutes(minutes));
            assert_eq!(judgement, TickVerdict::Trusted, "{minutes} minutes");
            times = after;
        }
    }

    #[test]
    fn daily_schedule_recovers_after_a_missed_day() {
        let mut times = TickTimes::default();
        assert!(is_trusted(&mut times, at("2026-11-20T12:00:00Z")));
        assert!(is_trusted(&mut times, at("2026-11-21T12:00:00Z")));
        assert!(!is_trusted(&mut times, at("2026-11-23T12:00:00Z")));
        assert!(is_trusted(&mut times, at("2026-11-24T12:00:00Z")));
    }

    proptest! {
        // Whatever the clock did before, at most three scheduled ticks are lost.
        #[test]
        fn clock_doubt_always_ends(
            jumps in prop::collection::vec(-4_000_000i64..4_000_000, 0..20),
            schedule in 2i64..(24 * 60),
        ) {
            let mut times = TickTimes::default();
            let mut now = at("2026-11-21T12:00:00Z");
            for jump in jumps {
                now += TimeDelta::seconds(jump);
                is_trusted(&mut times, now);
            }
            let mut lost = 0;
            for _ in 0..6 {
                now += TimeDelta::minutes(schedule);
                lost += usize::from(!is_trusted(&mut times, now));
            }
            prop_assert!(lost <= 3, "{lost} of 6 ticks are lost");
            prop_assert!(is_trusted(&mut times, now + TimeDelta::minutes(schedule)));
        }
    }
}
