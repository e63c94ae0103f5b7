//! When a schedule's next run starts.

use chrono::{DateTime, Days, Duration, NaiveTime, TimeZone as _, Utc};

use super::Schedule;
use crate::clock::local_date;
use crate::schedule::expression::Expression;
use crate::schedule::pause::{Pause, end_of_pauses};

/// When a schedule's next run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextRun {
    /// At this time.
    At(DateTime<Utc>),
    /// At most one period of its rate after this time.
    Within {
        /// From when on it runs.
        after: DateTime<Utc>,
        /// The period.
        period: Duration,
    },
    /// Never again.
    Never,
}

impl Schedule {
    /// Finds its next run after `now`, within its dates and outside its closed days.
    ///
    /// `last` is the scheduled time of its last run, from which a rate counts.
    pub fn next_run(&self, now: DateTime<Utc>, last: Option<DateTime<Utc>>) -> NextRun {
        if !self.enabled {
            return NextRun::Never;
        }
        let just_before_start = self.start.map(|start| start - Duration::nanoseconds(1));
        let mut from = just_before_start.map_or(now, |start| start.max(now));
        if let Expression::Rate(_) = &self.recurrence.expression {
            let Some(next) = self.recurrence.next_after(from) else {
                return NextRun::Never;
            };
            let period = next - from;
            let next = last.map(|last| last + period).filter(|next| *next > from);
            if let Some(next) = next.filter(|next| !self.is_closed(*next)) {
                return self.before_end(next).map_or(NextRun::Never, NextRun::At);
            }
            while self.is_closed(from) {
                match self.next_midnight(from) {
                    Some(midnight) => from = midnight,
                    None => return NextRun::Never,
                }
            }
            return match self.before_end(from) {
                Some(_) => NextRun::Within {
                    after: from.max(self.start.unwrap_or(from)),
                    period,
                },
                None => NextRun::Never,
            };
        }
        // Each turn leaves a closed day behind, or ends.
        while let Some(next) = self.recurrence.next_after(from) {
            if !self.is_closed(next) {
                return self.before_end(next).map_or(NextRun::Never, NextRun::At);
            }
            match self.next_midnight(next) {
                Some(midnight) => from = midnight - Duration::nanoseconds(1),
                None => return NextRun::Never,
            }
        }
        NextRun::Never
    }

    /// Finds its next run like [`Schedule::next_run`], after the pauses of its label.
    pub fn next_run_after_pauses(
        &self,
        now: DateTime<Utc>,
        last: Option<DateTime<Utc>>,
        pauses: &[Pause],
    ) -> NextRun {
        let end = match end_of_pauses(pauses, &self.label, now) {
            None => return NextRun::Never,
            Some(end) if end <= now => return self.next_run(now, last),
            Some(end) => end,
        };
        match self.next_run(end - Duration::nanoseconds(1), last) {
            NextRun::Within { after, period } => NextRun::Within {
                after: after.max(end),
                period,
            },
            next => next,
        }
    }

    fn before_end(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let is_over = self.end.is_some_and(|end| time >= end);
        (!is_over).then_some(time)
    }

    fn is_closed(&self, time: DateTime<Utc>) -> bool {
        let date = local_date(time, self.recurrence.zone);
        self.closed_days.all.contains(&date)
    }

