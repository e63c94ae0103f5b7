//! When a family's notices are due: one instant for each local date, even if its schedule or the
//! clocks change.

use std::borrow::Cow;
use std::ops::Range;

use chrono::{DateTime, Days, Duration, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::Family;
use crate::clock::{date_exists, due_instant, local_date, start_of_day};
use crate::mail::MailKind;

/// How far back a tick looks for notices that should have been planned.
pub const CATCH_UP_WINDOW: Duration = Duration::hours(6);

/// A notice that has been due for longer than two ticks is late.
pub const LATE_AFTER: Duration = Duration::minutes(30);

/// The longest pause with an end: two years.
pub const MAX_PAUSE: Duration = Duration::days(731);

/// How far back a tick looks for days that passed without a record.
pub const MISSED_DAY_WINDOW: Duration = Duration::days(7);

/// A family's earlier schedules, and the start of its notices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleHistory {
    /// The earlier schedules that still matter, oldest first.
    pub past: Vec<PastSchedule>,
    /// When the present schedule was chosen; `None`: it is the first.
    pub since: Option<DateTime<Utc>>,
    /// When the last pause ended; days before are not missed.
    pub resumed_at: Option<DateTime<Utc>>,
}

/// An earlier schedule, and the local dates it applied to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PastSchedule {
    /// The zone.
    pub timezone: Tz,
    /// The local time of day.
    pub notice_time: NaiveTime,
    /// When it was chosen; `None`: it was the first.
    pub since: Option<DateTime<Utc>>,
    /// The first local date that it no longer applies to.
    pub until: NaiveDate,
}

/// A schedule and the local dates it applies to.
#[derive(Debug, Clone, Copy)]
struct Segment {
    zone: Tz,
    time: NaiveTime,
    /// The earliest due time: the later of when it was chosen and the last due time of the previous
    /// schedule.
    floor: Option<DateTime<Utc>>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
}

impl Segment {
    fn owns(&self, date: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }

    /// The instant from which the notice of a date may be sent.
    fn due(&self, date: NaiveDate) -> DateTime<Utc> {
        let due = due_instant(date, self.time, self.zone);
        // In a zone further east, the time of day may have passed already when the schedule was
        // chosen.
        self.floor.map_or(due, |floor| due.max(floor))
    }

    fn window_start(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = local_date(now, self.zone);
        (now - CATCH_UP_WINDOW).min(start_of_day(today, self.zone))
    }

    /// Its dates whose notice is due from `from` to `to`, oldest first.
    fn dates(
        self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> impl Iterator<Item = (NaiveDate, DateTime<Utc>)> {
        // A clock gap may move a due time past midnight. A change of zone may move it by another
        // day.
        let further = if self.floor.is_some() { 2 } else { 1 };
        let first = local_date(from, self.zone)
            .checked_sub_days(Days::new(further))
            .unwrap_or(NaiveDate::MIN);
        let last = local_date(to, self.zone);
        std::iter::successors(Some(first), NaiveDate::succ_opt)
            .take_while(move |date| *date <= last)
            .filter(move |date| self.owns(*date))
            .map(move |date| (date, self.due(date)))
            .filter(move |(_, due)| from <= *due && *due <= to)
            .filter(move |(date, _)| date_exists(*date, self.zone))
    }
}

impl Family {
    /// Changes when the notice is sent, from the family's next local date on.
    ///
    /// Every local date has one notice. The day of the change keeps the old schedule. If a date's
    /// time in the new schedule has passed already, its notice is due at once.
    pub fn reschedule(&mut self, timezone: Tz, notice_time: NaiveTime, now: DateTime<Utc>) {
        if (self.timezone, self.notice_time) == (timezone, notice_time) {
            return;
        }
        let in_force = self.segments().find(|segment| {
            segment
                .until
                .is_none_or(|until| local_date(now, segment.zone) < until)
        });
        let today = local_date(now, in_force.map_or(self.timezone, |segment| segment.zone));
        let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
        let history = &mut self.history;
        let begun_until = history.past.last().map(|past| past.until);
        if begun_until.is_none_or(|until| until <= today) {
            history.past.push(PastSchedule {
                timezone: self.timezone,
                notice_time: self.notice_time,
                since: history.since,
                until: tomorrow,
            });
        }
        // Otherwise the replaced schedule never applied, and the one before it continues.
        let forgotten = today
            .checked_sub_days(Days::new(MISSED_DAY_WINDOW.num_days().unsigned_abs() + 2))
            .unwrap_or(today);
        history.past.retain(|past| past.until >= forgotten);
        history.since = Some(now);
        self.timezone = timezone;
        self.notice_time = notice_time;
    }

