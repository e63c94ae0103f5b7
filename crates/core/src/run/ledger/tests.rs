//! The table of decisions, row by row: `docs/decisions/runs-like-cronjob.md`.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::FutureExt as _;
use rstest::rstest;

use super::*;
use crate::alerts::Alert;
use crate::alerts::run_hooks::RunHooks;
use crate::clock::Clock as _;
use crate::ids::Label;
use crate::jobs::{JobError, RunError};
use crate::run::day::{DayKey, RunDay, Square};
use crate::run::not_started::NotStarted;
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{JobName, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::{Overlap, Pause, Recurrence};
use crate::store::AlertStore as _;
use crate::store::{PauseStore, RunDayStore, RunStart, RunStore, StoreResult};
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
        after: None,
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

// Row 1, 2: a run starts within its deadline, or at any time without one.
#[rstest]
#[case::on_time("12:00:00", Some(HOUR))]
#[case::late_but_in_time("13:00:00", Some(HOUR))]
#[case::no_deadline("23:00:00", None)]
#[tokio::test]
async fn run_starts_within_its_deadline(
    #[case] now: &str,
    #[case] start_deadline: Option<Duration>,
) {
    let world = at_time(now).await;
    let rules = StartRules {
        start_deadline,
        ..StartRules::default()
    };
    let run = run_through(&world, with_rules("12:00:00", rules)).await;
    assert_eq!(run.unwrap().outcome, RunOutcome::Done);
}

// Row 3: a run that comes too late is missed and does not start.
#[tokio::test]
async fn run_after_its_deadline_is_missed() {
    let world = at_time("13:00:01").await;
    let rules = StartRules {
        start_deadline: Some(HOUR),
        ..StartRules::default()
    };
    let missed = run_through(&world, with_rules("12:00:00", rules.clone())).await;
    assert!(matches!(missed, Err(NotStarted::Skipped(_))), "{missed:?}");
    assert_eq!(outcome(&world, "12:00:00").await, Some(RunOutcome::Missed));
    // And again, when the schedule delivers it twice.
    let again = run_through(&world, with_rules("12:00:00", rules)).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");
}

// Row 3, 10: the second time may come late.
#[tokio::test]
async fn late_duplicate_of_a_finished_run_is_not_missed() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let rules = StartRules {
        start_deadline: Some(HOUR),
        ..StartRules::default()
    };
    let plan = || RunPlan {
        after: Some(&hooks),
        ..with_rules("12:00:00", rules.clone())
    };
    run_through(&world, plan()).await.unwrap();
    world.clock.advance(TimeDelta::hours(2));
    let again = run_through(&world, plan()).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");
    assert_eq!(outcome(&world, "12:00:00").await, Some(RunOutcome::Done));
    assert!(alert_keys(&world).await.is_empty());
}

// Row 4: a person is never too late, never paused, and not bound to the schedule's dates.
#[tokio::test]
async fn manual_run_ignores_the_rules_of_its_schedule() {
    let world = at_time("23:00:00").await;
    let rules = StartRules {
        start_deadline: Some(HOUR),
        disabled: true,
        end: Some(at("12:00:00")),
        ..StartRules::default()
    };
    let plan = RunPlan {
        trigger: Trigger::Person,
        ..with_rules("12:00:00", rules)
    };
    assert!(run_through(&world, plan).await.is_ok());
}

// Row 5, 6: while the last run of its label is going, a run is skipped, unless overlap is allowed.
#[rstest]
#[case::forbid(false, Some(RunOutcome::SkippedStillRunning))]
#[case::allow(true, Some(RunOutcome::Done))]
#[tokio::test]
async fn overlapping_run_is_skipped_unless_allowed(
    #[case] allow_overlap: bool,
    #[case] expected: Option<RunOutcome>,
) {
    let world = at_time("12:00:00").await;
    let going = start_run(&world.store, &world.clock, plan("12:00:00")).await;
    world.clock.advance(TimeDelta::minutes(15));
    let second = RunPlan {
        allow_overlap,
        ..plan("12:15:00")
    };
    let _ = run_through(&world, second).await;
    assert_eq!(outcome(&world, "12:15:00").await, expected);
    // The running one is not touched.
    let first = going.unwrap().close(Ok(Ending::Completed)).await;
    assert_eq!(first.unwrap().outcome, RunOutcome::Done);
}

