//! The ledger of runs: records a run before its work, and always records its end.
//!
//! It decides which run starts, and which is skipped, missed or lost, as Kubernetes' CronJob does.
//! `docs/decisions/runs-like-cronjob.md` has the table.

mod catch_up;
mod missed;
mod rules;

use std::collections::BTreeSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;

use crate::alerts::Alert;
use crate::alerts::run_hooks::RunHooks;
use crate::clock::Clock;
use crate::ids::LibraryId;
use crate::jobs::{JobError, RunError, StopSignal};
use crate::run::around::Around;
use crate::run::day::record_in_days;
use crate::run::not_started::NotStarted;
use crate::run::work::WorkItem;
use crate::run::{Counts, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::{CatchUp, Overlap};
use crate::store::{RunStart, RunStore};

pub(super) use self::catch_up::list_runs_to_catch_up;
use self::catch_up::split_off_times_to_catch_up;
use self::missed::{find_missed_times, leaves_missed_times, list_runs_before};
pub use self::rules::StartRules;

/// A run that hasn't reported for this long is lost. A visit of ten cards takes less.
pub const LOST_AFTER: Duration = Duration::from_secs(20 * 60);

/// At most this many missed runs are recorded at a time; all are counted.
pub const MAX_MISSED_RUNS: usize = 100;

/// A backfill has at most this many runs.
pub const MAX_BACKFILLED_RUNS: usize = 100;

/// The largest accepted difference between our clock and the scheduler's or the store's.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// The plan of a run.
#[derive(Clone)]
pub struct RunPlan<'a> {
    /// Its key.
    pub key: RunKey,
    /// Who started it.
    pub trigger: Trigger,
    /// What it was asked to do; ids and options only.
    pub input: serde_json::Value,
    /// Whether it may start while the last run of its label is still going.
    pub allow_overlap: bool,
    /// When it may start; ignored for a manual run.
    pub rules: StartRules,
    /// The steps before and after the run.
    pub after: Option<&'a RunHooks<'a>>,
}

impl RunPlan<'_> {
    /// Sets the rules of its schedule.
    #[must_use]
    pub fn with_rules(self, rules: StartRules) -> Self {
        let allow_overlap = match rules.overlap {
            Some(overlap) => self.trigger == Trigger::Person || overlap == Overlap::Allow,
            None => self.allow_overlap,
        };
        Self {
            allow_overlap,
            rules,
            ..self
        }
    }

    /// Lists the libraries that its schedule leaves out; none for a manual run.
    fn closed_libraries(&self) -> BTreeSet<LibraryId> {
        match self.trigger {
            Trigger::Person => BTreeSet::new(),
            _ => self.rules.libraries_closed_at(self.key.scheduled_time),
        }
    }
}

/// How the work of a run ended, if it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All was done, or tried.
    Completed,
    /// A person stopped it.
    Stopped,
}

/// Runs a job's work, and returns an error if it panics.
pub async fn catch_panic<T>(
    work: impl Future<Output = Result<T, JobError>>,
) -> Result<T, JobError> {
    // This is unwind-safe: a panic can only interrupt a change of the run's counts, whose lock
    // recovers from poisoning.
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or(Err(JobError::Panicked))
}

/// A run that is recorded and running.
pub struct OpenRun<'a> {
    runs: &'a dyn RunStore,
    clock: &'a dyn Clock,
    run: Run,
    /// Whether it was recorded as started before: another execution may be running, or have ended.
    is_resumed: bool,
    counts: Mutex<Counts>,
    /// The libraries that it leaves out.
    closed_libraries: BTreeSet<LibraryId>,
    /// The earlier runs that were found lost or missed.
    missing: Vec<Run>,
    alerts: Mutex<Vec<Alert>>,
    after: Option<&'a RunHooks<'a>>,
    stop: StopSignal<'a>,
}

/// The stop signal of a run that nobody stops.
pub(super) const NEVER_STOPPED: StopSignal<'static> = &|| false;

