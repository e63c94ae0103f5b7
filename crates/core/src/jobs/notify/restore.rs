//! Prevents a restored store from resending notices or raising alerts about days that it lacks.
//!
//! A restored store lacks the outcome of every notice since its backup. Each of those dates is
//! recorded as held: it is sent only on a person's request.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use crate::alerts::Alert;
use crate::alerts::raise_record_alerts;
use crate::clock::local_date;
use crate::family::Family;
use crate::ids::FamilyId;
use crate::jobs::JobError;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::run::tick_times::TickTimes;
use crate::store::{
    AlertStore, FamilyStore, OutboxCursor, OutboxStore, RunStore, StoreError, StoreOrigin,
};

/// The page size of families and open notices.
const PAGE_SIZE: usize = 100;

/// The ports for finding a restored store and holding its dates.
pub(crate) struct RestorePorts<'a> {
    /// The families.
    pub(crate) families: &'a dyn FamilyStore,
    /// The notices, and whether the store was restored.
    pub(crate) outbox: &'a dyn OutboxStore,
    /// The times of the ticks.
    pub(crate) runs: &'a dyn RunStore,
    /// The store of alerts.
    pub(crate) alerts: &'a dyn AlertStore,
}

/// Holds the dates that a restored store may have sent, once; does nothing in other stores.
///
/// The store counts as restored until all dates and the alert are recorded, so after a crash the
/// next tick continues.
pub(crate) async fn hold_restored(
    ports: &RestorePorts<'_>,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    let has_sent_fences = match ports.outbox.origin().await? {
        StoreOrigin::Known => return Ok(()),
        StoreOrigin::Restored { has_sent_fences } => has_sent_fences,
    };
    tracing::warn!(
        has_sent_fences,
        "The store was restored: notices that may have been sent are held."
    );
    let holder = Holder {
        outbox: ports.outbox,
        alerts: ports.alerts,
        has_sent_fences,
        now,
    };
    let mut held = 0;
    let mut after: Option<FamilyId> = None;
    loop {
        let page = ports
            .families
            .families_page(after.as_ref(), PAGE_SIZE)
            .await?;
        for family in &page {
            for kind in MailKind::ALL {
                let Some(family) = family.with_schedule_of(kind) else {
                    continue;
                };
                for date in dates_to_hold(&family, now) {
                    let key = MailKey::new(kind.clone(), family.id.clone(), date);
                    held += usize::from(holder.hold_missing(&family, key).await?);
                }
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE_SIZE => after = Some(last.id.clone()),
            _ => break,
        }
    }
    held += hold_open(ports, &holder).await?;
    let alert = Alert::StoreRestored {
        day: now.date_naive(),
        held,
    };
    ports.alerts.record_alert(&alert.key(), &alert, now).await?;
    record_restore_time(ports.runs, now).await?;
    Ok(ports.outbox.end_restore().await?)
}

struct Holder<'a> {
    outbox: &'a dyn OutboxStore,
    alerts: &'a dyn AlertStore,
    /// Whether a journal outside the store records what was sent.
    has_sent_fences: bool,
    now: DateTime<Utc>,
}

impl Holder<'_> {
    /// Records a missing date as held.
    ///
    /// It does nothing if the notice was certainly not sent and can still be sent in time.
    async fn hold_missing(&self, family: &Family, key: MailKey) -> Result<bool, JobError> {
        if self.outbox.mail(&key).await?.is_some() {
            return Ok(false);
        }
        let sent = self.outbox.last_sent_fence(&key).await?;
        if self.has_sent_fences && sent.is_none() && !family.has_passed(key.date, self.now) {
            return Ok(false);
        }
        let fence = sent.unwrap_or_default();
        let held = OutboxRecord::held(key, fence, self.now);
        match self.outbox.plan_mail(&held).await {
            // The family was removed in the meantime.
            Err(StoreError::NotFound(_)) => Ok(false),
            planned => Ok(planned?),
        }
    }

    /// Holds an open notice if it may have been sent after the backup.
    async fn hold_record(&self, family: &Family, record: &OutboxRecord) -> Result<bool, JobError> {
        if record.date > local_date(self.now, family.timezone) {
            return Ok(false);
        }
        let sent = self.outbox.last_sent_fence(&record.key()).await?;
        if self.has_sent_fences && sent.is_none() && !family.has_passed(record.date, self.now) {
            return Ok(false);
        }
        let held = if record.is_retry() {
            // Some recipients have the mail, and others may have got it after the backup.
            let sent = record.sent_without_the_rest(self.now);
            raise_record_alerts(self.alerts, &sent, self.now).await?;
            sent
        } else {
            record.hold(sent.unwrap_or_default(), self.now)
        };
        Ok(self
            .outbox
            .replace_mail(record.revision, &held, None)
            .await?)
    }
}

/// Holds the notices that were open when the backup was made; returns their number.
async fn hold_open(ports: &RestorePorts<'_>, holder: &Holder<'_>) -> Result<usize, JobError> {
    let mut held = 0;
    let mut after: Option<OutboxCursor> = None;
    loop {
        let page = ports.outbox.open_mails(after.as_ref(), PAGE_SIZE).await?;
        for record in &page {
            if let Some(family) = ports.families.family(&record.family).await? {
                let scheduled = family.with_schedule_of(&record.kind);
                let family = scheduled.as_deref().unwrap_or(&family);
                held += usize::from(holder.hold_record(family, record).await?);
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE_SIZE => after = Some(last.into()),
            _ => return Ok(held),
        }
    }
}

/// The local dates up to today for which a tick would plan a notice, now or later today.
fn dates_to_hold(family: &Family, now: DateTime<Utc>) -> BTreeSet<NaiveDate> {
    let today = local_date(now, family.timezone);
    family
        .passed_dates(now)
        .into_iter()
        .chain(family.due_dates(now))
        .chain((family.first_date() <= today).then_some(today))
        .collect()
}

/// Records the restore, so that runs from before it don't count as missed.
async fn record_restore_time(runs: &dyn RunStore, now: DateTime<Utc>) -> Result<(), JobError> {
    let before = runs.tick_times().await?;
    let after = TickTimes {
        restored_at: Some(now),
        ..before.clone()
    };
    // If another tick changed them in the meantime, it stored the same.
    runs.replace_tick_times(&before, &after).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
