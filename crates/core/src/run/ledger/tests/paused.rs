//! Pauses, in the schedule itself and in the store.

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::schedule::Pause;

// Row 8: a paused run does not start.
#[tokio::test]
async fn run_of_a_paused_label_is_skipped() {
    let world = at_time("12:00:00").await;
    let rules = StartRules {
        is_disabled: true,
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

// Row 9: what was skipped while paused is not caught up, and is not missed.
#[tokio::test]
async fn run_skipped_while_paused_is_not_caught_up() {
    let world = at_time("12:00:00").await;
    run_through(&world, with_rules("12:00:00", ticks()))
        .await
        .unwrap();
    world.clock.advance(TimeDelta::minutes(15));
    let paused = StartRules {
        is_disabled: true,
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
        hooks: Some(&hooks),
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
