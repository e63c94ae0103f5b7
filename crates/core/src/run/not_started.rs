//! Why a run was not started.

use super::Run;

/// Why a run was not started; not a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStarted {
    /// A run of this key is recorded already: the schedule fired twice.
    AlreadyRan(Run),
    /// The last run of the same label is still going.
    StillRunning(Run),
    /// Its own rules forbid it: it came too late, its label is paused, or its clock is in doubt. The
    /// record's outcome says which.
    Skipped(Run),
}

impl NotStarted {
    /// The recorded run: the one that blocks this one, or the skipped one.
    pub fn run(&self) -> &Run {
        match self {
            Self::AlreadyRan(run) | Self::StillRunning(run) | Self::Skipped(run) => run,
        }
    }

    /// The name in JSON and in the responses of functions.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AlreadyRan(_) => "already_ran",
            Self::StillRunning(_) => "still_running",
            Self::Skipped(_) => "skipped",
        }
    }

    /// The reason of this name with its recorded run; `None` for an unknown name.
    pub fn from_name(name: &str, run: Run) -> Option<Self> {
        match name {
            "already_ran" => Some(Self::AlreadyRan(run)),
            "still_running" => Some(Self::StillRunning(run)),
            "skipped" => Some(Self::Skipped(run)),
            _ => None,
        }
    }
}