/// Starts a run by recording it as running.
///
/// It doesn't start if it ran already, if the last one is still running, or if its rules forbid it.
pub async fn start_run<'a>(
    runs: &'a dyn RunStore,
    clock: &'a dyn Clock,
    plan: RunPlan<'a>,
) -> Result<OpenRun<'a>, RunError> {
    try_start(runs, clock, plan)
        .await
        .inspect_err(log_not_started)
}

/// Starts a run like [`start_run`], but resumes one that is recorded as running or failed.
///
/// For jobs that may be restarted after a crash and whose steps may be repeated.
pub async fn start_or_resume_run<'a>(
    runs: &'a dyn RunStore,
    clock: &'a dyn Clock,
    plan: RunPlan<'a>,
) -> Result<OpenRun<'a>, RunError> {
    let after = plan.after;
    let closed_libraries = plan.closed_libraries();
    match try_start(runs, clock, plan).await {
        Err(RunError::NotStarted(NotStarted::AlreadyRan(run)))
            if matches!(run.outcome, RunOutcome::Running | RunOutcome::Failed) =>
        {
            tracing::info!(run.id = %run.key, "An interrupted run was resumed.");
            Ok(OpenRun {
                runs,
                clock,
                run,
                is_resumed: true,
                closed_libraries,
                counts: Mutex::default(),
                missing: Vec::new(),
                alerts: Mutex::default(),
                after,
                stop: NEVER_STOPPED,
            })
        }
        started => started.inspect_err(log_not_started),
    }
}

async fn try_start<'a>(
    runs: &'a dyn RunStore,
    clock: &'a dyn Clock,
    plan: RunPlan<'a>,
) -> Result<OpenRun<'a>, RunError> {
    let now = clock.now();
    let closed_libraries = plan.closed_libraries();
    let run = Run {
        key: plan.key,
        trigger: plan.trigger,
        input: plan.input,
        started_at: now,
        reported_at: now,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    let by_schedule = run.trigger != Trigger::Person;
    let mut alerts = Vec::new();
    let mut pauses = Vec::new();
    if by_schedule {
        alerts.extend(early_start_alert(&run.key, now));
        let (label, time) = (&run.key.label, run.key.scheduled_time);
        pauses = runs.pauses().await?;
        let is_paused = pauses.iter().any(|pause| pause.blocks(label, time, now));
        let forbidden = match is_paused {
            true => Some(RunOutcome::SkippedPaused),
            false => plan.rules.forbidden_outcome(time, now),
        };
        if let Some(outcome) = forbidden {
            // A schedule may fire a second time, too late. A recorded run did not miss its time.
            if let Some(stored) = runs.run(&run.key).await? {
                return Err(NotStarted::AlreadyRan(stored).into());
            }
            if outcome == RunOutcome::Missed {
                let run = run.key.clone();
                alerts.push(Alert::RunTooLate { run });
            }
            // Later runs look back only to this one, unless it's closed and leaves that to them. While
            // disabled, none is expected.
            let missed = match plan.rules.disabled {
                true => Vec::new(),
                false => {
                    let newest = list_runs_before(runs, &run.key, &plan.rules).await?;
                    let mut missed =
                        find_missed_times(runs, &run.key, &newest, &plan.rules, &pauses).await?;
                    if outcome == RunOutcome::SkippedClosed
                        && leaves_missed_times(&plan.rules, &newest)
                    {
                        // The first run of an open day makes up for these.
                        let policy = plan.rules.catch_up.unwrap_or(CatchUp::None);
                        split_off_times_to_catch_up(&mut missed, policy, now);
                    }
                    missed
                }
            };
            alerts.extend(Alert::of_missed(run.key.job, &run.key.label, &missed));
            raise(plan.after, &alerts).await?;
            record_missed(runs, &run, &missed).await?;
            let skipped = skip_run(runs, run, outcome, plan.after).await?;
            return Err(skipped.into());
        }
    }
    alerts.extend(clock_skew_alert(runs, now).await?);
    let before = match by_schedule {
        true => list_runs_before(runs, &run.key, &plan.rules).await?,
        false => Vec::new(),
    };
    let missed = find_missed_times(runs, &run.key, &before, &plan.rules, &pauses).await?;
    alerts.extend(Alert::of_missed(run.key.job, &run.key.label, &missed));
    // The next run looks for missed runs from this one on, so alerts and missed runs are stored
    // first.
    raise(plan.after, &alerts).await?;
    let mut missing = record_missed(runs, &run, &missed).await?;
    match runs.start_run(&run, plan.allow_overlap, LOST_AFTER).await? {
        RunStart::Started => {
            missing.extend(find_lost_runs(runs, &before, plan.after).await?);
            tracing::info!(run.id = %run.key, trigger = ?run.trigger, "A run began.");
            call_before_run(plan.after, &run).await;
            Ok(OpenRun {
                runs,
                clock,
                run,
                is_resumed: false,
                closed_libraries,
                counts: Mutex::default(),
                alerts: Mutex::default(),
                missing,
                after: plan.after,
                stop: NEVER_STOPPED,
            })
        }
        RunStart::AlreadyRan(run) => Err(NotStarted::AlreadyRan(run).into()),
        RunStart::StillRunning(last) => {
            let skipped = Run {
                outcome: RunOutcome::SkippedStillRunning,
                finished_at: Some(run.started_at),
                ..run
            };
            record_in_days(runs, &[skipped]).await;
            Err(NotStarted::StillRunning(last).into())
        }
    }
}

