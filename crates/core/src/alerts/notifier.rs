//! Who is told what needs the operator, once, and the sign of life after a good run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use futures::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use url::Url;

use super::heartbeat::Heartbeat;
use super::{AfterRun, Alert, AlertKey};
use crate::clock::{Clock, is_in_future};
use crate::family::EmailAddress;
use crate::ids::LibraryId;
use crate::mail::{Mail, MailAnswer, Mailer};
use crate::notice::record::recipients::RecipientState;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::run::{Job, Run};
use crate::store::{NoticeStore, StoreError, StoreResult};

/// Who was about to tell and did not say that it was done within this time did not.
pub const CLAIM_TIMEOUT: Duration = Duration::minutes(30);

/// How many things one mail tells; of more it says how many.
const MAX_ALERTS_PER_MAIL: usize = 50;

/// A thing that needs the operator, and whether the operator knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAlert {
    /// The thing, as it was first seen.
    pub alert: Alert,
    /// When it was first seen.
    pub first_seen: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen: DateTime<Utc>,
    /// How often it was seen.
    pub times: u64,
    /// When somebody last set out to tell it.
    #[serde(default)]
    pub asked_at: Option<DateTime<Utc>>,
    /// When it was told.
    pub told_at: Option<DateTime<Utc>>,
}

/// What was told to the operator, and what is to be.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Notes that a thing was seen, in one conditional step; true if it is news.
    ///
    /// What a newer version noted under that key, and this one cannot read, stays as it is.
    async fn raise_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;

    /// Sets out to tell a thing, in one conditional step; true if the caller is to tell it.
    ///
    /// That is one of many who ask at once, and, while it is not told, the first who asks after
    /// [`CLAIM_TIMEOUT`]. False if it was told, or was never seen.
    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Notes that it was told; nothing happens if it is gone or was told already.
    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// Forgets a thing that turned out not to be so, in one conditional step; nothing happens if it
    /// is not as `noted` any more.
    async fn withdraw_alert(&self, noted: &StoredAlert) -> StoreResult<()>;

    /// One thing, if it was noted and this version can read it.
    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>>;

    /// All things that were not told, the one that was seen first of late first.
    async fn pending_alerts(&self) -> StoreResult<PendingAlerts>;

    /// The things that were seen last, newest first; those that only a newer version can read are
    /// left out.
    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>>;
}

/// What was noted and not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingAlerts {
    /// The things.
    pub noted: Vec<StoredAlert>,
    /// How many more there are that only a newer version can read.
    pub newer: usize,
}

impl StoredAlert {
    /// A thing that was never seen before.
    pub fn new(alert: Alert, now: DateTime<Utc>) -> Self {
        Self {
            alert,
            first_seen: now,
            last_seen: now,
            times: 1,
            asked_at: None,
            told_at: None,
        }
    }

    /// The same, seen once more.
    #[must_use]
    pub fn seen_again(self, now: DateTime<Utc>) -> Self {
        Self {
            last_seen: now,
            times: self.times.saturating_add(1),
            ..self
        }
    }

    /// The same, with somebody about to tell it; `None`: it was told, or somebody is at it.
    #[must_use]
    pub fn set_out(&self, now: DateTime<Utc>) -> Option<Self> {
        // A clock that was ahead may have written it.
        let is_over =
            |asked: DateTime<Utc>| asked + CLAIM_TIMEOUT <= now || is_in_future(asked, now);
        let is_free = self.asked_at.is_none_or(is_over);
        (self.told_at.is_none() && is_free).then(|| Self {
            asked_at: Some(now),
            ..self.clone()
        })
    }
}

/// It could not be told. The message is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The operator could not be told: {0}")]
pub struct DeliveryFailed(pub String);

/// Does something about things that need a person: a mail, an alarm, a ticket.
#[async_trait]
pub trait ErrorHandler: Send + Sync {
    /// Tells all of these; an error means that none of them counts as told.
    async fn handle(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed>;
}

/// The handlers of all jobs.
pub struct Handlers<'a> {
    /// Those of single jobs.
    pub of_job: BTreeMap<Job, &'a dyn ErrorHandler>,
    /// The one for all other jobs, if it is not the default.
    pub of_all: Option<&'a dyn ErrorHandler>,
    /// The one that runs where there is no other, and where the other fails.
    pub default: &'a dyn ErrorHandler,
}

