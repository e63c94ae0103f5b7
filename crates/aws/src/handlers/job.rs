//! Runs a job when a schedule fires.

use hippo_core::jobs::{JobError, RunError};
use hippo_core::run::any_job::AnyJob;
use hippo_core::run::harness::FinishedRun;
use hippo_core::run::ledger::RunPlan;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{JobName, Run, RunOutcome, Trigger};
use serde_json::{Map, Value, json};
use tracing::Instrument as _;

use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::event::{PERSON, ScheduleEvent};
use crate::handlers::logging::run_span;
use crate::handlers::run_context::RunContext;
use crate::metrics::{Metrics, Unit};

/// A field of a job's summary that is published as a metric.
#[derive(Debug, Clone, Copy)]
pub struct SummaryMetric {
    /// The metric's name.
    pub name: &'static str,
    /// The field of the summary.
    pub field: &'static str,
}

/// Runs the job that the event asks for. Returns the run and its summary, for a person who started it.
pub async fn handle(
    job: &dyn AnyJob,
    context: &RunContext<'_>,
    event: &Value,
    metric: Option<SummaryMetric>,
) -> Result<Value, HandlerError> {
    if let Some(answer) = handle_control_event(job.name(), context, event).await {
        return answer;
    }
    let event = ScheduleEvent::read(job.name(), event).map_err(HandlerError::log)?;
    let plan = context.plan(job, &event).map_err(HandlerError::log)?;
    let span = run_span(&plan.key);
    log_end(run(job, context, &event, plan, metric))
        .instrument(span)
        .await
}

/// Logs how an invocation ended.
async fn log_end(
    work: impl Future<Output = Result<Value, HandlerError>>,
) -> Result<Value, HandlerError> {
    let answer = work.await.map_err(HandlerError::log)?;
    tracing::info!(%answer, "The invocation finished.");
    Ok(answer)
}

/// Handles an event that starts no run. `None` if the event asks for a run.
///
/// A dry run reads the ledger as a run does. The other saves the schedules, so that the command knows them
/// right after a deployment, and returns how many there are and how many of them changed.
pub(super) async fn handle_control_event(
    job: JobName,
    context: &RunContext<'_>,
    event: &Value,
) -> Option<Result<Value, HandlerError>> {
    let work = async {
        if dry_run::is_requested(event) {
            let runs = context.harness.runs;
            runs.recent_runs(Some(job), None, 1).await?;
            return Ok(event.clone());
        }
        let changed = context.save_schedules(job).await;
        let changed = changed.map_err(JobError::from)?;
        Ok(json!({"schedules": context.schedules.count(), "changed": changed}))
    };
    let is_one = dry_run::is_requested(event) || *event == json!({"save_schedules": true});
    match is_one {
        true => Some(log_end(work).await),
        false => None,
    }
}

async fn run(
    job: &dyn AnyJob,
    context: &RunContext<'_>,
    event: &ScheduleEvent,
    mut plan: RunPlan<'_>,
    metric: Option<SummaryMetric>,
) -> Result<Value, HandlerError> {
    let name = job.name();
    tracing::info!(job = %name, label = %event.label, scheduled_time = %event.scheduled_time, input = %event.input, "A schedule fired.");
    context.save_schedules_once(name).await;
    plan.rules.times_since = context.schedules.times_since(&event.label);
    let FinishedRun { run, summary } = match job.run_planned(&context.harness, plan).await {
        Ok(finished) => finished,
        Err(RunError::NotStarted(why)) => return Ok(reply_not_started(context.metrics, &why)),
        Err(RunError::Job(error)) => return Err(error.into()),
    };
    let count = metric.and_then(|metric| Some((metric.name, summary.get(metric.field)?.as_i64()?)));
    publish(context.metrics, &run, count);
    let mut answer = match summary {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    answer.insert("run".to_owned(), run.key.to_string().into());
    Ok(answer.into())
}

/// Returns the reply for a run that didn't start, which isn't an error. Publishes a metric if a pause skipped it.
fn reply_not_started(metrics: &Metrics, why: &NotStarted) -> Value {
    if let NotStarted::Skipped(run) = why
        && run.outcome == RunOutcome::SkippedPaused
    {
        let label = ("Label", run.key.label.as_str());
        metrics
            .at(run.started_at)
            .metrics(&[label], &[("RunsPaused", Unit::Count, 1)])
            .field("run", &run.key.to_string())
            .publish();
    }
    json!({"not_started": why.as_str(), "run": why.run().key.to_string()})
}

/// Publishes a finished run's metrics, and the job's own count.
fn publish(metrics: &Metrics, run: &Run, count: Option<(&str, i64)>) {
    let ended_at = run.finished_at.unwrap_or(run.reported_at);
    let took = run.duration(ended_at).num_milliseconds();
    let job = ("Job", run.key.job.as_str());
    // A person's backfill keeps its label, but doesn't show that the schedule fires.
    let label = match run.trigger {
        Trigger::Person => PERSON,
        _ => run.key.label.as_str(),
    };
    let mut line = metrics
        .at(ended_at)
        .metrics(&[job, ("Label", label)], &[("Runs", Unit::Count, 1)])
        .metrics(&[job], &[("RunDuration", Unit::Milliseconds, took)]);
    if let Some((metric, count)) = count {
        line = line.metrics(&[], &[(metric, Unit::Count, count)]);
    }
    line.field("run", &run.key.to_string()).publish();
}
