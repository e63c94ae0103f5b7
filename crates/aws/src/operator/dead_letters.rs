//! Replays dead letters, which failed as often as the stack allows.
//!
//! Each of the four dead-letter queues has its own kind of message:
//!
//! - A visit.
//! - A notice.
//! - What EventBridge couldn't deliver to a function: the input of a schedule, or an event of the mail
//!   service. An attribute names the function
//!   ([schedules](https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html),
//!   [events](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html)).
//! - The record of a failed asynchronous invocation, which includes its input
//!   ([fields](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)).

mod letter;

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use serde::Serialize;
use uuid::Uuid;

pub use self::letter::DeadLetterQueue;
use self::letter::{Action, DeadLetter};
use super::jobs::Functions;
use super::stack::Outputs;
use crate::clients::sqs_client;
use crate::sdk_error::describe_sdk_error;

/// How long a letter is hidden while it is replayed, in seconds. Longer than a planner may take.
const VISIBILITY_TIMEOUT_SECONDS: i32 = 960;

/// The most messages in one response of SQS.
const MAX_MESSAGES_PER_RECEIVE: usize = 10;

/// How many rounds without a new letter end the replay. One isn't enough, since SQS may return fewer
/// messages than there are.
const MAX_EMPTY_ROUNDS: usize = 2;

/// The result of replaying a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// It is back in its queue.
    Replayed,
    /// It was only listed.
    Waiting,
    /// It was put back and failed again. It stays.
    DeadAgain,
    /// It can't be read. It stays.
    Unreadable,
    /// It can't be read, and was deleted as requested.
    Discarded,
    /// It couldn't be put back or deleted. It stays.
    Failed,
}

/// A dead letter and the result of its replay. Contains only ids and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterReport {
    /// Which queue it was in.
    pub queue: DeadLetterQueue,
    /// Its id in SQS.
    pub message: String,
    /// A description, like `a visit of 3 cards at wpl`.
    pub description: String,
    /// The result of its replay.
    pub outcome: ReplayOutcome,
    /// Why it wasn't replayed.
    pub reason: Option<String>,
}

/// Options of a replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayOptions {
    /// Lists the letters only.
    pub dry_run: bool,
    /// Deletes letters that can't be read.
    pub discard_unreadable: bool,
}

/// A dead-letter queue couldn't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Couldn't read the dead letters ({queue}): {reason}")]
pub struct QueueReadError {
    queue: DeadLetterQueue,
    reason: String,
}

/// The dead letters of a stack.
#[derive(Debug, Clone)]
pub struct DeadLetters<'a> {
    client: Client,
    functions: Functions,
    outputs: &'a Outputs,
}

impl<'a> DeadLetters<'a> {
    /// The dead letters of the stack with these outputs.
    pub fn new(config: &SdkConfig, outputs: &'a Outputs) -> Self {
        Self {
            client: sqs_client(config),
            functions: Functions::new(config),
            outputs,
        }
    }

    /// Replays every letter of a queue, and calls `report_letter` with each result. Returns about how many
    /// letters SQS hides behind those that stay.
    ///
    /// A letter is deleted only after it was put back. After a crash in between it is delivered
    /// twice, which every worker tolerates.
    pub async fn replay(
        &self,
        queue: DeadLetterQueue,
        options: ReplayOptions,
        report_letter: &mut dyn FnMut(LetterReport),
    ) -> Result<usize, QueueReadError> {
        let mut progress = ReplayProgress::default();
        let result = self
            .replay_all(queue, options, report_letter, &mut progress)
            .await;
        self.make_visible(queue, &mut progress.hidden).await;
        result?;
        let may_hide = queue.is_fifo() && progress.remaining.len() >= MAX_MESSAGES_PER_RECEIVE;
        let waiting = if may_hide {
            self.count_messages(queue).await
        } else {
            0
        };
        Ok(waiting.saturating_sub(progress.remaining.len()))
    }

    /// Replays letters until no new ones come.
    ///
    /// SQS hides a FIFO group while one of its messages is hidden. So when a response is empty, the
    /// letters that stay are made visible again, and the next response includes the ones behind
    /// them.
    async fn replay_all(
        &self,
        queue: DeadLetterQueue,
        options: ReplayOptions,
        report_letter: &mut dyn FnMut(LetterReport),
        progress: &mut ReplayProgress,
    ) -> Result<(), QueueReadError> {
        let mut empty_rounds = 0;
        loop {
            let messages = self.receive(queue).await?;
            if messages.is_empty() {
                let may_hide = queue.is_fifo() && !progress.hidden.is_empty();
                if !may_hide || empty_rounds == MAX_EMPTY_ROUNDS {
                    return Ok(());
                }
                self.make_visible(queue, &mut progress.hidden).await;
                empty_rounds += 1;
            }
            for message in messages {
                let id = message.message_id.clone().unwrap_or_default();
                if progress.remaining.contains(&id) {
                    progress.hidden.extend(message.receipt_handle);
                    continue;
                }
                empty_rounds = 0;
                let letter = DeadLetter::read(queue, &message, self.outputs);
                let (outcome, reason) = if progress.sent.contains(&id) {
                    (ReplayOutcome::DeadAgain, None)
                } else {
                    self.process(queue, &message, &letter, options, progress)
                        .await
                };
                if !matches!(outcome, ReplayOutcome::Replayed | ReplayOutcome::Discarded) {
                    progress.remaining.insert(id.clone());
                    progress.hidden.extend(message.receipt_handle);
                }
                report_letter(LetterReport {
                    queue,
                    message: id,
                    description: letter.description,
                    outcome,
                    reason,
                });
            }
        }
    }

