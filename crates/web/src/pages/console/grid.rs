//! The grid: a row for each job and label, with a square for each day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hippo_core::ids::Label;
use hippo_core::notice::phrases::count;
use hippo_core::run::grid::{GridDay, GridRow, build_grid, seconds_words};
use hippo_core::run::history::PastRun;
use hippo_core::run::{JobName, RunKey, RunOutcome};
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::declaration::table::PERSON_LABEL;
use hippo_core::schedule::pause::{active_pause, end_of_pauses};
use hippo_core::schedule::{Pause, Schedule};

use super::load::Month;
use super::view::{Times, run_path, tone_class};

/// With more rows than this, only the squares that need a look name their day.
const MAX_ROWS_WITH_DATES: usize = 60;

/// A row of the grid.
pub(super) struct RowView {
    pub(super) job: JobName,
    pub(super) label: Label,
    /// When it runs, in words.
    pub(super) words: String,
    /// The name of its zone; `None`: it is not declared.
    pub(super) zone: Option<&'static str>,
    pub(super) last: Option<LastRun>,
    /// When it runs next; `None`: it is not declared.
    pub(super) next: Option<String>,
    /// Who paused it, until when and why.
    pub(super) paused: Option<String>,
    /// The median duration.
    pub(super) median: Option<String>,
    pub(super) squares: Vec<SquareView>,
    /// The month in words, for a screen reader.
    pub(super) summary: String,
}

/// The last run of a row.
pub(super) struct LastRun {
    pub(super) time: String,
    pub(super) outcome: &'static str,
    pub(super) class: &'static str,
    pub(super) path: String,
}

/// A day of a row.
pub(super) struct SquareView {
    pub(super) sign: &'static str,
    pub(super) class: &'static str,
    /// The day and its outcomes.
    pub(super) title: Option<String>,
    /// The page of its worst run, if that needs a look.
    pub(super) path: Option<String>,
}

/// Builds the rows: every declared schedule, and every other label that ran.
pub(super) fn build_rows(
    month: &Month,
    schedules: &[Schedule],
    pauses: &[Pause],
    times: Times,
) -> Vec<RowView> {
    let grid = build_grid(&month.history.labels, month.from, month.to, times.zone);
    let mut rows: BTreeMap<(JobName, &Label), RowSource<'_>> = BTreeMap::new();
    for schedule in schedules {
        let row = rows.entry((schedule.job, &schedule.label)).or_default();
        row.schedule = Some(schedule);
    }
    for row in &grid.labels {
        rows.entry((row.job, &row.label)).or_default().grid = Some(row);
    }
    for history in &month.history.labels {
        if let Some(row) = rows.get_mut(&(history.job, &history.label)) {
            row.last = history.runs.last();
        }
    }
    let has_dates = rows.len() <= MAX_ROWS_WITH_DATES;
    let rows = rows.into_iter();
    rows.map(|((job, label), source)| {
        let mut view = source.view(job, label, pauses, times);
        let days = source.grid.map_or(&[][..], |row| &row.days);
        view.squares = squares((month.from, month.to), job, label, days, has_dates);
        view
    })
    .collect()
}

/// What a row is built from.
#[derive(Default)]
struct RowSource<'a> {
    schedule: Option<&'a Schedule>,
    grid: Option<&'a GridRow>,
    last: Option<&'a PastRun>,
}

impl RowSource<'_> {
    fn view(&self, job: JobName, label: &Label, pauses: &[Pause], times: Times) -> RowView {
        let zone = self.schedule.map(|schedule| schedule.recurrence.zone);
        let words = match self.schedule {
            Some(schedule) => schedule.recurrence.describe(),
            None if label.as_str() == PERSON_LABEL => "when a person starts it".to_owned(),
            None => "not declared".to_owned(),
        };
        let key = |run: &PastRun| RunKey {
            job,
            label: label.clone(),
            scheduled_time: run.scheduled_time,
        };
        let last = self.last.map(|run| LastRun {
            time: times.show_in(run.scheduled_time, zone.unwrap_or(times.zone)),
            outcome: run.outcome.as_str(),
            class: tone_class(run.outcome.sign().1),
            path: run_path(&key(run)),
        });
        let last_time = self.last.map(|run| run.scheduled_time);
        RowView {
            job,
            label: label.clone(),
            words,
            zone: zone.map(|zone| zone.name()),
            last,
            next: self.schedule.map(|schedule| {
                let next = schedule.next_run_after_pauses(times.now, last_time, pauses);
                match end_of_pauses(pauses, &schedule.label, times.now) {
                    None if schedule.enabled => "when it is resumed".to_owned(),
                    _ => next_words(schedule, next, times),
                }
            }),
            paused: self.schedule.and_then(|schedule| {
                let pause = active_pause(pauses, &schedule.label, times.now)?;
                Some(pause_words(pause, times))
            }),
            median: self
                .grid
                .and_then(|row| row.median_seconds)
                .map(seconds_words),
            squares: Vec::new(),
            summary: summary(self.grid),
        }
    }
}