    /// Returns the family with the schedule of this kind in place of the notice's; `None`: it doesn't want that kind.
    ///
    /// All kinds share the family's time zones, so that each has one mail for every local date.
    pub fn with_schedule_of(&self, kind: &MailKind) -> Option<Cow<'_, Self>> {
        if *kind != MailKind::PICTURE {
            return Some(Cow::Borrowed(self));
        }
        let picture = self.preferences.picture?;
        let mut family = self.clone();
        family.notice_time = picture.time;
        for past in &mut family.history.past {
            past.notice_time = picture.time;
        }
        family.created_at = family.created_at.max(picture.since);
        Some(Cow::Owned(family))
    }

    /// Pauses the emails from today's on, of the local dates before `until`; `None`: until a person
    /// resumes them. A family that is paused already stays so from the same date on.
    ///
    /// Days of the pause are not missed.
    pub fn pause(&mut self, until: Option<NaiveDate>, now: DateTime<Utc>) {
        self.pause_from(local_date(now, self.timezone), until, now);
    }

    /// Pauses the emails as [`Family::pause`] does, but from the local date `since` on.
    ///
    /// Replaces a pause that hasn't begun. One that has begun only gets another end.
    pub fn pause_from(&mut self, since: NaiveDate, until: Option<NaiveDate>, now: DateTime<Utc>) {
        self.end_expired_pause(now);
        if !self.is_paused_at(now) {
            let today = local_date(now, self.timezone);
            self.paused = true;
            self.paused_since = Some(since.max(today));
        }
        self.paused_until = until;
    }

    /// The first local date of a pause that hasn't begun at `now`.
    pub fn next_pause(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        let since = self.paused_since.filter(|_| self.paused)?;
        (since > local_date(now, self.timezone)).then_some(since)
    }

    /// Resumes the notices.
    pub fn resume(&mut self, now: DateTime<Utc>) {
        if !self.paused {
            return;
        }
        if self.next_pause(now).is_none() {
            let end = self.end_of_pause().map_or(now, |end| end.min(now));
            self.history.resumed_at = Some(end);
        }
        self.paused = false;
        self.paused_since = None;
        self.paused_until = None;
    }

    /// Resumes the notices if their pause is over.
    pub fn end_expired_pause(&mut self, now: DateTime<Utc>) {
        if self.end_of_pause().is_some_and(|end| end <= now) {
            self.resume(now);
        }
    }

    /// Whether the notice of this local date is paused. The dates of an ended pause still are.
    pub fn is_paused_on(&self, date: NaiveDate) -> bool {
        self.paused
            && self.paused_since.is_none_or(|since| since <= date)
            && self.paused_until.is_none_or(|until| date < until)
    }

    /// Whether the notice of the family's local date at `now` is paused.
    pub fn is_paused_at(&self, now: DateTime<Utc>) -> bool {
        self.is_paused_on(local_date(now, self.timezone))
    }

    /// Whether the mail of this local date is not to be sent at `now`, because the date or today is
    /// paused.
    pub fn is_mail_paused(&self, date: NaiveDate, now: DateTime<Utc>) -> bool {
        self.is_paused_on(date) || self.is_paused_at(now)
    }

    fn end_of_pause(&self) -> Option<DateTime<Utc>> {
        let until = self.paused_until.filter(|_| self.paused)?;
        Some(start_of_day(until, self.timezone))
    }

    /// The local dates whose notice is due and not yet out of date at `now`, oldest first; paused ones
    /// too.
    ///
    /// The window reaches back six hours, or to the start of the family's current local date if
    /// that is longer. So the tick after midnight still plans a notice of 23:45, for the day
    /// before.
    pub fn due_dates(&self, now: DateTime<Utc>) -> Vec<NaiveDate> {
        self.segments()
            .flat_map(|segment| segment.dates(segment.window_start(now), now))
            .map(|(date, _)| date)
            .filter(|date| *date >= self.first_date())
            .collect()
    }

