//! The systemd units of the declared schedules.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chrono_tz::Tz;
use hippo_core::schedule::{
    CatchUp, Cron, DaySelection, Expression, Overlap, Recurrence, Schedule,
};

use super::calendar_fields::{times_of_rate, write_field, write_list};
use crate::timer_days::MOST_BEFORE_LAST;

/// The first line of every unit of ours; the home follows.
const MARK: &str = "# Made by “hippo schedule install” for ";

/// A unit file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Unit {
    /// Its file name.
    pub(super) name: String,
    pub(super) text: String,
}

/// How the units start the command.
pub(super) struct Caller<'a> {
    /// The path of the command.
    pub(super) hippo: &'a str,
    /// The home's path.
    pub(super) home: &'a str,
    /// Whether the command finds the home on its own.
    pub(super) is_default_home: bool,
}

/// The name of a schedule's timer.
pub(super) fn timer_name(schedule: &Schedule) -> String {
    format!("hippo-{}.timer", schedule.label)
}

/// The home that a unit was made for; `None` if it isn't ours.
pub(super) fn home_of_unit(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix(MARK)
}

/// Whether a file name may be one of our units.
pub(super) fn is_unit_name(name: &str) -> bool {
    let extension = Path::new(name).extension();
    name.starts_with("hippo-") && extension.is_some_and(|kind| kind == "timer" || kind == "service")
}

/// How long a run that is over its time limit may take to end.
const RUN_END_GRACE: Duration = Duration::from_secs(2 * 60);

/// Makes the timer and the service of a schedule.
pub(super) fn make_units(schedule: &Schedule, caller: &Caller<'_>) -> [Unit; 2] {
    let (job, label) = (schedule.job, &schedule.label);
    let head = format!(
        "{MARK}{}\n# Change config.toml instead and run it again.\n[Unit]\nDescription=LibraryHippo {job} ({label})\n",
        caller.home
    );
    let mut timer = format!("{head}\n[Timer]\n");
    for line in timer_lines(&schedule.recurrence) {
        timer.push_str(&line);
        timer.push('\n');
    }
    timer.push_str("AccuracySec=1s\n");
    if let Some(flexible) = schedule.flexible {
        timer.push_str(&format!("RandomizedDelaySec={}s\n", flexible.as_secs()));
    }
    let is_persistent = schedule.catch_up != Some(CatchUp::None);
    timer.push_str(&format!(
        "# Whether it fires at once when its time has passed while the machine was off.\nPersistent={is_persistent}\n\n\
         [Install]\nWantedBy=timers.target\n"
    ));
    [
        Unit {
            name: timer_name(schedule),
            text: timer,
        },
        Unit {
            name: format!("hippo-{}.service", schedule.label),
            text: format!(
                "{head}\n[Service]\nType=oneshot\n{}",
                service_lines(schedule, caller)
            ),
        },
    ]
}

/// The lines of a service that say what to run.
fn service_lines(schedule: &Schedule, caller: &Caller<'_>) -> String {
    let (job, label) = (schedule.job, &schedule.label);
    let home = (!caller.is_default_home).then(|| format!("HIPPO_HOME={}", caller.home));
    let run = format!(
        "{} run {job} --label {label}",
        quote(caller.hippo).replace('$', "$$")
    );
    // The run ends itself before that.
    let timeout = (job.entry().time_limit + RUN_END_GRACE).as_secs() / 60;
    if schedule.overlap == Some(Overlap::Allow) {
        let home = home.map_or_else(String::new, |home| {
            quote(&format!("--setenv={home}")).replace('$', "$$") + " "
        });
        return format!(
            "# A timer doesn't start a service that is still running. So each run gets a service of its own.\n\
             ExecStart=systemd-run --user --quiet --collect --unit=hippo-{label}-${{INVOCATION_ID}} \
             --property=Type=exec --property=SuccessExitStatus=1 --property=RuntimeMaxSec={timeout}min \
             --property=NoNewPrivileges=true --property=UMask=0077 {home}{run}\n"
        );
    }
    let environment = home.map_or_else(String::new, |home| {
        format!("Environment={}\n", quote(&home))
    });
    format!(
        "{environment}ExecStart={run}\n\
         # 1: a card or an email failed. The run has it on record, so the service succeeded.\nSuccessExitStatus=1\n\
         TimeoutStartSec={timeout}min\nNoNewPrivileges=true\nUMask=0077\n"
    )
}

