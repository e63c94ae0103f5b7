//! Who is told what needs the operator, once, and the sign of life after a good run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use futures::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{AfterRun, Concern, ConcernKey};
use crate::clock::Clock;
use crate::family::EmailAddress;
use crate::mail::{Mail, MailAnswer, Mailer};
use crate::notice::record::recipients::RecipientState;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::run::{Job, Run, RunOutcome, Trigger};
use crate::store::{NoticeStore, StoreError, StoreResult};

/// Who was about to tell and did not say that it was done within this time did not.
pub const PATIENCE: Duration = Duration::minutes(30);

/// How many things one mail tells; of more it says how many.
const MOST_IN_A_MAIL: usize = 50;

/// A thing that needs the operator, and whether the operator knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedConcern {
    /// The thing, as it was first seen.
    pub concern: Concern,
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
pub trait OperatorStore: Send + Sync {
    /// Notes that a thing was seen, in one conditional step; true if it is news.
    ///
    /// What a newer version noted under that key, and this one cannot read, stays as it is.
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;

    /// Sets out to tell a thing, in one conditional step; true if the caller is to tell it.
    ///
    /// That is one of many who ask at once, and, while it is not told, the first who asks after
    /// [`PATIENCE`]. False if it was told, or was never seen.
    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Notes that it was told; nothing happens if it is gone or was told already.
    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// Forgets a thing that turned out not to be so, in one conditional step; nothing happens if it
    /// is not as `noted` any more.
    async fn withdraw_concern(&self, noted: &NotedConcern) -> StoreResult<()>;

    /// All things that were not told, the one that was seen first of late first.
    async fn untold_concerns(&self) -> StoreResult<Untold>;

    /// The things that were seen last, newest first; those that only a newer version can read are
    /// left out.
    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>>;
}

/// What was noted and not told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Untold {
    /// The things.
    pub noted: Vec<NotedConcern>,
    /// How many more there are that only a newer version can read.
    pub newer: usize,
}

impl NotedConcern {
    /// A thing that was never seen before.
    pub fn new(concern: Concern, now: DateTime<Utc>) -> Self {
        Self {
            concern,
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
        let is_free = self.asked_at.is_none_or(|asked| asked + PATIENCE <= now);
        (self.told_at.is_none() && is_free).then(|| Self {
            asked_at: Some(now),
            ..self.clone()
        })
    }
}

/// It could not be told. The message is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The operator could not be told: {0}")]
pub struct NotTold(pub String);

/// Does something about things that need a person: a mail, an alarm, a ticket.
#[async_trait]
pub trait ErrorHandler: Send + Sync {
    /// Tells all of these; an error means that none of them counts as told.
    async fn handle(&self, concerns: &[Concern]) -> Result<(), NotTold>;
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
    pub async fn handle(&self, job: Job, concerns: &[Concern]) -> Result<(), NotTold> {
        let own = self.of_job.get(&job).copied().or(self.of_all);
        if let Some(own) = own {
            // A handler of one's own is the code of somebody else.
            match AssertUnwindSafe(own.handle(concerns)).catch_unwind().await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    tracing::error!(%job, %error, "The error handler failed; the default one goes on.");
                }
                Err(_) => {
                    tracing::error!(%job, "The error handler broke off with a panic; the default one goes on.");
                }
            }
        }
        self.default.handle(concerns).await
    }
}

/// The default handler where there is no operator's address: the log.
pub struct LogOnly;

