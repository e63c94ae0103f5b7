//! Dead letters: what was tried as often as the stack allows, put back where it is done.
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
use aws_sdk_sqs::types::Message;
use serde::Serialize;
use uuid::Uuid;

pub use self::letter::Kind;
use self::letter::{Action, Letter};
use super::jobs::Functions;
use super::stack::Outputs;
use crate::clients::{reason, sqs};

/// How long a letter is out of others' sight while it is worked on, in seconds; longer than a planner may take.
const HIDDEN: i32 = 960;

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is where it is done, and no dead letter any more.
    Replayed,
    /// Nothing was done: it was only looked at.
    Seen,
    /// It was put back by this same command and died again; it stays.
    DiedAgain,
    /// Nobody can do anything with it; it stays.
    Unreadable,
    /// The same, and it was thrown away, as was asked for.
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
    pub fate: Fate,
    /// Why, where it is not [`Fate::Replayed`].
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

/// A queue of dead letters could not be read.
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
    /// Those of the stack with these outputs.
    pub fn new(config: &SdkConfig, outputs: &'a Outputs) -> Self {
        Self {
            client: sqs(config),
            functions: Functions::new(config),
            outputs,
        }
    }

    /// Puts back every letter of a queue; `each` hears of each.
    ///
    /// A letter is deleted only after it was put back: a crash in between brings it twice, which every worker
    /// bears.
    pub async fn replay(
        &self,
        kind: Kind,
        options: ReplayOptions,
        each: &mut dyn FnMut(Replayed),
    ) -> Result<(), Unreadable> {
        let mut stay = Vec::new();
        let result = self.replay_all(kind, options, each, &mut stay).await;
        for receipt in stay {
            self.show_again(kind, &receipt).await;
        }
        result
    }

    async fn replay_all(
        &self,
        kind: Kind,
        options: ReplayOptions,
        each: &mut dyn FnMut(Replayed),
        stay: &mut Vec<String>,
    ) -> Result<(), Unreadable> {
        let mut seen = BTreeSet::new();
        loop {
            let messages = self.receive(kind).await?;
            if messages.is_empty() {
                return Ok(());
            }
            let mut any_new = false;
            for message in messages {
                let is_new = seen.insert(message.body().unwrap_or_default().to_owned());
                any_new |= is_new;
                let letter = Letter::read(kind, &message, self.outputs);
                let (fate, reason) = if is_new {
                    self.decide(kind, &message, &letter, options).await
                } else {
                    (Fate::DiedAgain, None)
                };
                if !matches!(fate, Fate::Replayed | Fate::Discarded) {
                    stay.extend(message.receipt_handle.clone());
                }
                each(Replayed {
                    queue: kind,
                    message: message.message_id.unwrap_or_default(),
                    what: letter.what,
                    fate,
                    reason,
                });
            }
            if !any_new {
                return Ok(());
            }
        }
    }

    async fn decide(
        &self,
        kind: Kind,
        message: &Message,
        letter: &Letter,
        options: ReplayOptions,
    ) -> (Fate, Option<String>) {
        match &letter.action {
            Err(why) if options.dry_run || !options.discard_unreadable => {
                (Fate::Unreadable, Some(why.clone()))
            }
            Err(why) => match self.delete(kind, message).await {
                Ok(()) => (Fate::Discarded, Some(why.clone())),
                Err(error) => (Fate::Failed, Some(error)),
            },
            Ok(_) if options.dry_run => (Fate::Seen, None),
            Ok(action) => {
                let done = match self.act(action).await {
                    Ok(()) => self.delete(kind, message).await,
                    Err(error) => Err(error),
                };
                match done {
                    Ok(()) => (Fate::Replayed, None),
                    Err(error) => (Fate::Failed, Some(error)),
                }
            }
        }
    }

    async fn act(&self, action: &Action) -> Result<(), String> {
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
                    .map(drop)
                    .map_err(|error| reason(&error))
            }
            Action::Call { function, event } => self
                .functions
                .call(function, event)
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
        }
    }

    async fn receive(&self, kind: Kind) -> Result<Vec<Message>, Unreadable> {
        let answer = self
            .client
            .receive_message()
            .queue_url(kind.url(self.outputs))
            .max_number_of_messages(10)
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
                    "It was put back, but is a dead letter still: {}",
                    reason(&error)
                )
            })
    }

    /// Others see it at once; if this fails, they do when its time is over.
    async fn show_again(&self, kind: Kind, receipt: &str) {
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

#[cfg(test)]
mod tests;
