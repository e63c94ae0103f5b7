use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::alerts::heartbeat::Heartbeat;
use crate::alerts::run_hooks::RunHooks;
use crate::run::any_job::AnyJob;
use crate::run::ledger::{OpenRun, StartRules};
use crate::run::not_started::NotStarted;
use crate::run::steps::RunStep;
use crate::run::{JobName, RunOutcome, Trigger};
use crate::schedule::{CatchUp, Recurrence};
use crate::store::AlertStore as _;
use crate::testing::memory::{MemoryStore, NoHeartbeat};

/// A frozen clock whose time limits are over when the test says so.
#[derive(Default)]
struct LimitClock {
    minutes_back: AtomicI64,
    limits_are_over: AtomicBool,
    work_is_dropped: AtomicBool,
}

#[async_trait]
impl Clock for LimitClock {
    fn now(&self) -> DateTime<Utc> {
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        now - chrono::TimeDelta::minutes(self.minutes_back.load(Ordering::SeqCst))
    }

    async fn sleep(&self, _: Duration) {}

    async fn timeout(&self, limit: Duration) {
        let is_over = match limit == 2 * STOP_GRACE {
            true => &self.work_is_dropped,
            false => &self.limits_are_over,
        };
        while !is_over.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Default)]
struct World {
    store: MemoryStore,
    clock: LimitClock,
    steps: Mutex<Vec<String>>,
}

impl World {
    fn harness(&self) -> Harness<'_> {
        Harness::new(&self.store, &self.clock)
    }

    fn log(&self, step: &str) {
        self.steps.lock().unwrap().push(step.to_owned());
    }

    fn steps(&self) -> Vec<String> {
        self.steps.lock().unwrap().clone()
    }

    async fn outcome(&self, minute: u32) -> Option<RunOutcome> {
        let run = self.store.run(&plan(minute).key).await.unwrap();
        run.map(|run| run.outcome)
    }
}

/// What the job of these tests does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Task {
    #[default]
    Count,
    Panic,
    Fail,
    /// Outlives its time limit, but stops when it is asked.
    OutliveLimit,
    /// Outlives its time limit, and never returns.
    Hang,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TaskInput {
    task: Task,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Counted {
    items: u32,
}

/// `RESUMES` is the parameter.
struct TestJob<'a, const RESUMES: bool>(&'a World);

#[async_trait]
impl<const RESUMES: bool> Job for TestJob<'_, RESUMES> {
    const NAME: JobName = JobName::CHECK_CARDS;
    const RESUMES: bool = RESUMES;
    type Input = TaskInput;
    type Summary = Counted;

    async fn run(&self, run: &OpenRun<'_>, input: &TaskInput) -> Result<Counted, JobError> {
        self.0.log("work");
        run.count(|counts| {
            counts.planned = 3;
            counts.done = 3;
        });
        let over = &self.0.clock.limits_are_over;
        match input.task {
            Task::Count => {}
            Task::Panic => {
                let broken: Result<u8, &str> = "?".parse().map_err(|_| "a fault of ours");
                broken.unwrap();
            }
            Task::Fail => return Err(JobError::Failed("No page came.".to_owned())),
            Task::OutliveLimit => {
                assert!(!run.stop().is_requested());
                over.store(true, Ordering::SeqCst);
                while !run.stop().is_requested() {
                    tokio::task::yield_now().await;
                }
                run.stop().wait_for_grace_end().await;
                self.0.log("stopped");
            }
            Task::Hang => {
                over.store(true, Ordering::SeqCst);
                let dropped = &self.0.clock.work_is_dropped;
                dropped.store(true, Ordering::SeqCst);
                std::future::pending::<()>().await;
            }
        }
        Ok(Counted { items: 3 })
    }
}

fn plan(minute: u32) -> RunPlan<'static> {
    let time = format!("2026-11-21T11:{minute:02}:00Z").parse().unwrap();
    let input = TaskInput::default();
    RunPlan::new::<TestJob<'_, false>>("all".parse().unwrap(), time, false, &input)
}

async fn run(world: &World, task: Task) -> Result<FinishedRun<Counted>, RunError> {
    let job = TestJob::<false>(world);
    world
        .harness()
        .run(&job, plan(0), &TaskInput { task })
        .await
}

