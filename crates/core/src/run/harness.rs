//! The harness of every job: what happens around its work.
//!
//! The [`ledger`] decides whether the run starts, and records it. Then come the steps before the run,
//! the work within its time limit, the record of its end, the steps after the run, and the alerts and
//! heartbeat of [`RunHooks`](crate::alerts::run_hooks::RunHooks).

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, Shared, select};

use super::job::Job;
use super::ledger::{self, Ending, RunPlan, list_runs_to_catch_up};
use super::steps::RunSteps;
use super::{Counts, Run};
use crate::clock::Clock;
use crate::jobs::{JobError, RunError, StopRequest};
use crate::run::not_started::NotStarted;
use crate::store::RunStore;

/// How long a run that is over its time limit may finish what it has begun. After twice this time,
/// its work is dropped.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// Runs jobs.
pub struct Harness<'a> {
    /// The ledger of runs.
    pub runs: &'a dyn RunStore,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Stops a run when a person or the system asks.
    pub stop: &'a dyn StopRequest,
    /// The steps before and after the runs.
    pub steps: RunSteps<'a>,
    /// No run may take longer, whatever its job says.
    pub longest: Duration,
    /// Called with a run's counts whenever they change.
    pub on_progress: OnProgress<'a>,
}

/// Called with a run's counts whenever they change.
pub type OnProgress<'a> = &'a (dyn Fn(&Counts) + Send + Sync);

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedRun<S> {
    /// The run, with its outcome and counts.
    pub run: Run,
    /// What the job has to tell.
    pub summary: S,
}

impl<'a> Harness<'a> {
    /// A harness that nobody stops, without steps before or after the runs.
    pub fn new(runs: &'a dyn RunStore, clock: &'a dyn Clock) -> Self {
        Self {
            runs,
            clock,
            stop: ledger::NEVER_STOPPED,
            steps: RunSteps::default(),
            longest: Duration::MAX,
            on_progress: &|_| {},
        }
    }

    /// Runs a job, as one recorded run, after the missed ones on which it catches up.
    ///
    /// A run that was asked to stop ends as interrupted. One that takes longer than its time limit is
    /// asked to stop, and fails.
    ///
    /// # Errors
    /// [`RunError::NotStarted`] with the reason if no run was started.
    pub async fn run<J: Job>(
        &self,
        job: &J,
        plan: RunPlan<'_>,
        input: &J::Input,
    ) -> Result<FinishedRun<J::Summary>, RunError> {
        let mut plan = plan;
        let policy = plan.rules.catch_up.unwrap_or(J::CATCH_UP_POLICY);
        plan.rules.catch_up = Some(policy);
        let now = self.clock.now();
        // One limit for all, since the process has one, too.
        let limit = TimeLimit::new(self, J::TIME_LIMIT.min(self.longest));
        for time in list_runs_to_catch_up(self.runs, now, &plan, policy).await? {
            if time == plan.key.scheduled_time {
                plan.rules.start_deadline = None;
                break;
            }
            if limit.is_requested() {
                break;
            }
            let mut missed = plan.clone();
            missed.key.scheduled_time = time;
            missed.rules.start_deadline = None;
            tracing::info!(run.id = %missed.key, "The run catches up on a missed one.");
            // Its failure is on record and doesn't keep the next run from starting.
            let ended = self.run_once(job, missed, input, &limit).await;
            if let Err(RunError::NotStarted(NotStarted::StillRunning(_))) = ended {
                break;
            }
        }
        self.run_once(job, plan, input, &limit).await
    }

    async fn run_once<J: Job>(
        &self,
        job: &J,
        plan: RunPlan<'_>,
        input: &J::Input,
        limit: &TimeLimit<'_>,
    ) -> Result<FinishedRun<J::Summary>, RunError> {
        let plan = job.check_start(plan).await?;
        let run = match J::RESUMES {
            true => ledger::start_or_resume_run(self.runs, self.clock, plan).await?,
            false => ledger::start_run(self.runs, self.clock, plan).await?,
        };
        let run = run.attach(limit, self.on_progress);
        let steps = self.steps.list(J::NAME);
        let work = async {
            for step in &steps {
                step.before(run.start()).await?;
            }
            job.run(&run, input).await
        };
        let (ending, summary) = match limit.enforce(ledger::catch_panic(work)).await {
            Ok(summary) => (Ok(self.ending()), Some(summary)),
            Err(error) => (Err(error), None),
        };
        let run = run.close_within(ending, &steps).await?;
        // A run without a summary failed, and its error was returned.
        let summary = summary.ok_or(JobError::Panicked)?;
        Ok(FinishedRun { run, summary })
    }

    fn ending(&self) -> Ending {
        match self.stop.is_requested() {
            true => Ending::Stopped,
            false => Ending::Completed,
        }
    }
}

/// Asks a run to stop when its time is up, or when somebody else asks.
struct TimeLimit<'a> {
    stop: &'a dyn StopRequest,
    clock: &'a dyn Clock,
    time_is_up: Shared<BoxFuture<'a, ()>>,
}

impl<'a> TimeLimit<'a> {
    fn new(harness: &Harness<'a>, limit: Duration) -> Self {
        Self {
            stop: harness.stop,
            clock: harness.clock,
            time_is_up: harness.clock.timeout(limit).shared(),
        }
    }

    fn is_over(&self) -> bool {
        self.time_is_up.peek().is_some()
    }

    /// Awaits the work; an error if it takes longer than the limit.
    async fn enforce<T>(
        &self,
        work: impl Future<Output = Result<T, JobError>>,
    ) -> Result<T, JobError> {
        let dropped = async {
            self.time_is_up.clone().await;
            self.clock.timeout(2 * STOP_GRACE).await;
        };
        match select(pin!(work), pin!(dropped)).await {
            Either::Left((Ok(_), _)) if self.is_over() => Err(JobError::TimedOut),
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(JobError::TimedOut),
        }
    }
}

#[async_trait]
impl StopRequest for TimeLimit<'_> {
    fn is_requested(&self) -> bool {
        self.stop.is_requested() || self.is_over()
    }

    async fn wait_for_grace_end(&self) {
        let limit = async {
            self.time_is_up.clone().await;
            self.clock.timeout(STOP_GRACE).await;
        };
        select(self.stop.wait_for_grace_end(), pin!(limit)).await;
    }
}

#[cfg(test)]
mod tests;
