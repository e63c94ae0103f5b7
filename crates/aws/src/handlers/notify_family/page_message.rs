//! The messages of the web pages, such as sign-in mails, which come through the queue of the notices.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use chrono::{DateTime, Utc};
use hippo_core::email_address::EmailAddress;
use hippo_core::message::{
    MessageError, MessageOutcome, MessagePorts, MessageRequest, retry_pause, send_message,
};
use hippo_core::public_url::PublicUrl;
use hippo_core::store::{CardStore, InvitationStore, SignInStore};
use serde_json::Value;

use super::Ports;
use crate::handlers::message;
use crate::redelivery::Redelivery;

/// How long sending one may take. The function's timeout is longer, so that the other mails of the batch
/// are finalised.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// The field that only these messages have.
const MARK: &str = "message";

/// What messages of the web pages need besides the ports of the notices.
pub struct PageMessages<'a> {
    /// The attempts to sign in.
    pub sign_ins: &'a dyn SignInStore,
    /// The cards.
    pub cards: &'a dyn CardStore,
    /// The invitations.
    pub invitations: &'a dyn InvitationStore,
    /// The addresses that sign in as the operator.
    pub operators: &'a [EmailAddress],
    /// The base URL of the pages.
    pub public_url: &'a PublicUrl,
    /// Lets the queue deliver a sign-in message again while its link is worth something.
    pub redelivery: &'a dyn Redelivery,
}

/// A message wasn't sent. It says nothing about its content, which has an address.
#[derive(Debug)]
pub(super) struct NotSent {
    pub(super) reason: String,
    /// When the queue should deliver it again.
    pub(super) next: NextTry,
}

/// When a message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextTry {
    /// As any other message of the queue. After its last try, it's a dead letter.
    AfterVisibilityTimeout,
    /// After this pause.
    After(Duration),
    /// Never: it's of no more use.
    Never,
}

impl NotSent {
    fn after_visibility_timeout(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            next: NextTry::AfterVisibilityTimeout,
        }
    }

    fn new(error: &MessageError, tries: usize, now: DateTime<Utc>) -> Self {
        let next = match error {
            MessageError::TryAgain { until, .. } => {
                retry_pause(tries, now, *until).map_or(NextTry::Never, NextTry::After)
            }
            _ => NextTry::AfterVisibilityTimeout,
        };
        Self {
            reason: error.to_string(),
            next,
        }
    }
}

/// Whether a message of the queue comes from the web pages.
pub(super) fn is_page_message(record: &SqsMessage) -> bool {
    let body = record.body.as_deref().unwrap_or_default();
    let body: Option<Value> = serde_json::from_str(body).ok();
    body.is_some_and(|body| body.get(MARK).is_some())
}

/// Sends a message of the web pages.
pub(super) async fn send_page_message(
    ports: &Ports<'_>,
    record: &SqsMessage,
) -> Result<MessageOutcome, NotSent> {
    let Some(pages) = &ports.pages else {
        return Err(NotSent::after_visibility_timeout(
            "The stack has no web pages.",
        ));
    };
    let body = record.body.as_deref().unwrap_or_default();
    // Serde's error may repeat a value, and a value may be an address.
    let request: MessageRequest = serde_json::from_str(body).map_err(|_| {
        let id = message::id(record);
        NotSent::after_visibility_timeout(format!("The message {id} can't be read."))
    })?;
    let message_ports = MessagePorts {
        sign_ins: pages.sign_ins,
        families: ports.families,
        cards: pages.cards,
        libraries: ports.libraries,
        invitations: pages.invitations,
        alerts: ports.alerts,
        mailer: ports.mailer,
        clock: ports.clock,
        operators: pages.operators,
        public_url: pages.public_url,
        operator_contact: ports.operator_contact,
    };
    let sent = tokio::select! {
        sent = send_message(&message_ports, &request) => sent,
        () = ports.clock.timeout(SEND_TIMEOUT) => {
            return Err(NotSent::after_visibility_timeout("The mail service took too long."));
        }
    };
    let tries = message::receive_count(record);
    sent.map_err(|error| NotSent::new(&error, tries, ports.clock.now()))
}

/// Has the queue deliver a message again after a pause. If that fails, it does so much later.
pub(super) async fn redeliver(ports: &Ports<'_>, record: &SqsMessage, pause: Duration) {
    let (Some(pages), Some(receipt)) = (&ports.pages, &record.receipt_handle) else {
        return;
    };
    let asked = pages.redelivery.redeliver_after(receipt, pause).await;
    if let Err(reason) = asked {
        tracing::error!(
            message.id = message::id(record),
            reason,
            "Couldn't have the queue deliver a message sooner."
        );
    }
}