/// Quotes a word of a unit file.
fn quote(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{escaped}\"")
}

/// The lines that say when a timer fires.
pub(super) fn timer_lines(recurrence: &Recurrence) -> Vec<String> {
    match &recurrence.expression {
        Expression::Rate(rate) => match times_of_rate(rate.minutes()) {
            // In local time, the hour that repeats when the clocks go back would have no ticks.
            Some(times) => times
                .iter()
                .map(|(hours, minutes)| {
                    format!("OnCalendar=*-*-* {} UTC", write_time(hours, minutes))
                })
                .collect(),
            None => vec![
                "# This rate doesn't divide a day, so it counts from the start of the timer."
                    .to_owned(),
                format!("OnActiveSec={}min", rate.minutes()),
                format!("OnUnitActiveSec={}min", rate.minutes()),
            ],
        },
        Expression::At(at) => {
            let at = at.format("%Y-%m-%d %H:%M:%S");
            vec![format!("OnCalendar={at} {}", recurrence.zone)]
        }
        Expression::Cron(cron) => cron_lines(cron, recurrence.zone),
    }
}

fn write_time(hours: &BTreeSet<u32>, minutes: &BTreeSet<u32>) -> String {
    format!(
        "{}:{}:00",
        write_field(hours, 24, 2, ".."),
        write_field(minutes, 60, 2, "..")
    )
}

/// Whether a rate of so many minutes divides a day, so that its timer counts from midnight.
pub(crate) fn divides_day(minutes: u32) -> bool {
    times_of_rate(minutes).is_some()
}

fn cron_lines(cron: &Cron, zone: Tz) -> Vec<String> {
    let names = |days: &BTreeSet<u32>| {
        let name = |day: &u32| match day {
            0 => "Sun ",
            1 => "Mon ",
            2 => "Tue ",
            3 => "Wed ",
            4 => "Thu ",
            5 => "Fri ",
            _ => "Sat ",
        };
        days.iter()
            .map(|day| name(day).trim())
            .collect::<Vec<_>>()
            .join(",")
            + " "
    };
    let mut lines = Vec::new();
    let (weekdays, days) = match cron.days() {
        DaySelection::Every => (String::new(), "-*".to_owned()),
        DaySelection::OfMonth(days) => (String::new(), format!("-{}", write_list(days, 2, ".."))),
        DaySelection::BeforeLast(before @ ..=MOST_BEFORE_LAST) => {
            (String::new(), format!("~{:02}", before + 1))
        }
        DaySelection::OfWeek(days) if days.len() == 7 => (String::new(), "-*".to_owned()),
        DaySelection::OfWeek(days) => (names(days), "-*".to_owned()),
        DaySelection::LastOfWeek(day) => (names(&[*day].into()), "~07/1".to_owned()),
        DaySelection::NthOfWeek(day, nth) => {
            let last = nth * 7;
            let days = format!("-{:02}..{:02}", last.saturating_sub(6), last.min(31));
            (names(&[*day].into()), days)
        }
        DaySelection::BeforeLast(_)
        | DaySelection::NearestWeekday(_)
        | DaySelection::LastWeekday => {
            lines.push(
                "# systemd can't say these days: the timer fires on every day, and the run decides."
                    .to_owned(),
            );
            (String::new(), "-*".to_owned())
        }
    };
    let years = cron.years();
    let years = years.map_or_else(|| "*".to_owned(), |years| write_list(years, 4, ".."));
    let months = write_field(cron.months(), 12, 2, "..");
    let time = write_time(cron.hours(), cron.minutes());
    lines.push(format!(
        "OnCalendar={weekdays}{years}-{months}{days} {time} {zone}"
    ));
    lines
}

#[cfg(test)]
mod tests;
