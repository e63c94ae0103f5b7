//! The lines of the schedules and labels: when each runs, how its last run went, who paused it.

use std::collections::BTreeMap;

use hippo_core::ids::Label;
use hippo_core::run::history::{LabelHistory, PastRun};
use hippo_core::run::{JobName, RunKey};
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::declaration::table::PERSON_LABEL;
use hippo_core::schedule::pause::{active_pause, end_of_pauses};
use hippo_core::schedule::{Pause, Schedule};

use super::load::Month;
use super::view::{Times, run_path, tone_class};

/// At most this many labels are on a page.
pub(super) const ROWS_PER_PAGE: usize = 100;

/// A label of a job, with what is known of it.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) job: JobName,
    pub(super) label: &'a Label,
    /// `None`: it is not declared.
    pub(super) schedule: Option<&'a Schedule>,
    /// `None`: it had no run in the month.
    pub(super) history: Option<&'a LabelHistory>,
}

/// Some of the rows.
pub(super) struct RowsPage<'a> {
    pub(super) rows: Vec<Row<'a>>,
    /// How many rows there are in all.
    pub(super) total: usize,
    /// The number of the first row here, counted from 1.
    pub(super) first: usize,
    /// The links to the rows before and after.
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

impl RowsPage<'_> {
    /// The number of the last row here.
    pub(super) fn last(&self) -> usize {
        self.first + self.rows.len().saturating_sub(1)
    }
}

/// Arranges every declared schedule, and every other label that ran, by job and label.
pub(super) fn arrange_rows<'a>(month: &'a Month, schedules: &'a [Schedule]) -> Vec<Row<'a>> {
    let mut rows: BTreeMap<(JobName, &Label), Row<'a>> = BTreeMap::new();
    let empty = |job, label| Row {
        job,
        label,
        schedule: None,
        history: None,
    };
    for schedule in schedules {
        let (job, label) = (schedule.job, &schedule.label);
        let row = rows
            .entry((job, label))
            .or_insert_with(|| empty(job, label));
        row.schedule = Some(schedule);
    }
    for history in &month.history.labels {
        let (job, label) = (history.job, &history.label);
        let row = rows
            .entry((job, label))
            .or_insert_with(|| empty(job, label));
        row.history = Some(history);
    }
    rows.into_values().collect()
}

/// Cuts out the page that begins with row number `first`, counted from 1.
pub(super) fn rows_page<'a>(rows: &[Row<'a>], first: Option<usize>) -> RowsPage<'a> {
    let first = first.unwrap_or(1).clamp(1, rows.len().max(1));
    let shown = rows.get(first - 1..).unwrap_or_default();
    let shown: Vec<Row<'a>> = shown.iter().take(ROWS_PER_PAGE).copied().collect();
    let next = first + shown.len();
    RowsPage {
        total: rows.len(),
        first,
        before: (first > 1).then(|| first.saturating_sub(ROWS_PER_PAGE).max(1)),
        after: (next <= rows.len()).then_some(next),
        rows: shown,
    }
}

/// The line of a label.
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
}

/// The last run of a row.
pub(super) struct LastRun {
    pub(super) time: String,
    pub(super) outcome: &'static str,
    pub(super) class: &'static str,
    pub(super) path: String,
}

impl Row<'_> {
    /// Says when it runs, and how its last run went.
    pub(super) fn describe(&self, pauses: &[Pause], times: Times) -> RowView {
        let (job, label) = (self.job, self.label);
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
        let last_run = self.history.and_then(|history| history.runs.last());
        let last = last_run.map(|run| LastRun {
            time: times.show_in(run.scheduled_time, zone.unwrap_or(times.zone)),
            outcome: run.outcome.as_str(),
            class: tone_class(run.outcome.sign().1),
            path: run_path(&key(run)),
        });
        let last_time = last_run.map(|run| run.scheduled_time);
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
                Some(describe_pause(pause, times))
            }),
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
pub(super) fn describe_pause(pause: &Pause, times: Times) -> String {
    let what = match pause.label {
        Some(_) => "Paused",
        None => "All schedules are paused",
    };
    let since = times.show(pause.since);
    let until = match pause.until {
        Some(until) => format!(", until {}", times.show(until)),
        None if pause.label.is_none() => ", until somebody resumes them".to_owned(),
        None => ", until somebody resumes it".to_owned(),
    };
    format!("{what} {}, since {since}{until}", pause.describe_author())
}
