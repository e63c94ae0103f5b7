//! The examples of docs/SCHEDULES.md, on one machine and on AWS.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::Toronto;
use hippo_core::schedule::declaration::table::{
    ClosedDaysTable, ScheduleChecks, ScheduleTable, ScheduleTarget, check_schedules,
};
use hippo_core::schedule::{ClosedDays, Expression, Schedule};

use super::next::list_times;
use super::testing::next_by_systemd;
use super::units::timer_lines;

/// A row of a table: the keys to write, and when it says that the schedule runs.
struct Example {
    keys: String,
    runs: Vec<String>,
}

fn read_page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/SCHEDULES.md");
    std::fs::read_to_string(page).unwrap()
}

/// The rows with a `when`; the last column says when it runs.
fn examples(page: &str) -> Vec<Example> {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let keys: Vec<&str> = row.split('`').filter(|code| code.contains(" = ")).collect();
        let is_example = keys.iter().any(|key| key.starts_with("when = "));
        is_example.then(|| Example {
            keys: keys.join("\n"),
            runs: cells
                .last()
                .unwrap()
                .split(", ")
                .map(str::to_owned)
                .collect(),
        })
    })
    .collect()
}

/// The closed-days file on the page.
fn closed_days(page: &str) -> ClosedDays {
    let block = page.split("```toml\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    toml::from_str::<ClosedDaysTable>(block).unwrap().into()
}

fn declare(keys: &str, target: ScheduleTarget, page: &str) -> Schedule {
    let text = format!("job = \"check-cards\"\nlabel = \"example\"\n{keys}\n");
    let table: ScheduleTable = toml::from_str(&text).unwrap();
    let read_closed_days = |file: &str| match file {
        "closed-days.toml" => Ok(closed_days(page)),
        other => Err(format!("There is no {other}.")),
    };
    let checks = ScheduleChecks {
        target,
        default_zone: Toronto,
        parse_zone: &|name| name.parse().map_err(|_| name.to_owned()),
        read_closed_days: &read_closed_days,
    };
    let mut schedules = check_schedules([&table], &checks).unwrap();
    schedules.remove(0)
}

/// The times at which it runs after `from`, as the page writes them; at most as many as it has there.
fn runs(schedule: &Schedule, from: DateTime<Utc>, expected: &[String]) -> Vec<String> {
    if let Expression::Rate(_) = schedule.recurrence.expression {
        let words = schedule.recurrence.describe();
        return vec!["on AWS at once".to_owned(), format!("then {words}")];
    }
    let times = list_times(&schedule.recurrence, Some(schedule), from, 40);
    let is_short = times.len() < 40;
    let runs = times.iter().filter(|time| time.skipped.is_none());
    let mut runs: Vec<String> = runs
        .map(|time| {
            let time = DateTime::parse_from_rfc3339(&time.time).unwrap();
            time.format("%a %Y-%m-%d %H:%M").to_string()
        })
        .collect();
    if is_short {
        runs.push("never again".to_owned());
    }
    runs.truncate(expected.len());
    runs
}

#[test]
fn documented_patterns_run_as_described_on_both_sides() {
    let page = read_page();
    let from: DateTime<Utc> = "2026-11-28T17:00:00Z".parse().unwrap();
    let examples = examples(&page);
    assert!(examples.len() > 20, "{}", examples.len());
    for Example {
        keys,
        runs: expected,
    } in examples
    {
        let local = declare(&keys, ScheduleTarget::Local, &page);
        let aws = declare(&keys, ScheduleTarget::Aws, &page);
        assert_eq!(local, aws, "{keys}");
        assert_eq!(runs(&local, from, &expected), expected, "{keys}");
        assert!(
            keys.contains(&aws.recurrence.expression.to_string()),
            "{keys}"
        );
        assert_systemd_agrees(&local, from);
    }
}

/// systemd's timer fires at the same times, as far as it can say them. The run keeps to the dates.
fn assert_systemd_agrees(schedule: &Schedule, from: DateTime<Utc>) {
    let lines = timer_lines(&schedule.recurrence);
    let ours: Vec<_> = match &schedule.recurrence.expression {
        Expression::Rate(rate) if 24 * 60 % rate.minutes() > 0 => {
            let minutes = rate.minutes();
            let counted = [
                format!("OnActiveSec={minutes}min"),
                format!("OnUnitActiveSec={minutes}min"),
            ];
            assert!(lines.ends_with(&counted), "{lines:?}");
            return;
        }
        // On one machine, it counts from midnight UTC.
        Expression::Rate(rate) => {
            let midnight = from.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
            let period = TimeDelta::minutes(i64::from(rate.minutes()));
            let times = std::iter::successors(Some(midnight), |time| Some(*time + period));
            times.filter(|time| *time > from).take(12).collect()
        }
        _ if lines.iter().any(|line| line.starts_with('#')) => return,
        _ => schedule.recurrence.times_after(from).take(12).collect(),
    };
    let Some(mut by_systemd) = next_by_systemd(&lines, from) else {
        return;
    };
    // Each of several lines has so many.
    by_systemd.truncate(12);
    assert_eq!(by_systemd, ours, "{lines:?}");
}
