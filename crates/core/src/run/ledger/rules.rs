//! When the runs of a label may start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::clock::local_date;
use crate::ids::LibraryId;
use crate::run::RunOutcome;
use crate::schedule::{CatchUp, Overlap, Recurrence, Schedule};

/// When the runs of a label may start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartRules {
    /// How long after its scheduled time a run may start; `None`: no deadline.
    pub start_deadline: Option<Duration>,
    /// Whether the label's runs don't start at all.
    pub is_disabled: bool,
    /// Since when the schedule has had its times: earlier ones were never due, so they can't be missed;
    /// `None`: unknown.
    pub times_since: Option<DateTime<Utc>>,
    /// No run of an earlier scheduled time starts.
    pub start: Option<DateTime<Utc>>,
    /// No run of this scheduled time or a later one starts.
    pub end: Option<DateTime<Utc>>,
    /// No run starts on these days, in the zone of `schedule`.
    pub closed_days: BTreeSet<NaiveDate>,
    /// The days on which the run leaves a library out, in the zone of `schedule`.
    pub closed_libraries: BTreeMap<LibraryId, BTreeSet<NaiveDate>>,
    /// When the label's schedule fires; `None`: missed runs can't be known.
    pub schedule: Option<Recurrence>,
    /// What happens to missed runs; `None`: as the job says.
    pub catch_up: Option<CatchUp>,
    /// Whether runs may overlap; `None`: as the job says.
    pub overlap: Option<Overlap>,
}

impl StartRules {
    /// Returns the rules of a declared schedule.
    pub fn from_schedule(schedule: &Schedule) -> Self {
        Self {
            start_deadline: schedule.start_deadline,
            is_disabled: !schedule.enabled,
            times_since: None,
            start: schedule.start,
            end: schedule.end,
            closed_days: schedule.closed_days.all.clone(),
            closed_libraries: schedule.closed_days.libraries.clone(),
            schedule: Some(schedule.recurrence.clone()),
            catch_up: schedule.catch_up,
            overlap: schedule.overlap,
        }
    }

    /// Returns the outcome of a run that may not start now.
    pub(super) fn forbidden_outcome(
        &self,
        scheduled_time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Option<RunOutcome> {
        let is_late = |deadline| {
            TimeDelta::from_std(deadline).is_ok_and(|deadline| now - scheduled_time > deadline)
        };
        if self.is_disabled {
            Some(RunOutcome::SkippedPaused)
        } else if let Some(outcome) = self.excluded_outcome(scheduled_time) {
            Some(outcome)
        } else if self.start_deadline.is_some_and(is_late) {
            Some(RunOutcome::Missed)
        } else {
            None
        }
    }

    /// Lists the libraries that a run of this scheduled time leaves out.
    pub(super) fn libraries_closed_at(&self, scheduled_time: DateTime<Utc>) -> BTreeSet<LibraryId> {
        let Some(schedule) = &self.schedule else {
            return BTreeSet::new();
        };
        let date = local_date(scheduled_time, schedule.zone);
        let closed = self
            .closed_libraries
            .iter()
            .filter(|(_, days)| days.contains(&date));
        closed.map(|(library, _)| library.clone()).collect()
    }

    /// Whether the schedule excludes a scheduled time: it lies outside its dates or on a closed day.
    pub fn excludes(&self, scheduled_time: DateTime<Utc>) -> bool {
        self.excluded_outcome(scheduled_time).is_some()
    }

    /// Returns the outcome of a run whose schedule excludes its scheduled time. Such a run can't be
    /// missed.
    pub(super) fn excluded_outcome(&self, scheduled_time: DateTime<Utc>) -> Option<RunOutcome> {
        let is_early = self.start.is_some_and(|start| scheduled_time < start);
        let is_over = self.end.is_some_and(|end| scheduled_time >= end);
        if is_early || is_over {
            return Some(RunOutcome::SkippedOutsideDates);
        }
        let schedule = self.schedule.as_ref()?;
        let date = local_date(scheduled_time, schedule.zone);
        if self.closed_days.contains(&date) {
            Some(RunOutcome::SkippedClosed)
        } else if !schedule.fires_on(date) {
            // Where a timer can't say an expression, it fires daily instead.
            Some(RunOutcome::SkippedNotToday)
        } else {
            None
        }
    }
}
