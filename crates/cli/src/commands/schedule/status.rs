//! `hippo schedule status`: whether systemd runs the declared schedules.

use std::collections::BTreeMap;

use clap::Args;
use hippo_core::schedule::{Expression, Recurrence};
use serde::Serialize;

use super::install::ON_AWS;
use super::systemd::{
    ENABLE_LINGER, TimerState, UnitDirectory, UnitPaths, UserManager, linger_advice, lingers,
};
use super::timers::{Installation, find_timers};
use super::units::{divides_day, timer_name};
use crate::config::Config;
use crate::context::Globals;
use crate::exit::{CommandResult, Outcome};
use crate::output::print_to_stderr;
use crate::output::table::{Cell, Table, Tone, fixed, words};
use crate::suggested::HIPPO_HERE;

/// Show whether systemd runs the schedules in config.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo schedule status

Exit code 1: a timer is missing, stale or not running.")]
pub(crate) struct Status {}

#[derive(Debug, Serialize)]
struct TimerView {
    timer: String,
    state: Installation,
    /// Whether systemd starts it; `None` if systemd doesn't answer.
    runs: Option<bool>,
    /// When it fires next, with the times as systemd writes them.
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct TimersDocument<'a> {
    timers: &'a [TimerView],
    lingers: Option<bool>,
}

/// Shows the timers.
pub(super) fn status(globals: &Globals) -> CommandResult {
    let home = globals.local_home("schedule status", ON_AWS)?;
    home.must_be_initialized()?;
    let config = Config::read(&home)?;
    let paths = UnitPaths::find(&home)?;
    let directory = UnitDirectory::locate()?;
    let timers = find_timers(&config, &paths, &directory)?;
    let names: Vec<String> = timers.iter().map(|(name, _)| name.clone()).collect();
    let states = match UserManager.states(&names) {
        Ok(states) => Some(states),
        Err(error) => {
            print_to_stderr(error.to_string());
            None
        }
    };
    let views: Vec<TimerView> = timers
        .into_iter()
        .map(|(name, state)| {
            let schedules = config.jobs.schedules().iter();
            let mut of_timer = schedules.filter(|schedule| timer_name(schedule) == name);
            let period = of_timer.find_map(|schedule| period_words(&schedule.recurrence));
            view(name, state, states.as_ref(), period)
        })
        .collect();
    let lingers = lingers();
    show(globals, &views, lingers);
    Ok(Outcome::failed_if(!views.iter().all(is_good)))
}

fn view(
    timer: String,
    state: Installation,
    states: Option<&BTreeMap<String, TimerState>>,
    period: Option<String>,
) -> TimerView {
    let known = states.map(|states| states.get(&timer).cloned().unwrap_or_default());
    TimerView {
        runs: known
            .as_ref()
            .map(|known| known.is_enabled && known.is_active),
        next: known.and_then(|known| {
            // systemd counts from the last time, by a clock that stands still in suspend.
            let counted = || Some(format!("{} after {}", period?, known.last?));
            known.next.or_else(counted)
        }),
        timer,
        state,
    }
}

/// `7 hours`: the period of a timer that counts from its last time.
fn period_words(recurrence: &Recurrence) -> Option<String> {
    let Expression::Rate(rate) = &recurrence.expression else {
        return None;
    };
    let words = recurrence.describe();
    let period = words.strip_prefix("every ")?;
    (!divides_day(rate.minutes())).then(|| period.to_owned())
}

fn is_good(view: &TimerView) -> bool {
    match view.state {
        Installation::Installed => view.runs == Some(true),
        Installation::Disabled => true,
        Installation::Stale | Installation::Missing | Installation::LeftOver => false,
    }
}

fn show(globals: &Globals, views: &[TimerView], lingers: Option<bool>) {
    let output = globals.output;
    output.print_document(&TimersDocument {
        timers: views,
        lingers,
    });
    if views.is_empty() {
        output.print_text("config.toml declares no schedule, so there are no timers.");
        return;
    }
    let mut table = Table::new([fixed("TIMER"), fixed("STATE"), fixed("RUNS"), words("NEXT")]);
    for view in views {
        let tone = match view.state {
            Installation::Installed => Tone::Good,
            Installation::Disabled => Tone::Faint,
            Installation::Stale | Installation::Missing | Installation::LeftOver => Tone::Bad,
        };
        let runs = match view.runs {
            None => "unknown",
            Some(true) => "yes",
            Some(false) => "no",
        };
        table.row([
            view.timer.as_str().into(),
            Cell::new(view.state.as_str(), tone),
            runs.into(),
            view.next.as_deref().unwrap_or("–").into(),
        ]);
    }
    output.print_table(&table);
    if !views.iter().all(is_good) {
        output.print_text("To make the timers as config.toml declares them:");
        output.print_line(format!("  {HIPPO_HERE} schedule install"));
    }
    if let Some(advice) = linger_advice(lingers) {
        output.print_text(advice);
        output.print_line(ENABLE_LINGER);
    }
}
