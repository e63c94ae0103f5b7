//! `mail-events`: SES says what became of a mail, and its record is finalised by that.
//!
//! EventBridge brings an event at least once, late or out of order; SES may not bring it at all.
//! Every step here may be made again. What becomes of an invocation:
//!
//! - an event of a mail of the outbox: its record is finalised, recipients are stopped, done. A mail, family or
//!   recipient that is gone by then is no error;
//! - one of something else (a test mail without tags, a kind that nobody asked for): one line in the
//!   log, and it is done, for it will be the same when it comes again;
//! - one of a mail of the outbox that this version does not understand, or a fault of the store: an error. Lambda
//!   tries it twice more, and then it is a dead letter, from where it can be replayed.

pub mod event;

use hippo_core::clock::Clock;
use hippo_core::family::StopReason;
use hippo_core::jobs::notify::delivery_events::{
    DeliveryEvent, EventOutcome, StopOutcome, apply_delivery_event, stop_recipient,
};
use hippo_core::outbox::{AcceptedBy, MailState};
use hippo_core::store::{AlertStore, FamilyStore, OutboxStore};
use serde_json::Value;

use self::event::{BounceKind, MailEvent, OutboxEvent, Recipients, Said};
use crate::dry_run;
use crate::handlers::HandlerError;
use crate::metrics::{Metrics, Unit};

/// What the function needs from outside.
pub struct Ports<'a> {
    /// The families, whose recipients may be stopped.
    pub families: &'a dyn FamilyStore,
    /// The record of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// Where what needs the operator is noted; a tick of `notify-all` tells it.
    pub alerts: &'a dyn AlertStore,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Finalises the mail that an event is about; answers with nothing, for nobody waits for it.
pub async fn handle(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: &Value,
) -> Result<(), HandlerError> {
    work(ports, metrics, event)
        .await
        .map_err(HandlerError::logged)
}

async fn work(ports: &Ports<'_>, metrics: &Metrics, event: &Value) -> Result<(), HandlerError> {
    if dry_run::is_asked_for(event) {
        if let Ok(nobody) = "dry-run".parse() {
            ports.families.family(&nobody).await?;
        }
        tracing::info!("The dry run is done.");
        return Ok(());
    }
    let id = event::id(event).map(|id| id.to_string());
    match MailEvent::read(event)? {
        MailEvent::Other(why) => {
            tracing::info!(event.id = id, why, "An event is left alone.");
            Ok(())
        }
        MailEvent::OfOutbox(event) => {
            let outcome = apply(ports, &event).await?;
            let stopped = stop(ports, &event).await?;
            tracing::info!(
                event.id = id,
                mail.kind = %event.tag.kind,
                family.id = %event.tag.family,
                date = %event.tag.date,
                fence = event.tag.fence,
                said = event.said.as_str(),
                outcome = outcome_text(&outcome),
                stopped,
                "The invocation is done."
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

async fn apply(ports: &Ports<'_>, event: &OutboxEvent) -> Result<EventOutcome, HandlerError> {
    let delivery_event = match &event.said {
        Said::Sent | Said::Delayed => DeliveryEvent::Accepted(AcceptedBy::MailService),
        Said::Delivered { .. }
        | Said::Bounced { .. }
        | Said::Complained { .. }
        | Said::MarkedAsNotSpam => DeliveryEvent::Accepted(AcceptedBy::RecipientServer),
        Said::Rejected { reason } => DeliveryEvent::Rejected {
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

/// Sends nothing more to whom this mail will never reach or who does not want it; answers how many
/// recipients were stopped.
async fn stop(ports: &Ports<'_>, event: &OutboxEvent) -> Result<usize, HandlerError> {
    let (recipients, why) = match &event.said {
        // Whatever kind of bounce SES calls it: the list stays until somebody changes it.
        Said::Bounced {
            suppressed: true,
            recipients,
            ..
        } => (recipients, StopReason::Suppressed),
        Said::Bounced {
            kind: BounceKind::Permanent,
            recipients,
            ..
        } => (recipients, StopReason::Bounced),
        Said::Complained { recipients } => (recipients, StopReason::Complained),
        _ => return Ok(0),
    };
    let Recipients { named, only, .. } = recipients;
    let (mut stopped, mut known) = (0, 0);
    for address in named.iter().chain(only) {
        let (families, alerts, clock) = (ports.families, ports.alerts, ports.clock);
        let family = &event.tag.family;
        match stop_recipient(families, alerts, clock, family, address, why).await? {
            StopOutcome::Stopped(_) => stopped += 1,
            StopOutcome::AlreadyStopped => known += 1,
            StopOutcome::NoRecipient => {}
        }
    }
    if stopped + known == 0 {
        tracing::warn!(family.id = %event.tag.family, reason = why.as_str(), "An event names no recipient that the family has; nobody is stopped.");
    }
    Ok(stopped)
}

fn publish(ports: &Ports<'_>, metrics: &Metrics, event: &OutboxEvent, outcome: &EventOutcome) {
    let line = metrics
        .at(ports.clock.now())
        .field("family", event.tag.family.as_str())
        .field("date", &event.tag.date.to_string());
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    match &event.said {
        Said::Sent | Said::Delayed | Said::MarkedAsNotSpam => {}
        Said::Delivered { recipients } => line
            .metrics(&[], &[("MailsDelivered", Unit::Count, count(*recipients))])
            .publish(),
        Said::Bounced {
            kind, recipients, ..
        } => line
            .metrics(
                &[("Kind", kind.as_str())],
                &[("MailsBounced", Unit::Count, count(recipients.count))],
            )
            .publish(),
        Said::Complained { recipients } => line
            .metrics(
                &[],
                &[("MailsComplained", Unit::Count, count(recipients.count))],
            )
            .publish(),
        Said::Rejected { .. } => {
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
