//! One execution of a job for one scheduled time.

pub mod any_job;
pub mod day;
mod describe;
pub mod grid;
pub mod harness;
pub mod history;
pub mod job;
mod job_name;
pub mod ledger;
pub(crate) mod newest;
pub mod not_started;
pub mod record_days;
pub mod steps;
pub mod tick_times;
pub mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::FailureKind;
use crate::ids::Label;

pub use self::job_name::JobName;

/// The identity of a run: a schedule that fires twice for the same time makes one run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// The job.
    pub job: JobName,
    /// Which of the job's schedules.
    pub label: Label,
    /// When it was scheduled to start.
    pub scheduled_time: DateTime<Utc>,
}

impl fmt::Display for RunKey {
    /// `check-cards/all/2026-11-21T10:00:00Z`, which [`RunKey::from_str`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self
            .scheduled_time
            .to_rfc3339_opts(SecondsFormat::AutoSi, true);
        f.pad(&format!("{}/{}/{time}", self.job, self.label))
    }
}

/// The text is not a run's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” isn't a run's id.")]
pub struct InvalidRunKey(String);

impl FromStr for RunKey {
    type Err = InvalidRunKey;

    fn from_str(text: &str) -> Result<Self, InvalidRunKey> {
        let parse = || {
            let (job, rest) = text.split_once('/')?;
            let (label, time) = rest.split_once('/')?;
            Some(Self {
                job: job.parse().ok()?,
                label: label.parse().ok()?,
                scheduled_time: DateTime::parse_from_rfc3339(time).ok()?.to_utc(),
            })
        };
        parse().ok_or_else(|| InvalidRunKey(text.to_owned()))
    }
}

/// Who started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A schedule.
    Schedule,
    /// A schedule that retries failed cards.
    Retry,
    /// A person.
    Person,
    /// A value that only a newer version knows.
    #[serde(other)]
    Newer,
}

/// The outcome of a run, or that it is still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Still going.
    Running,
    /// All was done.
    Done,
    /// Done, but a card or a mail failed.
    DoneWithFailures,
    /// Its work ended with an error, such as an unavailable store.
    Failed,
    /// Not started, because the last run of its label was still going.
    SkippedStillRunning,
    /// A person stopped it.
    Interrupted,
    /// It stopped reporting.
    Lost,
    /// It never came, or came after its start deadline.
    Missed,
    /// Not started, because its label is paused.
    SkippedPaused,
    /// Not started, because its scheduled time is before its schedule's start or not before its end.
    SkippedOutsideDates,
    /// Not started, because its schedule doesn't run on that day.
    SkippedClosed,
    /// Not started, because its schedule's expression doesn't name that day.
    SkippedNotToday,
    /// Not started, because the clock contradicts the recorded times.
    SkippedClockInDoubt,
    /// Written by a newer version; counts as ended.
    #[serde(other)]
    Newer,
}

impl RunOutcome {
    /// Whether the run began its work.
    pub fn has_started(self) -> bool {
        match self {
            Self::Running
            | Self::Done
            | Self::DoneWithFailures
            | Self::Failed
            | Self::Interrupted
            | Self::Lost
            | Self::Newer => true,
            Self::Missed
            | Self::SkippedStillRunning
            | Self::SkippedPaused
            | Self::SkippedOutsideDates
            | Self::SkippedClosed
            | Self::SkippedNotToday
            | Self::SkippedClockInDoubt => false,
        }
    }

    /// The text for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::DoneWithFailures => "done, with failures",
            Self::Failed => "failed",
            Self::SkippedStillRunning => "skipped: still running",
            Self::Interrupted => "interrupted",
            Self::Lost => "lost",
            Self::Missed => "missed",
            Self::SkippedPaused => "skipped: paused",
            Self::SkippedOutsideDates => "skipped: outside its dates",
            Self::SkippedClosed => "skipped: closed",
            Self::SkippedNotToday => "skipped: not today",
            Self::SkippedClockInDoubt => "skipped: clock in doubt",
            Self::Newer => "of a newer version",
        }
    }
}

