//! `hippo schedule install` and `remove`: systemd timers for the declared schedules.

use std::collections::BTreeSet;

use clap::Args;
use hippo_core::run::JobName;
use hippo_core::schedule::Schedule;
use hippo_core::store::Store;
use serde::Serialize;

use super::systemd::{
    ENABLE_LINGER, UnitDirectory, UnitPaths, UserManager, linger_advice, lingers,
};
use super::units::{Unit, home_of_unit, make_units};
use crate::config::Config;
use crate::context::{Globals, clock};
use crate::deployment::local::{open_database, save_schedules};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::{Output, count};
use crate::schedule_remarks::{UnknownNames, describe_rare_schedules, describe_unknown_names};
use crate::suggested::HIPPO_HERE;

/// Advice for a stack.
pub(super) const ON_AWS: &str = "On AWS, EventBridge Scheduler starts the runs.";

/// Make systemd run the schedules in config.toml.
///
/// Writes a timer and a service for each enabled schedule, and removes those of schedules that are
/// gone. Run it again after each change of config.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule install
  hippo schedule install --dry-run    # shows the units")]
pub(crate) struct Install {
    /// Show the units, without installing them.
    #[arg(long)]
    dry_run: bool,
}

/// Remove the timers that “hippo schedule install” made.
///
/// The schedules stay in config.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo schedule remove")]
pub(crate) struct Remove {}

/// The changes to the installed units.
#[derive(Debug, Default, Serialize)]
struct Changes {
    directory: String,
    /// Timers of the declared schedules, in their order.
    timers: Vec<String>,
    /// Units that were written.
    written: Vec<String>,
    /// Units that were deleted.
    deleted: Vec<String>,
    lingers: Option<bool>,
}

/// Installs the timers.
pub(super) async fn install(args: &Install, globals: &Globals) -> CommandResult {
    let home = globals.local_home("schedule install", ON_AWS)?;
    home.must_be_initialized()?;
    let config = Config::read(&home)?;
    let store = open_database(&home)?;
    check_inputs(&store, config.jobs.schedules()).await?;
    let now = clock()?.now();
    let paths = UnitPaths::find(&home)?;
    let directory = UnitDirectory::locate()?;
    let schedules = config.jobs.schedules().iter();
    let units: Vec<Unit> = schedules
        .filter(|schedule| schedule.enabled)
        .flat_map(|schedule| make_units(schedule, &paths.caller()))
        .collect();
    if args.dry_run {
        show_units(globals.output, &directory, &units);
        return Ok(Outcome::Done);
    }
    for unit in &units {
        check_owner(&directory, unit, paths.home())?;
    }
    // Nothing is written if systemd isn't there.
    let manager = UserManager::connect()?;
    let names: BTreeSet<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    let mut gone = directory.made_for(paths.home())?;
    gone.retain(|name| !names.contains(name.as_str()));
    delete_units(&manager, &directory, &gone)?;
    let mut changes = Changes {
        directory: directory.path().display().to_string(),
        timers: timers(units.iter().map(|unit| unit.name.as_str())),
        deleted: gone,
        ..Changes::default()
    };
    for unit in &units {
        if directory.read(&unit.name)?.as_ref() != Some(&unit.text) {
            directory.write(unit)?;
            changes.written.push(unit.name.clone());
        }
    }
    manager.reload()?;
    if !changes.timers.is_empty() {
        call_with(&manager, &["enable", "--now"], &changes.timers)?;
    }
    // A running timer keeps its old times until it starts again.
    let changed = timers(changes.written.iter().map(String::as_str));
    if !changed.is_empty() {
        call_with(&manager, &["restart"], &changed)?;
    }
    // A schedule that has just changed has missed none of its new times.
    for job in JobName::all() {
        save_schedules(&store, &config, job, now).await?;
    }
    changes.lingers = lingers();
    show_changes(globals.output, &changes);
    for sentence in describe_rare_schedules(config.jobs.schedules(), now, true) {
        globals.output.print_text(sentence);
    }
    Ok(Outcome::Done)
}

/// Refuses a schedule whose input names a library, family or card that doesn't exist: its runs would fail.
async fn check_inputs(store: &dyn Store, schedules: &[Schedule]) -> Result<(), CommandError> {
    let enabled = schedules.iter().filter(|schedule| schedule.enabled);
    let enabled: Vec<Schedule> = enabled.cloned().collect();
    let UnknownNames { inputs, .. } = describe_unknown_names(store, &enabled).await?;
    match inputs.is_empty() {
        true => Ok(()),
        false => Err(CommandError::usage(inputs.join(" "))
            .advice("Correct config.toml, or add what it names, and install again.")),
    }
}

