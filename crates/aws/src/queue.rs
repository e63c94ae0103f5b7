//! The SQS queues: a FIFO queue for visits, a standard queue for mails and for the messages of the web pages.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::StreamExt;
use hippo_core::ids::LibraryId;
use hippo_core::message::MessageRequest;
use hippo_core::outbox::MailKey;
use hippo_core::queue::Visit;
use hippo_core::queue::{MailMessage, MailQueue, MessageQueue, QueueError, VisitQueue};
use hippo_core::run::RunKey;
use hippo_core::store::{ConcurrencyLimit, StoreResult};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::sdk_error::describe_sdk_error;

/// The most messages in one batch that SQS accepts.
const BATCH_SIZE: usize = 10;

/// How many batches are sent at the same time.
const MAX_CONCURRENT_BATCHES: usize = 8;

/// How often an entry is sent before giving up.
const MAX_ATTEMPTS: u32 = 5;

/// The delay before the first retry. It doubles with each retry.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The queue of the visits: one message for each visit, one group for each library, so that a
/// library has one visit at a time.
#[derive(Debug, Clone)]
pub struct SqsVisitQueue {
    sender: Sender,
}

impl SqsVisitQueue {
    /// Uses the FIFO queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            sender: Sender::new(client, url.into()),
        }
    }

    /// Changes the delay before the first retry.
    #[must_use]
    pub fn with_first_retry_delay(mut self, delay: Duration) -> Self {
        self.sender.first_retry_delay = delay;
        self
    }
}

#[async_trait]
impl VisitQueue for SqsVisitQueue {
    async fn send(&self, visits: &[Visit]) -> Result<(), QueueError> {
        let messages = visits
            .iter()
            .map(|visit| {
                Ok(Message {
                    body: body(visit)?,
                    group: Some(visit.library.to_string()),
                    deduplication: Some(deduplication_id(visit)),
                })
            })
            .collect::<Result<Vec<_>, _>>();
        self.sender.send(messages, visits.len()).await
    }
}

/// Hashes what identifies a visit, so that planning it twice in one run sends one message.
fn deduplication_id(visit: &Visit) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.as_bytes());
        hash.update([0]);
    };
    add(&visit.run.to_string());
    add(visit.library.as_str());
    for key in &visit.cards {
        add(key.family.as_str());
        add(&key.card.to_string());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The queue of the mails that are due: one message for each.
#[derive(Debug, Clone)]
pub struct SqsMailQueue {
    sender: Sender,
}

impl SqsMailQueue {
    /// Uses the standard queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            sender: Sender::new(client, url.into()),
        }
    }
}

#[async_trait]
impl MailQueue for SqsMailQueue {
    async fn send(&self, run: &RunKey, mails: &[MailKey]) -> Result<(), QueueError> {
        let messages = mails
            .iter()
            .map(|key| {
                Ok(Message {
                    body: body(&MailMessage::new(key, run))?,
                    group: None,
                    deduplication: None,
                })
            })
            .collect::<Result<Vec<_>, _>>();
        self.sender.send(messages, mails.len()).await
    }
}

/// The requests for messages of the web pages: they go to the queue of the mails. It isn't a FIFO queue, so
/// they never wait for mails, nor mails for them.
#[derive(Debug, Clone)]
pub struct SqsMessageQueue {
    sender: Sender,
}

impl SqsMessageQueue {
    /// Uses the standard queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            sender: Sender::new(client, url.into()),
        }
    }
}

#[async_trait]
impl MessageQueue for SqsMessageQueue {
    async fn send(&self, request: MessageRequest) -> Result<(), QueueError> {
        let message = body(&request).map(|body| Message {
            body,
            group: None,
            deduplication: None,
        });
        self.sender.send(message.map(|one| vec![one]), 1).await
    }
}

/// Limits nothing, since the FIFO queue already limits a library to one visit at a time.
#[derive(Debug, Clone, Copy, Default)]
pub struct FifoConcurrencyLimit;

#[async_trait]
impl ConcurrencyLimit for FifoConcurrencyLimit {
    async fn acquire_permit(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }
}

fn body(message: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(message).map_err(|error| error.to_string())
}

#[derive(Debug, Clone)]
struct Message {
    body: String,
    group: Option<String>,
    deduplication: Option<String>,
}

#[derive(Debug, Clone)]
struct Sender {
    client: Client,
    url: String,
    first_retry_delay: Duration,
}

/// Messages that SQS didn't accept, and why.
struct Unsent {
    count: usize,
    reason: String,
}

impl Sender {
    fn new(client: Client, url: String) -> Self {
        Self {
            client,
            url,
            first_retry_delay: FIRST_RETRY_DELAY,
        }
    }

    async fn send(
        &self,
        messages: Result<Vec<Message>, String>,
        asked: usize,
    ) -> Result<(), QueueError> {
        let messages = messages.map_err(|reason| QueueError {
            unsent: asked,
            asked,
            reason,
        })?;
        let batches: Vec<Vec<Message>> = messages.chunks(BATCH_SIZE).map(<[_]>::to_vec).collect();
        let unsent: Vec<Unsent> = futures::stream::iter(batches)
            .map(|batch| async move { self.send_batch(&batch).await })
            .buffer_unordered(MAX_CONCURRENT_BATCHES)
            .filter_map(std::future::ready)
            .collect()
            .await;
        let count = unsent.iter().map(|unsent| unsent.count).sum();
        match unsent.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(QueueError {
                unsent: count,
                asked,
                reason: first.reason,
            }),
        }
    }

    /// Sends up to ten messages, and retries those that SQS doesn't accept. `None`: all were sent.
    async fn send_batch(&self, batch: &[Message]) -> Option<Unsent> {
        let mut waiting: BTreeMap<String, &Message> = batch
            .iter()
            .enumerate()
            .map(|(index, message)| (index.to_string(), message))
            .collect();
        let mut reason = String::new();
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(self.first_retry_delay * 2_u32.pow(attempt - 1)).await;
            }
            let failed = match self.send_once(&waiting).await {
                Ok(failed) => failed,
                // The SDK has already retried.
                Err(error) => {
                    reason = error;
                    break;
                }
            };
            let is_permanent = failed.iter().any(|failed| failed.is_permanent);
            if let Some(failed) = failed.first() {
                reason.clone_from(&failed.reason);
            }
            waiting.retain(|id, _| failed.iter().any(|failed| failed.id == *id));
            if waiting.is_empty() || is_permanent {
                break;
            }
        }
        (!waiting.is_empty()).then_some(Unsent {
            count: waiting.len(),
            reason,
        })
    }

    async fn send_once(&self, waiting: &BTreeMap<String, &Message>) -> Result<Vec<Failed>, String> {
        let entries = waiting
            .iter()
            .map(|(id, message)| {
                SendMessageBatchRequestEntry::builder()
                    .id(id)
                    .message_body(&message.body)
                    .set_message_group_id(message.group.clone())
                    .set_message_deduplication_id(message.deduplication.clone())
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| error.to_string())?;
        let response = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| describe_sdk_error(&error))?;
        Ok(response
            .failed()
            .iter()
            .map(|failed| Failed {
                id: failed.id().to_owned(),
                is_permanent: failed.sender_fault(),
                reason: match failed.message() {
                    Some(message) => format!("{}: {message}", failed.code()),
                    None => failed.code().to_owned(),
                },
            })
            .collect())
    }
}

/// An entry that SQS didn't accept.
struct Failed {
    id: String,
    is_permanent: bool,
    reason: String,
}

#[cfg(test)]
mod tests;
