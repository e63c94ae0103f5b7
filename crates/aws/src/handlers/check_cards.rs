//! `check-cards`: enqueues visits when a schedule fires.

use hippo_core::jobs::check_cards::enqueue::{EnqueueVisits, EnqueueVisitsPorts};
use serde_json::Value;

use crate::handlers::HandlerError;
use crate::handlers::job::{self, SummaryMetric};
use crate::handlers::run_context::RunContext;

/// Enqueues the visits that the event asks for. Returns the run, for a person who started it.
pub async fn handle(
    ports: &EnqueueVisitsPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    let metric = SummaryMetric {
        name: "VisitsPlanned",
        field: "visits",
    };
    job::handle(&EnqueueVisits(ports), context, event, Some(metric)).await
}

#[cfg(test)]
mod tests;
