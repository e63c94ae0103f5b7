//! The runs of the next 24 hours.

use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::{Expression, Pause, Schedule};

use super::load::Month;
use super::rows::next_words;
use super::view::Times;

/// How far it looks ahead.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// At most this many runs of one schedule are listed.
const MAX_RUNS_OF_SCHEDULE: usize = 6;

/// At most this many runs are listed.
const MAX_RUNS: usize = 20;

/// The runs that come next.
pub(super) struct ComingRuns {
    pub(super) runs: Vec<ComingRun>,
    /// How many more there are.
    pub(super) more: usize,
}

/// A run that is to come, in words.
pub(super) struct ComingRun {
    pub(super) when: String,
    pub(super) job: JobName,
    pub(super) label: Label,
    /// How often it comes again, for a schedule that runs at a rate.
    pub(super) repeats: Option<String>,
}

/// A time of a schedule.
struct ComingTime<'a> {
    time: DateTime<Utc>,
    next: NextRun,
    schedule: &'a Schedule,
}

impl ComingTime<'_> {
    fn is_rate(&self) -> bool {
        matches!(self.schedule.recurrence.expression, Expression::Rate(_))
    }

    fn describe(&self, times: Times) -> ComingRun {
        let schedule = self.schedule;
        ComingRun {
            when: next_words(schedule, self.next, times),
            job: schedule.job,
            label: schedule.label.clone(),
            repeats: self.is_rate().then(|| schedule.recurrence.describe()),
        }
    }
}

/// Finds the runs of the next 24 hours, soonest first.
pub(super) fn find_coming_runs(
    month: &Month,
    schedules: &[Schedule],
    pauses: &[Pause],
    times: Times,
) -> ComingRuns {
    let end = times.now + WINDOW;
    let mut runs: Vec<ComingTime<'_>> = Vec::new();
    for schedule in schedules.iter().filter(|schedule| schedule.enabled) {
        let labels = &month.history.labels;
        let at = labels.binary_search_by(|history| {
            (history.job, &history.label).cmp(&(schedule.job, &schedule.label))
        });
        let history = at.ok().and_then(|at| labels.get(at));
        let last = history.and_then(|history| history.runs.last());
        let last = last.map(|run| run.scheduled_time);
        let mut now = times.now;
        for _ in 0..MAX_RUNS_OF_SCHEDULE {
            let next = schedule.next_run_after_pauses(now, last, pauses);
            let time = match next {
                NextRun::At(time) => time,
                NextRun::Within { after, .. } => after.max(times.now),
                NextRun::Never => break,
            };
            if time >= end {
                break;
            }
            let run = ComingTime {
                time,
                next,
                schedule,
            };
            let is_rate = run.is_rate();
            runs.push(run);
            // Its later runs count from this one.
            if is_rate {
                break;
            }
            now = time;
        }
    }
    runs.sort_by(|one, other| {
        let key = |run: &ComingTime<'_>| (run.time, run.schedule.job);
        let (one_label, other_label) = (&one.schedule.label, &other.schedule.label);
        key(one)
            .cmp(&key(other))
            .then_with(|| one_label.cmp(other_label))
    });
    let listed = runs.iter().take(MAX_RUNS);
    ComingRuns {
        runs: listed.map(|run| run.describe(times)).collect(),
        more: runs.len().saturating_sub(MAX_RUNS),
    }
}