// Row 5, 6: the schedule decides whether its runs overlap, or else the job. A person's always may.
#[rstest]
#[case::as_the_job_says(None, Trigger::Schedule, [false, true])]
#[case::skip(Some(Overlap::Skip), Trigger::Schedule, [false, false])]
#[case::allow(Some(Overlap::Allow), Trigger::Schedule, [true, true])]
#[case::by_a_person(Some(Overlap::Skip), Trigger::Person, [true, true])]
fn schedule_decides_whether_its_runs_overlap(
    #[case] overlap: Option<Overlap>,
    #[case] trigger: Trigger,
    #[case] expected: [bool; 2],
) {
    let rules = StartRules {
        overlap,
        ..StartRules::default()
    };
    let allows = [false, true].map(|allow_overlap| {
        let plan = RunPlan {
            trigger,
            allow_overlap,
            ..plan("12:00:00")
        };
        plan.with_rules(rules.clone()).allow_overlap
    });
    assert_eq!(allows, expected);
}

// Row 7: a run that stopped reporting is lost, and does not block the next.
#[tokio::test]
async fn silent_run_is_marked_lost_by_the_next() {
    let world = at_time("12:00:00").await;
    let silent = start_run(&world.store, &world.clock, plan("12:00:00")).await;
    drop(silent);
    world.clock.advance(TimeDelta::minutes(30));
    let next = start_run(&world.store, &world.clock, plan("12:30:00")).await;
    let next = next.unwrap();
    let missing: Vec<_> = next.missing().iter().map(|run| run.outcome).collect();
    assert_eq!(missing, [RunOutcome::Lost]);
    assert_eq!(outcome(&world, "12:00:00").await, Some(RunOutcome::Lost));
}

// Row 8: a paused run does not start.
#[tokio::test]
async fn run_of_a_paused_label_is_skipped() {
    let world = at_time("12:00:00").await;
    let rules = StartRules {
        disabled: true,
        ..StartRules::default()
    };
    let skipped = run_through(&world, with_rules("12:00:00", rules)).await;
    assert!(
        matches!(skipped, Err(NotStarted::Skipped(_))),
        "{skipped:?}"
    );
    let expected = Some(RunOutcome::SkippedPaused);
    assert_eq!(outcome(&world, "12:00:00").await, expected);
}

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
        after: Some(&hooks),
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
        plan.after = Some(&hooks);
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
#[case::disabled(StartRules { disabled: true, ..daily() }, RunOutcome::SkippedPaused, 0)]
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

// Row 9: what was skipped while paused is not caught up, and is not missed.
#[tokio::test]
async fn run_skipped_while_paused_is_not_caught_up() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    world.clock.advance(TimeDelta::minutes(15));
    let paused = StartRules {
        disabled: true,
        ..ticks()
    };
    let _ = run_through(&world, with_rules("12:15:00", paused)).await;
    world.clock.advance(TimeDelta::minutes(15));
    let run = start_run(&world.store, &world.clock, with_rules("12:30:00", ticks())).await;
    assert!(run.unwrap().missing().is_empty());
    let expected = Some(RunOutcome::SkippedPaused);
    assert_eq!(outcome(&world, "12:15:00").await, expected);
}

/// Pauses schedules with this reason.
async fn pause(world: &World, label: Option<&str>, since: &str, until: Option<&str>) {
    let pause = Pause {
        label: label.map(|label| label.parse().unwrap()),
        since: at(since),
        until: until.map(at),
        by: "ana".to_owned(),
        why: None,
    };
    assert!(crate::testing::contract::sample::add_pause(&world.store, &pause).await);
}

// Row 8: a pause in the store keeps its label's runs from starting until it ends.
#[rstest]
#[case::its_label(Some("tick"), None, "12:00:00", Some(RunOutcome::SkippedPaused))]
#[case::all_labels(None, None, "12:00:00", Some(RunOutcome::SkippedPaused))]
#[case::another_label(Some("all"), None, "12:00:00", Some(RunOutcome::Done))]
#[case::not_over(
    Some("tick"),
    Some("12:00:01"),
    "12:00:00",
    Some(RunOutcome::SkippedPaused)
)]
#[case::over(Some("tick"), Some("12:00:00"), "12:00:00", Some(RunOutcome::Done))]
#[case::come_late(None, Some("12:05:00"), "12:10:00", Some(RunOutcome::SkippedPaused))]
#[tokio::test]
async fn stored_pause_keeps_runs_of_schedules_from_starting(
    #[case] label: Option<&str>,
    #[case] until: Option<&str>,
    #[case] now: &str,
    #[case] expected: Option<RunOutcome>,
) {
    let world = at_time(now).await;
    pause(&world, label, "11:00:00", until).await;
    let hooks = run_hooks(&world);
    let plan = || RunPlan {
        after: Some(&hooks),
        ..with_rules("12:00:00", ticks())
    };
    let first = run_through(&world, plan()).await;
    assert_eq!(outcome(&world, "12:00:00").await, expected, "{first:?}");
    let again = run_through(&world, plan()).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");
    assert!(alert_keys(&world).await.is_empty());
}

