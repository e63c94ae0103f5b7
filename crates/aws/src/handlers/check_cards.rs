//! `check-cards`: enqueues a message for each visit when a schedule fires.

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

/// Hands out the visits that the event asks for; answers with the run, for who waits for it.
pub async fn handle(
    ports: &EnqueueVisitsPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    match work(ports, context, event).await {
        Ok(answer) => {
            tracing::info!(%answer, "The invocation is done.");
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
    if dry_run::is_asked_for(event) {
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
    let done = match enqueue_visits(ports, plan, &input).await {
        Ok(done) => done,
        Err(RunError::NotStarted(why)) => return Ok(answer_not_started(&why)),
        Err(RunError::Job(error)) => return Err(error.into()),
    };
    let visits = i64::try_from(done.visits).unwrap_or(i64::MAX);
    publish(context.metrics, &done.run, "VisitsPlanned", visits);
    Ok(json!({
        "run": done.run.key.to_string(),
        "cards": done.run.counts.planned,
        "visits": done.visits,
    }))
}

/// Why no run was started; that is no failure.
pub(super) fn answer_not_started(why: &NotStarted) -> Value {
    json!({"not_started": why.as_str(), "run": why.run().key.to_string()})
}

/// A run came to its end.
pub(super) fn publish(metrics: &Metrics, run: &Run, planned: &str, count: i64) {
    let ended = run.finished_at.unwrap_or(run.reported_at);
    let job = ("Job", run.key.job.as_str());
    metrics
        .at(ended)
        .metrics(
            &[job, ("Label", run.key.label.as_str())],
            &[("Runs", Unit::Count, 1)],
        )
        .metrics(
            &[job],
            &[(
                "RunDuration",
                Unit::Milliseconds,
                run.duration(ended).num_milliseconds(),
            )],
        )
        .metrics(&[], &[(planned, Unit::Count, count)])
        .field("run", &run.key.to_string())
        .publish();
}

#[cfg(test)]
mod tests;