    /// The local dates of the last seven days whose window has passed at `now`, oldest first: each
    /// should have a record, unless it was paused.
    pub fn passed_dates(&self, now: DateTime<Utc>) -> Vec<NaiveDate> {
        // No notice was due before the family was added, or while it was paused.
        let owed_since = self.history.resumed_at.unwrap_or(self.created_at);
        self.segments()
            .flat_map(|segment| {
                let end = segment.window_start(now);
                segment
                    .dates(now - MISSED_DAY_WINDOW, end)
                    .filter(move |(_, due)| *due < end)
            })
            .filter(|(_, due)| owed_since.max(self.created_at) <= *due)
            .map(|(date, _)| date)
            .collect()
    }

    /// Whether the window in which the notice of `date` may be sent has passed at `now`.
    pub fn has_passed(&self, date: NaiveDate, now: DateTime<Utc>) -> bool {
        self.segments()
            .find(|segment| segment.owns(date))
            .is_some_and(|segment| segment.due(date) < segment.window_start(now))
    }

    /// The time in which a tick plans the notice of a date: from when it is due until it is out of date.
    pub(crate) fn planning_window(&self, date: NaiveDate) -> Option<Range<DateTime<Utc>>> {
        let segment = self.segments().find(|segment| segment.owns(date))?;
        let due = segment.due(date);
        let next_day = local_date(due, segment.zone).succ_opt()?;
        Some(due..start_of_day(next_day, segment.zone).max(due + CATCH_UP_WINDOW))
    }

    /// When a date's notice is due, by the schedule that applies to the date.
    ///
    /// If that schedule was chosen later than this instant, the notice is due at once.
    pub fn scheduled_instant(&self, date: NaiveDate) -> DateTime<Utc> {
        let segment = self.segments().find(|segment| segment.owns(date));
        let (time, zone) = segment.map_or((self.notice_time, self.timezone), |segment| {
            (segment.time, segment.zone)
        });
        due_instant(date, time, zone)
    }

    /// When the next notice is due, after `now` and on no paused date.
    pub fn next_due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before_pause = self.next_due_from(now, now);
        before_pause.or_else(|| {
            // The date after the pause may have begun in another zone.
            let resumed = self.end_of_pause()?.checked_sub_signed(Duration::days(2))?;
            self.next_due_from(now.max(resumed), now)
        })
    }

    fn next_due_from(&self, from: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A pause may end at the end of time.
        let soon = from.checked_add_signed(Duration::days(6))?;
        self.segments()
            .flat_map(|segment| segment.dates(from, soon))
            .filter(|(date, due)| *due > now && !self.is_paused_on(*date))
            .map(|(_, due)| due)
            .min()
    }

    /// The local date of the day on which the family was added.
    pub(crate) fn first_date(&self) -> NaiveDate {
        let zone = self.history.past.first().map(|past| past.timezone);
        local_date(self.created_at, zone.unwrap_or(self.timezone))
    }

    /// The schedules and their dates, oldest first; no date has two.
    fn segments(&self) -> impl Iterator<Item = Segment> {
        let present = PastSchedule {
            timezone: self.timezone,
            notice_time: self.notice_time,
            since: self.history.since,
            until: NaiveDate::MAX,
        };
        let schedules = self.history.past.iter().cloned().chain([present]);
        let mut before: Option<(NaiveDate, DateTime<Utc>)> = None;
        schedules.map(move |schedule| {
            let until = schedule.until;
            let segment = Segment {
                zone: schedule.timezone,
                time: schedule.notice_time,
                floor: schedule.since.max(before.map(|(_, last_due)| last_due)),
                from: before.map(|(end, _)| end),
                until: (until != NaiveDate::MAX).then_some(until),
            };
            // No date may be due before the previous one.
            if let Some(last) = segment.until.and_then(|until| until.pred_opt()) {
                before = Some((until, segment.due(last)));
            }
            segment
        })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod vectors;