// Row 4: a person's run ignores a pause.
#[tokio::test]
async fn manual_run_starts_while_its_label_is_paused() {
    let world = at_time("12:00:00").await;
    pause(&world, None, "11:00:00", None).await;
    let manual = RunPlan {
        trigger: Trigger::Person,
        ..plan("12:00:00")
    };
    let run = run_through(&world, manual).await;
    assert_eq!(run.unwrap().outcome, RunOutcome::Done);
}

// Row 9: no time of a pause is missed, even if no trigger came.
#[tokio::test]
async fn times_of_a_pause_are_not_missed() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    pause(&world, Some("tick"), "12:10:00", Some("12:40:00")).await;
    pause(&world, Some("all"), "12:40:00", None).await;
    world.clock.advance(TimeDelta::hours(1));
    let run = start_run(&world.store, &world.clock, with_rules("13:00:00", ticks())).await;
    let run = run.unwrap();
    let missed = run.missing().iter().map(|run| run.key.scheduled_time);
    assert_eq!(missed.collect::<Vec<_>>(), [at("12:45:00")]);
}

// Row 8: a run that began goes on after a crash, even if its label was paused since.
#[tokio::test]
async fn interrupted_run_is_resumed_while_its_label_is_paused() {
    let world = at_time("12:00:00").await;
    let begun = start_run(&world.store, &world.clock, plan("12:00:00")).await;
    drop(begun.unwrap());
    pause(&world, None, "12:00:00", None).await;
    let resumed = start_or_resume_run(&world.store, &world.clock, plan("12:00:00")).await;
    let resumed = resumed.unwrap().close(Ok(Ending::Completed)).await.unwrap();
    assert_eq!(resumed.outcome, RunOutcome::Done);
}

// Row 10: a schedule that fires twice is one run; an interrupted one is resumed.
#[tokio::test]
async fn schedule_that_fires_twice_is_one_run() {
    let world = at_time("12:00:00").await;
    run_through(&world, plan("12:00:00")).await.unwrap();
    let again = run_through(&world, plan("12:00:00")).await;
    assert!(matches!(again, Err(NotStarted::AlreadyRan(_))), "{again:?}");

    let broken = start_run(&world.store, &world.clock, plan("12:15:00")).await;
    drop(broken);
    let resumed = start_or_resume_run(&world.store, &world.clock, plan("12:15:00")).await;
    assert!(resumed.is_ok());
}

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
    skipped.rules.disabled = true;
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
    late.after = Some(&hooks);
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

// Row 14: a wrong clock raises an alert, and the run starts anyway.
#[rstest]
#[case::ten_minutes("12:10:00", &["clock-behind-schedule/2026-11-21"])]
#[case::more_than_a_minute("12:01:01", &["clock-behind-schedule/2026-11-21"])]
#[case::a_minute("12:01:00", &[])]
#[tokio::test]
async fn run_from_the_future_starts_and_raises_an_alert(
    #[case] time: &str,
    #[case] expected: &[&str],
) {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let plan = RunPlan {
        after: Some(&hooks),
        ..with_rules(time, ticks())
    };
    let run = run_through(&world, plan).await;
    assert_eq!(run.unwrap().outcome, RunOutcome::Done);
    assert_eq!(alert_keys(&world).await, expected);
}

#[tokio::test]
async fn manual_run_from_the_future_raises_no_alert() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let plan = RunPlan {
        after: Some(&hooks),
        trigger: Trigger::Person,
        ..plan("12:10:00")
    };
    run_through(&world, plan).await.unwrap();
    assert!(alert_keys(&world).await.is_empty());
}

// An alert that the next run would not raise again is raised before the record is written.
#[tokio::test]
async fn missed_runs_raise_an_alert_even_if_the_next_run_crashes() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let tick = |time| RunPlan {
        after: Some(&hooks),
        ..with_rules(time, ticks())
    };
    run_through(&world, tick("12:00:00")).await.unwrap();
    world.clock.set(&at("13:00:00").to_rfc3339());
    let store = FaultyStore {
        crashes: Some(CrashPoint::Started),
        ..FaultyStore::new(&world)
    };
    let crashed = start_run(&store, &world.clock, tick("13:00:00")).now_or_never();
    assert!(crashed.is_none());
    assert_eq!(
        alert_keys(&world).await,
        ["runs-missed/notify-all/tick/2026-11-21T12:15:00Z"]
    );
    for time in ["12:15:00", "12:30:00", "12:45:00"] {
        assert_eq!(outcome(&world, time).await, Some(RunOutcome::Missed));
    }
}