#[tokio::test]
async fn finished_run_has_its_counts_and_its_summary() {
    let world = World::default();
    let finished = run(&world, Task::Count).await.unwrap();
    assert_eq!(finished.summary, Counted { items: 3 });
    assert_eq!(finished.run.outcome, RunOutcome::Done);
    assert_eq!(finished.run.counts.done, 3);
    assert_eq!(world.outcome(0).await, Some(RunOutcome::Done));
}

#[rstest]
#[case(Task::Panic, "crashed", "panic")]
#[case(Task::Fail, "No page came.", "job")]
#[case(Task::OutliveLimit, "longer than its time limit", "time-limit")]
#[case(Task::Hang, "longer than its time limit", "time-limit")]
#[tokio::test]
async fn failed_run_is_recorded_and_raises_an_alert(
    #[case] task: Task,
    #[case] message: &str,
    #[case] fault: &str,
) {
    let world = World::default();
    let hooks = RunHooks {
        alerts: &world.store,
        outbox: &world.store,
        notifiers: None,
        heartbeat: Heartbeat {
            client: &NoHeartbeat,
            urls: BTreeMap::new(),
            runs: &world.store,
        },
        clock: &world.clock,
    };
    let plan = RunPlan {
        hooks: Some(&hooks),
        ..plan(0)
    };
    let job = TestJob::<false>(&world);
    let result = world.harness().run(&job, plan, &TaskInput { task }).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
    assert!(!error.contains("a fault of ours"));
    assert_eq!(world.outcome(0).await, Some(RunOutcome::Failed));
    let alerts = world.store.recent_alerts(9).await.unwrap();
    let keys: Vec<String> = alerts
        .iter()
        .map(|stored| stored.alert.key().to_string())
        .collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].contains(fault), "{keys:?}");
    let was_asked = world.steps().contains(&"stopped".to_owned());
    assert_eq!(was_asked, task == Task::OutliveLimit);
}

#[tokio::test]
async fn run_that_was_asked_to_stop_is_interrupted() {
    let world = World::default();
    let harness = Harness {
        stop: &|| true,
        ..world.harness()
    };
    let job = TestJob::<false>(&world);
    let finished = harness.run(&job, plan(0), &TaskInput::default()).await;
    assert_eq!(finished.unwrap().run.outcome, RunOutcome::Interrupted);
}

#[tokio::test]
async fn counts_of_a_run_are_observed_when_they_change() {
    let world = World::default();
    let observed = Mutex::new(Vec::new());
    let observe = |counts: &Counts| observed.lock().unwrap().push((counts.done, counts.planned));
    let harness = Harness {
        on_progress: &observe,
        ..world.harness()
    };
    let job = TestJob::<false>(&world);
    harness
        .run(&job, plan(0), &TaskInput::default())
        .await
        .unwrap();
    assert_eq!(*observed.lock().unwrap(), [(3, 3)]);
}

/// Logs what it is called for.
struct TestStep<'a> {
    world: &'a World,
    name: &'static str,
    fails_before: bool,
    panics_after: bool,
}

impl<'a> TestStep<'a> {
    fn new(world: &'a World, name: &'static str) -> Self {
        Self {
            world,
            name,
            fails_before: false,
            panics_after: false,
        }
    }
}

#[async_trait]
impl RunStep for TestStep<'_> {
    async fn before(&self, run: &Run) -> Result<(), JobError> {
        assert_eq!(run.outcome, RunOutcome::Running);
        self.world.log(&format!("before {}", self.name));
        match self.fails_before {
            true => Err(JobError::Failed("The step failed.".to_owned())),
            false => Ok(()),
        }
    }

    async fn after(&self, run: &Run) {
        let outcome = run.outcome.as_str();
        self.world.log(&format!("after {}: {outcome}", self.name));
        let panics = self.panics_after.then_some("a fault of ours");
        assert_eq!(panics, None);
    }
}

#[tokio::test]
async fn steps_of_all_jobs_wrap_those_of_one() {
    let world = World::default();
    let names = ["all", "own", "other"];
    let [all, own, other] = names.map(|name| TestStep::new(&world, name));
    let steps = RunSteps {
        for_all_jobs: vec![&all],
        by_job: BTreeMap::from([
            (JobName::CHECK_CARDS, vec![&own as &dyn RunStep]),
            (JobName::NOTIFY_ALL, vec![&other]),
        ]),
    };
    let harness = Harness {
        steps,
        ..world.harness()
    };
    let job = TestJob::<false>(&world);
    let finished = harness.run(&job, plan(0), &TaskInput::default()).await;
    finished.unwrap();
    let expected = [
        "before all",
        "before own",
        "work",
        "after own: done",
        "after all: done",
    ];
    assert_eq!(world.steps(), expected);
}

