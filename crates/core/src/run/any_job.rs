//! A job whose types aren't known.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize as _;
use serde_json::Value;

use super::JobName;
use super::harness::{FinishedRun, Harness};
use super::job::Job;
use super::ledger::RunPlan;
use crate::ids::Label;
use crate::jobs::{JobError, RunError};

/// A [`Job`] whose types aren't known: its input and its summary are JSON.
#[async_trait]
pub trait AnyJob: Send + Sync {
    /// Its name.
    fn name(&self) -> JobName;

    /// Plans a run as [`RunPlan::new`] does.
    fn plan(
        &self,
        label: Label,
        scheduled_time: DateTime<Utc>,
        is_by_person: bool,
        input: &Value,
    ) -> Result<RunPlan<'static>, JobError>;

    /// Runs it as [`Harness::run`] does.
    async fn run_planned(
        &self,
        harness: &Harness<'_>,
        plan: RunPlan<'_>,
    ) -> Result<FinishedRun<Value>, RunError>;
}

#[async_trait]
impl<J: Job> AnyJob for J {
    fn name(&self) -> JobName {
        J::NAME
    }

    fn plan(
        &self,
        label: Label,
        scheduled_time: DateTime<Utc>,
        is_by_person: bool,
        input: &Value,
    ) -> Result<RunPlan<'static>, JobError> {
        let input = read_input::<J>(input)?;
        Ok(RunPlan::new::<J>(
            label,
            scheduled_time,
            is_by_person,
            &input,
        ))
    }

    async fn run_planned(
        &self,
        harness: &Harness<'_>,
        plan: RunPlan<'_>,
    ) -> Result<FinishedRun<Value>, RunError> {
        let input = read_input::<J>(&plan.input)?;
        let FinishedRun { run, summary } = harness.run(self, plan, &input).await?;
        let summary = serde_json::to_value(summary)
            .map_err(|error| JobError::Failed(format!("The summary can't be written: {error}.")))?;
        Ok(FinishedRun { run, summary })
    }
}

fn read_input<J: Job>(input: &Value) -> Result<J::Input, JobError> {
    J::Input::deserialize(input)
        .map_err(|error| JobError::Failed(format!("The input can't be read: {error}.")))
}