    async fn process(
        &self,
        queue: DeadLetterQueue,
        message: &Message,
        letter: &DeadLetter,
        options: ReplayOptions,
        progress: &mut ReplayProgress,
    ) -> (ReplayOutcome, Option<String>) {
        match &letter.action {
            Err(why) if options.dry_run || !options.discard_unreadable => {
                (ReplayOutcome::Unreadable, Some(why.clone()))
            }
            Err(why) => match self.delete(queue, message).await {
                Ok(()) => (ReplayOutcome::Discarded, Some(why.clone())),
                Err(error) => (
                    ReplayOutcome::Failed,
                    Some(format!("Couldn't delete it: {error}")),
                ),
            },
            Ok(_) if options.dry_run => (ReplayOutcome::Waiting, None),
            Ok(action) => {
                let done = match self.put_back(action).await {
                    Ok(sent) => {
                        progress.sent.extend(sent);
                        self.delete(queue, message).await.map_err(|error| {
                            format!("It was put back, but is still a dead letter: {error}")
                        })
                    }
                    Err(error) => Err(error),
                };
                match done {
                    Ok(()) => (ReplayOutcome::Replayed, None),
                    Err(error) => (ReplayOutcome::Failed, Some(error)),
                }
            }
        }
    }

    /// Puts a letter back. Returns its id in the queue, which it keeps if it fails again.
    async fn put_back(&self, action: &Action) -> Result<Option<String>, String> {
        match action {
            Action::Send { queue, body, group } => {
                // A new id, since SQS drops a message with the same id within five minutes.
                let deduplication = group.as_ref().map(|_| Uuid::new_v4().to_string());
                self.client
                    .send_message()
                    .queue_url(queue)
                    .message_body(body)
                    .set_message_group_id(group.clone())
                    .set_message_deduplication_id(deduplication)
                    .send()
                    .await
                    .map(|sent| sent.message_id)
                    .map_err(|error| describe_sdk_error(&error))
            }
            Action::Call { function, event } => self
                .functions
                .call::<serde_json::Value>(function, event)
                .await
                .map(|_| None)
                .map_err(|error| error.to_string()),
        }
    }

    async fn receive(&self, queue: DeadLetterQueue) -> Result<Vec<Message>, QueueReadError> {
        let response = self
            .client
            .receive_message()
            .queue_url(queue.url(self.outputs))
            .max_number_of_messages(MAX_MESSAGES_PER_RECEIVE as i32)
            .message_attribute_names("All")
            .visibility_timeout(VISIBILITY_TIMEOUT_SECONDS)
            .wait_time_seconds(1)
            .send()
            .await
            .map_err(|error| QueueReadError {
                queue,
                reason: describe_sdk_error(&error),
            })?;
        Ok(response.messages.unwrap_or_default())
    }

    async fn delete(&self, queue: DeadLetterQueue, message: &Message) -> Result<(), String> {
        self.client
            .delete_message()
            .queue_url(queue.url(self.outputs))
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| describe_sdk_error(&error))
    }

    /// Makes these letters visible at once. If this fails, they become visible when their timeout
    /// is over.
    async fn make_visible(&self, queue: DeadLetterQueue, receipts: &mut Vec<String>) {
        // The last first, so that another receiver gets no group out of order.
        while let Some(receipt) = receipts.pop() {
            let response = self
                .client
                .change_message_visibility()
                .queue_url(queue.url(self.outputs))
                .receipt_handle(receipt)
                .visibility_timeout(0)
                .send()
                .await;
            if let Err(error) = response {
                tracing::debug!(reason = %describe_sdk_error(&error), "A dead letter stays hidden for some minutes.");
            }
        }
    }

    /// The approximate number of letters in a queue. 0 if SQS doesn't answer.
    async fn count_messages(&self, queue: DeadLetterQueue) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let response = self
            .client
            .get_queue_attributes()
            .queue_url(queue.url(self.outputs))
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await;
        match response {
            Ok(response) => {
                let attributes = response.attributes.unwrap_or_default();
                let counts = names.iter().filter_map(|name| attributes.get(name));
                counts.filter_map(|count| count.parse::<usize>().ok()).sum()
            }
            Err(error) => {
                tracing::warn!(reason = %describe_sdk_error(&error), "Couldn't count the dead letters.");
                0
            }
        }
    }
}

/// The progress of replaying one queue.
#[derive(Debug, Default)]
struct ReplayProgress {
    /// The ids of the letters that stay in the queue.
    remaining: BTreeSet<String>,
    /// The receipts of those that are hidden now.
    hidden: Vec<String>,
    /// The ids of the messages that were sent.
    sent: BTreeSet<String>,
}

#[cfg(test)]
mod tests;
