//! `mail-events`: SES says what became of a mail, and its notice is settled by that.
//!
//! EventBridge brings an event at least once, late or out of order; SES may not bring it at all.
//! Every step here may be made again. What becomes of an invocation:
//!
//! - an event of a notice: its notice is settled, recipients are stopped, done. A notice, family or
//!   recipient that is gone by then is no error;
//! - one of something else (a test mail without tags, a kind that nobody asked for): one line in the
//!   log, and it is done, for it will be the same when it comes again;
//! - one of a notice that this version does not understand, or a fault of the store: an error. Lambda
//!   tries it twice more, and then it is a dead letter, from where it can be replayed.

pub mod event;

use hippo_core::clock::Clock;
use hippo_core::family::StopReason;
use hippo_core::jobs::notify::delivery_events::{
    Evidence, Settled, Stopping, settle_by_evidence, stop_recipient,
};
use hippo_core::notice::record::NoticeState;
use hippo_core::notice::record::settling::LeftBy;
use hippo_core::store::AlertStore;
use hippo_core::store::{FamilyStore, NoticeStore};
use serde_json::Value;

use self::event::{BounceKind, MailEvent, NoticeEvent, Recipients, Said};
use crate::dry_run;
use crate::handlers::HandlerError;
use crate::metrics::{Metrics, Unit};

/// What the function needs from outside.
pub struct Ports<'a> {
    /// The families, whose recipients may be stopped.
    pub families: &'a dyn FamilyStore,
    /// The notices.
    pub notices: &'a dyn NoticeStore,
    /// Where what needs the operator is noted; a tick of `notify-all` tells it.
    pub alerts: &'a dyn AlertStore,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Settles what an event is about; answers with nothing, for nobody waits for it.
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
        MailEvent::OfNotice(event) => {
            let settled = settle(ports, &event).await?;
            let stopped = stop(ports, &event).await?;
            tracing::info!(
                event.id = id,
                family.id = %event.tag.family,
                date = %event.tag.date,
                fence = event.tag.fence,
                said = event.said.as_str(),
                settled = in_words(&settled),
                stopped,
                "The invocation is done."
            );
            publish(ports, metrics, &event, &settled);
            Ok(())
        }
    }
}

fn in_words(settled: &Settled) -> &'static str {
    match settled {
        Settled::Now(state) => state.as_str(),
        Settled::NothingNew => "nothing new",
        Settled::Gone => "gone",
    }
}

async fn settle(ports: &Ports<'_>, event: &NoticeEvent) -> Result<Settled, HandlerError> {
    let evidence = match &event.said {
        Said::Sent | Said::Delayed => Evidence::Left(LeftBy::Acceptance),
        Said::Delivered { .. }
        | Said::Bounced { .. }
        | Said::Complained { .. }
        | Said::MarkedAsNotSpam => Evidence::Left(LeftBy::Arriving),
        Said::Rejected { reason } => Evidence::Rejected {
            reason: (*reason).to_owned(),
        },
    };
    let settled = settle_by_evidence(
        ports.notices,
        ports.alerts,
        ports.clock,
        &event.tag,
        &evidence,
        event.message_id.as_deref(),
    );
    Ok(settled.await?)
}

/// Sends nothing more to whom this mail will never reach or who does not want it; answers how many
/// recipients were stopped.
async fn stop(ports: &Ports<'_>, event: &NoticeEvent) -> Result<usize, HandlerError> {
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
        let (families, alert_store, clock) = (ports.families, ports.alerts, ports.clock);
        let family = &event.tag.family;
        match stop_recipient(families, alert_store, clock, family, address, why).await? {
            Stopping::Stopped(_) => stopped += 1,
            Stopping::Before => known += 1,
            Stopping::NoRecipient => {}
        }
    }
    if stopped + known == 0 {
        tracing::warn!(family.id = %event.tag.family, reason = why.as_str(), "An event names no recipient that the family has; nobody is stopped.");
    }
    Ok(stopped)
}

fn publish(ports: &Ports<'_>, metrics: &Metrics, event: &NoticeEvent, settled: &Settled) {
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
            let given_up = *settled == Settled::Now(NoticeState::Failed);
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
