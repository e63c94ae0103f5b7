//! Reads the messages of a queue, and reports what is wrong with them.

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An event or a message doesn't belong in this queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The event doesn't come from a queue.
    #[error(
        "The event doesn't come from a queue. Expected: “Records”, each with “messageId” and \
         “body” ({0})."
    )]
    Event(String),
    /// A message has the wrong content. It is retried, then kept in the dead-letter queue.
    #[error("The message {id} isn't {what}: {fault}. Expected: the fields {expected}.")]
    Body {
        /// Its id in the queue.
        id: String,
        /// The expected kind of message.
        what: &'static str,
        /// The expected fields.
        expected: &'static str,
        /// What is wrong.
        fault: String,
    },
}

/// Reads the messages of an event.
pub fn records(event: Value) -> Result<Vec<SqsMessage>, MessageError> {
    let event: SqsEvent =
        serde_json::from_value(event).map_err(|fault| MessageError::Event(fault.to_string()))?;
    if event.records.is_empty() {
        return Err(MessageError::Event("there is no message".to_owned()));
    }
    Ok(event.records)
}

/// A message's id in the queue.
pub fn id(message: &SqsMessage) -> &str {
    message.message_id.as_deref().unwrap_or("without an id")
}

/// How often a message was received; 1 if the queue doesn't say.
pub fn receive_count(message: &SqsMessage) -> usize {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Parses a message's body.
pub fn body<T: DeserializeOwned>(
    message: &SqsMessage,
    what: &'static str,
    expected: &'static str,
) -> Result<T, MessageError> {
    let body = message.body.as_deref().unwrap_or_default();
    serde_json::from_str(body).map_err(|fault| MessageError::Body {
        id: id(message).to_owned(),
        what,
        expected,
        fault: fault.to_string(),
    })
}
