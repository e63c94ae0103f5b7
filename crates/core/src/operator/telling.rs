//! Who is told what needs the operator, once, and the sign of life after a good run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{AfterRun, Concern, ConcernKey};
use crate::clock::Clock;
use crate::family::EmailAddress;
use crate::mail::{Mail, MailAnswer, Mailer};
use crate::run::{Job, Run, RunOutcome, Trigger};
use crate::store::StoreResult;

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
    /// Notes that a thing was seen, in one conditional step.
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<()>;

    /// Sets out to tell a thing, in one conditional step; true if the caller is to tell it.
    ///
    /// That is one of many who ask at once, and, while it is not told, the first who asks after
    /// [`PATIENCE`]. False if it was told, or was never seen.
    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Notes that it was told; nothing happens if it is gone or was told already.
    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// The things that were seen last, newest first.
    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>>;
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
        let _ = writeln!(text, "And {more} more; “hippo status” has them.");
        let _ = write!(html, "<p>And {more} more; “hippo status” has them.</p>");
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

/// Fetches a URL as a sign of life, for a service that raises an alarm when none comes.
#[async_trait]
pub trait DeadManPing: Send + Sync {
    /// Fetches it, within a few seconds; the answer does not matter, its status does.
    async fn ping(&self, url: &Url) -> Result<(), NotTold>;
}

/// What is done after every run: the operator is told once, and a good run gives a sign of life.
pub struct Aftermath<'a> {
    /// What was told.
    pub store: &'a dyn OperatorStore,
    /// Who tells.
    pub handlers: Handlers<'a>,
    /// Who fetches the URLs.
    pub ping: &'a dyn DeadManPing,
    /// The URL to fetch after a good run of a job.
    pub urls: BTreeMap<Job, Url>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// So many of the things that were seen last are looked through for what was not told.
const LOOKED_THROUGH: usize = 200;

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

impl Aftermath<'_> {
    /// Tells all that was noted and not told yet, by whomever; answers how many things those were.
    ///
    /// What found nobody to tell it is told by a later run.
    pub async fn tell(&self, job: Job) -> StoreResult<usize> {
        let mut untold: BTreeMap<Job, Vec<Concern>> = BTreeMap::new();
        for noted in self.store.recent_concerns(LOOKED_THROUGH).await? {
            let key = noted.concern.key();
            let is_open = noted.set_out(self.clock.now()).is_some();
            if is_open && self.store.set_out_to_tell(&key, self.clock.now()).await? {
                let of = noted.concern.job().unwrap_or(job);
                untold.entry(of).or_default().push(noted.concern);
            }
        }
        let mut told = 0;
        for (job, mut concerns) in untold {
            // The first that was seen comes first.
            concerns.reverse();
            if let Err(error) = self.handlers.handle(job, &concerns).await {
                tracing::error!(%job, %error, things = concerns.len(), "The operator was not told; a later run tries again.");
                continue;
            }
            for concern in &concerns {
                self.store
                    .concern_told(&concern.key(), self.clock.now())
                    .await?;
            }
            told += concerns.len();
        }
        Ok(told)
    }
}

#[async_trait]
impl AfterRun for Aftermath<'_> {
    async fn after_run(&self, run: &Run, concerns: &[Concern]) {
        let job = run.key.job;
        note(self.store, self.clock, concerns).await;
        if let Err(error) = self.tell(job).await {
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
    async fn after_run(&self, run: &Run, concerns: &[Concern]) {
        note(self.store, self.clock, concerns).await;
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
        // Not the URL: whoever knows it can give the sign of life.
        tracing::warn!(run.id = %run.key, %error, "The sign of life did not arrive.");
    }
}
