//! `check-cards`: enqueues visits when a schedule fires.

use hippo_core::jobs::RunError;
use hippo_core::jobs::check_cards::enqueue::{EnqueueVisitsPorts, enqueue_visits};
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{Job, Run};
use hippo_core::store::Scope;
use serde_json::{Value, json};

use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::event::ScheduleEvent;
use crate::handlers::run_context::RunContext;
use crate::metrics::{Metrics, Unit};

/// Enqueues the visits that the event asks for. Returns the run, for a person who started it.
pub async fn handle(
    ports: &EnqueueVisitsPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    match work(ports, context, event).await {
        Ok(answer) => {
            tracing::info!(%answer, "The invocation finished.");
            Ok(answer)
        }
        Err(error) => Err(error.logged()),
    }
}

async fn work(
    ports: &EnqueueVisitsPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    if dry_run::is_requested(event) {
        ports.cards.cards_to_check(Scope::All, None, 1).await?;
        return Ok(event.clone());
    }
    let event = ScheduleEvent::read(event, Job::CheckCards)?;
    tracing::info!(label = %event.label, scheduled_time = %event.scheduled_time, scope = ?event.scope, "Planning visits.");
    let input = event.check_cards();
    let plan = context.plan(
        &event,
        Job::CheckCards,
        serde_json::to_value(&input).unwrap_or_default(),
    );
    let enqueued = match enqueue_visits(ports, plan, &input).await {
        Ok(enqueued) => enqueued,
        Err(RunError::NotStarted(why)) => return Ok(answer_not_started(&why)),
        Err(RunError::Job(error)) => return Err(error.into()),
    };
    let visits = i64::try_from(enqueued.visits).unwrap_or(i64::MAX);
    publish(context.metrics, &enqueued.run, "VisitsPlanned", visits);
    Ok(json!({
        "run": enqueued.run.key.to_string(),
        "cards": enqueued.run.counts.planned,
        "visits": enqueued.visits,
    }))
}

/// The reply if no run was started, which isn't an error.
pub(super) fn answer_not_started(why: &NotStarted) -> Value {
    json!({"not_started": why.as_str(), "run": why.run().key.to_string()})
}

/// Publishes a finished run, and its count of planned visits or notices as `planned_metric`.
pub(super) fn publish(metrics: &Metrics, run: &Run, planned_metric: &str, count: i64) {
    let ended_at = run.finished_at.unwrap_or(run.reported_at);
    let job = ("Job", run.key.job.as_str());
    metrics
        .at(ended_at)
        .metrics(
            &[job, ("Label", run.key.label.as_str())],
            &[("Runs", Unit::Count, 1)],
        )
        .metrics(
            &[job],
            &[(
                "RunDuration",
                Unit::Milliseconds,
                run.duration(ended_at).num_milliseconds(),
            )],
        )
        .metrics(&[], &[(planned_metric, Unit::Count, count)])
        .field("run", &run.key.to_string())
        .publish();
}

#[cfg(test)]
mod tests;
