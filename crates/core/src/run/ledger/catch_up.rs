//! Catching up on missed runs.

use chrono::{DateTime, TimeDelta, Utc};

use super::missed::{find_missed_times, list_runs_before};
use super::plan::RunPlan;
use super::start::LOST_AFTER;
use crate::clock::is_in_future;
use crate::jobs::JobError;
use crate::run::{Run, RunOutcome, Trigger};
use crate::schedule::{CatchUp, Pause};
use crate::store::RunStore;

/// Runs that were missed longer ago stay missed.
const MAX_CATCH_UP_AGE: TimeDelta = TimeDelta::days(7);

/// Catches up on at most this many runs at a time, the newest.
const MAX_CATCH_UP_RUNS: usize = 20;

/// Lists the scheduled times on which to catch up now, oldest first.
/// The last is the plan's own time, if its start deadline has passed. A catch-up run has no start
/// deadline.
pub(in crate::run) async fn list_runs_to_catch_up(
    runs: &dyn RunStore,
    now: DateTime<Utc>,
    plan: &RunPlan<'_>,
    policy: CatchUp,
) -> Result<Vec<DateTime<Utc>>, JobError> {
    if policy == CatchUp::None
        || plan.trigger == Trigger::Person
        || runs.run(&plan.key).await?.is_some()
    {
        return Ok(Vec::new());
    }
    let scheduled_time = plan.key.scheduled_time;
    let pauses = runs.pauses().await?;
    let is_blocked = |pause: &Pause| pause.blocks(&plan.key.label, scheduled_time, now);
    if pauses.iter().any(is_blocked) {
        return Ok(Vec::new());
    }
    let is_late = match plan.rules.forbidden_outcome(scheduled_time, now) {
        // systemd can't express these days, so the timer fires daily. Such a run still catches up on a
        // missed one.
        None | Some(RunOutcome::SkippedNotToday) => false,
        Some(RunOutcome::Missed) => true,
        Some(_) => return Ok(Vec::new()),
    };
    let earlier_runs = list_runs_before(runs, &plan.key, &plan.rules).await?;
    let may_be_alive = |run: &Run| {
        let silence = (now - run.reported_at).to_std().unwrap_or_default();
        run.outcome == RunOutcome::Running
            && silence <= LOST_AFTER
            && !is_in_future(run.reported_at, now)
    };
    if earlier_runs.iter().any(may_be_alive) {
        // It may be catching up on these runs. A run that stopped reporting is lost.
        return Ok(Vec::new());
    }
    let mut times = find_missed_times(runs, &plan.key, &earlier_runs, &plan.rules, &pauses).await?;
    times.extend(is_late.then_some(scheduled_time));
    Ok(split_off_times_to_catch_up(&mut times, policy, now))
}

/// Splits off the missed times on which a run may catch up at `now`. Both lists are oldest first.
pub(super) fn split_off_times_to_catch_up(
    missed: &mut Vec<DateTime<Utc>>,
    policy: CatchUp,
    now: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let most = match policy {
        CatchUp::None => 0,
        CatchUp::Last => 1,
        CatchUp::All => MAX_CATCH_UP_RUNS,
    };
    let too_old = missed.partition_point(|time| now - *time > MAX_CATCH_UP_AGE);
    missed.split_off(too_old.max(missed.len().saturating_sub(most)))
}
