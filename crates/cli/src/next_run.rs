//! When a schedule runs next, for every command that shows it.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use hippo_core::clock::local_date;
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::pause::end_of_pauses;
use hippo_core::schedule::{Pause, Schedule};

use crate::commands::schedule::next::clock_times;
use crate::context::Context;
use crate::deployment::DisabledSchedules;
use crate::exit::CommandError;
use crate::output::time::moment;

/// Loads the declared schedules, and those that are disabled. A schedule that the stack disables isn't
/// enabled, whatever its declaration says.
pub(crate) async fn load_schedules(
    context: &Context,
) -> Result<(Vec<Schedule>, Result<DisabledSchedules, String>), CommandError> {
    let mut schedules = context.deployment.schedules().await?;
    let disabled = match schedules.is_empty() {
        true => Ok(DisabledSchedules::default()),
        false => context.deployment.disabled_schedules().await,
    };
    for (job, label) in disabled.iter().flat_map(|disabled| &disabled.schedules) {
        let is = |schedule: &&mut Schedule| schedule.job == *job && schedule.label == *label;
        for schedule in schedules.iter_mut().filter(is) {
            schedule.enabled = false;
        }
    }
    Ok((schedules, disabled))
}

/// Finds a schedule's next run, after the pauses of its label. `last` is the scheduled time of its last
/// run, from which a rate counts on AWS.
pub(crate) fn find_next_run(
    context: &Context,
    schedule: &Schedule,
    last: Option<DateTime<Utc>>,
    pauses: &[Pause],
) -> NextRun {
    let now = context.now();
    let on_the_clock = match context.deployment.stack() {
        None => next_on_the_clock(schedule, pauses, now),
        Some(_) => None,
    };
    on_the_clock.unwrap_or_else(|| schedule.next_run_after_pauses(now, last, pauses))
}

/// The next run of a rate whose timer on one machine counts from midnight; `None` for any other
/// schedule.
fn next_on_the_clock(schedule: &Schedule, pauses: &[Pause], now: DateTime<Utc>) -> Option<NextRun> {
    let after = now + Duration::nanoseconds(1);
    let mut times = clock_times(schedule, end_of_pauses(pauses, &schedule.label, after)?)?;
    let zone = schedule.recurrence.zone;
    let is_open = |time: &DateTime<Utc>| {
        let closed = &schedule.closed_days.all;
        !closed.contains(&local_date(*time, zone))
    };
    let next = times.find(is_open).filter(|_| schedule.enabled);
    Some(next.map_or(NextRun::Never, NextRun::At))
}

/// Describes a run that starts at most so many minutes after a time, such as `within 15 min`, or
/// `within 15 min of Sun 20 Dec 00:00` if that time is to come.
pub(crate) fn describe_period(
    minutes: i64,
    after: DateTime<Utc>,
    now: DateTime<Utc>,
    zone: Tz,
) -> String {
    let period = period_words(minutes);
    match after > now {
        true => format!("within {period} of {}", moment(after, now, zone)),
        false => format!("within {period}"),
    }
}

/// A period of a rate, in its largest whole unit.
fn period_words(minutes: i64) -> String {
    match minutes {
        _ if minutes % 1440 == 0 => format!("{} d", minutes / 1440),
        _ if minutes % 60 == 0 => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    }
}
