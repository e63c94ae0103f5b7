//! `check-card`: checks the cards of a visit from the queue.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::SqsMessage;
use chrono::{DateTime, Duration, Utc};
use hippo_core::alerts::{Alert, raise_alerts};
use hippo_core::failure::FailureKind;
use hippo_core::jobs::check_cards::visit::{
    CheckedCard, Pace, VisitOptions, VisitPorts, check_visit, end_resolved_page_alerts,
};
use hippo_core::queue::Visit;
use hippo_core::store::{AlertStore, CardStore, RunStore};
use serde_json::Value;
use tracing::Instrument as _;

use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::logging::run_span;
use crate::handlers::message;
use crate::metrics::{Metrics, Unit};

/// The time to reserve for one card: two logins of 90 s with their logouts, and saving it.
const MAX_CARD_DURATION: Duration = Duration::seconds(200);

/// The ports of the handler.
pub struct Ports<'a> {
    /// The ports of a visit.
    pub visit_ports: VisitPorts<'a>,
    /// Where a visit's results are stored.
    pub runs: &'a dyn RunStore,
    /// The store of alerts.
    pub alerts: &'a dyn AlertStore,
    /// Lists the cards of a library whose page alert may end.
    pub cards: &'a dyn CardStore,
}

/// Checks the cards of the event's visit.
///
/// If the store or the keys fail, the queue delivers the visit again, and checked cards
/// are skipped. Lambda ends the invocation at `ends_at`. Cards without enough time become
/// `not_tried`.
pub async fn handle(
    ports: &Ports<'_>,
    pace: Pace,
    metrics: &Metrics,
    event: Value,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(), HandlerError> {
    if dry_run::is_requested(&event) {
        return dry_run(ports).await.map_err(HandlerError::log);
    }
    for record in message::records(event).map_err(HandlerError::log)? {
        handle_message(ports, pace, metrics, &record, ends_at).await?;
    }
    Ok(())
}

/// Reads once, to show that the function has access to its table.
async fn dry_run(ports: &Ports<'_>) -> Result<(), HandlerError> {
    if let Ok(unknown_library) = "dry-run".parse() {
        ports
            .visit_ports
            .visits
            .load_visit(&unknown_library, &[])
            .await?;
    }
    tracing::info!("The dry run finished.");
    Ok(())
}

/// Makes the visit of one message, and records and publishes its results.
async fn handle_message(
    ports: &Ports<'_>,
    pace: Pace,
    metrics: &Metrics,
    record: &SqsMessage,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(), HandlerError> {
    let visit = message::body(record, "a visit", "library, cards, planned_at and run");
    let visit: Visit = visit.map_err(HandlerError::log)?;
    let work = async {
        let result = run_visit(ports, pace, metrics, record, &visit, ends_at).await;
        result.map_err(HandlerError::log)
    };
    work.instrument(run_span(&visit.run)).await
}

async fn run_visit(
    ports: &Ports<'_>,
    pace: Pace,
    metrics: &Metrics,
    record: &SqsMessage,
    visit: &Visit,
    ends_at: Option<DateTime<Utc>>,
) -> Result<(), HandlerError> {
    let clock = ports.visit_ports.clock;
    let started_at = clock.now();
    tracing::info!(
        library.id = %visit.library,
        run.id = %visit.run,
        cards = visit.cards.len(),
        message.id = message::id(record),
        receive_count = message::receive_count(record),
        "A visit began."
    );
    let options = VisitOptions {
        deadline: ends_at.map(|ends_at| last_card_deadline(started_at, ends_at)),
        ..VisitOptions::new(pace)
    };
    let mut report = check_visit(&ports.visit_ports, visit, options).await;
    let damaged = ports.runs.damaged_rows().into_iter();
    report.alerts.extend(damaged.map(Alert::from));
    if let Err(error) = raise_alerts(ports.alerts, &report.alerts, clock.now()).await {
        tracing::error!(%error, "Couldn't record the alerts.");
    }
    end_resolved_page_alerts(&report.checked, ports.alerts, ports.cards, clock).await;
    // Saves partial results too: after an error, the queue delivers the message again.
    let work = report.work_item(visit);
    let saved = ports.runs.save_work_item(&visit.run, &work).await;
    let counts = Counts::from_cards(&report.checked);
    let ended = clock.now();
    let duration_ms = (ended - started_at).num_milliseconds();
    tracing::info!(
        library.id = %visit.library,
        run.id = %visit.run,
        read = counts.read,
        failed = ?counts.failed,
        complete = report.ending.is_ok(),
        duration_ms,
        "A visit ended."
    );
    counts.publish(metrics, visit, ended, duration_ms);
    report.ending?;
    Ok(saved?)
}

/// The latest time to start a card. Reserves [`MAX_CARD_DURATION`] for it, but at most half of the
/// invocation.
fn last_card_deadline(now: DateTime<Utc>, ends_at: DateTime<Utc>) -> DateTime<Utc> {
    ends_at - MAX_CARD_DURATION.min((ends_at - now) / 2)
}

#[derive(Debug, Default)]
struct Counts {
    read: i64,
    failed: BTreeMap<&'static str, i64>,
}

impl Counts {
    fn from_cards(cards: &[CheckedCard]) -> Self {
        let mut counts = Self::default();
        for card in cards {
            match &card.check.outcome {
                Ok(_) => counts.read += 1,
                Err(failure) => *counts.failed.entry(failure.kind.as_str()).or_default() += 1,
            }
        }
        counts
    }

    fn publish(&self, metrics: &Metrics, visit: &Visit, at: DateTime<Utc>, duration_ms: i64) {
        let not_tried = FailureKind::NotTried.as_str();
        let failed: i64 = self
            .failed
            .iter()
            .filter(|(kind, _)| **kind != not_tried)
            .map(|(_, count)| count)
            .sum();
        metrics
            .at(at)
            .metrics(
                &[],
                &[
                    ("CardsChecked", Unit::Count, self.read),
                    ("CardsFailed", Unit::Count, failed),
                    ("VisitDuration", Unit::Milliseconds, duration_ms),
                ],
            )
            .field("library", visit.library.as_str())
            .field("run", &visit.run.to_string())
            .publish();
        // A log line can hold one value per dimension, so each kind gets its own line.
        for (kind, count) in &self.failed {
            metrics
                .at(at)
                .metrics(
                    &[("Kind", kind)],
                    &[("CardsFailedByKind", Unit::Count, *count)],
                )
                .field("library", visit.library.as_str())
                .publish();
        }
    }
}

#[cfg(test)]
mod tests;