#[tokio::test]
async fn failing_step_fails_the_run_and_every_step_after_it_runs() {
    let world = World::default();
    let broken = TestStep {
        fails_before: true,
        ..TestStep::new(&world, "broken")
    };
    let crashing = TestStep {
        panics_after: true,
        ..TestStep::new(&world, "crashing")
    };
    let harness = Harness {
        steps: RunSteps {
            for_all_jobs: vec![&broken, &crashing],
            ..RunSteps::default()
        },
        ..world.harness()
    };
    let job = TestJob::<false>(&world);
    let finished = harness.run(&job, plan(0), &TaskInput::default()).await;
    assert!(matches!(finished, Err(RunError::Job(JobError::Failed(_)))));
    let expected = [
        "before broken",
        "after crashing: failed",
        "after broken: failed",
    ];
    assert_eq!(world.steps(), expected);
    assert_eq!(world.outcome(0).await, Some(RunOutcome::Failed));
}

#[tokio::test]
async fn failed_run_goes_on_only_if_its_job_resumes() {
    let (world, input) = (World::default(), TaskInput::default());
    assert!(run(&world, Task::Fail).await.is_err());
    let error = run(&world, Task::Count).await.unwrap_err();
    assert!(matches!(
        error,
        RunError::NotStarted(NotStarted::AlreadyRan(_))
    ));
    let (harness, job) = (world.harness(), TestJob::<true>(&world));
    let resumed = harness.run(&job, plan(0), &input).await.unwrap();
    assert_eq!(resumed.run.outcome, RunOutcome::Done);
}

#[tokio::test]
async fn job_of_unknown_types_runs_with_json() {
    let world = World::default();
    let job: Box<dyn AnyJob + '_> = Box::new(TestJob::<false>(&world));
    let time = "2026-11-21T11:00:00Z".parse().unwrap();
    let plan = |input: Value| job.plan("person".parse().unwrap(), time, true, &input);
    let planned = plan(json!({})).unwrap();
    assert_eq!(planned.input, json!({"task": "count"}));
    assert_eq!(
        (planned.trigger, planned.allow_overlap),
        (Trigger::Person, true)
    );
    let finished = job.run_planned(&world.harness(), planned).await.unwrap();
    assert_eq!(finished.summary, json!({"items": 3}));
    assert_eq!(
        finished.run.key.to_string(),
        "check-cards/person/2026-11-21T11:00:00Z"
    );
    let error = plan(json!({"tusk": "count"})).err().unwrap();
    assert!(
        error.to_string().contains("unknown field `tusk`"),
        "{error}"
    );
}

/// Logs the scheduled time of each run.
struct TimeLog<'a>(&'a World);

#[async_trait]
impl RunStep for TimeLog<'_> {
    async fn before(&self, run: &Run) -> Result<(), JobError> {
        let time = run.key.scheduled_time.format("%d %H:%M");
        self.0.log(&time.to_string());
        Ok(())
    }
}

/// Runs at `first`, then at `own` under the rules, and lists the times of the runs that began then.
async fn catch_up(rules: StartRules, first: &str, own: &str, task: Task) -> (World, Vec<String>) {
    catch_up_after(rules, first, &[], own, task).await
}

/// As [`catch_up`], with runs `between` the two under the same rules.
async fn catch_up_after(
    rules: StartRules,
    first: &str,
    between: &[String],
    own: &str,
    task: Task,
) -> (World, Vec<String>) {
    let world = World::default();
    let log = TimeLog(&world);
    let harness = Harness {
        steps: RunSteps {
            for_all_jobs: vec![&log],
            ..RunSteps::default()
        },
        ..world.harness()
    };
    let job = TestJob::<false>(&world);
    let later = between.iter().map(String::as_str).chain([own]);
    let later = later.map(|time| (time, rules.clone(), task));
    for (time, rules, task) in [(first, StartRules::default(), Task::Count)]
        .into_iter()
        .chain(later)
    {
        let mut plan = plan(0);
        plan.key.scheduled_time = time.parse().unwrap();
        plan.rules = rules;
        let _ = harness.run(&job, plan, &TaskInput { task }).await;
    }
    let mut steps = world.steps();
    steps.retain(|step| step.contains(':'));
    (world, steps.split_off(1))
}