    /// The first instant of the next local day; at most an hour late where the clocks skip midnight.
    fn next_midnight(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let zone = self.recurrence.zone;
        let date = local_date(time, zone).checked_add_days(Days::new(1))?;
        let midnight = date.and_time(NaiveTime::MIN);
        let instant = |hours| {
            let local = midnight.checked_add_signed(Duration::hours(hours))?;
            zone.from_local_datetime(&local).earliest()
        };
        // A zone that skips a whole day shows the day after it.
        (0..=25).find_map(instant).map(|instant| instant.to_utc())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::JobName;
    use crate::schedule::declaration::{ClosedDays, OnFailure};
    use crate::schedule::recurrence::Recurrence;

    fn schedule(expression: &str) -> Schedule {
        Schedule {
            label: "all".parse().unwrap(),
            job: JobName::CHECK_CARDS,
            recurrence: Recurrence {
                expression: expression.parse().unwrap(),
                zone: chrono_tz::America::Toronto,
            },
            input: serde_json::Map::new(),
            start: None,
            end: None,
            closed_days: ClosedDays::default(),
            enabled: true,
            overlap: None,
            start_deadline: None,
            catch_up: None,
            flexible: None,
            log_level: None,
            on_failure: OnFailure::Mail,
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    const NOW: &str = "2026-11-21T12:00:00Z";

    #[rstest]
    #[case::plain(None, None, &[], Some("2026-11-22T10:00:00Z"))]
    #[case::before_its_start(Some("2026-12-01T10:00:00Z"), None, &[], Some("2026-12-01T10:00:00Z"))]
    #[case::end_is_exclusive(None, Some("2026-11-22T10:00:00Z"), &[], None)]
    #[case::closed(None, None, &["2026-11-22", "2026-11-23"], Some("2026-11-24T10:00:00Z"))]
    #[case::closed_until_its_end(None, Some("2026-11-23T00:00:00Z"), &["2026-11-22"], None)]
    fn next_run_is_within_its_dates_and_open_days(
        #[case] start: Option<&str>,
        #[case] end: Option<&str>,
        #[case] closed: &[&str],
        #[case] expected: Option<&str>,
    ) {
        let mut daily = schedule("cron(0 5 * * ? *)");
        (daily.start, daily.end) = (start.map(at), end.map(at));
        daily.closed_days.all = closed.iter().map(|date| date.parse().unwrap()).collect();
        let expected = expected.map_or(NextRun::Never, |time| NextRun::At(at(time)));
        assert_eq!(daily.next_run(at(NOW), None), expected);
        daily.enabled = false;
        assert_eq!(daily.next_run(at(NOW), None), NextRun::Never);
    }

    #[test]
    fn rate_counts_from_its_last_run_if_that_is_recent() {
        let ticks = schedule("rate(15 minutes)");
        let next = |last: Option<&str>| ticks.next_run(at(NOW), last.map(at));
        let within = NextRun::Within {
            after: at(NOW),
            period: Duration::minutes(15),
        };
        assert_eq!(
            next(Some("2026-11-21T11:50:00Z")),
            NextRun::At(at("2026-11-21T12:05:00Z"))
        );
        assert_eq!(next(Some("2026-11-20T11:50:00Z")), within);
        assert_eq!(next(None), within);
    }

    #[test]
    fn next_run_is_after_the_pause_of_its_label() {
        let pause = |until: Option<&str>| Pause {
            label: Some("all".parse().unwrap()),
            since: at("2026-11-21T11:00:00Z"),
            until: until.map(at),
            by: "ana".to_owned(),
            why: None,
        };
        let (daily, ticks) = (schedule("cron(0 5 * * ? *)"), schedule("rate(15 minutes)"));
        let next = |schedule: &Schedule, pauses: &[Pause]| {
            let last = at("2026-11-21T11:50:00Z");
            schedule.next_run_after_pauses(at(NOW), Some(last), pauses)
        };
        assert_eq!(next(&daily, &[]), NextRun::At(at("2026-11-22T10:00:00Z")));
        assert_eq!(next(&daily, &[pause(None)]), NextRun::Never);
        // It runs at the very end of the pause.
        let until = "2026-11-25T10:00:00Z";
        assert_eq!(next(&daily, &[pause(Some(until))]), NextRun::At(at(until)));
        let within = NextRun::Within {
            after: at(until),
            period: Duration::minutes(15),
        };
        assert_eq!(next(&ticks, &[pause(Some(until))]), within);
        let over = pause(Some("2026-11-21T11:30:00Z"));
        assert_eq!(
            next(&ticks, &[over]),
            NextRun::At(at("2026-11-21T12:05:00Z"))
        );
    }

    #[test]
    fn rate_waits_for_its_start_and_for_an_open_day() {
        let mut ticks = schedule("rate(15 minutes)");
        let after = |ticks: &Schedule| match ticks.next_run(at(NOW), Some(at(NOW))) {
            NextRun::Within { after, .. } => after,
            other => panic!("{other:?}"),
        };
        ticks.closed_days.all = ["2026-11-21".parse().unwrap()].into();
        assert_eq!(after(&ticks), at("2026-11-22T05:00:00Z"));
        ticks.start = Some(at("2026-12-01T05:00:00Z"));
        assert_eq!(after(&ticks), at("2026-12-01T05:00:00Z"));
        ticks.end = Some(at("2026-11-30T05:00:00Z"));
        assert_eq!(ticks.next_run(at(NOW), None), NextRun::Never);
    }
}
