//! `notify-family`: messages arrive, and one notice each is sent, once.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use hippo_core::clock::Clock;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::notify_all::deliver;
use hippo_core::jobs::notify_family::{NoticeResult, NotifyPorts};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::notice::record::NoticeState;
use hippo_core::queue::DueNotice;
use hippo_core::store::{AccountStore, FamilyStore, LibraryStore, NoticeStore};
use serde_json::Value;

use crate::handlers::HandlerError;
use crate::handlers::message;
use crate::metrics::{Metrics, Unit};

/// What the function needs from outside.
pub struct Ports<'a> {
    /// The families.
    pub families: &'a dyn FamilyStore,
    /// Their cards and accounts.
    pub accounts: &'a dyn AccountStore,
    /// The notices.
    pub notices: &'a dyn NoticeStore,
    /// The libraries, read once for an invocation.
    pub libraries: &'a dyn LibraryStore,
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Whom the mail names for questions.
    pub operator_contact: Option<&'a str>,
}

/// Sends the notices of an event side by side; answers with the messages that are to come again.
pub async fn handle(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: Value,
) -> Result<SqsBatchResponse, HandlerError> {
    match work(ports, metrics, event).await {
        Ok(failures) => {
            tracing::info!(failed = failures.len(), "The invocation is done.");
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = failures;
            Ok(response)
        }
        Err(error) => Err(error.logged()),
    }
}

async fn work(
    ports: &Ports<'_>,
    metrics: &Metrics,
    event: Value,
) -> Result<Vec<BatchItemFailure>, HandlerError> {
    let records = message::records(event)?;
    tracing::info!(messages = records.len(), "Sending notices.");
    let libraries: BTreeMap<LibraryId, Library> = ports
        .libraries
        .libraries()
        .await?
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let ports = NotifyPorts {
        families: ports.families,
        accounts: ports.accounts,
        notices: ports.notices,
        mailer: ports.mailer,
        clock: ports.clock,
        libraries: &libraries,
        operator_contact: ports.operator_contact,
    };
    let sent = records.iter().map(|record| async {
        match notice(&ports, record).await {
            Ok(result) => {
                if let Some(result) = result {
                    publish(metrics, &ports, &result);
                }
                None
            }
            Err(error) => {
                tracing::error!(
                    message.id = message::id(record),
                    receive_count = message::receive_count(record),
                    %error,
                    "A notice could not be made."
                );
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = record.message_id.clone().unwrap_or_default();
                Some(failure)
            }
        }
    });
    let failures = futures::future::join_all(sent).await;
    Ok(failures.into_iter().flatten().collect())
}

async fn notice(
    ports: &NotifyPorts<'_>,
    record: &SqsMessage,
) -> Result<Option<NoticeResult>, HandlerError> {
    let notice: DueNotice = message::body(record, "a notice", "family and date")?;
    Ok(deliver(ports, &notice.family, notice.date, None, false).await?)
}

fn publish(metrics: &Metrics, ports: &NotifyPorts<'_>, result: &NoticeResult) {
    let given_up = matches!(
        result.state,
        NoticeState::Failed | NoticeState::GaveUp | NoticeState::Missed
    );
    metrics
        .at(ports.clock.now())
        .metrics(
            &[],
            &[
                (
                    "NoticesSent",
                    Unit::Count,
                    (result.state == NoticeState::Sent).into(),
                ),
                ("NoticesGivenUp", Unit::Count, given_up.into()),
            ],
        )
        .field("family", result.family.as_str())
        .field("date", &result.date.to_string())
        .field("state", result.state.as_str())
        .publish();
}

#[cfg(test)]
mod tests;