/// Removes the timers.
pub(super) fn remove(globals: &Globals) -> CommandResult {
    let home = globals.local_home("schedule remove", ON_AWS)?;
    let paths = UnitPaths::find(&home)?;
    let directory = UnitDirectory::locate()?;
    let ours = directory.made_for(paths.home())?;
    let output = globals.output;
    if ours.is_empty() {
        output.print_document(&Changes::default());
        output.print_text("There are no timers to remove.");
        return Ok(Outcome::Done);
    }
    let manager = UserManager::connect()?;
    delete_units(&manager, &directory, &ours)?;
    manager.reload()?;
    let removed = timers(ours.iter().map(String::as_str));
    output.print_document(&Changes {
        directory: directory.path().display().to_string(),
        deleted: ours,
        ..Changes::default()
    });
    output.print_text(format!(
        "Removed {}: {}. To install them again: {HIPPO_HERE} schedule install",
        count(removed.len(), "timer", "timers"),
        removed.join(", ")
    ));
    Ok(Outcome::Done)
}

/// Refuses to replace a unit that isn't ours, or belongs to another home.
fn check_owner(directory: &UnitDirectory, unit: &Unit, home: &str) -> Result<(), CommandError> {
    let path = directory.path().join(&unit.name);
    let path = path.display();
    match directory.read(&unit.name)?.as_deref().map(home_of_unit) {
        None => Ok(()),
        Some(Some(owner)) if owner == home => Ok(()),
        Some(Some(owner)) => Err(CommandError::usage(format!(
            "{path} belongs to the home {owner}. Give the schedule another label, or remove that home's timers first."
        ))),
        Some(None) => Err(CommandError::usage(format!(
            "hippo didn't make {path}, so it won't replace it. Move the file away, or give the schedule another label."
        ))),
    }
}

/// Stops and deletes units.
fn delete_units(
    manager: &UserManager,
    directory: &UnitDirectory,
    names: &[String],
) -> Result<(), CommandError> {
    let gone = timers(names.iter().map(String::as_str));
    if !gone.is_empty() {
        call_with(manager, &["disable", "--now"], &gone)?;
    }
    for name in names {
        directory.delete(name)?;
    }
    Ok(())
}

fn timers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let timers = names.filter(|name| name.ends_with(".timer"));
    timers.map(str::to_owned).collect()
}

fn call_with(manager: &UserManager, verb: &[&str], names: &[String]) -> Result<(), CommandError> {
    let names = names.iter().map(String::as_str);
    let arguments: Vec<&str> = verb.iter().copied().chain(names).collect();
    manager.call(&arguments).map(|_| ())
}

fn show_units(output: Output, directory: &UnitDirectory, units: &[Unit]) {
    output.print_document(&units);
    for unit in units {
        output.print_line(format!("# {}", directory.path().join(&unit.name).display()));
        for line in unit.text.lines() {
            output.print_line(line);
        }
        output.print_line("");
    }
}

fn show_changes(output: Output, changes: &Changes) {
    output.print_document(changes);
    let removed = timers(changes.deleted.iter().map(String::as_str));
    if changes.timers.is_empty() {
        output.print_text("config.toml declares no enabled schedule, so there are no timers.");
    } else if changes.written.is_empty() {
        output.print_text(format!(
            "{} were installed already: {}.",
            count(changes.timers.len(), "timer", "timers"),
            changes.timers.join(", ")
        ));
    } else {
        output.print_text(format!(
            "Installed {} in {}: {}.",
            count(changes.timers.len(), "timer", "timers"),
            changes.directory,
            changes.timers.join(", ")
        ));
    }
    if !removed.is_empty() {
        output.print_text(format!("Removed: {}.", removed.join(", ")));
    }
    if let Some(advice) = linger_advice(changes.lingers).filter(|_| !changes.timers.is_empty()) {
        output.print_text(advice);
        output.print_line(ENABLE_LINGER);
    }
    if !changes.timers.is_empty() {
        output.print_text(format!(
            "“{HIPPO_HERE} schedule status” shows when each fires next."
        ));
    }
}
