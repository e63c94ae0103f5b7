//! Times that a schedule excludes.

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::alerts::Alert;

// Row 15, 16, 17: a run whose schedule excludes its time does not start, and raises no alert.
#[rstest]
#[case::before_its_start(StartRules { start: Some(at("12:00:01")), ..daily() }, Some(RunOutcome::SkippedOutsideDates))]
#[case::at_its_start(StartRules { start: Some(at("12:00:00")), ..daily() }, Some(RunOutcome::Done))]
#[case::at_its_end(StartRules { end: Some(at("12:00:00")), ..daily() }, Some(RunOutcome::SkippedOutsideDates))]
#[case::before_its_end(StartRules { end: Some(at("12:00:01")), ..daily() }, Some(RunOutcome::Done))]
#[case::closed(closed("2026-11-21"), Some(RunOutcome::SkippedClosed))]
#[case::closed_on_another_day(closed("2026-11-22"), Some(RunOutcome::Done))]
#[case::too_late_as_well(StartRules { start_deadline: Some(HOUR), ..closed("2026-11-21") }, Some(RunOutcome::SkippedClosed))]
#[case::at_another_day(once("2026-11-22T12:00:00"), Some(RunOutcome::SkippedNotToday))]
#[case::at_the_day(once("2026-11-21T12:00:00"), Some(RunOutcome::Done))]
#[case::later_than_its_time(once("2026-11-21T00:00:00"), Some(RunOutcome::Done))]
#[case::earlier_than_its_time(once("2026-11-21T23:59:00"), Some(RunOutcome::Done))]
#[tokio::test]
async fn run_at_a_time_that_its_schedule_excludes_is_skipped(
    #[case] rules: StartRules,
    #[case] expected: Option<RunOutcome>,
) {
    let world = at_time("14:00:00").await;
    let hooks = run_hooks(&world);
    let plan = || RunPlan {
        hooks: Some(&hooks),
        ..with_rules("12:00:00", rules.clone())
    };
    let first = run_through(&world, plan()).await;
    assert_eq!(outcome(&world, "12:00:00").await, expected, "{first:?}");
    // It is on record once, and raises no alert.
    let again = run_through(&world, plan()).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");
    assert!(alert_keys(&world).await.is_empty());
}

fn closed(day: &str) -> StartRules {
    StartRules {
        closed_days: [day.parse().unwrap()].into(),
        ..daily()
    }
}

fn once(local: &str) -> StartRules {
    StartRules {
        schedule: Some(Recurrence {
            expression: format!("at({local})").parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        ..StartRules::default()
    }
}

// Row 16: a closed day is a day in the schedule's zone.
#[tokio::test]
async fn closed_day_is_a_day_in_the_zone_of_the_schedule() {
    let world = at_time("01:00:00").await;
    let in_toronto = |day: &str| StartRules {
        closed_days: [day.parse().unwrap()].into(),
        schedule: Some(Recurrence {
            expression: "cron(0 20 * * ? *)".parse().unwrap(),
            zone: chrono_tz::America::Toronto,
        }),
        ..StartRules::default()
    };
    // 20:00 on the 20th in Toronto.
    let _ = run_through(&world, with_rules("01:00:00", in_toronto("2026-11-20"))).await;
    let expected = Some(RunOutcome::SkippedClosed);
    assert_eq!(outcome(&world, "01:00:00").await, expected);
}

// Row 15, 16: what the schedule excludes can't be missed.
#[tokio::test]
async fn times_that_a_schedule_excludes_are_not_missed() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", daily()))
        .await
        .unwrap();
    let rules = StartRules {
        start: Some(at("12:00:00") + TimeDelta::days(2)),
        ..closed("2026-11-24")
    };
    world.clock.advance(TimeDelta::days(5));
    let mut later = with_rules("12:00:00", rules);
    later.key.scheduled_time += TimeDelta::days(5);
    let run = start_run(&world.store, &world.clock, later).await.unwrap();
    let missed = run.missing().iter().map(|run| run.key.scheduled_time);
    let days: Vec<i64> = missed
        .map(|time| (time - at("12:00:00")).num_days())
        .collect();
    // Not the 22nd, which is before its start, and not the 24th.
    assert_eq!(days, [2, 4]);
}

// Row 17: a timer that fires daily for an expression of single days finds the day that it missed.
#[tokio::test]
async fn run_of_another_day_finds_the_day_that_was_missed() {
    let world = at_time("12:00:00").await;
    let rules = StartRules {
        schedule: Some(Recurrence {
            expression: "cron(0 12 23 11 ? *)".parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        ..StartRules::default()
    };
    let hooks = run_hooks(&world);
    let on_day = |days: i64| {
        let mut plan = with_rules("12:00:00", rules.clone());
        plan.key.scheduled_time += TimeDelta::days(days);
        plan.hooks = Some(&hooks);
        plan
    };
    // It fires on the 21st and the 22nd, not on the 23rd, then on the 24th and the 25th.
    for day in [0, 1, 3, 4] {
        world
            .clock
            .set(&(at("12:00:00") + TimeDelta::days(day)).to_rfc3339());
        let skipped = run_through(&world, on_day(day)).await.unwrap_err();
        assert_eq!(skipped.run().outcome, RunOutcome::SkippedNotToday);
    }
    let missed = world.store.run(&on_day(2).key).await.unwrap().unwrap();
    assert_eq!(missed.outcome, RunOutcome::Missed);
    let stored = world.store.recent_alerts(10).await.unwrap();
    let alerts: Vec<_> = stored
        .iter()
        .map(|stored| (&stored.alert, stored.times))
        .collect();
    assert!(
        matches!(*alerts, [(Alert::RunsMissed { count: 1, .. }, 1)]),
        "{alerts:?}"
    );
}

// A run that doesn't start finds what was missed before it, too: later runs look back only to it.
#[rstest]
#[case::closed(closed("2026-11-23"), RunOutcome::SkippedClosed, 1)]
#[case::past_its_end(StartRules { end: Some(at("12:00:00") + TimeDelta::days(2)), ..daily() }, RunOutcome::SkippedOutsideDates, 1)]
#[case::disabled(StartRules { is_disabled: true, ..daily() }, RunOutcome::SkippedPaused, 0)]
#[tokio::test]
async fn run_that_does_not_start_records_the_missed_one_before(
    #[case] rules: StartRules,
    #[case] expected: RunOutcome,
    #[case] missed: usize,
) {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", daily()))
        .await
        .unwrap();
    world.clock.advance(TimeDelta::days(2));
    let mut later = with_rules("12:00:00", rules);
    later.key.scheduled_time += TimeDelta::days(2);
    let skipped = run_through(&world, later.clone()).await.unwrap_err();
    assert_eq!(skipped.run().outcome, expected);
    later.key.scheduled_time -= TimeDelta::days(1);
    let between = world.store.run(&later.key).await.unwrap();
    let found = between
        .into_iter()
        .filter(|run| run.outcome == RunOutcome::Missed);
    assert_eq!(found.count(), missed);
}
