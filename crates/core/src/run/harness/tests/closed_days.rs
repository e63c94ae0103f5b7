//! What is missed before, on and after closed days.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;

use super::*;
use crate::run::newest::{MAX_SEARCHED_RUNS, list_newest_runs};
use crate::testing::world::TestClock;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn closed_days(days: impl IntoIterator<Item = u32>) -> BTreeSet<NaiveDate> {
    let date = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
    days.into_iter().map(date).collect()
}

/// Runs at this time, by a schedule or a person.
async fn run_once(world: &World, rules: &StartRules, trigger: Trigger, time: DateTime<Utc>) {
    let clock = TestClock::at(time);
    let mut plan = plan(0);
    plan.key.scheduled_time = time;
    plan.trigger = trigger;
    plan.rules = rules.clone();
    let (harness, job) = (Harness::new(&world.store, &clock), TestJob::<false>(world));
    // Closed days refuse to run.
    let _ = harness.run(&job, plan, &TaskInput::default()).await;
}

/// Lists the runs on record by their scheduled times.
async fn recorded_runs(world: &World) -> BTreeMap<DateTime<Utc>, Run> {
    let runs = world.store.recent_runs(None, None, 9_999).await.unwrap();
    let by_time = runs.into_iter().map(|run| (run.key.scheduled_time, run));
    by_time.collect()
}

/// Runs by the schedule at each of these times, and lists the runs on record.
async fn run_at(rules: &StartRules, times: &[DateTime<Utc>]) -> BTreeMap<DateTime<Utc>, Run> {
    let world = World::default();
    for time in times {
        run_once(&world, rules, Trigger::Schedule, *time).await;
    }
    recorded_runs(&world).await
}

#[rstest]
#[case::none(CatchUp::None)]
#[case::last(CatchUp::Last)]
#[case::all(CatchUp::All)]
#[tokio::test]
async fn rate_that_drifts_on_closed_days_misses_nothing(#[case] policy: CatchUp) {
    let mut rules = rules("rate(7 hours)", Some(policy));
    rules.closed_days = closed_days([19]);
    let times = [
        "18T20:05", "19T03:05", "19T10:05", "19T16:55", "19T23:55", "20T06:55",
    ]
    .map(at);
    let runs = run_at(&rules, &times).await;
    assert_eq!(runs.into_keys().collect::<Vec<_>>(), times);
}

#[rstest]
#[case::none(CatchUp::None, RunOutcome::Missed)]
#[case::last(CatchUp::Last, RunOutcome::Done)]
#[tokio::test]
async fn run_missed_after_nothing_but_closed_ones_is_found(
    #[case] policy: CatchUp,
    #[case] expected: RunOutcome,
) {
    let mut rules = rules("cron(0 12 * * ? *)", Some(policy));
    rules.closed_days = closed_days([18, 19]);
    let times = ["18T12:00", "19T12:00", "21T12:00"].map(at);
    let runs = run_at(&rules, &times).await;
    assert_eq!(runs[&at("20T12:00")].outcome, expected);
    assert_eq!(runs.len(), 4);
}

#[tokio::test]
async fn run_missed_before_too_many_closed_ones_is_recorded_by_these() {
    let mut rules = rules("cron(0 * * * ? *)", Some(CatchUp::All));
    rules.closed_days = closed_days(10..=14);
    let mut times = vec![at("09T22:00")];
    times.extend((0..=5 * 24).map(|hours| at("10T00:00") + TimeDelta::hours(hours)));
    let runs = run_at(&rules, &times).await;
    assert_eq!(runs[&at("09T23:00")].outcome, RunOutcome::Missed);
    assert_eq!(runs.len(), times.len() + 1);
}