fn rules(expression: &str, catch_up: Option<CatchUp>) -> StartRules {
    StartRules {
        schedule: Some(Recurrence {
            expression: expression.parse().unwrap(),
            zone: chrono_tz::UTC,
        }),
        catch_up,
        start_deadline: Some(Duration::from_secs(15 * 60)),
        ..StartRules::default()
    }
}

#[rstest]
#[case::none(Some(CatchUp::None), &["21 11:50"], Some(RunOutcome::Missed))]
#[case::last(Some(CatchUp::Last), &["21 11:40", "21 11:50"], Some(RunOutcome::Missed))]
#[case::all(Some(CatchUp::All), &["21 11:10", "21 11:20", "21 11:30", "21 11:40", "21 11:50"], Some(RunOutcome::Done))]
#[case::as_the_job_says(None, &["21 11:50"], Some(RunOutcome::Missed))]
#[tokio::test]
async fn missed_runs_are_made_up_for_before_the_regular_one(
    #[case] policy: Option<CatchUp>,
    #[case] expected: &[&str],
    #[case] outcome_of_first_missed: Option<RunOutcome>,
) {
    let rules = rules("cron(0/10 * * * ? *)", policy);
    let (first, own) = ("2026-11-21T11:00:00Z", "2026-11-21T11:50:00Z");
    let (world, times) = catch_up(rules.clone(), first, own, Task::Count).await;
    assert_eq!(times, expected);
    assert_eq!(world.outcome(10).await, outcome_of_first_missed);
    // One that fails doesn't stop the next.
    let (world, times) = catch_up(rules, first, own, Task::Fail).await;
    assert_eq!(times, expected);
    assert_eq!(world.outcome(50).await, Some(RunOutcome::Failed));
}

#[tokio::test]
async fn missed_run_is_caught_up_by_a_timer_of_other_days() {
    let rules = rules("cron(0 11 21,23 11 ? *)", Some(CatchUp::Last));
    let (first, own) = ("2026-11-21T11:00:00Z", "2026-11-24T11:00:00Z");
    let (_, times) = catch_up(rules, first, own, Task::Count).await;
    assert_eq!(times, ["23 11:00"]);
}

#[rstest]
#[case::none(CatchUp::None, "17", &["21 11:55"])]
#[case::last(CatchUp::Last, "17", &["18 11:55", "21 11:55"])]
#[case::last_of_several(CatchUp::Last, "15", &["18 11:55", "21 11:55"])]
#[case::all(CatchUp::All, "15", &["16 11:55", "17 11:55", "18 11:55", "21 11:55"])]
#[tokio::test]
async fn run_missed_before_closed_days_is_made_up_for_after_them(
    #[case] policy: CatchUp,
    #[case] first_day: &str,
    #[case] expected: &[&str],
) {
    let mut rules = rules("cron(55 11 * * ? *)", Some(policy));
    rules.closed_days = ["2026-11-19", "2026-11-20"]
        .map(|day| day.parse().unwrap())
        .into();
    let first = format!("2026-11-{first_day}T11:55:00Z");
    // More than the ledger looks back to at once.
    let mut closed = vec!["2026-11-19T11:55:00Z".to_owned()];
    closed.extend((0..12).map(|hour| format!("2026-11-20T{hour:02}:55:00Z")));
    let own = "2026-11-21T11:55:00Z";
    let (world, times) = catch_up_after(rules, &first, &closed, own, Task::Count).await;
    assert_eq!(times, expected);
    // A run on which no run catches up is on record as missed, once.
    let runs = world.store.recent_runs(None, None, 99).await.unwrap();
    let missed = runs.iter().filter(|run| run.outcome == RunOutcome::Missed);
    let due = 18 - first_day.parse::<usize>().unwrap();
    assert_eq!(missed.count(), due - (expected.len() - 1));
}

#[tokio::test]
async fn run_missed_too_long_before_closed_days_is_recorded_on_them() {
    let mut rules = rules("cron(55 11 * * ? *)", Some(CatchUp::All));
    rules.closed_days = ["2026-11-14".parse().unwrap()].into();
    let (first, closed) = ("2026-11-11T11:55:00Z", "2026-11-14T11:55:00Z");
    let (world, times) = catch_up(rules, first, closed, Task::Count).await;
    assert_eq!(times, [""; 0]);
    let runs = world.store.recent_runs(None, None, 99).await.unwrap();
    let missed = runs.iter().filter(|run| run.outcome == RunOutcome::Missed);
    let days: Vec<String> = missed
        .map(|run| run.key.scheduled_time.format("%d").to_string())
        .collect();
    assert_eq!(days, ["13", "12"]);
}

