//! Finds the notices to send now, and finalises those that are too late or in doubt.
//!
//! Level-triggered: each tick finds the due notices without a record, the claimable ones and the
//! stuck ones, so a missed or doubled tick needs no repair. After a crash between planning and
//! enqueueing a notice, the next tick enqueues it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::StreamExt as _;
use futures::lock::Mutex;

use crate::alerts::raise_record_alerts;
use crate::clock::Clock;
use crate::family::{Delivery, Family};
use crate::ids::FamilyId;
use crate::jobs::JobError;
use crate::jobs::notify::NotifyAllInput;
use crate::jobs::notify::send::MailResult;
use crate::mail::{Mailer, SendOutcome};
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord, TransitionError};
use crate::run::{JobName, Trigger};
use crate::schedule::{Pause, unpaused_time};
use crate::store::{AlertStore, FamilyStore, OutboxCursor, OutboxStore, RunStore, StoreError};

/// The page size of families and open notices.
const PAGE_SIZE: usize = 100;

/// How many families or notices are handled at a time. It is high because a store can flush many
/// writes at once.
const MAX_CONCURRENCY: usize = 64;

/// How many recent records are searched for missed dates. A tick doesn't look back on more days.
const MAX_RECENT_RECORDS: usize = 16;

/// If pauses leave less unpaused time than this in a notice's planning window, the day counts as
/// paused.
const MIN_UNPAUSED_TIME: Duration = Duration::hours(1);

/// The notices that one step of a tick found or finalised.
#[derive(Debug, Default)]
pub struct TickBatch {
    /// Claimable notices, planned now or before: to be sent now.
    pub free: Vec<MailKey>,
    /// Notices that were finalised unsent or in doubt; their alerts were raised first.
    pub finalised: Vec<MailResult>,
}

/// Runs one tick, a page of families or of open notices at a time.
///
/// It returns the notices that it plans, then older claimable ones, since an index of open notices
/// may lack the newest. An error for one family doesn't block the others: the tick continues and
/// fails at the end.
pub struct NotifyTick<'a> {
    families: &'a dyn FamilyStore,
    outbox: &'a dyn OutboxStore,
    alerts: &'a dyn AlertStore,
    /// The mailer to ask about the outcome of a mail, if there is one.
    mailer: Option<&'a dyn Mailer>,
    /// The ledger with the schedules' pauses, and the job of those schedules.
    schedules: Option<(&'a dyn RunStore, JobName)>,
    /// The pauses of each of those schedules, ordered by when they began; loaded when they are first needed.
    pauses: Mutex<Option<Arc<[Vec<Pause>]>>>,
    /// The kinds of mail that it plans.
    kinds: &'a [MailKind],
    input: &'a NotifyAllInput,
    clock: &'a dyn Clock,
    /// When the tick began; decides what is due.
    now: DateTime<Utc>,
    stage: Stage,
    planned: BTreeSet<MailKey>,
    fault: Option<JobError>,
}

enum Stage {
    Families(Option<FamilyId>),
    Open(Option<OutboxCursor>),
    Over,
}