impl Handlers<'_> {
    /// Gives things that a job found to its handler, and to the default one if that fails.
    pub async fn handle(&self, job: Job, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        let own = self.of_job.get(&job).copied().or(self.of_all);
        if let Some(own) = own {
            // A handler of one's own is the code of somebody else.
            match AssertUnwindSafe(own.handle(alerts)).catch_unwind().await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    tracing::error!(%job, %error, "The error handler failed; the default one goes on.");
                }
                Err(_) => {
                    tracing::error!(%job, "The error handler broke off with a panic; the default one goes on.");
                }
            }
        }
        self.default.handle(alerts).await
    }
}

/// The default handler where there is no operator's address: the log.
pub struct LogOnly;

#[async_trait]
impl ErrorHandler for LogOnly {
    async fn handle(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        for alert in alerts {
            tracing::error!(key = %alert.key(), advice = alert.advice(), "{}", alert.sentence());
        }
        Ok(())
    }
}

/// The default handler: one mail to the operator with all that is new.
pub struct MailToOperator<'a> {
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// Who gets it.
    pub address: EmailAddress,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl ErrorHandler for MailToOperator<'_> {
    async fn handle(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        let mail = mail(self.address.clone(), alerts, self.clock.now());
        match self.mailer.send(&mail).await {
            MailAnswer::Accepted { .. } => Ok(()),
            MailAnswer::Refused { reason, .. }
            | MailAnswer::NotSent { reason }
            // Rather told twice than not at all.
            | MailAnswer::Unknown { reason } => Err(DeliveryFailed(reason)),
        }
    }
}

fn mail(to: EmailAddress, alerts: &[Alert], now: DateTime<Utc>) -> Mail {
    let subject = match alerts {
        [one] => format!("LibraryHippo: {}", one.sentence()),
        many => format!("LibraryHippo: {} things need you", many.len()),
    };
    let mut text = String::new();
    let mut html = String::new();
    for (advice, group) in Alert::by_advice(alerts.iter().take(MAX_ALERTS_PER_MAIL)) {
        html.push_str("<p>");
        for alert in &group {
            let sentence = alert.sentence();
            let _ = writeln!(text, "{sentence}");
            // Ids, dates and our own words: none of them holds a character that HTML would mind.
            let _ = write!(html, "{sentence}<br>");
        }
        let _ = writeln!(text, "{advice}");
        let _ = write!(html, "{advice}</p>");
        for alert in group {
            if let Alert::PageChanged {
                library,
                skeleton: Some(skeleton),
                ..
            } = alert
            {
                let _ = writeln!(text, "The skeleton of {library}: {skeleton}");
                let _ = write!(html, "<p>{library}: <code>{skeleton}</code></p>");
            }
        }
        text.push('\n');
    }
    let more = alerts.len().saturating_sub(MAX_ALERTS_PER_MAIL);
    if more > 0 {
        let more = format!("And {more} more; “hippo status --json” has them.");
        let _ = writeln!(text, "{more}");
        let _ = write!(html, "<p>{more}</p>");
    }
    Mail {
        to: vec![to],
        subject,
        text,
        html: page(&html),
        date: now,
        tag: None,
    }
}

/// The HTML part: plain, narrow, readable on a phone and in the dark, like a notice.
fn page(body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>LibraryHippo</title></head>\
         <body style=\"font: 16px/1.4 sans-serif; max-width: 36em; margin: 1em; overflow-wrap: anywhere\">\
         {body}</body></html>\n"
    )
}

/// The sign of life could not be given. The message is for the log; it names no URL, since whoever
/// knows it can give the sign of life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The URL of the sign of life could not be fetched: {0}")]
pub struct MissedHeartbeat(pub String);

/// Fetches a URL as a sign of life, for a service that raises an alarm when none comes.
#[async_trait]
pub trait HeartbeatClient: Send + Sync {
    /// Fetches it, within a few seconds; the answer does not matter, its status does.
    async fn ping(&self, url: &Url) -> Result<(), MissedHeartbeat>;
}

