//! Starts a run, or finds out why it must not start.

use std::sync::Mutex;
use std::time::Duration;

use super::catch_up::split_off_times_to_catch_up;
use super::clock_skew::{clock_skew_alert, early_start_alert};
use super::hooks::{call_before_run, raise};
use super::lost::find_lost_runs;
use super::missed::{find_missed_times, leaves_missed_times, list_runs_before, record_missed};
use super::open_run::OpenRun;
use super::plan::RunPlan;
use super::skipped::{log_not_started, skip_run};
use crate::alerts::Alert;
use crate::clock::Clock;
use crate::jobs::{RunError, StopRequest};
use crate::run::not_started::NotStarted;
use crate::run::record_days::record_in_days;
use crate::run::{Counts, Run, RunOutcome, Trigger};
use crate::schedule::CatchUp;
use crate::store::{RunStart, RunStore};

/// A run that hasn't reported for this long is lost. A visit of ten cards takes less.
pub const LOST_AFTER: Duration = Duration::from_secs(20 * 60);

/// The stop signal of a run that nobody stops.
pub(in crate::run) const NEVER_STOPPED: &dyn StopRequest = &|| false;

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
    let hooks = plan.hooks;
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
                hooks,
                stop: NEVER_STOPPED,
                on_progress: &|_| {},
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
            let missed = match plan.rules.is_disabled {
                true => Vec::new(),
                false => {
                    let newest = list_runs_before(runs, &run.key, &plan.rules).await?;
                    let mut missed =
                        find_missed_times(runs, &run.key, &newest, &plan.rules, &pauses).await?;
                    if outcome == RunOutcome::SkippedClosed
                        && leaves_missed_times(&plan.rules, &newest)
                    {
                        // The first run of an open day catches up on these.
                        let policy = plan.rules.catch_up.unwrap_or(CatchUp::None);
                        split_off_times_to_catch_up(&mut missed, policy, now);
                    }
                    missed
                }
            };
            alerts.extend(Alert::for_missed_runs(run.key.job, &run.key.label, &missed));
            raise(plan.hooks, &alerts).await?;
            record_missed(runs, &run, &missed).await?;
            let skipped = skip_run(runs, run, outcome, plan.hooks).await?;
            return Err(skipped.into());
        }
    }
    alerts.extend(clock_skew_alert(runs, now).await?);
    let before = match by_schedule {
        true => list_runs_before(runs, &run.key, &plan.rules).await?,
        false => Vec::new(),
    };
    let missed = find_missed_times(runs, &run.key, &before, &plan.rules, &pauses).await?;
    alerts.extend(Alert::for_missed_runs(run.key.job, &run.key.label, &missed));
    // The next run looks for missed runs from this one on, so alerts and missed runs are stored
    // first.
    raise(plan.hooks, &alerts).await?;
    let mut missing = record_missed(runs, &run, &missed).await?;
    match runs.start_run(&run, plan.allow_overlap, LOST_AFTER).await? {
        RunStart::Started => {
            missing.extend(find_lost_runs(runs, &before, plan.hooks).await?);
            tracing::info!(run.id = %run.key, trigger = ?run.trigger, "A run began.");
            call_before_run(plan.hooks, &run).await;
            Ok(OpenRun {
                runs,
                clock,
                run,
                is_resumed: false,
                closed_libraries,
                counts: Mutex::default(),
                alerts: Mutex::default(),
                missing,
                hooks: plan.hooks,
                stop: NEVER_STOPPED,
                on_progress: &|_| {},
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
