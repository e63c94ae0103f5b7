//! An expression in a time zone, and the instants at which it fires.

use chrono::{
    DateTime, Duration, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _,
    TimeZone as _, Timelike as _, Utc,
};
use chrono_tz::Tz;

use super::expression::{Expression, Rate};
use crate::clock::{due_instant, local_date};

/// When a schedule fires: an expression in a time zone.
///
/// Like EventBridge Scheduler: a time in a clock gap is left out, and one that occurs twice fires at
/// the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The expression.
    pub expression: Expression,
    /// The zone of its local times.
    pub zone: Tz,
}

/// A time of an expression, as the clocks of its zone have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// It fires at this instant.
    At(DateTime<Tz>),
    /// It doesn't fire: the clocks go forward over this local time.
    Skipped(NaiveDateTime),
}

impl Occurrence {
    /// The instant at which it fires, or at which the clocks skip it.
    pub fn instant(&self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::At(instant) => instant.to_utc(),
            Self::Skipped(local) => due_instant(local.date(), local.time(), zone),
        }
    }
}

/// From when on [`Recurrence::shortest_gap`] looks, and at how many gaps: those of a day of minutes, or of
/// four years of days.
const GAPS_SINCE: Duration = Duration::days(20_454); // since 1970: 2026-01-01
const MAX_GAPS: usize = 1500;

impl Recurrence {
    /// Returns the first time after `after`, or `None` if there is none.
    ///
    /// For a rate, `after` must be a time at which it fired, since a rate has no times of its own.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.times_after(after).next()
    }

    /// Lists when it fires after `after`, oldest first; for a rate, see [`Self::next_after`].
    pub fn times_after(
        &self,
        after: DateTime<Utc>,
    ) -> Box<dyn Iterator<Item = DateTime<Utc>> + '_> {
        match &self.expression {
            Expression::Rate(rate) => {
                let period = period(*rate);
                let next = move |time: &DateTime<Utc>| time.checked_add_signed(period);
                Box::new(std::iter::successors(next(&after), next))
            }
            Expression::At(at) => {
                let instant = first_instant(*at, self.zone);
                Box::new(instant.filter(|at| *at > after).into_iter())
            }
            Expression::Cron(cron) => {
                let zone = self.zone;
                let first = local_date(after, zone);
                let times = cron.dates_from(first).flat_map(move |date| {
                    // On the first date, the times before `after` need no look.
                    let begin = if date == first {
                        let local = after.with_timezone(&zone).time();
                        let minute_of_day = local.hour() * 60 + local.minute();
                        let is_before = |minute: &u32| *minute < minute_of_day;
                        cron.times().partition_point(is_before)
                    } else {
                        0
                    };
                    DayTimes::new(date, cron.times().get(begin..).unwrap_or_default(), zone)
                });
                Box::new(times.filter(move |instant| *instant > after))
            }
        }
    }

    /// Lists its times from `from` on, also those that the clocks skip. A rate fires first at `from`.
    pub fn occurrences_from(
        &self,
        from: DateTime<Utc>,
    ) -> Box<dyn Iterator<Item = Occurrence> + '_> {
        let zone = self.zone;
        let at = move |time: DateTime<Utc>| Occurrence::At(time.with_timezone(&zone));
        match &self.expression {
            Expression::Rate(_) => {
                Box::new(std::iter::once(from).chain(self.times_after(from)).map(at))
            }
            Expression::At(local) => {
                let occurrence = occurrence(*local, zone);
                Box::new(
                    Some(occurrence)
                        .filter(move |it| it.instant(zone) >= from)
                        .into_iter(),
                )
            }
            Expression::Cron(cron) => {
                let times = cron
                    .dates_from(local_date(from, zone))
                    .flat_map(move |date| {
                        let local = move |minute: &u32| date.and_time(time_of_day(*minute));
                        cron.times()
                            .iter()
                            .map(move |minute| occurrence(local(minute), zone))
                    });
                Box::new(times.filter(move |it| it.instant(zone) >= from))
            }
        }
    }

    /// Lists when it fires after `after` and before `before`, oldest first.
    ///
    /// A time of a rate that is at most half a period before `before` counts as the one at `before`,
    /// since runs don't start exactly on the second.
    pub fn between(&self, after: DateTime<Utc>, before: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let slack = match &self.expression {
            Expression::Rate(rate) => period(*rate) / 2,
            _ => Duration::zero(),
        };
        let is_before = |time: &DateTime<Utc>| {
            let time = time.checked_add_signed(slack);
            time.is_some_and(|time| time < before)
        };
        self.times_after(after).take_while(is_before).collect()
    }

    /// Returns the last time at which it fired, up to `now`.
    ///
    /// `None` for a rate, whose times depend on when it began, or if it has not fired yet.
    pub fn latest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match &self.expression {
            Expression::Rate(_) => None,
            Expression::At(at) => first_instant(*at, self.zone).filter(|at| *at <= now),
            Expression::Cron(cron) => {
                // Where the clocks go back over midnight, a time of the next date may have passed.
                let today = local_date(now, self.zone);
                let dates = cron.dates_back_from(today.succ_opt().unwrap_or(today));
                let times = dates.flat_map(|date| {
                    let local = move |minute: &u32| date.and_time(time_of_day(*minute));
                    cron.times().iter().rev().map(local)
                });
                times
                    .filter_map(|local| first_instant(local, self.zone))
                    .find(|instant| *instant <= now)
            }
        }
    }

    /// Returns the last time up to `now` of a timer that fires at its times of day on every day of its
    /// months and years; `None` for anything but a `cron()`.
    pub fn latest_on_any_day(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Expression::Cron(cron) = &self.expression else {
            return None;
        };
        let daily = Self {
            expression: Expression::Cron(cron.on_every_day()),
            zone: self.zone,
        };
        daily.latest(now)
    }

    /// Returns the shortest time between two of its times; `None` if it has less than two.
    pub fn shortest_gap(&self) -> Option<std::time::Duration> {
        let mut times = self
            .times_after(DateTime::UNIX_EPOCH + GAPS_SINCE)
            .take(MAX_GAPS + 1);
        let mut last = times.next()?;
        let gaps = times.map(|time| time - std::mem::replace(&mut last, time));
        gaps.min()?.to_std().ok()
    }

    /// Whether it fires on a local date. A rate may on any.
    pub fn fires_on(&self, date: NaiveDate) -> bool {
        match &self.expression {
            Expression::Rate(_) => true,
            Expression::At(at) => at.date() == date && first_instant(*at, self.zone).is_some(),
            Expression::Cron(cron) => {
                cron.selects(date)
                    && DayTimes::new(date, cron.times(), self.zone)
                        .next()
                        .is_some()
            }
        }
    }
}

