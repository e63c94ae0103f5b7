//! Notices that should have been sent.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::family::Family;
use hippo_core::family::schedule::LATE_AFTER;
use hippo_core::ids::FamilyId;
use hippo_core::outbox::{MailKind, OutboxRecord};
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::text::mask_addresses;

use super::view::Times;

/// A late notice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LateNotice {
    pub(super) family: FamilyId,
    pub(super) kind: MailKind,
    pub(super) date: NaiveDate,
    pub(super) due: String,
    /// Why it isn't sent, as far as its record says.
    pub(super) reason: String,
}

/// Finds the late notices of these families: those without a record since no tick came, and those
/// whose record is still open.
///
/// It needs no read for each family: a tick after a notice was due has planned it.
pub(super) fn find_late_notices(
    families: &[Family],
    open: &[OutboxRecord],
    newest_runs: &[Run],
    times: Times,
) -> Vec<LateNotice> {
    let now = times.now;
    let by_key: BTreeMap<_, &OutboxRecord> = open
        .iter()
        .map(|record| ((&record.family, &record.kind, record.date), record))
        .collect();
    let mut late = Vec::new();
    for family in families {
        for kind in MailKind::ALL {
            let Some(family) = family.with_schedule_of(kind) else {
                continue;
            };
            let tick = last_tick(newest_runs, kind);
            for date in family.due_dates(now) {
                if family.is_mail_paused(date, now) {
                    continue;
                }
                let due = due_since(&family, date);
                let reason = match by_key.get(&(&family.id, kind, date)) {
                    Some(record) => match record.meaning(now) {
                        Some(meaning) => mask_addresses(&meaning),
                        None => record.state.as_str().to_owned(),
                    },
                    None if tick.is_none_or(|tick| tick < due) => {
                        format!("{} didn’t run since.", kind.job_name())
                    }
                    None => continue,
                };
                if now - due > LATE_AFTER {
                    late.push(LateNotice {
                        family: family.id.clone(),
                        kind: kind.clone(),
                        date,
                        due: times.show_in(due, family.timezone),
                        reason,
                    });
                }
            }
        }
    }
    late
}

/// Since when a notice of a date could be sent.
fn due_since(family: &Family, date: NaiveDate) -> DateTime<Utc> {
    let chosen = family.history.since.unwrap_or(family.created_at);
    let due = family.scheduled_instant(date);
    due.max(family.created_at).max(chosen)
}

/// When the last run began that planned the mails of all families.
fn last_tick(newest_runs: &[Run], kind: &MailKind) -> Option<DateTime<Utc>> {
    let job: JobName = kind.job_name().parse().ok()?;
    let is_for_all = |run: &&Run| {
        let is_set = |field| run.input.get(field).is_some_and(|value| !value.is_null());
        run.key.job == job && !is_set("family") && !is_set("date")
    };
    let went_well = |run: &&Run| {
        matches!(
            run.outcome,
            RunOutcome::Done | RunOutcome::DoneWithFailures | RunOutcome::Running
        )
    };
    let ticks = newest_runs.iter().filter(is_for_all).filter(went_well);
    ticks.map(|run| run.started_at).max()
}
