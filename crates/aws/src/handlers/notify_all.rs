//! `notify-all`: enqueues the notices that are due when a schedule fires.

use hippo_core::jobs::notify::enqueue::{EnqueueNotices, EnqueueNoticesPorts};
use hippo_core::jobs::notify::send::MailResult;
use serde_json::Value;

use crate::handlers::HandlerError;
use crate::handlers::job::{self, SummaryMetric};
use crate::handlers::notify_family;
use crate::handlers::run_context::RunContext;

/// Enqueues the notices that are due. Returns the run, for a person who started it.
pub async fn handle(
    ports: &EnqueueNoticesPorts<'_>,
    context: &RunContext<'_>,
    event: &Value,
) -> Result<Value, HandlerError> {
    // Published one by one, since a run that fails may have finalised some.
    let on_finalised = |result: &MailResult| {
        if result.state.is_final() {
            notify_family::publish(context.metrics, ports.clock, result);
        }
    };
    let job = EnqueueNotices {
        ports,
        on_finalised: &on_finalised,
    };
    let metric = SummaryMetric {
        name: "NoticesPlanned",
        field: "notices",
    };
    job::handle(&job, context, event, Some(metric)).await
}

#[cfg(test)]
mod tests;