impl<'a> NotifyTick<'a> {
    /// Creates a tick that begins now.
    pub fn new(
        families: &'a dyn FamilyStore,
        outbox: &'a dyn OutboxStore,
        alerts: &'a dyn AlertStore,
        kinds: &'a [MailKind],
        input: &'a NotifyAllInput,
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            families,
            outbox,
            alerts,
            mailer: None,
            schedules: None,
            pauses: Mutex::new(None),
            kinds,
            input,
            clock,
            now: clock.now(),
            stage: Stage::Families(None),
            planned: BTreeSet::new(),
            fault: None,
        }
    }

    /// Sets the mailer to ask about each possibly sent mail before a timeout decides.
    #[must_use]
    pub fn with_mailer(self, mailer: &'a dyn Mailer) -> Self {
        Self {
            mailer: Some(mailer),
            ..self
        }
    }

    /// Sets the ledger that knows when the schedules of `job` were paused: the days of those pauses were
    /// not missed.
    #[must_use]
    pub fn with_schedules_of(self, runs: &'a dyn RunStore, job: JobName) -> Self {
        Self {
            schedules: Some((runs, job)),
            ..self
        }
    }

    /// Runs the next step; `None` after the last. A step may find nothing.
    ///
    /// The first error of all steps is returned after the last step; the others are logged.
    pub async fn next(&mut self) -> Result<Option<TickBatch>, JobError> {
        let found = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Families(after) => self.plan_page(after).await,
            Stage::Open(after) => self.sweep_page(after).await,
            Stage::Over => return self.fault.take().map_or(Ok(None), Err),
        };
        // The page itself could not be read.
        Ok(Some(found.unwrap_or_else(|fault| {
            self.keep_fault(fault);
            TickBatch::default()
        })))
    }

    /// Keeps the first error and logs the others.
    fn keep_fault(&mut self, fault: JobError) {
        match &self.fault {
            None => self.fault = Some(fault),
            Some(_) => tracing::error!(error = %fault, "A tick failed for a family."),
        }
    }

    /// Collects the results of many families or notices and keeps their errors.
    fn merge(&mut self, results: Vec<Result<TickBatch, JobError>>) -> TickBatch {
        let mut all = TickBatch::default();
        for found in results {
            match found {
                Ok(found) => {
                    all.free.extend(found.free);
                    all.finalised.extend(found.finalised);
                }
                Err(fault) => self.keep_fault(fault),
            }
        }
        all
    }

    async fn plan_page(&mut self, after: Option<FamilyId>) -> Result<TickBatch, JobError> {
        // Open notices are handled even if the families cannot be listed.
        self.stage = Stage::Open(None);
        let page = match &self.input.family {
            Some(only) => match self.families.family(only).await? {
                Some(family) => vec![family],
                None => {
                    let why = "The family that the input names doesn't exist.";
                    return Err(JobError::Failed(why.to_owned()));
                }
            },
            None => {
                self.families
                    .families_page(after.as_ref(), PAGE_SIZE)
                    .await?
            }
        };
        self.stage = match page.last() {
            Some(last) if page.len() == PAGE_SIZE => Stage::Families(Some(last.id.clone())),
            _ => Stage::Open(None),
        };
        let is_active = |family: &Family| match self.input.date {
            Some(date) => !family.is_paused_on(date),
            None => !family.is_paused_at(self.now),
        };
        let active: Vec<Family> = page.into_iter().filter(is_active).collect();
        let this = &*self;
        let plans: Vec<_> = active
            .iter()
            .flat_map(|family| this.kinds.iter().map(move |kind| this.plan(family, kind)))
            .collect();
        let results = futures::stream::iter(plans)
            .buffered(MAX_CONCURRENCY)
            .collect()
            .await;
        let found = self.merge(results);
        self.planned.extend(found.free.iter().cloned());
        Ok(found)
    }

    /// The pauses of each of the job's schedules; empty if there is none.
    async fn pauses(&self) -> Result<Arc<[Vec<Pause>]>, JobError> {
        let Some((runs, job)) = self.schedules else {
            return Ok(Arc::default());
        };
        let mut known = self.pauses.lock().await;
        if let Some(pauses) = &*known {
            return Ok(Arc::clone(pauses));
        }
        let pauses = runs.pauses().await?;
        let mut by_label: Vec<Vec<Pause>> = Vec::new();
        if !pauses.is_empty() {
            // A pause names no job, but its schedule has had runs.
            let mut newest = runs.newest_runs_by_label(job, 1).await?;
            newest.retain(|run| run.trigger != Trigger::Person);
            by_label.extend(newest.iter().map(|run| {
                let of_label = pauses.iter().filter(|pause| pause.is_for(&run.key.label));
                of_label.cloned().collect()
            }));
        }
        Ok(Arc::clone(known.insert(by_label.into())))
    }

    /// Whether pauses of all schedules kept the ticks from planning the notice of a date.
    async fn was_schedule_paused(
        &self,
        family: &Family,
        date: NaiveDate,
    ) -> Result<bool, JobError> {
        let Some(window) = family.planning_window(date) else {
            return Ok(false);
        };
        let by_label = self.pauses().await?;
        let mut unpaused = by_label
            .iter()
            .map(|pauses| unpaused_time(pauses, window.start, window.end));
        // A schedule that wasn't paused should have planned it.
        Ok(!by_label.is_empty() && unpaused.all(|time| time < MIN_UNPAUSED_TIME))
    }

    /// Plans one family's due mails of one kind, and records the dates that passed unplanned as
    /// missed.
    async fn plan(&self, family: &Family, kind: &MailKind) -> Result<TickBatch, JobError> {
        let mut found = TickBatch::default();
        let Some(family) = family.with_schedule_of(kind) else {
            return Ok(found);
        };
        let family = &*family;
        if let Some(date) = self.input.date {
            found
                .free
                .extend(self.plan_date(mail_key(family, kind, date)).await?);
            return Ok(found);
        }
        // After a pause, the last of its dates may still be due.
        let mut due = family.due_dates(self.now);
        due.retain(|date| !family.is_paused_on(*date));
        for date in due {
            found
                .free
                .extend(self.plan_date(mail_key(family, kind, date)).await?);
        }
        let mut passed = family.passed_dates(self.now);
        passed.retain(|date| !family.is_paused_on(*date));
        // Missed dates are recorded oldest first, so if the newest has a record, the older ones
        // should too. All of them are checked only once a day, when a notice is planned.
        let newest_has_record = match passed.last() {
            Some(date) => {
                let key = mail_key(family, kind, *date);
                self.outbox.mail(&key).await?.is_some()
            }
            None => true,
        };
        if !newest_has_record || (!found.free.is_empty() && !passed.is_empty()) {
            found.finalised = self.record_missed(family, kind, &passed).await?;
        }
        Ok(found)
    }

    async fn plan_date(&self, key: MailKey) -> Result<Option<MailKey>, JobError> {
        let record = OutboxRecord::planned(key.clone(), self.now);
        Ok(self.plan_mail(&record).await?.then_some(key))
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> Result<bool, JobError> {
        match self.outbox.plan_mail(record).await {
            // The family was removed in the meantime.
            Err(StoreError::NotFound(_)) => Ok(false),
            planned => Ok(planned?),
        }
    }

    /// Records the dates without a record as missed, or as skipped where the schedule was paused.
    async fn record_missed(
        &self,
        family: &Family,
        kind: &MailKind,
        passed: &[NaiveDate],
    ) -> Result<Vec<MailResult>, JobError> {
        let records = self
            .outbox
            .recent_mails(kind, &family.id, MAX_RECENT_RECORDS)
            .await?;
        let known: BTreeSet<NaiveDate> = records.iter().map(|record| record.date).collect();
        let mut missed = Vec::new();
        for date in passed.iter().filter(|date| !known.contains(*date)) {
            if self.was_schedule_paused(family, *date).await? {
                let key = mail_key(family, kind, *date);
                self.plan_mail(&OutboxRecord::skipped_by_pause(key, self.now))
                    .await?;
                continue;
            }
            let record = OutboxRecord::missed(mail_key(family, kind, *date), self.now);
            raise_record_alerts(self.alerts, &record, self.now).await?;
            if self.plan_mail(&record).await? {
                tracing::warn!(mail.kind = %kind, family.id = %family.id, %date, "No mail was planned on a day that has passed.");
                missed.push(MailResult::from_record(record));
            }
        }
        Ok(missed)
    }

    async fn sweep_page(&mut self, after: Option<OutboxCursor>) -> Result<TickBatch, JobError> {
        let page = self.outbox.open_mails(after.as_ref(), PAGE_SIZE).await?;
        self.stage = match page.last() {
            Some(last) if page.len() == PAGE_SIZE => Stage::Open(Some(last.into())),
            _ => Stage::Over,
        };
        let only = self.input.family.as_ref();
        let this = &*self;
        let sweeps: Vec<_> = page
            .into_iter()
            .filter(|record| only.is_none_or(|only| *only == record.family))
            .map(|record| this.sweep(record))
            .collect();
        let results = futures::stream::iter(sweeps)
            .buffered(MAX_CONCURRENCY)
            .collect()
            .await;
        Ok(self.merge(results))
    }

    /// Decides what to do with one notice that is not final.
    async fn sweep(&self, record: OutboxRecord) -> Result<TickBatch, JobError> {
        let mut found = TickBatch::default();
        // The time is read after the record. A lease that began during this tick would otherwise
        // look as if a wrong clock had written it.
        let now = self.clock.now();
        let key = record.key();
        match record.state {
            MailState::Newer => {
                // Every tick finds it again, so it isn't a failure of the tick.
                if raise_record_alerts(self.alerts, &record, now).await? {
                    tracing::error!(
                        mail.kind = %record.kind,
                        family.id = %record.family,
                        date = %record.date,
                        "Only a newer version knows the state of a mail; it wasn't changed."
                    );
                }
            }
            MailState::Sending | MailState::Unknown => {
                // A mail whose family is gone is never sent again.
                let family = self.families.family(&record.family).await?;
                let delivery = family
                    .as_ref()
                    .map_or(Delivery::AtMostOnce, |family| family.preferences.delivery);
                let is_gone = family.is_none();
                match self.reconcile(delivery, record, now).await? {
                    // Some recipients have it; the others have their own alert.
                    Some(finalised) if finalised.state == MailState::Sent => {}
                    Some(finalised) if finalised.state.is_final() => {
                        found.finalised.push(MailResult::from_record(finalised));
                    }
                    Some(again) if again.check_claimable(now).is_ok() && !is_gone => {
                        found.free.extend(self.plans(&key).then_some(key));
                    }
                    _ => {}
                }
            }
            _ if record.retries_are_over(now) => {
                let family = self.families.family(&record.family).await?;
                let is_paused = |family: Family| family.is_mail_paused(record.date, now);
                let over = match family.is_some_and(is_paused) {
                    true => record.drop_waiting_recipients(now),
                    false => record.give_up_recipients(now),
                };
                if let Ok(sent) = over {
                    give_up_recipients(self.outbox, self.alerts, &record, sent, now).await?;
                }
            }
            _ => {
                let claimable = record.check_claimable(now);
                // A person's request ignores the delay, which is meant for ticks.
                let can_send = claimable.is_ok()
                    || (self.input.at_once && claimable == Err(TransitionError::Waiting));
                if can_send && self.plans(&key) && !self.planned.contains(&key) {
                    found.free.push(key);
                }
            }
        }
        Ok(found)
    }

    /// Whether this tick's job sends the mail. The other kinds have their own job, and neither holds
    /// up the other.
    fn plans(&self, key: &MailKey) -> bool {
        self.kinds.contains(&key.kind) || !MailKind::ALL.contains(&key.kind)
    }

    /// Reconciles a possibly sent mail: asks the mailer, then applies timeouts and the family's
    /// delivery policy. `None`: nothing to do, or another worker did it.
    async fn reconcile(
        &self,
        delivery: Delivery,
        record: OutboxRecord,
        now: DateTime<Utc>,
    ) -> Result<Option<OutboxRecord>, JobError> {
        if let Some(resolved) = self.resolve_doubt(&record, now).await {
            return self.replace(&record, resolved, now).await;
        }
        let mut reconciled = None;
        let mut record = record;
        while record.may_have_left()
            && let Ok(next) = record.reconcile(delivery, now)
        {
            let Some(next) = self.replace(&record, next, now).await? else {
                return Ok(None);
            };
            reconciled = Some(next.clone());
            record = next;
        }
        Ok(reconciled)
    }

    /// Applies the mailer's answer about the mail; `None`: it doesn't know, or a worker may still
    /// be sending.
    async fn resolve_doubt(
        &self,
        record: &OutboxRecord,
        now: DateTime<Utc>,
    ) -> Option<OutboxRecord> {
        let is_unattended = record.state == MailState::Unknown || record.doubt(now).is_ok();
        let mailer = self.mailer.filter(|_| is_unattended)?;
        match mailer.resolve_doubt(&record.tag()).await? {
            SendOutcome::Accepted { message_id, .. } => record.accepted(message_id, now).ok(),
            SendOutcome::NotSent { reason } => record.not_sent(reason, now).ok(),
            SendOutcome::Refused { .. } | SendOutcome::Unknown { .. } => None,
        }
    }

    /// Stores the next state of a possibly sent mail; `None`: another worker changed it first.
    async fn replace(
        &self,
        record: &OutboxRecord,
        next: OutboxRecord,
        now: DateTime<Utc>,
    ) -> Result<Option<OutboxRecord>, JobError> {
        raise_record_alerts(self.alerts, &next, now).await?;
        if !self
            .outbox
            .replace_mail(record.revision, &next, None)
            .await?
        {
            return Ok(None);
        }
        tracing::warn!(
            mail.kind = %next.kind,
            family.id = %next.family,
            date = %next.date,
            state = next.state.as_str(),
            reason = next.reason.as_deref(),
            "The worker of a possibly sent mail stopped without a result."
        );
        Ok(Some(next))
    }
}

