//! `notify-all`: plans the notices that are due, and hands them out.
//!
//! Level-triggered: each tick asks which notices are due and not yet on record, and which are on
//! record and free; a missed tick or a double one mends itself.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::clock::{date_exists, due_instant, local_date, start_of_day};
use crate::family::Family;
use crate::ids::FamilyId;
use crate::jobs::ledger::{self, RunPlan};
use crate::jobs::notify_family::{NoticeResult, NotifyPorts, notify_family};
use crate::jobs::{JobError, StopSignal};
use crate::notice::record::{NotNow, NoticeRecord, NoticeState};
use crate::run::{Counts, Run, RunOutcome};
use crate::store::{FamilyStore, NoticeStore, RunStart, RunStore, StoreError};

/// How far back a tick looks for notices that should have been planned.
pub const CATCH_UP: Duration = Duration::hours(6);

/// The local dates of a family whose notice is due and not yet out of date at `now`, oldest first.
///
/// The window reaches back six hours or to the start of the family's current local date, whichever
/// is longer: a family at 23:45 is planned by the tick after midnight, for the day before.
pub fn due_dates(family: &Family, now: DateTime<Utc>) -> Vec<NaiveDate> {
    let zone = family.timezone;
    let today = local_date(now, zone);
    let window_start = window_start(family, now);
    let first = local_date(window_start, zone);
    let created = local_date(family.created_at, zone);
    // One day further on both sides: a gap of the clocks may move a due time over midnight.
    std::iter::successors(first.pred_opt(), NaiveDate::succ_opt)
        .take_while(|date| *date <= today)
        .filter(|date| *date >= created && date_exists(*date, zone))
        .filter(|date| {
            let due = due_instant(*date, family.notice_time, zone);
            window_start <= due && due <= now
        })
        .collect()
}

fn window_start(family: &Family, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = local_date(now, family.timezone);
    (now - CATCH_UP).min(start_of_day(today, family.timezone))
}

/// When a family's next notice is due, after `now`.
pub fn next_due(family: &Family, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let zone = family.timezone;
    std::iter::successors(Some(local_date(now, zone)), NaiveDate::succ_opt)
        .take(4)
        .filter(|date| date_exists(*date, zone))
        .map(|date| due_instant(date, family.notice_time, zone))
        .find(|due| *due > now)
}

/// What a run of `notify-all` is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyAllInput {
    /// This local date for every family, whatever the time of day; `None`: what is due.
    pub date: Option<NaiveDate>,
    /// Only this family.
    pub family: Option<FamilyId>,
    /// Also the notices that wait since the mail service refused them for now.
    pub at_once: bool,
}

/// Plans and sends every notice that is due, in this process, as one run on record.
///
/// Two at once are safe and send each notice once. The inner error tells why no run was begun.
pub async fn notify_all(
    ports: &NotifyPorts<'_>,
    runs: &dyn RunStore,
    plan: RunPlan,
    input: &NotifyAllInput,
    stop: StopSignal<'_>,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
) -> Result<Result<Run, RunStart>, JobError> {
    let run = match ledger::open(runs, ports.clock, plan).await? {
        Ok(run) => run,
        Err(not_begun) => return Ok(Err(not_begun)),
    };
    let mut counts = Counts::default();
    let work = send_all(ports, input, stop, progress, &mut counts).await;
    let outcome = match &work {
        Err(_) => RunOutcome::Failed,
        Ok(()) if stop() => RunOutcome::Interrupted,
        Ok(()) if counts.failures() > 0 => RunOutcome::DoneWithFailures,
        Ok(()) => RunOutcome::Done,
    };
    let closed = run.close(runs, ports.clock, outcome, counts).await;
    // The error of the work says more than one of the record.
    work?;
    Ok(Ok(closed?))
}

/// What a run says while it goes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// So many notices are to be sent.
    Planned(usize),
    /// One of them got this far.
    Settled(&'a NoticeResult),
}

/// How many notices are planned at a time.
const PLANNED_AT_A_TIME: usize = 64;

/// How many notices are worked on at a time: their durable writes share a flush; the mailer has its
/// own, lower limit.
const CONCURRENCY: usize = 16;

