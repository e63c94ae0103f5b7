//! The messages of the web pages, such as sign-in mails, which come through the queue of the notices.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use hippo_core::email_address::EmailAddress;
use hippo_core::message::{MessageOutcome, MessagePorts, MessageRequest, send_message};
use hippo_core::public_url::PublicUrl;
use hippo_core::store::{CardStore, InvitationStore, SignInStore};
use serde_json::Value;

use super::Ports;
use crate::handlers::message;

/// How long sending one may take. The function's timeout is longer, so that the other mails of the batch
/// are finalised.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// The field that only these messages have.
const MARK: &str = "message";

/// What messages of the web pages need beside the ports of the notices.
pub struct PageMessages<'a> {
    /// The attempts to sign in.
    pub sign_ins: &'a dyn SignInStore,
    /// The cards.
    pub cards: &'a dyn CardStore,
    /// The invitations.
    pub invitations: &'a dyn InvitationStore,
    /// The addresses that sign in as the operator.
    pub operators: &'a [EmailAddress],
    /// Where the pages are.
    pub public_url: &'a PublicUrl,
}

/// A message was not sent. It says nothing about its content, which has an address.
#[derive(Debug)]
pub(super) struct NotSent(pub(super) String);

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
        return Err(NotSent("The stack has no web pages.".to_owned()));
    };
    let body = record.body.as_deref().unwrap_or_default();
    // Serde's error may repeat a value, and a value may be an address.
    let request: MessageRequest = serde_json::from_str(body).map_err(|_| {
        let id = message::id(record);
        NotSent(format!("The message {id} can't be read."))
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
    tokio::select! {
        sent = send_message(&message_ports, &request) => sent.map_err(|error| NotSent(error.to_string())),
        () = ports.clock.timeout(SEND_TIMEOUT) => Err(NotSent("The mail service took too long.".to_owned())),
    }
}
