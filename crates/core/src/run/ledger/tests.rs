//! The table of decisions, row by row: `docs/decisions/runs-like-cronjob.md`.

mod crashes;
mod excluded;
mod missed_runs;
mod paused;
mod starting;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::*;
use crate::alerts::run_hooks::RunHooks;
use crate::jobs::RunError;
use crate::run::not_started::NotStarted;
use crate::run::{JobName, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::Recurrence;
use crate::store::{AlertStore as _, RunStore as _};
use crate::testing::memory::NoHeartbeat;
use crate::testing::world::World;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-21T{text}Z").parse().unwrap()
}

fn plan(time: &str) -> RunPlan<'static> {
    RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "tick".parse().unwrap(),
            scheduled_time: at(time),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: false,
        rules: StartRules::default(),
        hooks: None,
    }
}

fn with_rules(time: &str, rules: StartRules) -> RunPlan<'static> {
    RunPlan {
        rules,
        ..plan(time)
    }
}

fn ticks() -> StartRules {
    StartRules {
        schedule: Some(Recurrence {
            expression: "rate(15 minutes)".parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        ..StartRules::default()
    }
}

async fn at_time(time: &str) -> World {
    let world = World::new().await;
    world.clock.set(&at(time).to_rfc3339());
    world
}

/// Starts a run and closes it as done.
async fn run_through(world: &World, plan: RunPlan<'_>) -> Result<Run, NotStarted> {
    match start_run(&world.store, &world.clock, plan).await {
        Ok(run) => Ok(run.close(Ok(Ending::Completed)).await.unwrap()),
        Err(RunError::NotStarted(why)) => Err(why),
        Err(RunError::Job(error)) => panic!("{error}"),
    }
}

/// The recorded outcome for a scheduled time.
async fn outcome(world: &World, time: &str) -> Option<RunOutcome> {
    let run = world.store.run(&plan(time).key).await.unwrap();
    run.map(|run| run.outcome)
}

const HOUR: Duration = Duration::from_secs(3600);

/// Fires daily at 12:00 UTC.
fn daily() -> StartRules {
    StartRules {
        schedule: Some(Recurrence {
            expression: "cron(0 12 * * ? *)".parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        ..StartRules::default()
    }
}

/// The keys of the alerts on record, sorted.
async fn alert_keys(world: &World) -> Vec<String> {
    let stored = world.store.recent_alerts(100).await.unwrap();
    let mut keys: Vec<String> = stored
        .iter()
        .map(|stored| stored.alert.key().to_string())
        .collect();
    keys.sort_unstable();
    keys
}

fn run_hooks(world: &World) -> RunHooks<'_> {
    RunHooks {
        alerts: &world.store,
        outbox: &world.store,
        notifiers: None,
        heartbeat: crate::alerts::heartbeat::Heartbeat {
            client: &NoHeartbeat,
            urls: std::collections::BTreeMap::new(),
            runs: &world.store,
        },
        clock: &world.clock,
    }
}