async fn raise(after: Option<&RunHooks<'_>>, alerts: &[Alert]) -> Result<(), JobError> {
    if let Some(after) = after.filter(|_| !alerts.is_empty()) {
        after.raise(alerts).await?;
    }
    Ok(())
}

/// Returns the alert about a run that starts before its scheduled time. Our clock or the
/// scheduler's is wrong.
fn early_start_alert(run: &RunKey, now: DateTime<Utc>) -> Option<Alert> {
    let behind = run.scheduled_time - now;
    if behind <= CLOCK_SKEW {
        return None;
    }
    let seconds = behind.num_seconds();
    tracing::warn!(
        run.id = %run,
        %now,
        "A run begins before its scheduled time: the clock here or the scheduler's is wrong."
    );
    Some(Alert::ClockBehindSchedule {
        day: run.scheduled_time.date_naive(),
        seconds,
    })
}

/// Returns the alert about a clock that is too far from the store's. Our clock counts leases and
/// deadlines.
async fn clock_skew_alert(
    runs: &dyn RunStore,
    now: DateTime<Utc>,
) -> Result<Option<Alert>, JobError> {
    let ahead = runs.clock_ahead(now).await?;
    let Some(ahead) = ahead.filter(|ahead| ahead.abs() > CLOCK_SKEW) else {
        return Ok(None);
    };
    let seconds = ahead.num_seconds();
    tracing::warn!(seconds, "The clock here and the store's are too far apart.");
    Ok(Some(Alert::ClockWrong {
        day: (now - ahead).date_naive(),
        seconds,
    }))
}

/// Records a run that does not start. An existing record is kept.
async fn skip_run(
    runs: &dyn RunStore,
    run: Run,
    outcome: RunOutcome,
    after: Option<&RunHooks<'_>>,
) -> Result<NotStarted, JobError> {
    let run = Run {
        outcome,
        finished_at: Some(run.started_at),
        ..run
    };
    record_skipped_run(runs, run, after).await
}

/// Records a skipped run whose outcome is set.
pub(crate) async fn record_skipped_run(
    runs: &dyn RunStore,
    run: Run,
    after: Option<&RunHooks<'_>>,
) -> Result<NotStarted, JobError> {
    let outcome = run.outcome;
    if !runs.record_run(&run).await? {
        let stored = runs.run(&run.key).await?;
        return Ok(NotStarted::AlreadyRan(stored.unwrap_or(run)));
    }
    record_in_days(runs, std::slice::from_ref(&run)).await;
    // If every run of a label comes too late, no other run delivers the alert.
    if matches!(
        outcome,
        RunOutcome::Missed | RunOutcome::SkippedClockInDoubt
    ) {
        call_after_run(after, &run).await;
    }
    Ok(NotStarted::Skipped(run))
}

