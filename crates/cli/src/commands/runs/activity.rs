//! What runs now, and what comes next.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::ids::Label;
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::schedule::declaration::next_run::NextRun;
use serde::Serialize;

use crate::context::Context;
use crate::exit::CommandError;
use crate::next_run::{describe_period, find_next_run, load_schedules};
use crate::output::time::{ago, at_moment};

/// At most this many coming runs are shown.
const MAX_UPCOMING_RUNS: usize = 5;

/// A schedule's next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ComingRun {
    job: JobName,
    label: Label,
    /// When it starts, or the earliest time at which it may.
    scheduled_time: DateTime<Utc>,
    /// It starts at most this much later.
    within_minutes: i64,
}

/// The next run of each wanted schedule that isn't disabled or paused for good, soonest first.
pub(super) async fn coming_runs(
    context: &Context,
    last: &[Run],
    is_wanted: impl Fn(JobName, &Label) -> bool,
) -> Result<Vec<ComingRun>, CommandError> {
    let pauses = context.store.pauses().await?;
    let mut coming = Vec::new();
    // If they can't be read, the schedules count as enabled.
    let (schedules, _) = load_schedules(context).await?;
    for schedule in schedules {
        if !schedule.enabled || !is_wanted(schedule.job, &schedule.label) {
            continue;
        }
        let newest = last
            .iter()
            .filter(|run| run.key.job == schedule.job && run.key.label == schedule.label)
            .map(|run| run.key.scheduled_time)
            .max();
        let next = find_next_run(context, &schedule, newest, &pauses);
        let (scheduled_time, within_minutes) = match next {
            NextRun::At(time) => (time, 0),
            NextRun::Within { after, period } => (after.max(context.now()), period.num_minutes()),
            NextRun::Never => continue,
        };
        coming.push(ComingRun {
            job: schedule.job,
            label: schedule.label,
            scheduled_time,
            within_minutes,
        });
    }
    coming.sort_by_key(|run| (run.within_minutes > 0, run.scheduled_time));
    coming.truncate(MAX_UPCOMING_RUNS);
    Ok(coming)
}

/// Describes the running and the coming runs; a line each.
pub(super) fn describe(runs: &[Run], coming: &[ComingRun], now: DateTime<Utc>, zone: Tz) -> String {
    let mut text = String::new();
    let running = runs.iter().filter(|run| run.outcome == RunOutcome::Running);
    let lines: Vec<String> = running
        .map(|run| {
            let counts = &run.counts;
            let settled = counts.done + counts.failures() + counts.skipped;
            let (label, since) = (&run.key.label, ago(run.started_at, now));
            format!(
                "{}/{label}: {settled} of {}, began {since}",
                run.key.job, counts.planned
            )
        })
        .collect();
    add_lines(&mut text, "Now", "nothing runs", &lines);
    let lines: Vec<String> = coming
        .iter()
        .map(|run| {
            let (job, label) = (run.job, &run.label);
            match run.within_minutes {
                0 => format!("{job}/{label} {}", at_moment(run.scheduled_time, now, zone)),
                minutes => {
                    let within = describe_period(minutes, run.scheduled_time, now, zone);
                    format!("{job}/{label} {within}")
                }
            }
        })
        .collect();
    add_lines(&mut text, "Next", "nothing is scheduled", &lines);
    text
}

fn add_lines(text: &mut String, head: &str, none: &str, lines: &[String]) {
    let none = [none.to_owned()];
    let lines = if lines.is_empty() { &none } else { lines };
    for (number, line) in lines.iter().enumerate() {
        let head = if number == 0 { head } else { "" };
        text.push_str(&format!("{head:4}  {line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::run::{Counts, Trigger};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    #[test]
    fn running_and_coming_runs_are_described() {
        let run = Run {
            key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: at("10:00:00"),
            reported_at: at("10:03:00"),
            finished_at: None,
            outcome: RunOutcome::Running,
            counts: Counts {
                planned: 7,
                done: 3,
                skipped: 1,
                ..Counts::default()
            },
        };
        let coming = [
            ("tick", "10:15:00", 0),
            ("all", "10:04:00", 45),
            ("paused", "17:00:00", 45),
        ]
        .map(|(label, time, within)| ComingRun {
            job: JobName::NOTIFY_ALL,
            label: label.parse().unwrap(),
            scheduled_time: at(time),
            within_minutes: within,
        });
        let zone = chrono_tz::America::Toronto;
        insta::assert_snapshot!(describe(&[run], &coming, at("10:04:00"), zone), @r"
        Now   check-cards/all: 4 of 7, began 4 min ago
        Next  notify-all/tick at 05:15 today
              notify-all/all within 45 min
              notify-all/paused within 45 min of 12:00 today
        ");
        insta::assert_snapshot!(describe(&[], &[], at("10:04:00"), zone), @r"
        Now   nothing runs
        Next  nothing is scheduled
        ");
    }
}
