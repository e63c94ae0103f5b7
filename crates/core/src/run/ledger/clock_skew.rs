//! Alerts about clocks that differ too much from ours.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alerts::Alert;
use crate::jobs::JobError;
use crate::run::RunKey;
use crate::store::RunStore;

/// The largest accepted difference between our clock and the scheduler's or the store's.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// Returns the alert about a run that starts before its scheduled time. Our clock or the
/// scheduler's is wrong.
pub(super) fn early_start_alert(run: &RunKey, now: DateTime<Utc>) -> Option<Alert> {
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
pub(super) async fn clock_skew_alert(
    runs: &dyn RunStore,
    now: DateTime<Utc>,
) -> Result<Option<Alert>, JobError> {
    let ahead = runs.clock_skew(now).await?;
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
