//! The grid: a row for each job and label, with a square for each day.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, Weekday};
use hippo_core::ids::Label;
use hippo_core::notice::phrases::count;
use hippo_core::run::grid::{GridDay, GridRow, build_grid, seconds_words};
use hippo_core::run::{JobName, RunKey, RunOutcome};
use hippo_core::schedule::Pause;

use super::load::Month;
use super::rows::{Row, RowView};
use super::view::{Times, run_path, sign_class};

/// A row of the grid.
pub(super) struct GridRowView {
    pub(super) line: RowView,
    /// The median duration.
    pub(super) median: Option<String>,
    pub(super) squares: Vec<SquareView>,
    /// The month in words, for a screen reader.
    pub(super) summary: String,
}

/// A day of a row. Its class gives it a sign and a colour.
pub(super) struct SquareView {
    pub(super) class: &'static str,
    /// The day of the month, on Mondays.
    pub(super) monday: Option<u32>,
    /// The day and its outcomes, if a run of it needs a look, was skipped or was slow.
    pub(super) title: Option<String>,
    /// The page of its worst run, if that needs a look or was skipped.
    pub(super) path: Option<String>,
}

/// Adds the squares of their days to rows.
pub(super) fn build_rows(
    month: &Month,
    rows: &[Row<'_>],
    pauses: &[Pause],
    times: Times,
) -> Vec<GridRowView> {
    let (from, to) = (month.from, month.to);
    let rows = rows.iter();
    rows.map(|row| {
        let histories = row.history.map(std::slice::from_ref).unwrap_or_default();
        let grid = build_grid(histories, from, to, times.zone).labels.pop();
        let days = grid.as_ref().map_or(&[][..], |grid| &grid.days);
        let median = grid.as_ref().and_then(|grid| grid.median_seconds);
        GridRowView {
            line: row.describe(pauses, times),
            median: median.map(seconds_words),
            squares: squares((from, to), row.job, row.label, days),
            summary: summary(grid.as_ref()),
        }
    })
    .collect()
}

fn squares(
    (from, to): (NaiveDate, NaiveDate),
    job: JobName,
    label: &Label,
    days: &[GridDay],
) -> Vec<SquareView> {
    let mut days = days.iter().peekable();
    let dates = from.iter_days().take_while(|date| *date <= to);
    dates
        .map(|date| match days.next_if(|day| day.date == date) {
            Some(day) => square(job, label, day),
            None => SquareView {
                class: "n",
                monday: monday(date),
                title: None,
                path: None,
            },
        })
        .collect()
}

fn square(job: JobName, label: &Label, day: &GridDay) -> SquareView {
    let worst = day.outcomes.first().map(|one| one.outcome);
    let worst = worst.unwrap_or(RunOutcome::Newer);
    let is_quiet = matches!(worst, RunOutcome::Done | RunOutcome::Newer);
    let key = || RunKey {
        job,
        label: label.clone(),
        scheduled_time: day.worst_time,
    };
    SquareView {
        class: sign_class(worst.sign().0),
        monday: monday(day.date),
        title: (!is_quiet || day.is_slow).then(|| day_words(day)),
        path: (!is_quiet).then(|| run_path(&key())),
    }
}

/// The day of the month of a Monday, by which a reader finds the others.
fn monday(date: NaiveDate) -> Option<u32> {
    (date.weekday() == Weekday::Mon).then(|| date.day())
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
