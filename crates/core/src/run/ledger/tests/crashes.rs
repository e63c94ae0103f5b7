//! Runs that crash while they start or close, and stores whose clock is ahead.

use chrono::{NaiveDate, TimeDelta};
use futures::FutureExt as _;
use rstest::rstest;

use super::*;
use crate::clock::Clock as _;
use crate::ids::Label;
use crate::jobs::JobError;
use crate::run::day::{DayKey, RunDay, Square};
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::schedule::Pause;
use crate::store::{PauseStore, RunDayStore, RunStart, RunStore, StoreResult};

// An alert that the next run would not raise again is raised before the record is written.
#[tokio::test]
async fn missed_runs_raise_an_alert_even_if_the_next_run_crashes() {
    let world = at_time("12:00:00").await;
    let hooks = run_hooks(&world);
    let tick = |time| RunPlan {
        hooks: Some(&hooks),
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
        plan.hooks = Some(&hooks);
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
        hooks: Some(&hooks),
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
        hooks: Some(&hooks),
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

    async fn delete_history_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        self.world.store.delete_history_before(before).await
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
        hooks: Some(&hooks),
        ..plan("12:00:00")
    };
    let run = start_run(&store, &world.clock, plan).await;
    assert!(run.is_ok());
    assert_eq!(alert_keys(&world).await.len(), expected);
}
