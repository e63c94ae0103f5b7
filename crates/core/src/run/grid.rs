//! The history of the runs as a grid: a row for each label, and its days.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::history::{LabelHistory, PastRun};
use super::{JobName, RunOutcome};
use crate::clock::local_date;
use crate::ids::Label;
use crate::time_format::duration;

/// A day with more runs of a label than this has one square for all of them.
const MAX_SQUARES_PER_DAY: usize = 4;

/// A run that takes this many times the median is slow.
pub const SLOW_FACTOR: u32 = 3;

/// A median of fewer runs says nothing.
const MIN_RUNS_FOR_MEDIAN: usize = 5;

/// A run that takes less is never slow.
const MIN_SLOW_SECONDS: u32 = 10;

/// The history as a grid.
#[derive(Debug, Serialize)]
pub struct Grid {
    /// The first date.
    pub from: NaiveDate,
    /// The last date.
    pub to: NaiveDate,
    /// The labels that ran in between.
    pub labels: Vec<GridRow>,
}

/// The days of one label.
#[derive(Debug, Serialize)]
pub struct GridRow {
    /// The job.
    pub job: JobName,
    /// The label.
    pub label: Label,
    /// The median of the runs' durations; `None` if there are too few.
    pub median_seconds: Option<u32>,
    /// Only days with runs.
    pub days: Vec<GridDay>,
}

/// The runs of one label on one local date.
#[derive(Debug, Serialize)]
pub struct GridDay {
    /// The date.
    pub date: NaiveDate,
    /// How many runs had each outcome, the worst first.
    pub outcomes: Vec<OutcomeCount>,
    /// The runs; empty if there are too many for a square each.
    pub runs: Vec<GridRun>,
    /// Whether a run of the day was slow; `runs` or `slow_runs` says which.
    pub is_slow: bool,
    /// The slow runs of a day that has no square for each run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slow_runs: Vec<GridRun>,
    /// The scheduled time of the newest run with the worst outcome.
    #[serde(skip)]
    pub worst_time: DateTime<Utc>,
}

/// How many runs had an outcome.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: RunOutcome,
    /// How many runs.
    pub count: usize,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct GridRun {
    /// Its id.
    pub id: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How long it took.
    pub seconds: Option<u32>,
    /// Whether it took much longer than the median.
    pub is_slow: bool,
}

/// What an outcome means at a glance; a terminal or a page chooses the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeTone {
    /// All went well.
    Good,
    /// Something needs attention.
    Warning,
    /// It went wrong.
    Bad,
    /// It is going.
    Plain,
    /// It doesn't matter.
    Faint,
}

/// Arranges the runs from `from` to `to` by their local dates in `zone`.
pub fn build_grid(histories: &[LabelHistory], from: NaiveDate, to: NaiveDate, zone: Tz) -> Grid {
    let labels = histories
        .iter()
        .filter_map(|history| row(history, from, to, zone));
    Grid {
        from,
        to,
        labels: labels.collect(),
    }
}

fn row(history: &LabelHistory, from: NaiveDate, to: NaiveDate, zone: Tz) -> Option<GridRow> {
    let mut by_date: BTreeMap<NaiveDate, Vec<&PastRun>> = BTreeMap::new();
    for run in &history.runs {
        let date = local_date(run.scheduled_time, zone);
        if (from..=to).contains(&date) {
            by_date.entry(date).or_default().push(run);
        }
    }
    if by_date.is_empty() {
        return None;
    }
    let median = median_seconds(by_date.values().flatten().copied());
    Some(GridRow {
        job: history.job,
        label: history.label.clone(),
        median_seconds: median,
        days: by_date
            .into_iter()
            .map(|(date, runs)| grid_day(history, date, &runs, median))
            .collect(),
    })
}

fn grid_day(
    history: &LabelHistory,
    date: NaiveDate,
    runs: &[&PastRun],
    median: Option<u32>,
) -> GridDay {
    let mut outcomes: Vec<OutcomeCount> = Vec::new();
    for run in runs {
        match outcomes
            .iter_mut()
            .find(|known| known.outcome == run.outcome)
        {
            Some(known) => known.count += 1,
            None => outcomes.push(OutcomeCount {
                outcome: run.outcome,
                count: 1,
            }),
        }
    }
    outcomes.sort_by_key(|one| std::cmp::Reverse(severity(one.outcome)));
    let is_summed = runs.len() > MAX_SQUARES_PER_DAY || runs.iter().any(|run| run.is_tick);
    let is_slow_run = |run: &&&PastRun| is_slow(run.seconds, median);
    let square = |run: &&PastRun| GridRun {
        id: history.key(run).to_string(),
        outcome: run.outcome,
        seconds: run.seconds,
        is_slow: is_slow(run.seconds, median),
    };
    let (squares, slow_runs): (Vec<GridRun>, Vec<GridRun>) = match is_summed {
        true => (
            Vec::new(),
            runs.iter().filter(is_slow_run).map(square).collect(),
        ),
        false => (runs.iter().map(square).collect(), Vec::new()),
    };
    let worst = outcomes.first().map(|one| one.outcome);
    let mut newest_first = runs.iter().rev();
    let worst_run = newest_first.find(|run| Some(run.outcome) == worst);
    GridDay {
        worst_time: worst_run.map_or(DateTime::UNIX_EPOCH, |run| run.scheduled_time),
        date,
        outcomes,
        is_slow: runs.iter().any(|run| is_slow_run(&run)),
        runs: squares,
        slow_runs,
    }
}