#[rstest]
#[case::none(CatchUp::None, RunOutcome::Missed)]
#[case::last(CatchUp::Last, RunOutcome::Done)]
#[tokio::test]
async fn run_missed_before_a_closed_day_among_many_backfills_is_found(
    #[case] policy: CatchUp,
    #[case] expected: RunOutcome,
) {
    let world = World::default();
    let mut rules = rules("cron(0 12 * * ? *)", Some(policy));
    rules.closed_days = closed_days([20]);
    for time in ["18T12:00", "20T12:00"] {
        run_once(&world, &rules, Trigger::Schedule, at(time)).await;
        for minutes in 1..=50 {
            let time = at(time) + TimeDelta::minutes(minutes);
            run_once(&world, &rules, Trigger::Person, time).await;
        }
    }
    run_once(&world, &rules, Trigger::Schedule, at("21T12:00")).await;
    let runs = recorded_runs(&world).await;
    assert_eq!(runs[&at("19T12:00")].outcome, expected);
}

#[tokio::test]
async fn search_for_an_open_run_is_bounded() {
    let world = World::default();
    for minute in 0..=MAX_SEARCHED_RUNS {
        let mut plan = plan(0);
        plan.key.scheduled_time += TimeDelta::minutes(i64::try_from(minute).unwrap());
        plan.rules.closed_days = closed_days([21]);
        plan.rules.schedule = rules("cron(* * * * ? *)", None).schedule;
        let job = TestJob::<false>(&world);
        let (harness, input) = (world.harness(), TaskInput::default());
        harness.run(&job, plan, &input).await.unwrap_err();
    }
    let is_open = |run: &Run| run.outcome != RunOutcome::SkippedClosed;
    let key = plan(0).key;
    let newest = list_newest_runs(&world.store, key.job, Some(&key.label), 8, is_open);
    assert_eq!(newest.await.unwrap().len(), MAX_SEARCHED_RUNS);
}

fn any_policy() -> impl Strategy<Value = CatchUp> {
    prop_oneof![Just(CatchUp::None), Just(CatchUp::Last), Just(CatchUp::All)]
}

/// Runs an async test to its end.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A rate that is never more than a third late misses nothing, whatever is closed.
    #[test]
    fn rate_misses_nothing_if_it_fires_in_time(
        policy in any_policy(),
        period in 60i64..600,
        lateness in prop::collection::vec(0i64..20, 40),
        closed in prop::collection::btree_set(1u32..20, 0..8),
    ) {
        let mut rules = rules(&format!("rate({period} minutes)"), Some(policy));
        rules.closed_days = closed_days(closed);
        let mut time = at("01T00:00");
        let mut times = vec![time];
        for late in lateness {
            time += TimeDelta::minutes(period + late);
            times.push(time);
        }
        let runs = block_on(run_at(&rules, &times));
        prop_assert_eq!(runs.into_keys().collect::<Vec<_>>(), times);
    }

    /// Each open calendar time is on record in the end: as run, caught up on or missed.
    #[test]
    fn no_calendar_time_is_lost_or_invented(
        policy in any_policy(),
        fires in prop::collection::vec(any::<bool>(), 88),
        closed in prop::collection::btree_set(2u32..12, 0..10),
    ) {
        let mut rules = rules("cron(0 0/3 * * ? *)", Some(policy));
        rules.closed_days = closed_days(closed);
        let all: Vec<_> = (0..90).map(|index| at("01T00:00") + TimeDelta::hours(3 * index)).collect();
        let is_open = |time: &&DateTime<Utc>| !rules.closed_days.contains(&time.date_naive());
        let fires = [vec![true], fires, vec![true]].concat();
        let fired: BTreeSet<_> = all.iter().zip(fires).filter(|(_, fires)| *fires).map(|(time, _)| *time).collect();
        let runs = block_on(run_at(&rules, &fired.iter().copied().collect::<Vec<_>>()));
        let mut expected: BTreeSet<_> = all.iter().filter(is_open).copied().collect();
        expected.extend(&fired);
        prop_assert_eq!(runs.into_keys().collect::<BTreeSet<_>>(), expected);
    }
}