/// What is done after every run: the operator is told once, and a good run gives a sign of life.
pub struct Aftermath<'a> {
    /// What was told.
    pub store: &'a dyn AlertStore,
    /// What became of the notices.
    pub notices: &'a dyn NoticeStore,
    /// Who tells.
    pub handlers: Handlers<'a>,
    /// What is fetched before and after runs.
    pub heartbeat: Heartbeat<'a>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// How many things are looked up, or marked, at a time.
const MAX_CONCURRENCY: usize = 16;

/// Puts things that need the operator on record; an error means that one of them may not be.
///
/// For what must be there before a step that is not made twice.
pub async fn put_down(
    store: &dyn AlertStore,
    clock: &dyn Clock,
    alerts: &[Alert],
) -> StoreResult<()> {
    for alert in alerts {
        store.raise_alert(&alert.key(), alert, clock.now()).await?;
    }
    Ok(())
}

/// Notes things that need the operator; a fault of the store is logged, and told by none.
///
/// For workers that do not tell themselves: the next run that does tells what they noted.
pub async fn note(store: &dyn AlertStore, clock: &dyn Clock, alerts: &[Alert]) {
    for alert in alerts {
        let key = alert.key();
        if let Err(error) = store.raise_alert(&key, alert, clock.now()).await {
            tracing::error!(alert = %key, %error, "What needs the operator could not be noted.");
        }
    }
}

/// Ends what was noted of a library's pages, which were read: of a change that was told, its end is told too.
///
/// A fault of the store is logged: the next check that reads them ends it.
pub async fn end_page_change(store: &dyn AlertStore, clock: &dyn Clock, library: &LibraryId) {
    if let Err(error) = try_to_end_page_change(store, clock, library).await {
        tracing::error!(library.id = %library, %error, "The end of a changed page could not be noted.");
    }
}

async fn try_to_end_page_change(
    store: &dyn AlertStore,
    clock: &dyn Clock,
    library: &LibraryId,
) -> StoreResult<()> {
    let changed = Alert::PageChanged {
        library: library.clone(),
        day: clock.now().date_naive(),
        skeleton: None,
    };
    let format = Alert::WrongDateFormat {
        library: library.clone(),
    };
    for alert in [changed, format] {
        let Some(noted) = store.alert(&alert.key()).await? else {
            continue;
        };
        if noted.told_at.is_some() && matches!(noted.alert, Alert::PageChanged { .. }) {
            let again = Alert::PagesReadAgain {
                library: library.clone(),
                since: noted.first_seen,
            };
            put_down(store, clock, &[again]).await?;
        }
        store.withdraw_alert(&noted).await?;
    }
    Ok(())
}

/// Whether a thing that was noted is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is, and this is what there is to say of it now.
    So(Alert),
    /// Not yet, or not any more: it may still come to be.
    NotYet,
    /// It came otherwise.
    NotSo,
}

/// Whether a thing that was noted is so.
///
/// That a family has no notice is noted before the step that makes it so, and somebody else's step may
/// have come first: the notice's record has the last word. Of one that cannot be read, rather what was
/// noted is told than nothing.
pub async fn standing(notices: &dyn NoticeStore, alert: &Alert) -> StoreResult<Standing> {
    let (Alert::NoNotice { family, date, .. } | Alert::RecipientUnreached { family, date, .. }) =
        alert
    else {
        return Ok(Standing::So(alert.clone()));
    };
    let record = match notices.notice(family, *date).await {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(Standing::NotYet),
        Err(StoreError::Unusable(_)) => return Ok(Standing::So(alert.clone())),
        Err(error) => return Err(error),
    };
    if let Alert::RecipientUnreached { number, .. } = alert {
        return Ok(recipient_standing(&record, alert, *number));
    }
    Ok(match (record.state, Alert::of_notice(&record)) {
        (NoticeState::Sent | NoticeState::Skipped, _) => Standing::NotSo,
        (_, Some(now @ Alert::NoNotice { .. })) => Standing::So(now),
        _ => Standing::NotYet,
    })
}

fn recipient_standing(record: &NoticeRecord, alert: &Alert, number: usize) -> Standing {
    let key = alert.key();
    let mut unreached = Alert::of_recipients(record).into_iter();
    if let Some(now) = unreached.find(|now| now.key() == key) {
        return Standing::So(now);
    }
    let mut recipients = record.recipients.iter();
    match recipients.find(|recipient| recipient.number == number) {
        Some(recipient) if recipient.state == RecipientState::Accepted => Standing::NotSo,
        _ => Standing::NotYet,
    }
}