/// Whether a run that took so long is slow.
pub fn is_slow(seconds: Option<u32>, median: Option<u32>) -> bool {
    median.zip(seconds).is_some_and(|(median, seconds)| {
        seconds >= MIN_SLOW_SECONDS && seconds > median.saturating_mul(SLOW_FACTOR)
    })
}

/// The median of the runs' durations; `None` if too few have one.
pub fn median_seconds<'a>(runs: impl IntoIterator<Item = &'a PastRun>) -> Option<u32> {
    let mut seconds: Vec<u32> = runs.into_iter().filter_map(|run| run.seconds).collect();
    if seconds.len() < MIN_RUNS_FOR_MEDIAN {
        return None;
    }
    seconds.sort_unstable();
    seconds.get(seconds.len() / 2).copied()
}

impl RunOutcome {
    /// The sign and tone of an outcome.
    pub fn sign(self) -> (&'static str, OutcomeTone) {
        match self {
            Self::Done => ("✓", OutcomeTone::Good),
            Self::DoneWithFailures | Self::Interrupted => ("!", OutcomeTone::Warning),
            Self::Failed | Self::Lost => ("✗", OutcomeTone::Bad),
            Self::Missed => ("»", OutcomeTone::Bad),
            Self::Running => ("…", OutcomeTone::Plain),
            Self::Newer => ("?", OutcomeTone::Faint),
            Self::SkippedStillRunning
            | Self::SkippedPaused
            | Self::SkippedOutsideDates
            | Self::SkippedClosed
            | Self::SkippedNotToday
            | Self::SkippedClockInDoubt => ("–", OutcomeTone::Faint),
        }
    }
}

/// How much an outcome matters among others of a day.
fn severity(outcome: RunOutcome) -> u8 {
    match outcome.sign().0 {
        "✗" => 6,
        "»" => 5,
        "!" => 4,
        "?" => 3,
        "✓" => 2,
        "…" => 1,
        _ => 0,
    }
}

/// The signs in words.
pub const SIGN_LEGEND: [(&str, OutcomeTone, &str); 6] = [
    ("✓", OutcomeTone::Good, "done"),
    ("!", OutcomeTone::Warning, "with failures, or interrupted"),
    ("✗", OutcomeTone::Bad, "failed or lost"),
    ("»", OutcomeTone::Bad, "missed"),
    ("–", OutcomeTone::Faint, "skipped"),
    ("…", OutcomeTone::Plain, "running"),
];

/// Formats a run's duration in whole seconds.
pub fn seconds_words(seconds: u32) -> String {
    match seconds {
        0 => "under 1 s".to_owned(),
        1..10 => format!("{seconds} s"),
        _ => duration(Duration::seconds(i64::from(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn past(time: DateTime<Utc>, outcome: RunOutcome, seconds: Option<u32>) -> PastRun {
        PastRun {
            scheduled_time: time,
            outcome,
            seconds,
            is_tick: false,
        }
    }

    fn history(runs: Vec<PastRun>) -> LabelHistory {
        LabelHistory {
            job: JobName::CHECK_CARDS,
            label: "all".parse().unwrap(),
            runs,
        }
    }

    #[test]
    fn run_belongs_to_its_local_date() {
        let late = past(at("2026-12-01T03:30:00Z"), RunOutcome::Done, None);
        let date: NaiveDate = "2026-11-30".parse().unwrap();
        let histories = [history(vec![late])];
        let grid = build_grid(&histories, date, date, chrono_tz::America::Toronto);
        assert_eq!(grid.labels[0].days[0].date, date);
        let grid = build_grid(&histories, date, date, chrono_tz::UTC);
        assert!(grid.labels.is_empty());
    }

    #[test]
    fn day_of_many_runs_has_the_worst_of_their_outcomes() {
        let mut runs: Vec<PastRun> = (0..5)
            .map(|hour| {
                past(
                    at("2026-11-21T10:00:00Z") + Duration::hours(hour),
                    RunOutcome::Done,
                    None,
                )
            })
            .collect();
        runs[3].outcome = RunOutcome::Lost;
        let date: NaiveDate = "2026-11-21".parse().unwrap();
        let grid = build_grid(&[history(runs)], date, date, chrono_tz::UTC);
        let day = &grid.labels[0].days[0];
        let counted = |outcome, count| OutcomeCount { outcome, count };
        assert_eq!(
            day.outcomes,
            [counted(RunOutcome::Lost, 1), counted(RunOutcome::Done, 4)]
        );
        assert_eq!(day.worst_time, at("2026-11-21T13:00:00Z"));
        assert_eq!(RunOutcome::Lost.sign(), ("✗", OutcomeTone::Bad));
    }
}