/// Says when a schedule runs next.
pub(super) fn next_words(schedule: &Schedule, next: NextRun, times: Times) -> String {
    let zone = schedule.recurrence.zone;
    match next {
        _ if !schedule.enabled => "disabled".to_owned(),
        NextRun::At(time) => times.show_in(time, zone),
        NextRun::Within { after, period } if after > times.now => {
            let after = times.show_in(after, zone);
            format!("within {} min of {after}", period.num_minutes())
        }
        NextRun::Within { period, .. } => format!("within {} min", period.num_minutes()),
        NextRun::Never => "never".to_owned(),
    }
}

/// Says who paused, since when, until when and why.
pub(super) fn pause_words(pause: &Pause, times: Times) -> String {
    let what = match pause.label {
        Some(_) => "Paused",
        None => "All schedules are paused",
    };
    let since = times.show(pause.since);
    let until = match pause.until {
        Some(until) => format!(", until {}", times.show(until)),
        None => ", until somebody resumes it".to_owned(),
    };
    format!("{what} {}, since {since}{until}", pause.by_whom_and_why())
}

fn squares(
    (from, to): (NaiveDate, NaiveDate),
    job: JobName,
    label: &Label,
    days: &[GridDay],
    has_dates: bool,
) -> Vec<SquareView> {
    let mut days = days.iter().peekable();
    let dates = from.iter_days().take_while(|date| *date <= to);
    dates
        .map(|date| match days.next_if(|day| day.date == date) {
            Some(day) => square(job, label, day, has_dates),
            None => SquareView {
                sign: "",
                class: "n",
                title: None,
                path: None,
            },
        })
        .collect()
}

fn square(job: JobName, label: &Label, day: &GridDay, has_dates: bool) -> SquareView {
    let worst = day.outcomes.first().map(|one| one.outcome);
    let worst = worst.unwrap_or(RunOutcome::Newer);
    let (sign, tone) = worst.sign();
    let is_quiet = matches!(worst, RunOutcome::Done | RunOutcome::Newer)
        || !(worst.has_started() || worst == RunOutcome::Missed);
    let key = RunKey {
        job,
        label: label.clone(),
        scheduled_time: day.worst_time,
    };
    let is_named = has_dates || !is_quiet || day.is_slow;
    SquareView {
        sign,
        class: tone_class(tone),
        title: is_named.then(|| day_words(day)),
        path: (!is_quiet).then(|| run_path(&key)),
    }
}

/// A day's outcomes in words, such as `Fri 20 Nov: 1 failed, 2 done`.
fn day_words(day: &GridDay) -> String {
    let outcomes: Vec<String> = day
        .outcomes
        .iter()
        .map(|one| match one.count {
            1 => one.outcome.as_str().to_owned(),
            more => format!("{more} × {}", one.outcome.as_str()),
        })
        .collect();
    let slow = if day.is_slow { ", slow" } else { "" };
    format!(
        "{}: {}{slow}",
        day.date.format("%a %-d %b"),
        outcomes.join(", ")
    )
}

/// A row's month in words.
fn summary(row: Option<&GridRow>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in row
        .iter()
        .flat_map(|row| &row.days)
        .flat_map(|day| &day.outcomes)
    {
        *counts.entry(one.outcome.as_str()).or_default() += one.count;
    }
    if counts.is_empty() {
        return "No run in 30 days.".to_owned();
    }
    let total: usize = counts.values().sum();
    let total = count(u64::try_from(total).unwrap_or(u64::MAX), "run", "runs");
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(outcome, number)| format!("{number} {outcome}"))
        .collect();
    format!("{total} in 30 days: {}.", counts.join(", "))
}