#[async_trait]
impl ErrorHandler for LogOnly {
    async fn handle(&self, concerns: &[Concern]) -> Result<(), NotTold> {
        for concern in concerns {
            tracing::error!(key = %concern.key(), advice = concern.advice(), "{}", concern.sentence());
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
    async fn handle(&self, concerns: &[Concern]) -> Result<(), NotTold> {
        let mail = mail(self.address.clone(), concerns, self.clock.now());
        match self.mailer.send(&mail).await {
            MailAnswer::Accepted { .. } => Ok(()),
            MailAnswer::Refused { reason, .. }
            | MailAnswer::NotSent { reason }
            // Rather told twice than not at all.
            | MailAnswer::Unknown { reason } => Err(NotTold(reason)),
        }
    }
}

fn mail(to: EmailAddress, concerns: &[Concern], now: DateTime<Utc>) -> Mail {
    let subject = match concerns {
        [one] => format!("LibraryHippo: {}", one.sentence()),
        many => format!("LibraryHippo: {} things need you", many.len()),
    };
    let mut text = String::new();
    let mut html = String::new();
    for concern in concerns.iter().take(MOST_IN_A_MAIL) {
        let (sentence, advice) = (concern.sentence(), concern.advice());
        let _ = writeln!(text, "{sentence}\n{advice}");
        // Ids, dates and our own words: none of them holds a character that HTML would mind.
        let _ = write!(html, "<p>{sentence}<br>{advice}</p>");
        if let Concern::PageChanged {
            skeleton: Some(skeleton),
            ..
        } = concern
        {
            let _ = writeln!(text, "Its skeleton: {skeleton}");
            let _ = write!(html, "<p><code>{skeleton}</code></p>");
        }
        text.push('\n');
    }
    let more = concerns.len().saturating_sub(MOST_IN_A_MAIL);
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
pub struct NoSignOfLife(pub String);

/// Fetches a URL as a sign of life, for a service that raises an alarm when none comes.
#[async_trait]
pub trait DeadManPing: Send + Sync {
    /// Fetches it, within a few seconds; the answer does not matter, its status does.
    async fn ping(&self, url: &Url) -> Result<(), NoSignOfLife>;
}

/// What is done after every run: the operator is told once, and a good run gives a sign of life.
pub struct Aftermath<'a> {
    /// What was told.
    pub store: &'a dyn OperatorStore,
    /// What became of the notices.
    pub notices: &'a dyn NoticeStore,
    /// Who tells.
    pub handlers: Handlers<'a>,
    /// Who fetches the URLs.
    pub ping: &'a dyn DeadManPing,
    /// The URL to fetch after a good run of a job.
    pub urls: BTreeMap<Job, Url>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// How many things are looked up, or marked, at a time.
const AT_A_TIME: usize = 16;

/// Puts things that need the operator on record; an error means that one of them may not be.
///
/// For what must be there before a step that is not made twice.
pub async fn put_down(
    store: &dyn OperatorStore,
    clock: &dyn Clock,
    concerns: &[Concern],
) -> StoreResult<()> {
    for concern in concerns {
        store
            .note_concern(&concern.key(), concern, clock.now())
            .await?;
    }
    Ok(())
}

/// Notes things that need the operator; a fault of the store is logged, and told by none.
///
/// For workers that do not tell themselves: the next run that does tells what they noted.
pub async fn note(store: &dyn OperatorStore, clock: &dyn Clock, concerns: &[Concern]) {
    for concern in concerns {
        let key = concern.key();
        if let Err(error) = store.note_concern(&key, concern, clock.now()).await {
            tracing::error!(concern = %key, %error, "What needs the operator could not be noted.");
        }
    }
}

/// Whether a thing that was noted is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is, and this is what there is to say of it now.
    So(Concern),
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
pub async fn standing(notices: &dyn NoticeStore, concern: &Concern) -> StoreResult<Standing> {
    let (Concern::NoNotice { family, date, .. } | Concern::RecipientUnreached { family, date, .. }) =
        concern
    else {
        return Ok(Standing::So(concern.clone()));
    };
    let record = match notices.notice(family, *date).await {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(Standing::NotYet),
        Err(StoreError::Unusable(_)) => return Ok(Standing::So(concern.clone())),
        Err(error) => return Err(error),
    };
    if let Concern::RecipientUnreached { number, .. } = concern {
        return Ok(recipient_standing(&record, concern, *number));
    }
    Ok(match (record.state, Concern::of_notice(&record)) {
        (NoticeState::Sent | NoticeState::Skipped, _) => Standing::NotSo,
        (_, Some(now @ Concern::NoNotice { .. })) => Standing::So(now),
        _ => Standing::NotYet,
    })
}

fn recipient_standing(record: &NoticeRecord, concern: &Concern, number: usize) -> Standing {
    let key = concern.key();
    let mut unreached = Concern::of_recipients(record).into_iter();
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
        let mut found = self.store.untold_concerns().await?;
        if found.newer > 0 {
            let day = self.clock.now().date_naive();
            put_down(self.store, self.clock, &[Concern::NewerConcern { day }]).await?;
            found = self.store.untold_concerns().await?;
        }
        let ours: Vec<Option<Concern>> = futures::stream::iter(found.noted)
            .map(|noted| async move { self.take(&noted).await })
            .buffered(AT_A_TIME)
            .collect()
            .await;
        let mut untold: BTreeMap<Job, Vec<Concern>> = BTreeMap::new();
        for concern in ours.into_iter().flatten() {
            let of = concern.job().unwrap_or(job);
            untold.entry(of).or_default().push(concern);
        }
        let mut told = 0;
        for (job, concerns) in untold {
            if let Err(error) = self.handlers.handle(job, &concerns).await {
                tracing::error!(%job, %error, things = concerns.len(), "The operator was not told; a later run tries again.");
                continue;
            }
            told += concerns.len();
            futures::stream::iter(concerns)
                .for_each_concurrent(AT_A_TIME, |concern| async move {
                    self.mark_told(&concern).await;
                })
                .await;
        }
        Ok(told)
    }

    /// Sets out to tell a thing, if it is so and nobody else does; a fault of the store leaves it to
    /// a later run.
    async fn take(&self, noted: &NotedConcern) -> Option<Concern> {
        let taken = self.try_to_take(noted).await;
        taken.unwrap_or_else(|error| {
            tracing::error!(concern = %noted.concern.key(), %error, "A thing that needs the operator could not be looked up.");
            None
        })
    }

    async fn try_to_take(&self, noted: &NotedConcern) -> StoreResult<Option<Concern>> {
        let now = self.clock.now();
        if noted.set_out(now).is_none() {
            return Ok(None);
        }
        let concern = match standing(self.notices, &noted.concern).await? {
            Standing::So(concern) => concern,
            Standing::NotYet => return Ok(None),
            Standing::NotSo => {
                // A rejection is noted while the notice still counts as sent.
                if noted.last_seen + PATIENCE <= now {
                    self.store.withdraw_concern(noted).await?;
                }
                return Ok(None);
            }
        };
        let is_ours = self.store.set_out_to_tell(&concern.key(), now).await?;
        Ok(is_ours.then_some(concern))
    }

    async fn mark_told(&self, concern: &Concern) {
        let key = concern.key();
        if let Err(error) = self.store.concern_told(&key, self.clock.now()).await {
            tracing::error!(concern = %key, %error, "It could not be noted that the operator was told; a later run tells it again.");
        }
    }
}

#[async_trait]
impl AfterRun for Aftermath<'_> {
    async fn note(&self, concerns: &[Concern]) -> StoreResult<()> {
        put_down(self.store, self.clock, concerns).await
    }

    async fn after_run(&self, run: &Run) {
        if let Err(error) = self.tell(run.key.job).await {
            tracing::error!(run.id = %run.key, %error, "What needs the operator could not be looked up.");
        }
        give_sign_of_life(self.ping, &self.urls, run).await;
    }
}

/// What is done after a run by who does not tell: things are noted, and a good run gives a sign of life.
pub struct NoteOnly<'a> {
    /// Where they are noted.
    pub store: &'a dyn OperatorStore,
    /// Who fetches the URLs.
    pub ping: &'a dyn DeadManPing,
    /// The URL to fetch after a good run of a job.
    pub urls: BTreeMap<Job, Url>,
    /// The time.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl AfterRun for NoteOnly<'_> {
    async fn note(&self, concerns: &[Concern]) -> StoreResult<()> {
        put_down(self.store, self.clock, concerns).await
    }

    async fn after_run(&self, run: &Run) {
        give_sign_of_life(self.ping, &self.urls, run).await;
    }
}

/// Fetches the job's URL after a run that a schedule started and that did its work. What a person
/// starts is no sign that the schedule lives.
async fn give_sign_of_life(ping: &dyn DeadManPing, urls: &BTreeMap<Job, Url>, run: &Run) {
    let is_good = matches!(run.outcome, RunOutcome::Done | RunOutcome::DoneWithFailures)
        && run.trigger != Trigger::Person;
    if let Some(url) = urls.get(&run.key.job).filter(|_| is_good)
        && let Err(error) = ping.ping(url).await
    {
        tracing::warn!(run.id = %run.key, %error, "The sign of life did not arrive.");
    }
}
