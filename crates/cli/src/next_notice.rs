//! When a family's next notice goes out.

use chrono::{DateTime, Duration, Utc};
use hippo_core::clock::local_date;
use hippo_core::family::Family;
use hippo_core::family::schedule::LATE_AFTER;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::outbox::{MailKey, OutboxRecord, TransitionError};
use hippo_core::run::{JobName, Run, RunOutcome, Trigger};

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::time::at_moment;
use crate::suggested::HIPPO;

/// A run of `notify-all` within this time should have sent every due notice.
const MAX_TICK_AGE: Duration = Duration::hours(1);

/// How many of the newest runs are looked at. Those that a person starts are among them.
const MAX_RECENT_RUNS: usize = 20;

/// The next notice of a family.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NextNotice {
    /// It is due and goes out on the next run of `notify-all`.
    Overdue {
        /// When it became due.
        since: DateTime<Utc>,
        /// Why the last attempt to send it failed.
        reason: Option<String>,
    },
    /// It becomes due at this time.
    Due(DateTime<Utc>),
    /// No notice is planned.
    None,
}

impl NextNotice {
    /// Finds the oldest notice that is due but not sent, or else the next due time.
    pub(crate) async fn find(context: &Context, family: &Family) -> Result<Self, CommandError> {
        let now = context.now();
        let due = family.due_dates(now).into_iter();
        for date in due.filter(|date| !family.is_paused_on(*date)) {
            let record = context
                .store
                .mail(&MailKey::daily(family.id.clone(), date))
                .await?;
            if record.as_ref().is_none_or(|record| is_unsent(record, now)) {
                return Ok(Self::Overdue {
                    since: family.scheduled_instant(date),
                    reason: record.and_then(|record| record.reason),
                });
            }
        }
        Ok(family.next_due(now).map_or(Self::None, Self::Due))
    }

    /// The due time; in the past while the notice waits.
    pub(crate) fn instant(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Overdue { since, .. } => Some(*since),
            Self::Due(at) => Some(*at),
            Self::None => None,
        }
    }

    /// Whether `notify-all` should have sent it.
    pub(crate) fn is_late(&self, family: &Family, now: DateTime<Utc>) -> bool {
        let chosen = family.history.since.unwrap_or(family.created_at);
        matches!(self, Self::Overdue { since, .. } if now - (*since).max(family.created_at).max(chosen) > LATE_AFTER)
    }

    /// Whether the last attempt to send it failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(
            self,
            Self::Overdue {
                reason: Some(_),
                ..
            }
        )
    }

    /// A sentence without full stop, such as `The next notice is due at 06:30 tomorrow`.
    pub(crate) fn sentence(&self, context: &Context, family: &Family) -> String {
        let now = context.now();
        let zone = if family.timezone == context.zone() {
            String::new()
        } else {
            format!(" ({})", family.timezone)
        };
        match self {
            Self::None => "No notice is planned".to_owned(),
            Self::Due(at) => format!(
                "The next notice is due {}{zone}",
                at_moment(*at, now, family.timezone)
            ),
            Self::Overdue { since, .. } => {
                let local = since.with_timezone(&family.timezone);
                let notice = if local.date_naive() == local_date(now, family.timezone) {
                    format!("Today's notice was due at {}{zone}", local.format("%H:%M"))
                } else {
                    let since = at_moment(*since, now, family.timezone);
                    format!("A notice was due {since}{zone}")
                };
                format!("{notice} and goes out on the next run of notify-all")
            }
        }
    }

    /// Explains why a notice that failed or is late wasn't sent, with the command that helps.
    pub(crate) fn why_not_sent(
        &self,
        context: &Context,
        family: &Family,
        recent_runs: &[Run],
    ) -> (String, String) {
        let now = context.now();
        if let Self::Overdue {
            reason: Some(reason),
            ..
        } = self
        {
            let reason = hippo_core::text::clean(reason);
            let reason = reason.trim_end_matches('.');
            return (
                format!(
                    "We couldn't send the email: {reason}. The next runs of notify-all try again."
                ),
                format!("{HIPPO} mail test ADDRESS"),
            );
        }
        let mut recent_runs = recent_runs.iter();
        match recent_runs.find(|run| should_have_sent(run, family, now)) {
            Some(run) if run.outcome == RunOutcome::SkippedPaused => (
                format!(
                    "The notice is late, because the schedule “{}” of notify-all is paused.",
                    run.key.label
                ),
                format!("{HIPPO} notify-all --family {}", family.id),
            ),
            Some(run) => (
                format!(
                    "The notice is late, although notify-all ran {} ({}).",
                    at_moment(run.started_at, now, context.zone()),
                    run.outcome.as_str()
                ),
                format!("{HIPPO} runs show {}", run.key),
            ),
            None => (
                "The notice is late, because notify-all didn't run. Check that cron or the timer runs it every 15 \
                 minutes."
                    .to_owned(),
                format!("{HIPPO} notify-all --family {}", family.id),
            ),
        }
    }
}

/// Lists the newest runs of `notify-all`, the newest first.
pub(crate) async fn list_recent_runs(context: &Context) -> Result<Vec<Run>, CommandError> {
    let store = &context.store;
    let runs = store.recent_runs(Some(JobName::NOTIFY_ALL), None, MAX_RECENT_RUNS);
    Ok(runs.await?)
}

/// Whether a schedule's run should have sent every due notice of this family.
fn should_have_sent(run: &Run, family: &Family, now: DateTime<Utc>) -> bool {
    let input: Option<NotifyAllInput> = serde_json::from_value(run.input.clone()).ok();
    run.trigger != Trigger::Person
        && now - run.key.scheduled_time < MAX_TICK_AGE
        && input.is_none_or(|input| input.family.is_none_or(|only| only == family.id))
}

fn is_unsent(record: &OutboxRecord, now: DateTime<Utc>) -> bool {
    matches!(
        record.check_claimable(now),
        Ok(()) | Err(TransitionError::Waiting)
    )
}
