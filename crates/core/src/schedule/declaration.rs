//! A declared schedule: a `[[schedule]]` table, checked.

pub mod next_run;
mod serial;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::recurrence::Recurrence;
use crate::ids::{Label, LibraryId};
use crate::run::JobName;

/// When a job runs, and with which input. The JSON is what a store keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its unique name, which is the label of its runs.
    pub label: Label,
    /// The job.
    pub job: JobName,
    /// When it fires.
    pub recurrence: Recurrence,
    /// The job's input.
    pub input: Map<String, Value>,
    /// It doesn't run before this.
    pub start: Option<DateTime<Utc>>,
    /// It doesn't run at this time or later.
    pub end: Option<DateTime<Utc>>,
    /// The days on which it doesn't run.
    pub closed_days: ClosedDays,
    /// Whether it fires at all.
    pub enabled: bool,
    /// Whether a run may start while the last one is still going; `None`: as the job says.
    pub overlap: Option<Overlap>,
    /// How long after its scheduled time a run may start.
    #[serde(with = "serial::seconds")]
    pub start_deadline: Option<Duration>,
    /// What happens to missed windows; `None`: as the job says.
    pub catch_up: Option<CatchUp>,
    /// How much later than its time a run may start, to spread the load.
    #[serde(with = "serial::seconds")]
    pub flexible: Option<Duration>,
    /// The log level of its runs (`error`, `warn`, `info`, `debug`, `trace`), if not the default.
    pub log_level: Option<String>,
    /// How a failure reaches the operator.
    pub on_failure: OnFailure,
}

/// Whether a run may start while the last run of its label is still going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is skipped.
    Skip,
    /// It starts.
    Allow,
}

/// What happens to windows that no run covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They stay missed.
    None,
    /// The last one is run.
    Last,
    /// All are run, oldest first.
    All,
}

/// How a failed run reaches the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// By email, if the operator has an address.
    #[default]
    Mail,
    /// Only in the log.
    Log,
    /// By this command, on one machine.
    Command(String),
}

impl OnFailure {
    /// Refuses an empty command.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Command(command) if command.trim().is_empty() => {
                Err("The command is empty.".to_owned())
            }
            Self::Command(_) | Self::Mail | Self::Log => Ok(()),
        }
    }
}

/// The local dates on which a schedule doesn't run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClosedDays {
    /// For all libraries: the run doesn't start.
    pub all: BTreeSet<NaiveDate>,
    /// For one library: the run leaves it out.
    pub libraries: BTreeMap<LibraryId, BTreeSet<NaiveDate>>,
}