/// Returns the earlier runs that turned out to be lost.
///
/// A lost run stays among the newest of its label for a while. Every run that starts meanwhile
/// raises its alert again, since the first to find it may have crashed before it did.
async fn find_lost_runs(
    runs: &dyn RunStore,
    before: &[Run],
    after: Option<&RunHooks<'_>>,
) -> Result<Vec<Run>, JobError> {
    let is = |outcome| move |run: &&Run| run.outcome == outcome;
    let mut lost = Vec::new();
    for run in before.iter().filter(is(RunOutcome::Running)) {
        let now = runs.run(&run.key).await?;
        if let Some(run) = now.filter(|run| run.outcome == RunOutcome::Lost) {
            tracing::warn!(run.id = %run.key, "A run stopped reporting; it is lost.");
            lost.push(run);
        }
    }
    record_in_days(runs, &lost).await;
    // Oldest first: the alert names the first of a day.
    let known = before.iter().rev().filter(is(RunOutcome::Lost));
    let mut alerts: Vec<Alert> = known
        .chain(&lost)
        .map(|run| Alert::RunLost {
            run: run.key.clone(),
        })
        .collect();
    alerts.dedup_by_key(|alert| alert.key());
    raise(after, &alerts).await?;
    Ok(lost)
}

/// Records runs that never came, at most the newest [`MAX_MISSED_RUNS`].
///
/// Oldest first: after a crash on the way, the newer ones are still found.
async fn record_missed(
    runs: &dyn RunStore,
    run: &Run,
    times: &[DateTime<Utc>],
) -> Result<Vec<Run>, JobError> {
    let newest = times.len().saturating_sub(MAX_MISSED_RUNS);
    let mut missed = Vec::new();
    for time in times.iter().skip(newest) {
        let one = Run {
            key: RunKey {
                scheduled_time: *time,
                ..run.key.clone()
            },
            trigger: run.trigger,
            input: serde_json::Value::Null,
            started_at: *time,
            reported_at: *time,
            finished_at: Some(*time),
            outcome: RunOutcome::Missed,
            counts: Counts::default(),
        };
        if runs.record_run(&one).await? {
            missed.push(one);
        }
    }
    record_in_days(runs, &missed).await;
    Ok(missed)
}

/// Calls the hook before a run; its panics are only logged.
async fn call_before_run(after: Option<&RunHooks<'_>>, run: &Run) {
    if let Some(after) = after {
        let hook = AssertUnwindSafe(after.before_run(run)).catch_unwind();
        if hook.await.is_err() {
            tracing::error!(run.id = %run.key, "The step before a run crashed.");
        }
    }
}

/// Calls the hook after a run; its panics are only logged.
async fn call_after_run(after: Option<&RunHooks<'_>>, run: &Run) {
    if let Some(after) = after {
        let hook = AssertUnwindSafe(after.after_run(run)).catch_unwind();
        if hook.await.is_err() {
            tracing::error!(run.id = %run.key, "The step after a run crashed.");
        }
    }
}

fn log_not_started(error: &RunError) {
    match error {
        RunError::NotStarted(NotStarted::AlreadyRan(run) | NotStarted::StillRunning(run)) => {
            tracing::info!(run.id = %run.key, "A run was not started: it ran already, or the last one is still going.");
        }
        RunError::NotStarted(NotStarted::Skipped(run)) => {
            tracing::warn!(run.id = %run.key, outcome = run.outcome.as_str(), "A run was not started.");
        }
        RunError::Job(_) => {}
    }
}

impl<'a> OpenRun<'a> {
    /// Lets the signal stop the run.
    pub(super) fn with_stop(self, stop: StopSignal<'a>) -> Self {
        Self { stop, ..self }
    }
}

