//! Dead letters: puts back what was tried as often as the stack allows.
//!
//! Each of the four queues has a shape of its own: a visit; a notice; what EventBridge could not bring to a
//! function, the input of a schedule
//! ([attributes](https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html) say of
//! which) or an event of the mail service
//! ([the same attribute](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html)
//! says for whom); and the record of a failed asynchronous invocation, with its input inside
//! ([fields](https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)).

mod letter;

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use serde::Serialize;
use uuid::Uuid;

pub use self::letter::Kind;
use self::letter::{Action, Letter};
use super::jobs::Functions;
use super::stack::Outputs;
use crate::clients::{reason, sqs};

/// How long a letter is out of others' sight while it is worked on, in seconds; longer than a planner may take.
const HIDDEN: i32 = 960;

/// How many messages SQS gives out in one answer.
const MAX_MESSAGES_PER_RECEIVE: usize = 10;

/// How often the letters that stay are shown again without a new one behind them before the replay ends. SQS may answer
/// with fewer than there are.
const MAX_QUIET_ROUNDS: usize = 2;

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOutcome {
    /// It is back in its queue.
    Replayed,
    /// It was only listed.
    Waiting,
    /// This command put it back and it failed again; it stays.
    DeadAgain,
    /// Its message can't be understood; it stays.
    Unreadable,
    /// Its message can't be understood; it was deleted, as asked.
    Discarded,
    /// It could not be put back; it stays.
    Failed,
}

/// A dead letter and what became of it. Ids and times only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Which queue it was in.
    pub queue: Kind,
    /// SQS's id of it.
    pub message: String,
    /// What it is: `a visit of 3 cards at wpl`.
    pub what: String,
    /// What became of it.
    pub fate: ReplayOutcome,
    /// Why, where it is not [`ReplayOutcome::Replayed`].
    pub reason: Option<String>,
}

/// What to do with the letters.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplayOptions {
    /// Only look.
    pub dry_run: bool,
    /// Throw away what nobody can read.
    pub discard_unreadable: bool,
}

