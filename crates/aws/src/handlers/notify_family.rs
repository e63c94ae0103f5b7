//! `notify-family`: sends the notice of each message, once, and the messages of the web pages.

mod page_message;

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use hippo_core::alerts::{Alert, raise_alerts};
use hippo_core::clock::Clock;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::notify::compose::Composers;
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::{MailResult, NotifyPorts};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::message::MessageOutcome;
use hippo_core::outbox::{MailKey, MailState};
use hippo_core::queue::MailMessage;
use hippo_core::run::work::{WorkItem, WorkOutcome, WorkResult};
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LibraryStore, OutboxStore, RunStore, StoreOrigin,
};
use serde_json::Value;
use tracing::Instrument as _;

pub use self::page_message::PageMessages;
use self::page_message::{NextTry, is_page_message, redeliver, send_page_message};
use crate::dry_run;
use crate::handlers::HandlerError;
use crate::handlers::logging::run_span;
use crate::handlers::message;
use crate::metrics::{Metrics, Unit};

/// The handler's dependencies.
pub struct Ports<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// Their cards and accounts.
    pub accounts: &'a dyn AccountStore,
    /// The records of the mails.
    pub outbox: &'a dyn OutboxStore,
    /// The libraries, read once for each invocation.
    pub libraries: &'a dyn LibraryStore,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// Where a notice's result is stored.
    pub runs: &'a dyn RunStore,
    /// The store of alerts.
    pub alerts: &'a dyn AlertStore,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The contact for questions in the mail.
    pub operator_contact: Option<&'a str>,
    /// What the messages of the web pages need; `None`: there are no pages, and mails have no links to them.
    pub pages: Option<PageMessages<'a>>,
}

/// Sends the mails of an event concurrently. Returns the messages to retry.
pub async fn handle(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: Value,
) -> Result<SqsBatchResponse, HandlerError> {
    match work(ports, metrics, event).await {
        Ok(failures) => {
            tracing::info!(failed = failures.len(), "The invocation finished.");
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = failures;
            Ok(response)
        }
        Err(error) => Err(HandlerError::log(error)),
    }
}

async fn work(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: Value,
) -> Result<Vec<BatchItemFailure>, HandlerError> {
    if dry_run::is_requested(&event) {
        ports.libraries.libraries().await?;
        return Ok(Vec::new());
    }
    let records = message::records(event)?;
    let (messages, mails): (Vec<_>, Vec<_>) = records.iter().partition(|one| is_page_message(one));
    let (of_messages, of_mails) = futures::join!(
        send_page_messages(ports, &messages),
        send_mails(ports, metrics, &mails)
    );
    let mut failures = of_messages;
    match of_mails {
        Ok(of_mails) => failures.extend(of_mails),
        // The messages were sent, so only the mails are retried.
        Err(error) if !messages.is_empty() => {
            HandlerError::log(error);
            failures.extend(mails.into_iter().map(failure));
        }
        Err(error) => return Err(error),
    }
    Ok(failures)
}

/// Sends the messages of the web pages. Returns those to retry.
async fn send_page_messages(ports: &Ports<'_>, records: &[&SqsMessage]) -> Vec<BatchItemFailure> {
    let sent = records.iter().map(|record| async {
        match send_page_message(ports, record).await {
            Ok(MessageOutcome::Sent) => tracing::info!("Sent a message of the web pages."),
            Ok(MessageOutcome::UnknownAddress | MessageOutcome::TooLate) => {
                tracing::info!(
                    "No message was needed: the address is unknown, or the request is too old."
                );
            }
            Ok(MessageOutcome::TooMany) => {
                tracing::warn!("Too many sign-in emails were sent today. We won't send more.");
            }
            // It is in the log already.
            Ok(MessageOutcome::Refused | MessageOutcome::InDoubt) => {}
            Err(error) => {
                tracing::error!(
                    message.id = message::id(record),
                    receive_count = message::receive_count(record),
                    error = error.reason,
                    next = ?error.next,
                    "Couldn't send a message of the web pages."
                );
                match error.next {
                    NextTry::Never => return None,
                    NextTry::After(pause) => redeliver(ports, record, pause).await,
                    NextTry::AfterVisibilityTimeout => {}
                }
                return Some(failure(record));
            }
        }
        None
    });
    let failures = futures::future::join_all(sent).await;
    failures.into_iter().flatten().collect()
}

fn failure(record: &SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = record.message_id.clone().unwrap_or_default();
    failure
}