async fn send_all(
    ports: &NotifyPorts<'_>,
    input: &NotifyAllInput,
    stop: StopSignal<'_>,
    progress: &(dyn Fn(Progress<'_>) + Send + Sync),
    counts: &mut Counts,
) -> Result<(), JobError> {
    let planned = plan_notices(ports, input).await?;
    counts.planned = u32::try_from(planned.len()).unwrap_or(u32::MAX);
    progress(Progress::Planned(planned.len()));
    let mut sending = futures::stream::iter(planned)
        .take_while(|_| futures::future::ready(!stop()))
        .map(|(family, date)| async move {
            deliver(ports, &family, date, input.date, input.at_once).await
        })
        .buffer_unordered(CONCURRENCY);
    let mut fault = None;
    while let Some(result) = sending.next().await {
        match result {
            Ok(Some(result)) => {
                match result.state {
                    NoticeState::Sent => counts.done += 1,
                    NoticeState::Skipped => counts.skipped += 1,
                    state => counts.add_failure(state.as_str()),
                }
                progress(Progress::Settled(&result));
            }
            // In other hands: they count it.
            Ok(None) => counts.planned = counts.planned.saturating_sub(1),
            // One family's fault keeps no other family from its mail. The caller handles the first.
            Err(error) => {
                counts.add_failure("error");
                if fault.is_some() {
                    tracing::error!(%error, "A notice could not be made.");
                } else {
                    fault = Some(error);
                }
            }
        }
    }
    fault.map_or(Ok(()), Err)
}

/// Plans the notices that are due and says which ones to hand to [`deliver`] now.
pub async fn plan_notices(
    ports: &NotifyPorts<'_>,
    input: &NotifyAllInput,
) -> Result<Vec<(FamilyId, NaiveDate)>, JobError> {
    let now = ports.clock.now();
    let only = input.family.as_ref();
    let families: Vec<Family> = ports
        .families
        .families()
        .await?
        .into_iter()
        .filter(|family| !family.paused && only.is_none_or(|only| *only == family.id))
        .collect();
    let due = families.iter().flat_map(|family| {
        let dates = match input.date {
            Some(date) => vec![date],
            None => due_dates(family, now),
        };
        dates.into_iter().map(|date| (family.id.clone(), date))
    });
    // Side by side: a store can make many durable at once.
    let mut planned = futures::stream::iter(due)
        .map(|(family, date)| async move {
            let record = NoticeRecord::planned(family.clone(), date, now);
            match ports.notices.plan_notice(&record).await {
                Ok(put) => Ok(put.then_some((family, date))),
                // The family was removed meanwhile.
                Err(StoreError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .buffer_unordered(PLANNED_AT_A_TIME);
    let mut free = BTreeSet::new();
    while let Some(put) = planned.next().await {
        free.extend(put?);
    }
    let in_scope: BTreeSet<&FamilyId> = families.iter().map(|family| &family.id).collect();
    for record in ports.notices.open_notices().await? {
        let free_now = record.is_free(now);
        // A person who asks now does not wait out a delay that was meant for the ticks.
        let may_go = free_now.is_ok() || (input.at_once && free_now == Err(NotNow::Waiting));
        if may_go && in_scope.contains(&record.family) {
            free.insert((record.family, record.date));
        }
    }
    Ok(free.into_iter().collect())
}

/// How many families are listed at a time.
const PAGE: usize = 100;

/// Plans the notices that are due, and finds those that are free, one after the other.
///
/// First come the notices that it planned itself, then those that were there and are free: an index
/// of the open ones may not know the newest yet.
pub struct NoticePlanner<'a> {
    families: &'a dyn FamilyStore,
    notices: &'a dyn NoticeStore,
    input: &'a NotifyAllInput,
    now: DateTime<Utc>,
    page: std::vec::IntoIter<Family>,
    last: Option<FamilyId>,
    is_last_page: bool,
    due: VecDeque<(FamilyId, NaiveDate)>,
    planned: BTreeSet<(FamilyId, NaiveDate)>,
    paused: BTreeSet<FamilyId>,
    open: Option<std::vec::IntoIter<NoticeRecord>>,
}

impl<'a> NoticePlanner<'a> {
    /// Plans what is due at `now`.
    pub fn new(
        families: &'a dyn FamilyStore,
        notices: &'a dyn NoticeStore,
        input: &'a NotifyAllInput,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            families,
            notices,
            input,
            now,
            page: Vec::new().into_iter(),
            last: None,
            is_last_page: false,
            due: VecDeque::new(),
            planned: BTreeSet::new(),
            paused: BTreeSet::new(),
            open: None,
        }
    }

    /// The next notice that is free; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<(FamilyId, NaiveDate)>, JobError> {
        while let Some((family, date)) = self.next_due().await? {
            let record = NoticeRecord::planned(family, date, self.now);
            match self.notices.plan_notice(&record).await {
                Ok(true) => {
                    self.planned.insert((record.family.clone(), date));
                    return Ok(Some((record.family, date)));
                }
                // The family was removed meanwhile.
                Ok(false) | Err(StoreError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.open.is_none() {
            self.open = Some(self.notices.open_notices().await?.into_iter());
        }
        let only = self.input.family.as_ref();
        for record in self.open.iter_mut().flatten() {
            let wanted = only.is_none_or(|only| *only == record.family)
                && !self.paused.contains(&record.family);
            let free = wanted && record.is_free(self.now).is_ok();
            let notice = (record.family, record.date);
            if free && !self.planned.contains(&notice) {
                return Ok(Some(notice));
            }
        }
        Ok(None)
    }

    async fn next_due(&mut self) -> Result<Option<(FamilyId, NaiveDate)>, JobError> {
        let only = self.input.family.as_ref();
        loop {
            if let Some(due) = self.due.pop_front() {
                return Ok(Some(due));
            }
            let Some(family) = self.page.next() else {
                if self.is_last_page {
                    return Ok(None);
                }
                let page = match only {
                    Some(only) => self.families.family(only).await?.into_iter().collect(),
                    None => {
                        self.families
                            .families_page(self.last.as_ref(), PAGE)
                            .await?
                    }
                };
                self.is_last_page = page.len() < PAGE;
                self.last = page.last().map(|family| family.id.clone());
                self.page = page.into_iter();
                continue;
            };
            if family.paused {
                self.paused.insert(family.id);
                continue;
            }
            let dates = match self.input.date {
                Some(date) => vec![date],
                None => due_dates(&family, self.now),
            };
            self.due
                .extend(dates.into_iter().map(|date| (family.id.clone(), date)));
        }
    }
}

/// Sends one notice, or settles it if its day has passed; `asked_for` is a date that is not too late,
/// and `at_once` does not wait out the delay after a refusal.
///
/// `None`: it is final, in other hands, or gone; nothing was done.
pub async fn deliver(
    ports: &NotifyPorts<'_>,
    family: &FamilyId,
    date: NaiveDate,
    asked_for: Option<NaiveDate>,
    at_once: bool,
) -> Result<Option<NoticeResult>, JobError> {
    match expire_notice(ports, family, date, asked_for).await? {
        Some(expired) => Ok(Some(expired)),
        None => notify_family(ports, family, date, at_once).await,
    }
}

/// Settles a notice that is free but whose day has passed: it is not sent late, and says so.
///
/// `None`: its day has not passed, or it is in other hands.
async fn expire_notice(
    ports: &NotifyPorts<'_>,
    family: &FamilyId,
    date: NaiveDate,
    asked_for: Option<NaiveDate>,
) -> Result<Option<NoticeResult>, JobError> {
    let now = ports.clock.now();
    if asked_for == Some(date) {
        return Ok(None);
    }
    let Some(family) = ports.families.family(family).await? else {
        return Ok(None);
    };
    if due_instant(date, family.notice_time, family.timezone) >= window_start(&family, now) {
        return Ok(None);
    }
    let Some(record) = ports.notices.notice(&family.id, date).await? else {
        return Ok(None);
    };
    if !matches!(record.is_free(now), Ok(()) | Err(NotNow::Waiting)) {
        return Ok(None);
    }
    let reason = match &record.reason {
        Some(reason) => format!("Its day passed before it could be sent. {reason}"),
        None => "Its day passed before it could be sent.".to_owned(),
    };
    let Ok(failed) = record.failed(reason, now) else {
        return Ok(None);
    };
    if !ports
        .notices
        .replace_notice(record.revision, &failed, None)
        .await?
    {
        return Ok(None);
    }
    tracing::warn!(family.id = %family.id, %date, "A notice was not sent within its day.");
    Ok(Some(NoticeResult {
        family: failed.family,
        date,
        state: NoticeState::Failed,
        subject: None,
        reason: failed.reason,
    }))
}

#[cfg(test)]
mod tests;