/// A dead-letter queue could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The dead letters ({queue}) could not be read: {reason}")]
pub struct Unreadable {
    queue: Kind,
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
            client: sqs(config),
            functions: Functions::new(config),
            outputs,
        }
    }

    /// Puts back every letter of a queue, and calls `each` for each. Returns about how many letters
    /// SQS hides behind those that stay.
    ///
    /// A letter is deleted only after it was put back. After a crash in between it comes twice,
    /// which every worker tolerates.
    pub async fn replay(
        &self,
        kind: Kind,
        options: ReplayOptions,
        each: &mut dyn FnMut(Replayed),
    ) -> Result<usize, Unreadable> {
        let mut progress = Progress::default();
        let result = self.replay_all(kind, options, each, &mut progress).await;
        self.show_again(kind, &mut progress.hidden).await;
        result?;
        let may_hide = kind.is_fifo() && progress.stay.len() >= MAX_MESSAGES_PER_RECEIVE;
        let waiting = if may_hide { self.count(kind).await } else { 0 };
        Ok(waiting.saturating_sub(progress.stay.len()))
    }

    /// SQS hides a FIFO group while one of its messages is hidden. So when nothing more comes, the
    /// letters that stay are made visible again, and the next answer includes what is behind them.
    async fn replay_all(
        &self,
        kind: Kind,
        options: ReplayOptions,
        each: &mut dyn FnMut(Replayed),
        progress: &mut Progress,
    ) -> Result<(), Unreadable> {
        let mut quiet_rounds = 0;
        loop {
            let messages = self.receive(kind).await?;
            if messages.is_empty() {
                let may_hide = kind.is_fifo() && !progress.hidden.is_empty();
                if !may_hide || quiet_rounds == MAX_QUIET_ROUNDS {
                    return Ok(());
                }
                self.show_again(kind, &mut progress.hidden).await;
                quiet_rounds += 1;
            }
            for message in messages {
                let id = message.message_id.clone().unwrap_or_default();
                if progress.stay.contains(&id) {
                    progress.hidden.extend(message.receipt_handle);
                    continue;
                }
                quiet_rounds = 0;
                let letter = Letter::read(kind, &message, self.outputs);
                let (fate, reason) = if progress.sent.contains(&id) {
                    (ReplayOutcome::DeadAgain, None)
                } else {
                    self.decide(kind, &message, &letter, options, progress)
                        .await
                };
                if !matches!(fate, ReplayOutcome::Replayed | ReplayOutcome::Discarded) {
                    progress.stay.insert(id.clone());
                    progress.hidden.extend(message.receipt_handle);
                }
                each(Replayed {
                    queue: kind,
                    message: id,
                    what: letter.what,
                    fate,
                    reason,
                });
            }
        }
    }

    async fn decide(
        &self,
        kind: Kind,
        message: &Message,
        letter: &Letter,
        options: ReplayOptions,
        progress: &mut Progress,
    ) -> (ReplayOutcome, Option<String>) {
        match &letter.action {
            Err(why) if options.dry_run || !options.discard_unreadable => {
                (ReplayOutcome::Unreadable, Some(why.clone()))
            }
            Err(why) => match self.delete(kind, message).await {
                Ok(()) => (ReplayOutcome::Discarded, Some(why.clone())),
                Err(error) => (ReplayOutcome::Failed, Some(error)),
            },
            Ok(_) if options.dry_run => (ReplayOutcome::Waiting, None),
            Ok(action) => {
                let done = match self.act(action).await {
                    Ok(sent) => {
                        progress.sent.extend(sent);
                        self.delete(kind, message).await
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

    /// Puts a letter back. Returns its id in the queue, which it keeps if it dies again.
    async fn act(&self, action: &Action) -> Result<Option<String>, String> {
        match action {
            Action::Send { queue, body, group } => {
                // SQS forgets a message of the same id within five minutes: this one is another.
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
                    .map_err(|error| reason(&error))
            }
            Action::Call { function, event } => self
                .functions
                .call::<serde_json::Value>(function, event)
                .await
                .map(|_| None)
                .map_err(|error| error.to_string()),
        }
    }

    async fn receive(&self, kind: Kind) -> Result<Vec<Message>, Unreadable> {
        let answer = self
            .client
            .receive_message()
            .queue_url(kind.url(self.outputs))
            .max_number_of_messages(MAX_MESSAGES_PER_RECEIVE as i32)
            .message_attribute_names("All")
            .visibility_timeout(HIDDEN)
            .wait_time_seconds(1)
            .send()
            .await
            .map_err(|error| Unreadable {
                queue: kind,
                reason: reason(&error),
            })?;
        Ok(answer.messages.unwrap_or_default())
    }

    async fn delete(&self, kind: Kind, message: &Message) -> Result<(), String> {
        self.client
            .delete_message()
            .queue_url(kind.url(self.outputs))
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| {
                format!(
                    "It was put back, but is still a dead letter: {}",
                    reason(&error)
                )
            })
    }

    /// Makes these letters visible at once. If this fails, they become visible when their timeout
    /// is over.
    async fn show_again(&self, kind: Kind, receipts: &mut Vec<String>) {
        // The last first: whoever receives in between gets none of a group out of order.
        while let Some(receipt) = receipts.pop() {
            let answer = self
                .client
                .change_message_visibility()
                .queue_url(kind.url(self.outputs))
                .receipt_handle(receipt)
                .visibility_timeout(0)
                .send()
                .await;
            if let Err(error) = answer {
                tracing::debug!(reason = %reason(&error), "A dead letter stays out of sight for some minutes.");
            }
        }
    }

    /// About how many letters a queue has; 0 if SQS doesn't say.
    async fn count(&self, kind: Kind) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(kind.url(self.outputs))
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let attributes = answer.attributes.unwrap_or_default();
                let counts = names.iter().filter_map(|name| attributes.get(name));
                counts.filter_map(|count| count.parse::<usize>().ok()).sum()
            }
            Err(error) => {
                tracing::warn!(reason = %reason(&error), "The dead letters could not be counted.");
                0
            }
        }
    }
}

/// How far a replay of one queue is.
#[derive(Debug, Default)]
struct Progress {
    /// The ids of the letters that stay in the queue.
    stay: BTreeSet<String>,
    /// The receipts of those that are hidden from others now.
    hidden: Vec<String>,
    /// The ids of the messages that were sent.
    sent: BTreeSet<String>,
}

#[cfg(test)]
mod tests;