fn period(rate: Rate) -> Duration {
    Duration::minutes(rate.minutes().into())
}

fn time_of_day(minute: u32) -> NaiveTime {
    NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap_or(NaiveTime::MIN)
}

/// The first instant with this local time; `None` if the clocks skip it.
fn first_instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    match occurrence(local, zone) {
        Occurrence::At(instant) => Some(instant.to_utc()),
        Occurrence::Skipped(_) => None,
    }
}

fn occurrence(local: NaiveDateTime, zone: Tz) -> Occurrence {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Occurrence::At(instant),
        LocalResult::Ambiguous(first, second) => Occurrence::At(first.min(second)),
        LocalResult::None => Occurrence::Skipped(local),
    }
}

/// The instants of the times of one local date, in order.
struct DayTimes<'a> {
    date: NaiveDate,
    /// Minutes since midnight that are still to come.
    minutes: &'a [u32],
    zone: Tz,
    /// The offset from UTC, if the clocks don't change on this date.
    offset: Option<FixedOffset>,
}

impl<'a> DayTimes<'a> {
    fn new(date: NaiveDate, minutes: &'a [u32], zone: Tz) -> Self {
        let offset_at = |time| match zone.offset_from_local_datetime(&date.and_time(time)) {
            LocalResult::Single(offset) => Some(offset.fix()),
            _ => None,
        };
        let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
        // For few times, looking at the whole day costs more than it saves.
        let offset = match minutes {
            [_, _, _, ..] => {
                offset_at(NaiveTime::MIN).filter(|begin| offset_at(last) == Some(*begin))
            }
            _ => None,
        };
        Self {
            date,
            minutes,
            zone,
            offset,
        }
    }
}

impl Iterator for DayTimes<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<DateTime<Utc>> {
        loop {
            let (minute, rest) = self.minutes.split_first()?;
            self.minutes = rest;
            let local = |minute: u32| self.date.and_time(time_of_day(minute));
            if let Some(offset) = self.offset {
                let utc = local(*minute).checked_sub_offset(offset)?;
                return Some(utc.and_utc());
            }
            if let Some(instant) = first_instant(local(*minute), self.zone) {
                return Some(instant);
            }
            // The clocks skip this time: go on behind the gap.
            let is_skipped = |minute: &u32| first_instant(local(*minute), self.zone).is_none();
            let end = self.minutes.partition_point(is_skipped);
            self.minutes = self.minutes.get(end..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
