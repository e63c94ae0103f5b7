//! How the installed timers compare with config.toml.

use serde::Serialize;

use super::systemd::{UnitDirectory, UnitPaths};
use super::units::make_units;
use crate::config::Config;
use crate::exit::CommandError;

/// Whether a timer is as config.toml declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Installation {
    /// As declared.
    Installed,
    /// It was made from another declaration, or for another command.
    Stale,
    /// There is none.
    Missing,
    /// The schedule is disabled, so it has no timer.
    Disabled,
    /// Its schedule is gone.
    LeftOver,
}

impl Installation {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Disabled => "disabled",
            Self::LeftOver => "left over",
        }
    }
}

/// Finds the timers of the declared schedules and those that are left over, by name.
pub(super) fn find_timers(
    config: &Config,
    paths: &UnitPaths,
    directory: &UnitDirectory,
) -> Result<Vec<(String, Installation)>, CommandError> {
    let mut left_over = directory.made_for(paths.home())?;
    let mut timers = Vec::new();
    for schedule in config.jobs.schedules() {
        let units = make_units(schedule, &paths.caller());
        left_over.retain(|name| !units.iter().any(|unit| unit.name == *name));
        let mut is_there = false;
        let mut is_current = true;
        for unit in &units {
            let text = directory.read(&unit.name)?;
            is_there |= text.is_some();
            is_current &= text.as_ref() == Some(&unit.text);
        }
        let state = match (schedule.enabled, is_there, is_current) {
            (true, true, true) => Installation::Installed,
            (true, true, false) => Installation::Stale,
            (true, false, _) => Installation::Missing,
            (false, false, _) => Installation::Disabled,
            (false, true, _) => Installation::LeftOver,
        };
        let [timer, _] = units;
        timers.push((timer.name, state));
    }
    left_over.retain(|name| name.ends_with(".timer"));
    timers.extend(
        left_over
            .into_iter()
            .map(|name| (name, Installation::LeftOver)),
    );
    Ok(timers)
}
