//! `check-cards`: enqueues a message for each visit when a schedule fires.

use hippo_core::jobs::check_cards::enqueue::{EnqueueVisitsPorts, enqueue_visits};
use hippo_core::run::{Job, Run};
use hippo_core::store::{RunStart, Scope};
use serde_json::{Value, json};

use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::event::ScheduleEvent;
use crate::handlers::frame::Frame;
use crate::metrics::{Metrics, Unit};

/// Hands out the visits that the event asks for; answers with the run, for who waits for it.
pub async fn handle(
    ports: &EnqueueVisitsPorts<'_>,
    frame: &Frame<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    match work(ports, frame, event).await {
        Ok(answer) => {
            tracing::info!(%answer, "The invocation is done.");
            Ok(answer)
        }
        Err(error) => Err(error.logged()),
    }
}

async fn work(
    ports: &EnqueueVisitsPorts<'_>,
    frame: &Frame<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    if dry_run::is_asked_for(event) {
        ports.cards.cards_to_check(Scope::All, None, 1).await?;
        return Ok(event.clone());
    }
    let event = ScheduleEvent::read(event, Job::CheckCards)?;
    tracing::info!(label = %event.label, scheduled_time = %event.scheduled_time, scope = ?event.scope, "Planning visits.");
    let input = event.check_cards();
    let plan = frame.plan(
        &event,
        Job::CheckCards,
        serde_json::to_value(&input).unwrap_or_default(),
    );
    let done = match enqueue_visits(ports, plan, &input).await? {
        Ok(done) => done,
        Err(not_begun) => return Ok(answer_not_begun(&not_begun)),
    };
    let visits = i64::try_from(done.visits).unwrap_or(i64::MAX);
    publish(frame.metrics, &done.run, "VisitsPlanned", visits);
    Ok(json!({
        "run": done.run.key.to_string(),
        "cards": done.run.counts.planned,
        "visits": done.visits,
    }))
}

/// Why nothing was done; that is no failure.
pub(super) fn answer_not_begun(reason: &RunStart) -> Value {
    match reason {
        RunStart::AlreadyRan(run) => {
            json!({"not_begun": "already_ran", "run": run.key.to_string()})
        }
        RunStart::StillRunning(run) => {
            json!({"not_begun": "still_running", "run": run.key.to_string()})
        }
        RunStart::NotNow(run) => {
            json!({"not_begun": run.outcome.as_str(), "run": run.key.to_string()})
        }
        RunStart::Started => Value::Null,
    }
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
