//! `notify-family`: messages arrive, and one notice each is sent, once.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use hippo_core::alerts::{Alert, raise_alerts};
use hippo_core::clock::Clock;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::{NoticeResult, NotifyPorts};
use hippo_core::library::Library;
use hippo_core::mail::Mailer;
use hippo_core::notice::record::NoticeState;
use hippo_core::queue::NoticeMessage;
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LibraryStore, NoticeStore, RunStore, StoreOrigin,
};
use serde_json::Value;

use crate::dry_run;
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
    /// Where it is put down what became of a notice.
    pub runs: &'a dyn RunStore,
    /// Where it is noted what needs the operator.
    pub alerts: &'a dyn AlertStore,
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
    if dry_run::is_asked_for(&event) {
        ports.libraries.libraries().await?;
        return Ok(Vec::new());
    }
    let records = message::records(event)?;
    if ports.notices.origin().await? != StoreOrigin::Known {
        // What a restored table may have sent is held by the next tick, which sends the rest again.
        tracing::warn!(
            messages = records.len(),
            "The table was restored: no notice is sent yet."
        );
        return Ok(Vec::new());
    }
    tracing::info!(messages = records.len(), "Sending notices.");
    let libraries: BTreeMap<LibraryId, Library> = ports
        .libraries
        .libraries()
        .await?
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let runs = ports.runs;
    let ports = NotifyPorts {
        families: ports.families,
        accounts: ports.accounts,
        notices: ports.notices,
        alerts: ports.alerts,
        mailer: ports.mailer,
        clock: ports.clock,
        libraries: &libraries,
        operator_contact: ports.operator_contact,
    };
    let sent = records.iter().map(|record| async {
        match notice(&ports, runs, record).await {
            Ok(result) => {
                if let Some(result) = result {
                    publish(metrics, ports.clock, &result);
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
    let damaged = runs.damaged_rows().into_iter();
    let alerts: Vec<Alert> = damaged.map(Alert::from).collect();
    if let Err(error) = raise_alerts(ports.alerts, &alerts, ports.clock.now()).await {
        tracing::error!(%error, "Alerts could not be recorded.");
    }
    Ok(failures.into_iter().flatten().collect())
}

async fn notice(
    ports: &NotifyPorts<'_>,
    runs: &dyn RunStore,
    record: &SqsMessage,
) -> Result<Option<NoticeResult>, HandlerError> {
    let message: NoticeMessage = message::body(record, "a notice", "family, date and run")?;
    let (family, date) = (&message.family, message.date);
    let result = deliver(ports, family, date, None, false).await?;
    if let Some(run) = &message.run
        && let Some(outcome) = outcome(ports, &message, result.as_ref()).await?
    {
        let work = WorkItem {
            item_id: format!("{family}/{date}"),
            results: vec![WorkResult {
                subject: Subject::Notice {
                    family: family.clone(),
                    date,
                },
                outcome,
            }],
        };
        runs.save_work_item(run, &work).await?;
    }
    Ok(result)
}

/// What became of a notice; `None`: it is in other hands, which will say so.
///
/// Of one that this delivery found settled, the record says it: an earlier delivery may have died
/// before it could.
async fn outcome(
    ports: &NotifyPorts<'_>,
    message: &NoticeMessage,
    result: Option<&NoticeResult>,
) -> Result<Option<WorkOutcome>, HandlerError> {
    if let Some(result) = result {
        return Ok(Some(result.state.into()));
    }
    let (family, date) = (&message.family, message.date);
    Ok(match ports.notices.notice(family, date).await? {
        Some(record) if record.is_over() => Some(record.state.into()),
        Some(_) => None,
        // The job logged that it is gone.
        None => Some(WorkOutcome::Skipped),
    })
}

/// A notice came to where it stays, or to where the next tick finds it.
pub(super) fn publish(metrics: &Metrics, clock: &dyn Clock, result: &NoticeResult) {
    let given_up = matches!(
        result.state,
        NoticeState::Failed | NoticeState::GaveUp | NoticeState::Missed
    );
    metrics
        .at(clock.now())
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