#[tokio::test]
async fn missed_runs_are_all_recorded_after_a_crash_halfway() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    world.clock.set(&at("13:00:00").to_rfc3339());
    let store = FaultyStore {
        crashes: Some(CrashPoint::Recorded),
        ..FaultyStore::new(&world)
    };
    let tick = with_rules("13:00:00", ticks());
    assert!(
        start_run(&store, &world.clock, tick)
            .now_or_never()
            .is_none()
    );
    world.clock.set(&at("13:15:00").to_rfc3339());
    let next = start_run(&world.store, &world.clock, with_rules("13:15:00", ticks())).await;
    assert!(next.is_ok());
    for time in ["12:15:00", "12:30:00", "12:45:00", "13:00:00"] {
        assert_eq!(outcome(&world, time).await, Some(RunOutcome::Missed));
    }
}

#[tokio::test]
async fn lost_run_raises_an_alert_even_if_the_next_run_crashes() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let begin = |day: i64| {
        let mut plan = plan("12:00:00");
        plan.key.scheduled_time += TimeDelta::days(day);
        plan.after = Some(&hooks);
        plan
    };
    drop(start_run(&world.store, &world.clock, begin(0)).await);
    world.clock.advance(TimeDelta::days(1));
    let store = FaultyStore {
        crashes: Some(CrashPoint::Started),
        ..FaultyStore::new(&world)
    };
    assert!(
        start_run(&store, &world.clock, begin(1))
            .now_or_never()
            .is_none()
    );
    world.clock.advance(TimeDelta::days(1));
    run_through(&world, begin(2)).await.unwrap();
    let expected =
        ["2026-11-21", "2026-11-22"].map(|day| format!("run-lost/notify-all/tick/{day}"));
    assert_eq!(alert_keys(&world).await, expected);
}

#[tokio::test]
async fn failed_run_raises_an_alert_even_if_it_crashes_closing() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let store = FaultyStore {
        crashes: Some(CrashPoint::Reported),
        ..FaultyStore::new(&world)
    };
    let plan = RunPlan {
        after: Some(&hooks),
        ..plan("12:00:00")
    };
    let run = start_run(&store, &world.clock, plan).await.unwrap();
    assert!(run.close(Err(JobError::Panicked)).now_or_never().is_none());
    assert_eq!(
        alert_keys(&world).await,
        ["run-failed/panic/notify-all/tick/2026-11-21"]
    );
}

// Row 3: the alert is raised before the record is written.
#[tokio::test]
async fn late_run_raises_an_alert_even_if_its_start_crashes() {
    let world = at_time("13:00:01").await;
    let hooks = run_hooks(&world);
    let store = FaultyStore {
        crashes: Some(CrashPoint::Recorded),
        ..FaultyStore::new(&world)
    };
    let rules = StartRules {
        start_deadline: Some(HOUR),
        ..StartRules::default()
    };
    let late = RunPlan {
        after: Some(&hooks),
        ..with_rules("12:00:00", rules)
    };
    assert!(
        start_run(&store, &world.clock, late)
            .now_or_never()
            .is_none()
    );
    assert_eq!(outcome(&world, "12:00:00").await, Some(RunOutcome::Missed));
    let expected = ["run-too-late/notify-all/tick/2026-11-21"];
    assert_eq!(alert_keys(&world).await, expected);
}

#[tokio::test]
async fn panic_fails_the_run_and_keeps_its_counts() {
    let world = at_time("12:00:00").await;
    let run = start_run(&world.store, &world.clock, plan("12:00:00")).await;
    let run = run.unwrap();
    let work = catch_panic(async {
        run.count(|counts| counts.done += 3);
        let broken: Result<Ending, &str> = "?"
            .parse()
            .map(|_: u8| Ending::Completed)
            .map_err(|_| "a fault of ours");
        Ok(broken.unwrap())
    })
    .await;
    let error = run.close(work).await.unwrap_err();
    assert!(matches!(error, JobError::Panicked), "{error}");
    assert!(!error.to_string().contains("a fault of ours"));
    let stored = world
        .store
        .run(&plan("12:00:00").key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.outcome, RunOutcome::Failed);
    assert_eq!(stored.counts.done, 3);
    assert!(stored.finished_at.is_some());
}

