//! Builds schedules and months of runs, for tests and benchmarks that read the history.
#![allow(clippy::unwrap_used, reason = "a test may panic when its setup fails")]

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _};

use crate::retention::RETENTION;
use crate::run::day::Square;
use crate::run::{Counts, JobName, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::{ClosedDays, OnFailure, Recurrence, Schedule};
use crate::store::{DeclaredScheduleStore, RunStore, StoreResult};

/// How many days of runs one machine keeps.
pub const RETENTION_DAYS: i64 = RETENTION.num_days();

/// How many runs are stored at a time.
const MAX_CONCURRENCY: usize = 64;

/// The scheduled time of the newest run, on the sample day.
pub const NEWEST_RUN: &str = "2026-11-21T10:00:00Z";

/// A schedule in Toronto.
pub fn schedule(job: JobName, label: &str, expression: &str) -> Schedule {
    Schedule {
        label: label.parse().unwrap(),
        job,
        recurrence: Recurrence {
            expression: expression.parse().unwrap(),
            zone: chrono_tz::America::Toronto,
        },
        input: serde_json::Map::new(),
        start: None,
        end: None,
        closed_days: ClosedDays::default(),
        enabled: true,
        overlap: None,
        start_deadline: None,
        catch_up: None,
        flexible: None,
        log_level: None,
        on_failure: OnFailure::Mail,
    }
}

/// A run that took three minutes, if it started.
pub fn run(job: JobName, label: &str, time: DateTime<Utc>, outcome: RunOutcome) -> Run {
    let seconds = if outcome.has_started() { 180 } else { 0 };
    let is_over = outcome != RunOutcome::Running;
    let end = time + TimeDelta::seconds(seconds);
    Run {
        key: RunKey {
            job,
            label: label.parse().unwrap(),
            scheduled_time: time,
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({"scope": "all", "family": null}),
        started_at: time,
        reported_at: end,
        finished_at: is_over.then_some(end),
        outcome,
        counts: Counts {
            planned: 7,
            done: 7,
            ..Counts::default()
        },
    }
}

/// Declares `labels` daily schedules, and stores a run of each for every one of `days` days. One run
/// in twenty has a problem.
pub async fn store_daily_runs(
    store: &(impl DeclaredScheduleStore + RunStore),
    labels: usize,
    days: i64,
) -> StoreResult<()> {
    let job = JobName::CHECK_CARDS;
    let names = (0..labels).map(|number| format!("label-{number}"));
    let schedules: Vec<Schedule> = names
        .map(|label| schedule(job, &label, "cron(0 5 * * ? *)"))
        .collect();
    store.save_schedules(job, &schedules, newest()).await?;
    let mut runs: Vec<Run> = Vec::new();
    for (number, schedule) in schedules.iter().enumerate() {
        for day in 0..days {
            let outcome = match (number + usize::try_from(day).unwrap()) % 40 {
                20 => RunOutcome::Failed,
                21 => RunOutcome::DoneWithFailures,
                _ => RunOutcome::Done,
            };
            let time = newest() - TimeDelta::days(day);
            runs.push(run(job, schedule.label.as_str(), time, outcome));
        }
    }
    store_runs(store, &runs).await
}

/// Declares the ticks of `notify-all`, and stores one for every quarter of an hour of `days` days.
pub async fn store_ticks(
    store: &(impl DeclaredScheduleStore + RunStore),
    days: i64,
) -> StoreResult<()> {
    let job = JobName::NOTIFY_ALL;
    let tick = schedule(job, "tick", "rate(15 minutes)");
    store.save_schedules(job, &[tick], newest()).await?;
    let runs: Vec<Run> = (0..days * 96)
        .map(|tick| {
            let time = newest() - TimeDelta::minutes(15 * tick);
            run(job, "tick", time, RunOutcome::Done)
        })
        .collect();
    store_runs(store, &runs).await
}

fn newest() -> DateTime<Utc> {
    NEWEST_RUN.parse().unwrap()
}

/// Stores runs in the daily history, and those that are still kept in the ledger.
async fn store_runs(store: &impl RunStore, runs: &[Run]) -> StoreResult<()> {
    let kept_since = newest() - TimeDelta::days(RETENTION_DAYS);
    let written = futures::stream::iter(runs).map(|run| async move {
        if run.key.scheduled_time > kept_since {
            store.record_run(run).await?;
        }
        let squares = [Square::from(run)];
        store.upsert_squares(&(&run.key).into(), &squares).await
    });
    let written = written.buffer_unordered(MAX_CONCURRENCY);
    written.try_collect::<Vec<()>>().await.map(|_| ())
}
