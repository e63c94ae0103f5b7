//! Starts the jobs of a stack without waiting for them, as the web pages do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::clock::Clock;
use hippo_core::ids::Label;
use hippo_core::jobs::retry::find_retry_input;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::schedule::declaration::table::PERSON_LABEL;
use hippo_core::sign_in::limit::count_attempt;
use hippo_core::sign_in::{RateKey, START_LIMITS};
use hippo_core::store::{RunStore, SignInStore, StoreError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::clients::{retry_policy, timeouts};
use crate::lambda::{Invocation, LambdaClient};

/// A run that hasn't reported for this long no longer keeps another one from starting.
const MAX_SILENCE: TimeDelta = TimeDelta::minutes(10);

/// How many of a person's newest runs may still be going.
const MAX_UNFINISHED_RUNS: usize = 10;

/// The event of a job's schedule.
#[derive(Debug, Serialize)]
pub struct JobEvent<'a, I> {
    label: &'a Label,
    scheduled_time: DateTime<Utc>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    backfill: bool,
    #[serde(flatten)]
    input: &'a I,
}

impl<'a, I: Serialize> JobEvent<'a, I> {
    /// Requests this run with this input.
    pub fn new(run: &'a RunKey, input: &'a I) -> Self {
        Self {
            label: &run.label,
            scheduled_time: run.scheduled_time,
            backfill: false,
            input,
        }
    }

    /// Marks the run as a backfill of a scheduled time.
    #[must_use]
    pub fn backfill(self, backfill: bool) -> Self {
        Self { backfill, ..self }
    }
}

/// Why a job was not started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotStart {
    /// The same run is going, or was started less than a minute ago.
    #[error("the same run is still going")]
    StillRunning,
    /// It can't be started.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for CannotStart {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Starts jobs when a person asks.
pub struct JobStarter {
    client: LambdaClient,
    functions: BTreeMap<JobName, String>,
    runs: Arc<dyn RunStore>,
    permits: Arc<dyn SignInStore>,
    clock: Arc<dyn Clock>,
}

impl JobStarter {
    /// Starts the jobs of these functions.
    pub fn new(
        config: &SdkConfig,
        functions: BTreeMap<JobName, String>,
        runs: Arc<dyn RunStore>,
        permits: Arc<dyn SignInStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let limits = timeouts(Duration::from_secs(4), Duration::from_secs(12));
        Self {
            client: LambdaClient::new(config, &retry_policy(3), limits),
            functions,
            runs,
            permits,
            clock,
        }
    }

    /// Starts a run, unless one with the same input is going. Returns at once, with the run's key.
    pub async fn start(
        &self,
        job: JobName,
        input: &Map<String, Value>,
    ) -> Result<RunKey, CannotStart> {
        let function = self.functions.get(&job).ok_or_else(|| {
            CannotStart::Failed(format!("The web pages know no function for {job}."))
        })?;
        let input = complete_input(job, input)?;
        let now = self.clock.now();
        let label: Label = PERSON_LABEL
            .parse()
            .map_err(|_| CannotStart::Failed("The label isn't one.".to_owned()))?;
        // The checks of one card have their own limits, and a PIN that was typed again is to be tried.
        let is_one_card = input.get("card").is_some_and(|card| !card.is_null());
        if !is_one_card && !self.may_start(job, &label, &input, now).await? {
            return Err(CannotStart::StillRunning);
        }
        let run = RunKey {
            job,
            label,
            scheduled_time: DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now),
        };
        self.invoke(function, &JobEvent::new(&run, &input)).await?;
        Ok(run)
    }

    /// Starts a run once more, or what failed in it.
    pub async fn start_again(
        &self,
        run: &RunKey,
        only_failed: bool,
    ) -> Result<RunKey, CannotStart> {
        let work = self.runs.work_items(run).await?;
        let stored = self.runs.run(run).await?;
        let stored = stored.ok_or_else(|| CannotStart::Failed("The run is gone.".to_owned()))?;
        let ended = stored.with_work(&work, self.clock.now());
        if ended.outcome == RunOutcome::Running {
            return Err(CannotStart::StillRunning);
        }
        let input = find_retry_input(&*self.runs, &ended, &work, only_failed).await;
        let input = input.map_err(|error| CannotStart::Failed(error.to_string()))?;
        let fields = input.as_object().cloned().unwrap_or_default();
        self.start(run.job, &fields).await
    }

    /// Takes the permit to start a run; false if the same run is going or was just started.
    async fn may_start(
        &self,
        job: JobName,
        label: &Label,
        input: &Value,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if self.is_going(job, label, input, now).await? {
            return Ok(false);
        }
        // A run is only on record once its function has started. The permit keeps a second click away
        // until then, and it is in the table, since each click may come to another process.
        let permit = RateKey::start(job, &input.to_string());
        count_attempt(&*self.permits, &permit, &START_LIMITS, now).await
    }

    /// Whether a run that a person started with this input is going.
    async fn is_going(
        &self,
        job: JobName,
        label: &Label,
        input: &Value,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let recent = self
            .runs
            .recent_runs(Some(job), Some(label), MAX_UNFINISHED_RUNS);
        let is_same = |run: &Run| {
            run.outcome == RunOutcome::Running
                && now - run.reported_at <= MAX_SILENCE
                && run.input == *input
        };
        Ok(recent.await?.iter().any(is_same))
    }

    /// Sends the event. A second event of the same run starts nothing, so a lost response is harmless.
    async fn invoke(&self, function: &str, event: &impl Serialize) -> Result<(), CannotStart> {
        let event = serde_json::to_vec(event);
        let event = event.map_err(|error| CannotStart::Failed(error.to_string()))?;
        let sent = self.client.invoke(function, Invocation::Event, event);
        sent.await.map(drop).map_err(|error| {
            CannotStart::Failed(format!(
                "Couldn't start the function {function}: {}",
                error.reason
            ))
        })
    }
}

/// The input with its defaults, as `hippo --target aws run` passes it.
fn complete_input(job: JobName, input: &Map<String, Value>) -> Result<Value, CannotStart> {
    let mut input = input.clone();
    match job {
        // notify-family retries a refused notice itself.
        JobName::NOTIFY_ALL => {
            input.remove("at_once");
        }
        JobName::PICTURE_OF_THE_DAY => {
            input.entry("at_once").or_insert(Value::Bool(true));
        }
        _ => {}
    }
    job.entry()
        .complete_input(&input)
        .map_err(CannotStart::Failed)
}

#[cfg(test)]
mod tests;