#[tokio::test]
async fn outcome_of_a_run_follows_its_work() {
    let world = at_time("12:00:00").await;
    let away = || JobError::Store(crate::store::StoreError::Unavailable("away".to_owned()));
    for (time, work, failures, expected) in [
        ("12:00:00", Ok(Ending::Completed), 0, RunOutcome::Done),
        (
            "12:00:01",
            Ok(Ending::Completed),
            1,
            RunOutcome::DoneWithFailures,
        ),
        ("12:00:02", Ok(Ending::Stopped), 1, RunOutcome::Interrupted),
        ("12:00:03", Err(away()), 0, RunOutcome::Failed),
    ] {
        let run = start_run(&world.store, &world.clock, plan(time)).await;
        let run = run.unwrap();
        for _ in 0..failures {
            run.count(|counts| counts.add_failure("site_down"));
        }
        let _ = run.close(work).await;
        assert_eq!(outcome(&world, time).await, Some(expected));
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

/// The store call after which a run crashes: the call never returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CrashPoint {
    Started,
    Recorded,
    Reported,
}

/// A store whose clock is ahead by some seconds, or whose caller crashes.
struct FaultyStore<'a> {
    world: &'a World,
    ahead: i64,
    crashes: Option<CrashPoint>,
}

impl<'a> FaultyStore<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            ahead: 0,
            crashes: None,
        }
    }

    async fn may_crash(&self, point: CrashPoint) {
        if self.crashes == Some(point) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait::async_trait]
impl RunDayStore for FaultyStore<'_> {
    async fn upsert_squares(&self, day: &DayKey, squares: &[Square]) -> StoreResult<()> {
        self.world.store.upsert_squares(day, squares).await
    }

    async fn run_days(&self, from: NaiveDate, to: NaiveDate) -> StoreResult<Vec<(DayKey, RunDay)>> {
        self.world.store.run_days(from, to).await
    }

    async fn days_of_label(
        &self,
        job: JobName,
        label: &Label,
        from: NaiveDate,
        to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        self.world.store.days_of_label(job, label, from, to).await
    }
}

#[async_trait::async_trait]
impl PauseStore for FaultyStore<'_> {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        self.world.store.pauses().await
    }

    async fn replace_pauses(
        &self,
        label: Option<&Label>,
        before: &[Pause],
        after: &[Pause],
    ) -> StoreResult<bool> {
        self.world.store.replace_pauses(label, before, after).await
    }
}

#[async_trait::async_trait]
impl RunStore for FaultyStore<'_> {
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart> {
        let store = &self.world.store;
        let started = store.start_run(run, allow_overlap, silence).await;
        self.may_crash(CrashPoint::Started).await;
        started
    }

    async fn record_run(&self, run: &Run) -> StoreResult<bool> {
        let recorded = self.world.store.record_run(run).await;
        self.may_crash(CrashPoint::Recorded).await;
        recorded
    }

    async fn report_run(&self, run: &Run) -> StoreResult<()> {
        let reported = self.world.store.report_run(run).await;
        self.may_crash(CrashPoint::Reported).await;
        reported
    }

    async fn save_work_item(&self, run: &RunKey, work: &WorkItem) -> StoreResult<()> {
        self.world.store.save_work_item(run, work).await
    }

    async fn work_items(&self, run: &RunKey) -> StoreResult<Vec<WorkItem>> {
        self.world.store.work_items(run).await
    }

    async fn tick_times(&self) -> StoreResult<TickTimes> {
        self.world.store.tick_times().await
    }

    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool> {
        self.world.store.replace_tick_times(before, after).await
    }

    async fn clock_skew(&self, now: DateTime<Utc>) -> StoreResult<Option<TimeDelta>> {
        let theirs = self.world.clock.now() + TimeDelta::seconds(self.ahead);
        Ok(Some(now - theirs))
    }

    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>> {
        self.world.store.run(key).await
    }

    async fn recent_runs(
        &self,
        job: Option<JobName>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>> {
        self.world.store.recent_runs(job, label, limit).await
    }

    async fn delete_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        self.world.store.delete_before(before).await
    }
}

// Row 14, for the store's clock.
#[rstest]
#[case::a_minute(60, 0)]
#[case::more(61, 1)]
#[case::behind(-61, 1)]
#[tokio::test]
async fn clock_skew_to_the_store_raises_an_alert(#[case] ahead: i64, #[case] expected: usize) {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let store = FaultyStore {
        ahead,
        ..FaultyStore::new(&world)
    };
    let plan = RunPlan {
        after: Some(&hooks),
        ..plan("12:00:00")
    };
    let run = start_run(&store, &world.clock, plan).await;
    assert!(run.is_ok());
    assert_eq!(alert_keys(&world).await.len(), expected);
}