impl Aftermath<'_> {
    /// Tells all that was noted and not told yet, by whomever; answers how many things those were.
    ///
    /// What found nobody to tell it is told by a later run.
    pub async fn tell(&self, job: Job) -> StoreResult<usize> {
        let mut found = self.store.pending_alerts().await?;
        if found.newer > 0 {
            let day = self.clock.now().date_naive();
            put_down(self.store, self.clock, &[Alert::NewerAlert { day }]).await?;
            found = self.store.pending_alerts().await?;
        }
        let ours: Vec<Option<Alert>> = futures::stream::iter(found.noted)
            .map(|noted| async move { self.take(&noted).await })
            .buffered(MAX_CONCURRENCY)
            .collect()
            .await;
        let mut untold: BTreeMap<Job, Vec<Alert>> = BTreeMap::new();
        for alert in ours.into_iter().flatten() {
            let of = alert.job().unwrap_or(job);
            untold.entry(of).or_default().push(alert);
        }
        let mut told = 0;
        for (job, alerts) in untold {
            if let Err(error) = self.handlers.handle(job, &alerts).await {
                tracing::error!(%job, %error, things = alerts.len(), "The operator was not told; a later run tries again.");
                continue;
            }
            told += alerts.len();
            futures::stream::iter(alerts)
                .for_each_concurrent(MAX_CONCURRENCY, |alert| async move {
                    self.mark_told(&alert).await;
                })
                .await;
        }
        Ok(told)
    }

    /// Sets out to tell a thing, if it is so and nobody else does; a fault of the store leaves it to
    /// a later run.
    async fn take(&self, noted: &StoredAlert) -> Option<Alert> {
        let taken = self.try_to_take(noted).await;
        taken.unwrap_or_else(|error| {
            tracing::error!(alert = %noted.alert.key(), %error, "A thing that needs the operator could not be looked up.");
            None
        })
    }

    async fn try_to_take(&self, noted: &StoredAlert) -> StoreResult<Option<Alert>> {
        let now = self.clock.now();
        if noted.set_out(now).is_none() {
            return Ok(None);
        }
        let alert = match standing(self.notices, &noted.alert).await? {
            Standing::So(alert) => alert,
            Standing::NotYet => return Ok(None),
            Standing::NotSo => {
                // A rejection is noted while the notice still counts as sent.
                if noted.last_seen + CLAIM_TIMEOUT <= now {
                    self.store.withdraw_alert(noted).await?;
                }
                return Ok(None);
            }
        };
        let is_ours = self.store.claim_alert(&alert.key(), now).await?;
        Ok(is_ours.then_some(alert))
    }

    async fn mark_told(&self, alert: &Alert) {
        let key = alert.key();
        if let Err(error) = self
            .store
            .mark_alert_delivered(&key, self.clock.now())
            .await
        {
            tracing::error!(alert = %key, %error, "It could not be noted that the operator was told; a later run tells it again.");
        }
    }
}

#[async_trait]
impl AfterRun for Aftermath<'_> {
    async fn note(&self, alerts: &[Alert]) -> StoreResult<()> {
        put_down(self.store, self.clock, alerts).await
    }

    async fn before_run(&self, run: &Run) {
        self.heartbeat.send_start(run).await;
    }

    async fn after_run(&self, run: &Run) {
        if let Err(error) = self.tell(run.key.job).await {
            tracing::error!(run.id = %run.key, %error, "What needs the operator could not be looked up.");
        }
        self.heartbeat.send_end(run, self.clock.now()).await;
    }
}

/// What is done after a run by who does not tell: things are noted, and a good run gives a sign of life.
pub struct NoteOnly<'a> {
    /// Where they are noted.
    pub store: &'a dyn AlertStore,
    /// What is fetched before and after runs.
    pub heartbeat: Heartbeat<'a>,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl AfterRun for NoteOnly<'_> {
    async fn note(&self, alerts: &[Alert]) -> StoreResult<()> {
        put_down(self.store, self.clock, alerts).await
    }

    async fn before_run(&self, run: &Run) {
        self.heartbeat.send_start(run).await;
    }

    async fn after_run(&self, run: &Run) {
        self.heartbeat.send_end(run, self.clock.now()).await;
    }
}
