//! The heartbeat: a URL that is fetched after a good run, for a service that raises an alarm when none comes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use url::Url;

use crate::run::newest::list_newest_runs;
use crate::run::{JobName, Run, RunOutcome, Trigger};
use crate::store::{RunStore, StoreResult};

/// The heartbeat was not delivered.
///
/// The message is for the log. It leaves out the URL, because anybody who knows it can send the
/// heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The heartbeat URL couldn't be fetched: {0}")]
pub struct MissedHeartbeat(pub String);

/// Fetches a heartbeat URL.
#[async_trait]
pub trait HeartbeatClient: Send + Sync {
    /// Fetches the URL within a few seconds. Only the status of the response counts.
    async fn send(&self, url: &Url) -> Result<(), MissedHeartbeat>;
}

/// The heartbeats of all jobs.
pub struct Heartbeat<'a> {
    /// Fetches the URLs.
    pub client: &'a dyn HeartbeatClient,
    /// What to fetch for a job.
    pub urls: BTreeMap<JobName, HeartbeatUrl>,
    /// The ledger of runs.
    pub runs: &'a dyn RunStore,
}

/// The URL of a job's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatUrl {
    /// Fetched after a good run.
    pub url: Url,
    /// Whether it is also fetched with `/start` before a run and with `/fail` after a bad one.
    pub start_fail: bool,
}

/// The signal of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Start,
    Success,
    Fail,
}

/// How many of a job's newest runs are searched for the previous scheduled one.
const RECENT_RUNS: usize = 16;

impl Heartbeat<'_> {
    /// Sends the start signal, where enabled.
    pub async fn send_start(&self, run: &Run) {
        self.send(run, Signal::Start).await;
    }

    /// Sends the heartbeat after a good run, and the fail signal after a bad one where enabled.
    pub async fn send_end(&self, run: &Run, now: DateTime<Utc>) {
        if !self.urls.contains_key(&run.key.job) || run.trigger == Trigger::Person {
            return;
        }
        match self.is_good(run, now).await {
            Ok(Some(true)) => self.send(run, Signal::Success).await,
            Ok(Some(false)) => self.send(run, Signal::Fail).await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(run.id = %run.key, %error, "The heartbeat wasn't sent: the ledger couldn't be read.");
            }
        }
    }

    /// Whether a run did its work; `None`: it did not start, or a person stopped it.
    ///
    /// The workers of this run have not reported yet, so the previous scheduled run counts as well.
    async fn is_good(&self, run: &Run, now: DateTime<Utc>) -> StoreResult<Option<bool>> {
        match run.outcome {
            RunOutcome::Failed => return Ok(Some(false)),
            RunOutcome::Done | RunOutcome::DoneWithFailures => {}
            _ => return Ok(None),
        }
        if run.counts.all_failed() {
            return Ok(Some(false));
        }
        if run.counts.enqueued == 0 {
            return Ok(Some(true));
        }
        let recent = list_newest_runs(self.runs, run.key.job, None, RECENT_RUNS, |_| true).await?;
        let before = recent.into_iter().find(|before| {
            before.key.scheduled_time < run.key.scheduled_time
                && before.trigger != Trigger::Person
                && before.counts.enqueued > 0
        });
        let Some(before) = before else {
            return Ok(Some(true));
        };
        let work = self.runs.work_items(&before.key).await?;
        let before = before.with_work(&work, now);
        Ok(Some(
            !before.counts.all_failed() && before.outcome != RunOutcome::Lost,
        ))
    }

    async fn send(&self, run: &Run, signal: Signal) {
        // A manual run does not show that the schedule works.
        if run.trigger == Trigger::Person {
            return;
        }
        let wanted = |heartbeat: &&HeartbeatUrl| heartbeat.start_fail || signal == Signal::Success;
        let Some(heartbeat) = self.urls.get(&run.key.job).filter(wanted) else {
            return;
        };
        let url = signal_url(&heartbeat.url, signal);
        if let Err(error) = self.client.send(&url).await {
            tracing::warn!(run.id = %run.key, ?signal, %error, "The heartbeat didn't arrive.");
        }
    }
}

/// The URL of a signal: its path ends in `/start` or `/fail`, and its query stays.
fn signal_url(url: &Url, signal: Signal) -> Url {
    let suffix = match signal {
        Signal::Success => return url.clone(),
        Signal::Start => "start",
        Signal::Fail => "fail",
    };
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(suffix);
    }
    url
}

#[cfg(test)]
mod tests;
