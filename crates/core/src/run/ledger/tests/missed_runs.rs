//! Runs that never came.

use chrono::TimeDelta;

use super::*;
use crate::alerts::Alert;

// Row 11: times that passed since the last run are missed, each of them on record.
#[tokio::test]
async fn times_without_a_run_are_recorded_as_missed() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    world.clock.set(&at("13:00:02").to_rfc3339());
    let run = start_run(&world.store, &world.clock, with_rules("13:00:02", ticks())).await;
    let run = run.unwrap();
    assert_eq!(run.missing().len(), 3);
    for time in ["12:15:00", "12:30:00", "12:45:00"] {
        assert_eq!(outcome(&world, time).await, Some(RunOutcome::Missed));
    }
    // They block no other run and are not found again.
    run.close(Ok(Ending::Completed)).await.unwrap();
    world.clock.advance(TimeDelta::minutes(15));
    let next = start_run(&world.store, &world.clock, with_rules("13:15:02", ticks())).await;
    assert!(next.unwrap().missing().is_empty());
}

// Row 19: times that the schedule did not have then were never due.
#[tokio::test]
async fn times_before_a_schedule_had_its_times_are_not_missed() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", daily()))
        .await
        .unwrap();
    let changed = StartRules {
        times_since: Some(at("12:30:00")),
        ..ticks()
    };
    world.clock.set(&at("13:00:02").to_rfc3339());
    let run = start_run(&world.store, &world.clock, with_rules("13:00:02", changed)).await;
    let missed: Vec<_> = run.unwrap().missing().to_vec();
    let missed: Vec<_> = missed.iter().map(|run| run.key.scheduled_time).collect();
    assert_eq!(missed, [at("12:30:00"), at("12:45:00")]);
}

/// A person's run of a past scheduled time.
fn backfill(time: &str) -> RunPlan<'static> {
    RunPlan {
        trigger: Trigger::Person,
        ..with_rules(time, hourly())
    }
}

fn hourly() -> StartRules {
    StartRules {
        schedule: Some(Recurrence {
            expression: "cron(0 * * * ? *)".parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        ..StartRules::default()
    }
}

// Row 18: a backfilled time isn't missed any more, and backfills hide no missed time.
#[tokio::test]
async fn backfill_replaces_a_missed_run_and_hides_no_other() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", hourly()))
        .await
        .unwrap();
    // Nothing ran at 13:00. A person backfills it and the morning, at 13:30.
    world.clock.set(&at("13:30:00").to_rfc3339());
    let mut skipped = plan("04:00:00");
    skipped.rules.is_disabled = true;
    run_through(&world, skipped).await.unwrap_err();
    for hour in (1..12).chain([13]) {
        let done = run_through(&world, backfill(&format!("{hour:02}:00:00"))).await;
        assert_eq!(done.unwrap().outcome, RunOutcome::Done, "{hour}");
    }
    assert_eq!(outcome(&world, "04:00:00").await, Some(RunOutcome::Done));
    let again = run_through(&world, backfill("12:00:00")).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");
    // Nothing ran at 14:00 either.
    world.clock.set(&at("15:00:00").to_rfc3339());
    let run = start_run(&world.store, &world.clock, with_rules("15:00:00", hourly())).await;
    let missed: Vec<_> = run.unwrap().missing().to_vec();
    let missed: Vec<_> = missed.iter().map(|run| run.key.scheduled_time).collect();
    assert_eq!(missed, [at("14:00:00")]);
}

// Row 12: after more than a hundred, the run still starts, and the newest hundred are recorded.
#[tokio::test]
async fn run_starts_after_more_than_100_missed_times() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    world.clock.advance(TimeDelta::days(5));
    let mut late = with_rules("12:00:00", ticks());
    late.key.scheduled_time += TimeDelta::days(5);
    let hooks = run_hooks(&world);
    late.hooks = Some(&hooks);
    let run = start_run(&world.store, &world.clock, late).await.unwrap();
    assert_eq!(run.missing().len(), MAX_MISSED_RUNS);
    // All of them are counted.
    let stored = world.store.recent_alerts(10).await.unwrap();
    let counts: Vec<usize> = stored
        .iter()
        .filter_map(|stored| match stored.alert {
            Alert::RunsMissed { count, .. } => Some(count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [5 * 96 - 1]);
}

// Row 13: before the first run of a label nothing is missed.
#[tokio::test]
async fn nothing_is_missed_before_the_first_run_of_a_label() {
    let world = at_time("12:00:00").await;
    let run = start_run(&world.store, &world.clock, with_rules("12:00:00", ticks())).await;
    assert!(run.unwrap().missing().is_empty());
}