impl OpenRun<'_> {
    /// Asked between two work items, it says whether the run should stop.
    pub fn stop(&self) -> StopSignal<'_> {
        self.stop
    }

    /// The run, as it was recorded when it started.
    pub(super) fn start(&self) -> &Run {
        &self.run
    }

    /// Its key.
    pub fn key(&self) -> &RunKey {
        &self.run.key
    }

    /// The libraries that it leaves out, because its schedule says so for this day.
    pub fn closed_libraries(&self) -> &BTreeSet<LibraryId> {
        &self.closed_libraries
    }

    /// When it began.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.run.started_at
    }

    /// The earlier runs that were found lost or missed when it started.
    pub fn missing(&self) -> &[Run] {
        &self.missing
    }

    /// Queues an alert, which is raised and delivered when the run ends.
    ///
    /// If no later run would find the problem again, raise its alert at once, with
    /// [`raise_alerts`](crate::alerts::raise_alerts).
    pub fn alert(&self, alert: Alert) {
        let mut alerts = self.alerts.lock().unwrap_or_else(PoisonError::into_inner);
        alerts.push(alert);
    }

    /// Changes its counts.
    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock());
    }

    /// Its counts so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Reports progress with the counts so far.
    pub async fn report(&self) -> Result<(), JobError> {
        let run = Run {
            reported_at: self.clock.now(),
            counts: self.counts(),
            ..self.run.clone()
        };
        Ok(self.runs.report_run(&run).await?)
    }

    /// Reports progress with the counts so far, and saves a work item.
    pub async fn save_work_item(&self, work: &WorkItem) -> Result<(), JobError> {
        if !work.results.is_empty() {
            self.runs.save_work_item(&self.run.key, work).await?;
        }
        self.report().await
    }

    /// Records its end. An error of the work takes precedence over an error of the record.
    pub async fn close(self, work: Result<Ending, JobError>) -> Result<Run, JobError> {
        self.close_within(work, &[]).await
    }

    /// Records its end like [`close`](Self::close), with these steps around the run, outermost first.
    pub(super) async fn close_within(
        mut self,
        work: Result<Ending, JobError>,
        around: &[&dyn Around],
    ) -> Result<Run, JobError> {
        let now = self.clock.now();
        let counts = self.counts();
        self.run.outcome = match &work {
            Err(_) => RunOutcome::Failed,
            Ok(Ending::Stopped) => RunOutcome::Interrupted,
            Ok(Ending::Completed) if counts.failures() > 0 => RunOutcome::DoneWithFailures,
            Ok(Ending::Completed) => RunOutcome::Done,
        };
        self.run.reported_at = now;
        self.run.finished_at = Some(now);
        self.run.counts = counts;
        let mut alerts = std::mem::take(&mut self.alerts)
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let damaged = self.runs.damaged_rows().into_iter();
        alerts.extend(damaged.map(Alert::from));
        if let Err(error) = &work {
            alerts.push(Alert::RunFailed {
                run: self.run.key.clone(),
                fault: error.into(),
            });
        }
        // Alerts come first, because nobody looks at an ended run again.
        if let Err(error) = raise(self.after, &alerts).await {
            tracing::error!(run.id = %self.run.key, %error, "An alert could not be stored.");
        }
        let closed = self.record_end().await;
        record_in_days(self.runs, std::slice::from_ref(&self.run)).await;
        let counts = &self.run.counts;
        tracing::info!(
            run.id = %self.run.key,
            outcome = self.run.outcome.as_str(),
            duration_ms = self.run.duration(now).num_milliseconds(),
            planned = counts.planned,
            done = counts.done,
            failed = counts.failures(),
            skipped = counts.skipped,
            "A run ended."
        );
        for step in around.iter().rev() {
            let step = AssertUnwindSafe(step.after(&self.run)).catch_unwind();
            if step.await.is_err() {
                tracing::error!(run.id = %self.run.key, "A step after a run crashed.");
            }
        }
        // Last, so that it delivers the alerts that the steps raise.
        call_after_run(self.after, &self.run).await;
        work?;
        closed?;
        Ok(self.run)
    }

    async fn record_end(&mut self) -> Result<(), JobError> {
        if self.is_resumed
            && let Some(stored) = self.runs.run(&self.run.key).await?
        {
            let counts = std::mem::take(&mut self.run.counts);
            self.run.counts = counts.at_least(&stored.counts);
        }
        Ok(self.runs.report_run(&self.run).await?)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic between two changes leaves valid counts.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod recurrences;
#[cfg(test)]
mod tests;
