//! The queues on SQS: visits by FIFO, notices by a standard queue.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::StreamExt;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::check_cards::visit::Visit;
use hippo_core::outbox::MailKey;
use hippo_core::queue::{MailMessage, MailQueue, QueueError, VisitQueue};
use hippo_core::run::RunKey;
use hippo_core::store::{ConcurrencyLimit, StoreResult};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::clients::reason;

/// What SQS takes at a time.
const BATCH_SIZE: usize = 10;

/// How many batches are on their way at a time.
const AT_ONCE: usize = 8;

/// How often entries are sent that SQS does not take, the first time included.
const MAX_ATTEMPTS: u32 = 5;

/// The wait before the second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The visits of the runs: one message each, one group a library, so that a library has one
/// visitor at a time.
#[derive(Debug, Clone)]
pub struct SqsVisitQueue {
    sender: Sender,
}

impl SqsVisitQueue {
    /// The FIFO queue of this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            sender: Sender::new(client, url.into()),
        }
    }

    /// The same, with another wait before the second try.
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.sender.first_wait = wait;
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
                    deduplication: Some(deduplication(visit)),
                })
            })
            .collect::<Result<Vec<_>, _>>();
        self.sender.send(messages, visits.len()).await
    }
}

/// The same visit of the same run is the same message, whoever plans it and however often.
fn deduplication(visit: &Visit) -> String {
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

/// The mails that are due: one message each.
#[derive(Debug, Clone)]
pub struct SqsMailQueue {
    sender: Sender,
}

impl SqsMailQueue {
    /// The standard queue of this URL.
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

/// No gate of our own: the FIFO queue lets one visit at a time to a library.
#[derive(Debug, Clone, Copy, Default)]
pub struct FifoConcurrencyLimit;

#[async_trait]
impl ConcurrencyLimit for FifoConcurrencyLimit {
    async fn enter(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
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
    first_wait: Duration,
}

/// Messages that were not taken, and why.
struct Unsent {
    count: usize,
    reason: String,
}

impl Sender {
    fn new(client: Client, url: String) -> Self {
        Self {
            client,
            url,
            first_wait: FIRST_WAIT,
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
            .buffer_unordered(AT_ONCE)
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

    /// Sends up to ten messages, those that are not taken again; `None`: all were taken.
    async fn send_batch(&self, batch: &[Message]) -> Option<Unsent> {
        let mut waiting: BTreeMap<String, &Message> = batch
            .iter()
            .enumerate()
            .map(|(index, message)| (index.to_string(), message))
            .collect();
        let mut reason = String::new();
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(self.first_wait * 2_u32.pow(attempt - 1)).await;
            }
            let failed = match self.send_once(&waiting).await {
                Ok(failed) => failed,
                // The SDK tried again already where that may help.
                Err(error) => {
                    reason = error;
                    break;
                }
            };
            let for_good = failed.iter().any(|failed| failed.for_good);
            if let Some(failed) = failed.first() {
                reason.clone_from(&failed.reason);
            }
            waiting.retain(|id, _| failed.iter().any(|failed| failed.id == *id));
            if waiting.is_empty() || for_good {
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
        let answer = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| reason(&error))?;
        Ok(answer
            .failed()
            .iter()
            .map(|failed| Failed {
                id: failed.id().to_owned(),
                for_good: failed.sender_fault(),
                reason: match failed.message() {
                    Some(message) => format!("{}: {message}", failed.code()),
                    None => failed.code().to_owned(),
                },
            })
            .collect())
    }
}

/// An entry that SQS did not take.
struct Failed {
    id: String,
    for_good: bool,
    reason: String,
}

#[cfg(test)]
mod tests;
