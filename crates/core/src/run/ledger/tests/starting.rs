//! Whether a run starts, and how it ends.

use chrono::TimeDelta;
use rstest::rstest;

use super::*;
use crate::jobs::JobError;
use crate::schedule::Overlap;

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
        hooks: Some(&hooks),
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
        is_disabled: true,
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
        hooks: Some(&hooks),
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
        hooks: Some(&hooks),
        trigger: Trigger::Person,
        ..plan("12:10:00")
    };
    run_through(&world, plan).await.unwrap();
    assert!(alert_keys(&world).await.is_empty());
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