#[rstest]
#[case::none(CatchUp::None, &[], RunOutcome::Missed)]
#[case::last(CatchUp::Last, &["21 11:40"], RunOutcome::Done)]
#[case::all(CatchUp::All, &["21 11:20", "21 11:30", "21 11:40"], RunOutcome::Done)]
#[tokio::test]
async fn run_that_comes_too_late_is_made_up_for(
    #[case] policy: CatchUp,
    #[case] expected: &[&str],
    #[case] outcome: RunOutcome,
) {
    let rules = rules("cron(0/10 * * * ? *)", Some(policy));
    let (first, own) = ("2026-11-21T11:10:00Z", "2026-11-21T11:40:00Z");
    let (world, times) = catch_up(rules, first, own, Task::Count).await;
    assert_eq!(times, expected);
    assert_eq!(world.outcome(40).await, Some(outcome));
}

#[rstest]
#[case::last_seven_days("cron(50 11 * * ? *)", 7)]
#[case::twenty_runs("cron(50 * * * ? *)", 21)]
#[tokio::test]
async fn missed_runs_are_caught_up_to_a_limit(#[case] expression: &str, #[case] runs: usize) {
    let rules = rules(expression, Some(CatchUp::All));
    let (first, own) = ("2026-11-01T11:50:00Z", "2026-11-21T11:50:00Z");
    let (_, times) = catch_up(rules, first, own, Task::Count).await;
    assert_eq!(times.len(), runs, "{times:?}");
    assert_eq!(times.last().unwrap(), "21 11:50");
    assert!(times.is_sorted());
}

/// Runs after one that never ends, and returns the times of the runs that began.
async fn catch_up_beside_running(minutes_ago: i64) -> (World, Result<(), RunError>, Vec<String>) {
    let world = World::default();
    world
        .clock
        .minutes_back
        .store(minutes_ago, Ordering::SeqCst);
    let mut running = plan(0);
    running.rules = StartRules::default();
    let running = ledger::start_run(&world.store, &world.clock, running).await;
    drop(running.unwrap());
    world.clock.minutes_back.store(0, Ordering::SeqCst);
    let log = TimeLog(&world);
    let harness = Harness {
        steps: RunSteps {
            for_all_jobs: vec![&log],
            ..RunSteps::default()
        },
        ..world.harness()
    };
    let mut own = plan(50);
    own.rules = rules("cron(0/10 * * * ? *)", Some(CatchUp::All));
    let job = TestJob::<false>(&world);
    let ended = harness.run(&job, own, &TaskInput::default()).await;
    let mut times = world.steps();
    times.retain(|step| step.contains(':'));
    (world, ended.map(|_| ()), times)
}

#[tokio::test]
async fn nothing_is_made_up_for_while_another_run_may_do_it() {
    let (world, skipped, times) = catch_up_beside_running(0).await;
    assert!(matches!(
        skipped,
        Err(RunError::NotStarted(NotStarted::StillRunning(_)))
    ));
    assert_eq!(times, [""; 0]);
    assert_eq!(world.outcome(0).await, Some(RunOutcome::Running));
}

#[tokio::test]
async fn runs_missed_after_a_crash_are_made_up_for() {
    let (world, ended, times) = catch_up_beside_running(60).await;
    ended.unwrap();
    let expected = ["11:10", "11:20", "11:30", "11:40", "11:50"].map(|time| format!("21 {time}"));
    assert_eq!(times, expected);
    assert_eq!(world.outcome(0).await, Some(RunOutcome::Lost));
}

#[tokio::test]
async fn nothing_is_made_up_for_outside_the_schedules_dates() {
    let mut rules = rules("cron(0/10 * * * ? *)", Some(CatchUp::All));
    rules.end = Some("2026-11-21T11:30:00Z".parse().unwrap());
    let (first, own) = ("2026-11-21T11:00:00Z", "2026-11-21T11:50:00Z");
    let (_, times) = catch_up(rules, first, own, Task::Count).await;
    assert_eq!(times, [""; 0]);
}

mod closed_days;
