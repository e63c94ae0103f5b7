//! The times before a run at which its schedule should have fired, and did not.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::rules::StartRules;
use crate::jobs::JobError;
use crate::run::newest::{MAX_SEARCHED_RUNS, list_newest_runs};
use crate::run::record_days::record_in_days;
use crate::run::{Counts, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::{CatchUp, Expression, Pause, Recurrence};
use crate::store::{RunStore, StoreResult};

/// At most this many missed runs are recorded at a time; all are counted.
pub const MAX_MISSED_RUNS: usize = 100;

/// How many of a label's newest runs are searched for the previous one.
const RECENT: usize = 8;

/// Lists the runs among which the previous one of a label is searched.
pub(super) async fn list_runs_before(
    runs: &dyn RunStore,
    key: &RunKey,
    rules: &StartRules,
) -> StoreResult<Vec<Run>> {
    let is_enough = |run: &Run| is_previous(run, rules);
    list_newest_runs(runs, key.job, Some(&key.label), RECENT, is_enough).await
}

/// Whether a run looks for missed times before the closed days, too, to catch up on them.
///
/// A rate has no times of its own. From before the closed days, they could only be guessed.
fn looks_past_closed_runs(rules: &StartRules) -> bool {
    let catches_up = rules.catch_up.is_some_and(|policy| policy != CatchUp::None);
    let is_rate = |schedule: &Recurrence| matches!(schedule.expression, Expression::Rate(_));
    catches_up && !rules.schedule.as_ref().is_some_and(is_rate)
}

/// Whether a closed run may leave the times that were missed before it to the first run of an open day.
///
/// That run must still find them: after too many closed runs, it would not look back far enough.
pub(super) fn leaves_missed_times(rules: &StartRules, before: &[Run]) -> bool {
    let mut scheduled = before.iter().filter(|run| run.trigger != Trigger::Person);
    looks_past_closed_runs(rules)
        && scheduled
            .position(|run| is_previous(run, rules))
            .is_some_and(|newer| newer + RECENT < MAX_SEARCHED_RUNS)
}

/// Whether the times before a run are on record, so that only those after it may have been missed.
fn is_previous(run: &Run, rules: &StartRules) -> bool {
    is_by_schedule(run)
        && (run.outcome != RunOutcome::SkippedClosed || !looks_past_closed_runs(rules))
}

fn is_by_schedule(run: &Run) -> bool {
    run.trigger != Trigger::Person && run.outcome != RunOutcome::SkippedClockInDoubt
}

/// Returns the scheduled time of the last run, after which times may have been missed.
///
/// If all that is known is closed, this is the oldest: a time after it can still be missed.
fn last_scheduled_time(
    scheduled_time: DateTime<Utc>,
    before: &[Run],
    rules: &StartRules,
) -> Option<DateTime<Utc>> {
    let earlier = before
        .iter()
        .filter(|run| is_by_schedule(run) && run.key.scheduled_time < scheduled_time);
    let (previous, closed): (Vec<&Run>, Vec<&Run>) =
        earlier.partition(|run| is_previous(run, rules));
    let time = |run: &Run| run.key.scheduled_time;
    let last = previous.into_iter().map(time).max();
    last.or(closed.into_iter().map(time).min())
}

/// The times at which the schedule should have fired since its last run, and did not; oldest first.
fn missed_times(
    run: &RunKey,
    before: &[Run],
    rules: &StartRules,
    pauses: &[Pause],
) -> Vec<DateTime<Utc>> {
    let scheduled_time = run.scheduled_time;
    let last = last_scheduled_time(scheduled_time, before, rules);
    let (Some(last), Some(schedule)) = (last, &rules.schedule) else {
        return Vec::new();
    };
    // A backfilled time, or one of a day that is no longer closed, is on record.
    let recorded: BTreeSet<_> = before.iter().map(|run| run.key.scheduled_time).collect();
    let mut times = schedule.between(last, scheduled_time);
    times.retain(|time| {
        let is_paused = |pause: &Pause| pause.is_for(&run.label) && pause.includes(*time);
        let was_due = rules.times_since.is_none_or(|since| since <= *time);
        was_due
            && rules.excluded_outcome(*time).is_none()
            && !pauses.iter().any(is_paused)
            && !recorded.contains(time)
    });
    times
}

/// The missed times before a run, except those from before a restore of the store.
pub(super) async fn find_missed_times(
    runs: &dyn RunStore,
    run: &RunKey,
    before: &[Run],
    rules: &StartRules,
    pauses: &[Pause],
) -> Result<Vec<DateTime<Utc>>, JobError> {
    let mut missed = missed_times(run, before, rules, pauses);
    if !missed.is_empty()
        && let Some(restored) = runs.tick_times().await?.restored_at
    {
        missed.retain(|time| *time > restored);
    }
    if !missed.is_empty() {
        tracing::warn!(run.id = %run, missed = missed.len(), "Runs before this one were missed.");
    }
    Ok(missed)
}

/// Records runs that never came, at most the newest [`MAX_MISSED_RUNS`].
///
/// Oldest first: after a crash on the way, the newer ones are still found.
pub(super) async fn record_missed(
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
