//! `hippo schedule print --cron`: crontab lines for the declared schedules.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use clap::Args;
use hippo_core::schedule::{DaySelection, Expression, Recurrence, Schedule};

use super::calendar_fields::{times_of_rate, write_field, write_list};
use super::install::ON_AWS;
use super::systemd::UnitPaths;
use super::units::Caller;
use crate::config::Config;
use crate::context::Globals;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::suggested::HIPPO_HERE;
use crate::timezones::machine_timezone;

/// Print the schedules in config.toml for another scheduler.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule print --cron
  hippo schedule print --cron | (crontab -l; cat) | crontab -    # do it once

To change them later, edit the lines with “crontab -e”.")]
pub(crate) struct Print {
    /// As lines of a crontab.
    #[arg(long, required = true)]
    cron: bool,
}

/// Prints the lines.
pub(super) fn print(args: &Print, globals: &Globals) -> CommandResult {
    let home = globals.local_home("schedule print", ON_AWS)?;
    home.must_be_initialized()?;
    let config = Config::read(&home)?;
    let paths = UnitPaths::find(&home)?;
    let lines = crontab(config.jobs.schedules(), &paths.caller(), machine_timezone());
    if !args.cron {
        return Err(CommandError::usage("Say for what: --cron."));
    }
    globals.output.print_document(&lines);
    for line in lines {
        globals.output.print_line(line);
    }
    Ok(Outcome::Done)
}

/// Writes the crontab; what cron can't do is a comment.
fn crontab(schedules: &[Schedule], caller: &Caller<'_>, machine_zone: Tz) -> Vec<String> {
    let mut lines = vec![
        format!("# LibraryHippo's schedules for {}.", caller.home),
        "# When the clocks change, your cron decides what becomes of times that are skipped or repeated."
            .to_owned(),
    ];
    let mut zones: Vec<Tz> = Vec::new();
    for schedule in schedules {
        let zone = zone_for_cron(schedule, machine_zone);
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    // Lines before the first CRON_TZ are in the machine's zone.
    zones.sort_by_key(|zone| *zone != machine_zone);
    for zone in zones {
        if zone != machine_zone {
            lines.extend([
                format!("# The times below are in {zone}. cronie, the cron of Fedora, Red Hat and Arch, reads that from the"),
                "# next line. No other cron does, such as Debian's and Ubuntu's: there, these lines would run at the"
                    .to_owned(),
                format!("# same times of {machine_zone}. Set that machine to {zone} instead"),
                format!("# (timedatectl set-timezone {zone}), restart cron, and print these lines again."),
                format!("CRON_TZ={zone}"),
            ]);
        }
        for schedule in schedules {
            if zone_for_cron(schedule, machine_zone) == zone {
                lines.extend(lines_of(schedule, caller));
            }
        }
    }
    lines
}

/// The zone in which cron must read a schedule. A rate has none.
fn zone_for_cron(schedule: &Schedule, machine_zone: Tz) -> Tz {
    match schedule.recurrence.expression {
        Expression::Rate(_) => machine_zone,
        Expression::At(_) | Expression::Cron(_) => schedule.recurrence.zone,
    }
}

fn lines_of(schedule: &Schedule, caller: &Caller<'_>) -> Vec<String> {
    let label = &schedule.label;
    if !schedule.enabled {
        return vec![format!("# “{label}” is disabled.")];
    }
    match times_for_cron(&schedule.recurrence) {
        Err(reason) => vec![format!(
            "# “{label}” isn't here: {reason} Use “{HIPPO_HERE} schedule install”."
        )],
        Ok(times) => {
            let variable = match caller.is_default_home {
                true => String::new(),
                false => format!("HIPPO_HOME={} ", quote(caller.home)),
            };
            let command = format!(
                "{} run {} --label {label}",
                quote(caller.hippo),
                schedule.job
            );
            // cron takes % for the end of the command.
            let command = format!("{variable}{command}").replace('%', "\\%");
            let random = schedule.flexible.map(|_| {
                format!(
                    "# cron can't start “{label}” at a random moment, so it ignores “flexible”."
                )
            });
            let lines = times.iter().map(|time| format!("{time} {command}"));
            random.into_iter().chain(lines).collect()
        }
    }
}

/// Quotes a word for the shell, if it needs it.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The five fields of each line, or why cron can't say it.
fn times_for_cron(recurrence: &Recurrence) -> Result<Vec<String>, &'static str> {
    match &recurrence.expression {
        Expression::At(_) => Err("cron would repeat it each year."),
        Expression::Rate(rate) => {
            let times = times_of_rate(rate.minutes()).ok_or("this rate doesn't divide a day.")?;
            let line = |(hours, minutes): &(BTreeSet<u32>, BTreeSet<u32>)| {
                format!("{} * * *", write_time(hours, minutes))
            };
            Ok(times.iter().map(line).collect())
        }
        Expression::Cron(cron) => {
            if cron.years().is_some() {
                return Err("cron has no years.");
            }
            let (day, weekday) = match cron.days() {
                DaySelection::Every => ("*".to_owned(), "*".to_owned()),
                DaySelection::OfMonth(days) => (write_field(days, 31, 1, "-"), "*".to_owned()),
                DaySelection::OfWeek(days) => ("*".to_owned(), write_field(days, 7, 1, "-")),
                DaySelection::BeforeLast(_)
                | DaySelection::LastOfWeek(_)
                | DaySelection::NthOfWeek(..)
                | DaySelection::NearestWeekday(_)
                | DaySelection::LastWeekday => return Err("cron can't express these days."),
            };
            let time = write_time(cron.hours(), cron.minutes());
            let month = write_field(cron.months(), 12, 1, "-");
            Ok(vec![format!("{time} {day} {month} {weekday}")])
        }
    }
}

fn write_time(hours: &BTreeSet<u32>, minutes: &BTreeSet<u32>) -> String {
    let minutes = match minutes.len() {
        60 => "*".to_owned(),
        _ => write_list(minutes, 1, "-"),
    };
    format!("{minutes} {}", write_field(hours, 24, 1, "-"))
}