/// Sends mails of the outbox. Returns the messages to retry.
async fn send_mails(
    ports: &Ports<'_>,
    metrics: &Metrics,
    records: &[&SqsMessage],
) -> Result<Vec<BatchItemFailure>, HandlerError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    if ports.outbox.origin().await? != StoreOrigin::Known {
        // The next tick holds what may have been sent before the restore, and enqueues the rest again.
        tracing::warn!(
            messages = records.len(),
            "The table was restored, so no notice is sent yet."
        );
        return Ok(Vec::new());
    }
    tracing::info!(messages = records.len(), "Sending mails.");
    let libraries: BTreeMap<LibraryId, Library> = ports
        .libraries
        .libraries()
        .await?
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let (runs, composers) = (ports.runs, Composers::default());
    let ports = NotifyPorts {
        families: ports.families,
        accounts: ports.accounts,
        outbox: ports.outbox,
        alerts: ports.alerts,
        composers: &composers,
        mailer: ports.mailer,
        clock: ports.clock,
        libraries: &libraries,
        operator_contact: ports.operator_contact,
        public_url: ports.pages.as_ref().map(|pages| pages.public_url),
    };
    let sent = records.iter().map(|record| async {
        match send(&ports, runs, record).await {
            Ok(result) => {
                if let Some(result) = result {
                    publish(metrics, ports.clock, &result);
                }
                None
            }
            Err(_) => Some(failure(record)),
        }
    });
    let failures = futures::future::join_all(sent).await;
    let damaged = runs.damaged_rows().into_iter();
    let alerts: Vec<Alert> = damaged.map(Alert::from).collect();
    if let Err(error) = raise_alerts(ports.alerts, &alerts, ports.clock.now()).await {
        tracing::error!(%error, "Couldn't record alerts.");
    }
    Ok(failures.into_iter().flatten().collect())
}

/// Sends the mail of one message. An error is logged.
async fn send(
    ports: &NotifyPorts<'_>,
    runs: &dyn RunStore,
    record: &SqsMessage,
) -> Result<Option<MailResult>, HandlerError> {
    let log_error = |error: &HandlerError| {
        tracing::error!(
            message.id = message::id(record),
            receive_count = message::receive_count(record),
            %error,
            "Couldn't process a message."
        );
    };
    let message = message::body(record, "a mail", "kind, family, date and run");
    let message: MailMessage = message.map_err(HandlerError::from).inspect_err(log_error)?;
    let work = async {
        send_mail(ports, runs, &message)
            .await
            .inspect_err(log_error)
    };
    work.instrument(run_span(&message.run)).await
}

async fn send_mail(
    ports: &NotifyPorts<'_>,
    runs: &dyn RunStore,
    message: &MailMessage,
) -> Result<Option<MailResult>, HandlerError> {
    let key = message.key();
    let result = deliver(ports, &key, None, false).await?;
    if let Some(outcome) = outcome(ports, &key, result.as_ref()).await? {
        let work = WorkItem {
            item_id: key.to_string(),
            results: vec![WorkResult {
                subject: key.into(),
                outcome,
            }],
        };
        runs.save_work_item(&message.run, &work).await?;
    }
    Ok(result)
}

/// A notice's result. `None`: another worker is sending it and will report it.
///
/// If the notice was already finalised, returns the result in its record, since an earlier worker may
/// have crashed before reporting it.
async fn outcome(
    ports: &NotifyPorts<'_>,
    key: &MailKey,
    result: Option<&MailResult>,
) -> Result<Option<WorkOutcome>, HandlerError> {
    if let Some(result) = result {
        return Ok(Some(result.state.into()));
    }
    Ok(match ports.outbox.mail(key).await? {
        Some(record) if record.is_over() => Some(record.state.into()),
        Some(_) => None,
        // The job logged that it is gone.
        None => Some(WorkOutcome::Skipped),
    })
}

/// Publishes a mail's result, final or not.
pub(super) fn publish(metrics: &Metrics, clock: &dyn Clock, result: &MailResult) {
    let given_up = matches!(
        result.state,
        MailState::Failed | MailState::GaveUp | MailState::Missed
    );
    metrics
        .at(clock.now())
        .metrics(
            &[],
            &[
                (
                    "NoticesSent",
                    Unit::Count,
                    (result.state == MailState::Sent).into(),
                ),
                ("NoticesGivenUp", Unit::Count, given_up.into()),
            ],
        )
        .field("kind", result.kind.as_str())
        .field("family", result.family.as_str())
        .field("date", &result.date.to_string())
        .field("state", result.state.as_str())
        .publish();
}

#[cfg(test)]
mod tests;
