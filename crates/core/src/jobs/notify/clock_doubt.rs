//! Starts a tick of `notify-all` only if it can trust the clock ([`TickTimes`]).

use chrono::{DateTime, TimeDelta, Utc};

use crate::alerts::Alert;
use crate::clock::Clock;
use crate::jobs::{JobError, RunError};
use crate::run::ledger::{RunPlan, record_skipped_run};
use crate::run::not_started::NotStarted;
use crate::run::tick_times::{ClockDoubt, TickVerdict};
use crate::run::{Counts, Run, RunOutcome};
use crate::store::{RunStore, StoreError};

/// The number of recent runs that are searched for one with a trusted time.
const RECENT_RUNS: usize = 8;

/// The most attempts to store the times while other ticks change them.
const MAX_WRITE_ATTEMPTS: u32 = 5;

/// Starts a tick if its clock can be trusted; otherwise records the doubt and does nothing.
///
/// Each doubt about the clock raises one alert, which is delivered as after any run.
pub(crate) async fn check_clock<'a>(
    runs: &dyn RunStore,
    clock: &dyn Clock,
    plan: RunPlan<'a>,
) -> Result<RunPlan<'a>, RunError> {
    let now = clock.now();
    let newest = newest_time(runs, &plan).await?;
    for _ in 0..MAX_WRITE_ATTEMPTS {
        let before = runs.tick_times().await?;
        let (after, judgement) = before.judge(newest, now);
        if before != after && !runs.replace_tick_times(&before, &after).await? {
            continue;
        }
        return match judgement {
            TickVerdict::Trusted => {
                if let (Some(back), Some(notify)) = (before.backward_jump(now), plan.hooks) {
                    let behind = Alert::ClockWrong {
                        day: (now + back).date_naive(),
                        seconds: -back.num_seconds(),
                    };
                    notify.raise(&[behind]).await?;
                }
                Ok(plan)
            }
            TickVerdict::InDoubt(doubt) => Err(skip_run(runs, plan, doubt, now).await?.into()),
        };
    }
    Err(StoreError::Unavailable("other ticks keep it busy.".to_owned()).into())
}

/// The newest time of the recorded runs, except runs that were in doubt themselves.
async fn newest_time(
    runs: &dyn RunStore,
    plan: &RunPlan<'_>,
) -> Result<Option<DateTime<Utc>>, JobError> {
    let recent = runs
        .recent_runs(Some(plan.key.job), None, RECENT_RUNS)
        .await?;
    Ok(recent
        .into_iter()
        .filter(|run| run.outcome != RunOutcome::SkippedClockInDoubt)
        .map(|run| run.started_at)
        .max())
}

/// Records the skipped run and raises the alert about the clock.
async fn skip_run(
    runs: &dyn RunStore,
    plan: RunPlan<'_>,
    doubt: ClockDoubt,
    now: DateTime<Utc>,
) -> Result<NotStarted, JobError> {
    let (ClockDoubt::LongSince(reference) | ClockDoubt::StoreAhead(reference)) = doubt;
    tracing::warn!(
        run.id = %plan.key,
        %now,
        %reference,
        "The clock may be wrong: nothing is planned or sent until the next tick agrees with it."
    );
    if let Some(hooks) = plan.hooks {
        let alert = Alert::ClockInDoubt { reference, now };
        hooks.raise(&[alert]).await?;
    }
    let mut run = Run {
        key: plan.key,
        trigger: plan.trigger,
        input: plan.input,
        started_at: now,
        reported_at: now,
        finished_at: Some(now),
        outcome: RunOutcome::SkippedClockInDoubt,
        counts: Counts::default(),
    };
    // If the clock is ahead, the run that is really due then would have the same key. This record
    // must not overwrite it.
    run.key.scheduled_time += TimeDelta::milliseconds(1);
    record_skipped_run(runs, run, plan.hooks).await
}