/// The counts of a run: cards for `check-cards`, notices for `notify-all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How many were planned.
    pub planned: u32,
    /// How many went well.
    pub done: u32,
    /// How many failed, by kind (a [`FailureKind`], or a notice's state).
    pub failed: BTreeMap<String, u32>,
    /// How many were left out on purpose (a card that waits for a person, an empty notice).
    pub skipped: u32,
    /// How many of the planned were enqueued. Their results are in [`work`], not here.
    #[serde(default, skip_serializing_if = "is_none")]
    pub enqueued: u32,
}

/// Omits the field for a run that does its work itself.
fn is_none(enqueued: &u32) -> bool {
    *enqueued == 0
}

impl Counts {
    /// How many failed, of any kind.
    pub fn failures(&self) -> u32 {
        self.failed.values().sum()
    }

    /// Counts more that were planned and enqueued.
    pub fn add_enqueued(&mut self, more: u32) {
        self.planned = self.planned.saturating_add(more);
        self.enqueued = self.enqueued.saturating_add(more);
    }

    /// Returns the maximum of each count, since two executions of one run count the same work.
    #[must_use]
    pub fn at_least(mut self, other: &Self) -> Self {
        self.planned = self.planned.max(other.planned);
        self.done = self.done.max(other.done);
        self.skipped = self.skipped.max(other.skipped);
        self.enqueued = self.enqueued.max(other.enqueued);
        for (kind, count) in &other.failed {
            let mine = self.failed.entry(kind.clone()).or_default();
            *mine = (*mine).max(*count);
        }
        self
    }

    /// Whether something failed and nothing went well.
    pub fn all_failed(&self) -> bool {
        self.done == 0 && self.failures() > 0
    }

    /// Counts more that were planned and went well.
    pub fn add_done(&mut self, more: u32) {
        self.planned = self.planned.saturating_add(more);
        self.done = self.done.saturating_add(more);
    }

    /// Counts one failure.
    pub fn add_failure(&mut self, kind: &str) {
        *self.failed.entry(kind.to_owned()).or_default() += 1;
    }

    /// How many failed with this kind.
    pub fn failed_with(&self, kind: FailureKind) -> u32 {
        self.failed.get(kind.as_str()).copied().unwrap_or_default()
    }
}

/// One execution of a job for one scheduled time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its key.
    #[serde(flatten)]
    pub key: RunKey,
    /// Who started it.
    pub trigger: Trigger,
    /// What it was asked to do, as JSON; ids and options only.
    pub input: serde_json::Value,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it last reported progress.
    pub reported_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How much it did.
    pub counts: Counts,
}

impl Run {
    /// How long it took, or has been running by `now`.
    pub fn duration(&self, now: DateTime<Utc>) -> chrono::Duration {
        self.finished_at.unwrap_or(now) - self.started_at
    }

    /// Whether its record may replace the stored one of the same key.
    pub fn may_replace(&self, stored: &Self) -> bool {
        self.trigger == Trigger::Person && !stored.outcome.has_started()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_written_by_a_newer_version_reads_and_is_not_running() {
        let run = |outcome: &str, trigger: &str| -> Run {
            serde_json::from_value(serde_json::json!({
                "job": "check-cards", "label": "all", "scheduled_time": "2026-11-21T10:00:00Z",
                "trigger": trigger, "input": {}, "outcome": outcome, "counts": Counts::default(),
                "started_at": "2026-11-21T10:00:00Z", "reported_at": "2026-11-21T10:00:00Z",
                "finished_at": null,
            }))
            .unwrap()
        };
        let newer = run("half_done", "telephone");
        assert_eq!(
            (newer.outcome, newer.trigger),
            (RunOutcome::Newer, Trigger::Newer)
        );
        let known = run("lost", "retry");
        assert_eq!(
            (known.outcome, known.trigger),
            (RunOutcome::Lost, Trigger::Retry)
        );
    }

    #[test]
    fn run_key_round_trips_through_text() {
        let key = RunKey {
            job: JobName::CHECK_CARDS,
            label: "all".parse().unwrap(),
            scheduled_time: "2026-11-21T10:00:00Z".parse().unwrap(),
        };
        assert_eq!(key.to_string(), "check-cards/all/2026-11-21T10:00:00Z");
        assert_eq!(key.to_string().parse::<RunKey>().unwrap(), key);
        assert!("check-cards/all".parse::<RunKey>().is_err());
    }
}
