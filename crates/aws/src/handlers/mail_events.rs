//! `mail-events`: finalises a mail's record by what SES reports about it.
//!
//! EventBridge delivers an event at least once, maybe late or out of order. SES may not send it at
//! all. So every step can be repeated. The result of an invocation depends on the event:
//!
//! - About a mail of the outbox: its record is finalised and recipients are stopped. A missing mail,
//!   family or recipient isn't an error.
//! - About something else (a test mail without tags, an unexpected kind): it is logged and ignored,
//!   since a retry would change nothing.
//! - About a mail of the outbox, but malformed, or after an error of the store: it fails. Lambda
//!   retries it twice. Then it becomes a dead letter, which can be replayed.

pub mod event;

use hippo_core::clock::Clock;
use hippo_core::family::StopReason;
use hippo_core::jobs::notify::delivery_events::{
    DeliveryEvent, EventOutcome, StopOutcome, apply_delivery_event, stop_recipient,
};
use hippo_core::outbox::{AcceptedBy, MailState};
use hippo_core::store::{AlertStore, FamilyStore, OutboxStore};
use serde_json::Value;

use self::event::{BounceKind, MailEvent, OutboxEvent, Recipients, SesReport};
use crate::dry_run;
use crate::handlers::HandlerError;
use crate::metrics::{Metrics, Unit};

/// The handler's dependencies.
pub struct Ports<'a> {
    /// The families, whose recipients may be stopped.
    pub families: &'a dyn FamilyStore,
    /// The records of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// The store of alerts. A tick of `notify-all` delivers them.
    pub alerts: &'a dyn AlertStore,
    /// The clock.
    pub clock: &'a dyn Clock,
}

/// Finalises the mail that an event is about, and stops recipients who can't get mail.
pub async fn handle(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: &Value,
) -> Result<(), HandlerError> {
    work(ports, metrics, event).await.map_err(HandlerError::log)
}

async fn work(ports: &Ports<'_>, metrics: &Metrics, event: &Value) -> Result<(), HandlerError> {
    if dry_run::is_requested(event) {
        if let Ok(nobody) = "dry-run".parse() {
            ports.families.family(&nobody).await?;
        }
        tracing::info!("The dry run finished.");
        return Ok(());
    }
    let id = event::id(event).map(|id| id.to_string());
    match MailEvent::read(event)? {
        MailEvent::Other(why) => {
            tracing::info!(event.id = id, why, "Ignored an event.");
            Ok(())
        }
        MailEvent::Outbox(event) => {
            let outcome = finalise(ports, &event).await?;
            let stopped = stop_recipients(ports, &event).await?;
            tracing::info!(
                event.id = id,
                mail.kind = %event.tag.kind,
                family.id = %event.tag.family,
                date = %event.tag.date,
                fence = event.tag.fence,
                report = event.report.as_str(),
                outcome = outcome_text(&outcome),
                stopped,
                "The invocation finished."
            );
            publish(ports, metrics, &event, &outcome);
            Ok(())
        }
    }
}

fn outcome_text(outcome: &EventOutcome) -> &'static str {
    match outcome {
        EventOutcome::Finalised(state) => state.as_str(),
        EventOutcome::NothingNew => "nothing new",
        EventOutcome::Gone => "gone",
    }
}

async fn finalise(ports: &Ports<'_>, event: &OutboxEvent) -> Result<EventOutcome, HandlerError> {
    let delivery_event = match &event.report {
        SesReport::Sent | SesReport::Delayed => DeliveryEvent::Accepted(AcceptedBy::MailService),
        SesReport::Delivered { .. }
        | SesReport::Bounced { .. }
        | SesReport::Complained { .. }
        | SesReport::MarkedAsNotSpam => DeliveryEvent::Accepted(AcceptedBy::RecipientServer),
        SesReport::Rejected { reason } => DeliveryEvent::Rejected {
            reason: (*reason).to_owned(),
        },
    };
    let applied = apply_delivery_event(
        ports.outbox,
        ports.alerts,
        ports.clock,
        &event.tag,
        &delivery_event,
        event.message_id.as_deref(),
    );
    Ok(applied.await?)
}

/// Stops recipients whose address bounced, is suppressed or complained. Returns how many were stopped.
async fn stop_recipients(ports: &Ports<'_>, event: &OutboxEvent) -> Result<usize, HandlerError> {
    let (recipients, why) = match &event.report {
        // Suppression is permanent, whatever the bounce's kind: the address stays on the list until somebody removes it.
        SesReport::Bounced {
            suppressed: true,
            recipients,
            ..
        } => (recipients, StopReason::Suppressed),
        SesReport::Bounced {
            kind: BounceKind::Permanent,
            recipients,
            ..
        } => (recipients, StopReason::Bounced),
        SesReport::Complained { recipients } => (recipients, StopReason::Complained),
        _ => return Ok(0),
    };
    let Recipients { named, only, .. } = recipients;
    let (mut stopped, mut already_stopped) = (0, 0);
    for address in named.iter().chain(only) {
        let (families, alerts, clock) = (ports.families, ports.alerts, ports.clock);
        let family = &event.tag.family;
        match stop_recipient(families, alerts, clock, family, address, why).await? {
            StopOutcome::Stopped(_) => stopped += 1,
            StopOutcome::AlreadyStopped => already_stopped += 1,
            StopOutcome::NoRecipient => {}
        }
    }
    if stopped + already_stopped == 0 {
        tracing::warn!(family.id = %event.tag.family, reason = why.as_str(), "An event names no recipient of the family, so nobody was stopped.");
    }
    Ok(stopped)
}

fn publish(ports: &Ports<'_>, metrics: &Metrics, event: &OutboxEvent, outcome: &EventOutcome) {
    let line = metrics
        .at(ports.clock.now())
        .field("family", event.tag.family.as_str())
        .field("date", &event.tag.date.to_string());
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    match &event.report {
        SesReport::Sent | SesReport::Delayed | SesReport::MarkedAsNotSpam => {}
        SesReport::Delivered { recipients } => line
            .metrics(&[], &[("MailsDelivered", Unit::Count, count(*recipients))])
            .publish(),
        SesReport::Bounced {
            kind, recipients, ..
        } => line
            .metrics(
                &[("Kind", kind.as_str())],
                &[("MailsBounced", Unit::Count, count(recipients.count))],
            )
            .publish(),
        SesReport::Complained { recipients } => line
            .metrics(
                &[],
                &[("MailsComplained", Unit::Count, count(recipients.count))],
            )
            .publish(),
        SesReport::Rejected { .. } => {
            let given_up = *outcome == EventOutcome::Finalised(MailState::Failed);
            line.metrics(
                &[],
                &[
                    ("MailsRejected", Unit::Count, 1),
                    ("NoticesGivenUp", Unit::Count, given_up.into()),
                ],
            )
            .publish();
        }
    }
}

#[cfg(test)]
mod tests;
