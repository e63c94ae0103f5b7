//! The doctor's check that something starts the declared schedules.

use super::systemd::{UnitDirectory, UnitPaths, UserManager};
use super::timers::{Installation, find_timers};
use crate::config::Config;
use crate::exit::CommandError;
use crate::finding::Finding;
use crate::home::Home;
use crate::output::count;
use crate::suggested::HIPPO_HERE;

const CHECK: &str = "schedules";

/// The timers of a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timers {
    /// None is installed, so cron may start the runs.
    None,
    /// So many differ from config.toml.
    Outdated(usize),
    /// So many are as declared.
    Installed(usize),
}

/// Checks that a home's schedules are started; `None` if config.toml enables none.
///
/// `ran_lately`: a schedule started a run lately. Without timers, this shows that cron does.
pub(crate) fn diagnose(home: &Home, ran_lately: bool) -> Result<Option<Finding>, CommandError> {
    let config = Config::read(home)?;
    let schedules = config.jobs.schedules();
    if !schedules.iter().any(|schedule| schedule.enabled) {
        return Ok(None);
    }
    // Where the timers' directory can't be found, there can be none.
    let timers = list_timers(&config, home).unwrap_or_default();
    let is_good = |state| matches!(state, Installation::Installed | Installation::Disabled);
    let is_there = |state| !matches!(state, Installation::Missing | Installation::Disabled);
    let bad = timers.iter().filter(|(_, state)| !is_good(*state)).count();
    let found = match bad {
        _ if !timers.iter().any(|(_, state)| is_there(*state)) => Timers::None,
        0 => Timers::Installed(timers.len()),
        bad => Timers::Outdated(bad),
    };
    let names: Vec<String> = timers
        .into_iter()
        .filter(|(_, state)| *state != Installation::Disabled)
        .map(|(name, _)| name)
        .collect();
    // Where systemd is missing, this is an error.
    let stopped = UserManager.states(&names).ok().map(|states| {
        let runs = |name: &&String| {
            let state = states.get(*name);
            state.is_some_and(|state| state.is_enabled && state.is_active)
        };
        names.len() - names.iter().filter(runs).count()
    });
    Ok(Some(judge(found, stopped, ran_lately)))
}

fn list_timers(config: &Config, home: &Home) -> Result<Vec<(String, Installation)>, CommandError> {
    find_timers(config, &UnitPaths::find(home)?, &UnitDirectory::locate()?)
}

/// Judges the timers; `stopped` are those that systemd doesn't run, `None` if it doesn't answer.
fn judge(timers: Timers, stopped: Option<usize>, ran_lately: bool) -> Finding {
    let install = format!("Run “{HIPPO_HERE} schedule install”.");
    let use_cron = format!(
        "systemd doesn't run your timers here. Put the lines of “{HIPPO_HERE} schedule print --cron” into your crontab."
    );
    match (timers, stopped) {
        (Timers::None, _) if ran_lately => Finding::ok(
            CHECK,
            "No timer is installed, but something else starts the runs, such as cron.",
        ),
        (Timers::None, stopped) => Finding::problem(
            CHECK,
            "Nothing starts the schedules in config.toml yet.",
            match stopped {
                None => use_cron,
                Some(_) => install,
            },
        ),
        (_, None) if ran_lately => Finding::ok(
            CHECK,
            "systemd doesn't answer, but something starts the runs.",
        ),
        (_, None) => Finding::problem(
            CHECK,
            "The timers are installed, but systemd doesn't answer.",
            use_cron,
        ),
        (Timers::Outdated(timers), _) => Finding::problem(
            CHECK,
            format!(
                "{} as config.toml declares. “{HIPPO_HERE} schedule status” lists them.",
                count(timers, "timer isn't", "timers aren't")
            ),
            install,
        ),
        (Timers::Installed(_), Some(stopped @ 1..)) => Finding::problem(
            CHECK,
            format!(
                "systemd doesn't run {}. “{HIPPO_HERE} schedule status” lists them.",
                count(stopped, "timer", "timers")
            ),
            install,
        ),
        (Timers::Installed(timers), Some(0)) => {
            let timers = count(timers, "timer", "timers");
            Finding::ok(CHECK, format!("systemd runs the schedules: {timers}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;
    use rstest::rstest;

    #[rstest]
    #[case::new(Timers::None, Some(0), false, Some("hippo schedule install"))]
    #[case::new_without_systemd(Timers::None, None, false, Some("hippo schedule print --cron"))]
    #[case::cron(Timers::None, None, true, None)]
    #[case::cron_beside_systemd(Timers::None, Some(0), true, None)]
    #[case::installed(Timers::Installed(2), Some(0), false, None)]
    #[case::stopped(Timers::Installed(2), Some(1), true, Some("hippo schedule install"))]
    #[case::outdated(Timers::Outdated(1), Some(0), true, Some("hippo schedule install"))]
    #[case::systemd_gone(Timers::Installed(2), None, false, Some("hippo schedule print --cron"))]
    #[case::systemd_gone_but_cron(Timers::Installed(2), None, true, None)]
    fn schedules_need_timers_or_recent_runs(
        #[case] timers: Timers,
        #[case] stopped: Option<usize>,
        #[case] ran_lately: bool,
        #[case] command: Option<&str>,
    ) {
        let found = judge(timers, stopped, ran_lately);
        match command {
            None => assert_eq!((found.verdict, found.advice), (Verdict::Ok, None)),
            Some(command) => {
                assert_eq!(found.verdict, Verdict::Problem);
                assert!(found.advice.unwrap().contains(command));
            }
        }
    }
}
