//! `notify-all`: enqueues the notices that are due when a schedule fires.

use hippo_core::jobs::RunError;
use hippo_core::jobs::notify::enqueue::{EnqueueNoticesPorts, enqueue_notices};
use hippo_core::jobs::notify::send::MailResult;
use hippo_core::run::Job;
use serde_json::{Value, json};

use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::check_cards::{answer_not_started, publish};
use crate::handlers::event::ScheduleEvent;
use crate::handlers::notify_family;
use crate::handlers::run_context::RunContext;

/// Enqueues the notices that are due. Returns the run, for a person who started it.
pub async fn handle(
    ports: &EnqueueNoticesPorts<'_>,
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
    ports: &EnqueueNoticesPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    if dry_run::is_requested(event) {
        ports.families.families_page(None, 1).await?;
        return Ok(event.clone());
    }
    let event = ScheduleEvent::read(event, Job::NotifyAll)?;
    tracing::info!(label = %event.label, scheduled_time = %event.scheduled_time, "Planning notices.");
    let input = event.notify_all();
    let plan = context.plan(
        &event,
        Job::NotifyAll,
        serde_json::to_value(&input).unwrap_or_default(),
    );
    // Published one by one, since a run that fails may have finalised some.
    let finalised = |result: &MailResult| {
        if result.state.is_final() {
            notify_family::publish(context.metrics, ports.clock, result);
        }
    };
    let run = match enqueue_notices(ports, plan, &input, &finalised).await {
        Ok(run) => run,
        Err(RunError::NotStarted(why)) => return Ok(answer_not_started(&why)),
        Err(RunError::Job(error)) => return Err(error.into()),
    };
    publish(
        context.metrics,
        &run,
        "NoticesPlanned",
        run.counts.planned.into(),
    );
    Ok(json!({"run": run.key.to_string(), "notices": run.counts.planned}))
}

#[cfg(test)]
mod tests;