/// The key of a family's mail.
fn mail_key(family: &Family, kind: &MailKind, date: NaiveDate) -> MailKey {
    MailKey::new(kind.clone(), family.id.clone(), date)
}

/// Stores the record of a mail whose waiting recipients were given up, or dropped.
async fn give_up_recipients(
    outbox: &dyn OutboxStore,
    alerts: &dyn AlertStore,
    record: &OutboxRecord,
    sent: OutboxRecord,
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    raise_record_alerts(alerts, &sent, now).await?;
    if !outbox.replace_mail(record.revision, &sent, None).await? {
        return Ok(());
    }
    let dropped = record
        .recipients
        .len()
        .saturating_sub(sent.recipients.len());
    if dropped > 0 {
        tracing::info!(
            mail.kind = %sent.kind,
            family.id = %sent.family,
            date = %sent.date,
            recipients = dropped,
            "Some recipients of a mail were dropped: the family is paused."
        );
    } else {
        tracing::warn!(
            mail.kind = %sent.kind,
            family.id = %sent.family,
            date = %sent.date,
            recipients = sent.unreached_recipients().count(),
            "Some recipients of a mail were given up."
        );
    }
    Ok(())
}

/// Finalises a claimable notice whose day has passed: it is not sent late.
///
/// `None`: its day has not passed, another worker has it, or some recipients have it already.
pub(crate) async fn expire(
    outbox: &dyn OutboxStore,
    alerts: &dyn AlertStore,
    family: &Family,
    key: &MailKey,
    now: DateTime<Utc>,
) -> Result<Option<MailResult>, JobError> {
    let scheduled = family.with_schedule_of(&key.kind);
    let scheduled = scheduled.as_deref().unwrap_or(family);
    if !scheduled.has_passed(key.date, now) {
        return Ok(None);
    }
    let Some(record) = outbox.mail(key).await? else {
        return Ok(None);
    };
    // Its waiting recipients have their own deadline.
    if record.is_retry()
        || !matches!(
            record.check_claimable(now),
            Ok(()) | Err(TransitionError::Waiting)
        )
    {
        return Ok(None);
    }
    let reason = match &record.reason {
        Some(reason) => format!("Its day passed before it could be sent. {reason}"),
        None => "Its day passed before it could be sent.".to_owned(),
    };
    let Ok(failed) = record.failed(reason, now) else {
        return Ok(None);
    };
    raise_record_alerts(alerts, &failed, now).await?;
    if !outbox.replace_mail(record.revision, &failed, None).await? {
        return Ok(None);
    }
    tracing::warn!(mail.kind = %key.kind, family.id = %family.id, date = %key.date, "A mail wasn't sent on its day.");
    Ok(Some(MailResult::from_record(failed)))
}

#[cfg(test)]
mod clocks;
#[cfg(test)]
mod tests;
