//! Reads a dead letter, and decides what to do with it.

use std::fmt;

use aws_sdk_sqs::types::Message;
use hippo_core::message::MessageRequest;
use hippo_core::queue::MailMessage;
use hippo_core::queue::Visit;
use serde::Serialize;
use serde_json::Value;

use crate::operator::stack::Outputs;
use crate::schedules::REPLAYED;

/// One of the dead-letter queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterQueue {
    /// Visits that `check-card` failed.
    Visits,
    /// Notices that `notify-family` failed.
    Notices,
    /// Schedule starts and mail events that EventBridge couldn't deliver to a function.
    Schedules,
    /// Failed invocations of the functions that EventBridge starts.
    Jobs,
}

impl DeadLetterQueue {
    /// All of them, in the order of the work.
    pub const ALL: [Self; 4] = [Self::Schedules, Self::Jobs, Self::Visits, Self::Notices];

    /// Whether it is a FIFO queue.
    pub(super) fn is_fifo(self) -> bool {
        self == Self::Visits
    }

    pub(super) fn url(self, outputs: &Outputs) -> &str {
        match self {
            Self::Visits => &outputs.visits.dead_letters,
            Self::Notices => &outputs.notices.dead_letters,
            Self::Schedules => &outputs.schedule_dead_letters,
            Self::Jobs => &outputs.job_dead_letters,
        }
    }
}

impl fmt::Display for DeadLetterQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Visits => "visits",
            Self::Notices => "notices",
            Self::Schedules => "schedules",
            Self::Jobs => "jobs",
        })
    }
}

/// How to replay a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Send it to its queue.
    Send {
        queue: String,
        body: String,
        /// The message group, for a FIFO queue.
        group: Option<String>,
    },
    /// Start the function with it.
    Call { function: String, event: Value },
}

/// A letter that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetter {
    /// A description.
    pub(super) description: String,
    /// How to replay it, or why it can't be.
    pub(super) action: Result<Action, String>,
}

impl DeadLetter {
    pub(super) fn read(queue: DeadLetterQueue, message: &Message, outputs: &Outputs) -> Self {
        let body = message.body().unwrap_or_default();
        let read = match queue {
            DeadLetterQueue::Visits => visit(body, outputs),
            DeadLetterQueue::Notices => notice(body, outputs),
            DeadLetterQueue::Schedules => schedule(message, body, outputs),
            DeadLetterQueue::Jobs => job(body, outputs),
        };
        match read {
            Ok((description, action)) => Self {
                description,
                action: Ok(action),
            },
            Err(why) => Self {
                description: "a message that isn't ours".to_owned(),
                action: Err(why),
            },
        }
    }
}

/// A description and how to replay it, or why it can't be.
type ReadResult = Result<(String, Action), String>;

fn visit(body: &str, outputs: &Outputs) -> ReadResult {
    let visit: Visit = parse(body, "a visit")?;
    let cards = match visit.cards.len() {
        1 => "1 card".to_owned(),
        cards => format!("{cards} cards"),
    };
    let description = format!("a visit of {cards} at {}, of {}", visit.library, visit.run);
    let action = Action::Send {
        queue: outputs.visits.queue.clone(),
        body: body.to_owned(),
        group: Some(visit.library.to_string()),
    };
    Ok((description, action))
}

fn notice(body: &str, outputs: &Outputs) -> ReadResult {
    let description = if serde_json::from_str::<MessageRequest>(body).is_ok() {
        // It has an address, so the description is the same for every message.
        "a message of the web pages".to_owned()
    } else {
        let mail: MailMessage = parse(body, "a mail")?;
        let (kind, family, date) = (mail.kind, mail.family, mail.date);
        format!("the {kind} email of {family} for {date}")
    };
    let action = Action::Send {
        queue: outputs.notices.queue.clone(),
        body: body.to_owned(),
        group: None,
    };
    Ok((description, action))
}

fn schedule(message: &Message, body: &str, outputs: &Outputs) -> ReadResult {
    let attribute = |name: &str| {
        message
            .message_attributes()?
            .get(name)?
            .string_value()
            .map(str::to_owned)
    };
    if attribute("IS_PAYLOAD_TRUNCATED").as_deref() == Some("true") {
        return Err("EventBridge Scheduler kept only part of it.".to_owned());
    }
    let mut event: Value = parse(body, "the input of a schedule or an event")?;
    if let (Some(time), Some(fields)) = (attribute("SCHEDULED_TIME"), event.as_object_mut()) {
        // The Scheduler may keep the input with the placeholder in place of the time.
        let is_placeholder = fields
            .get("scheduled_time")
            .and_then(Value::as_str)
            .is_some_and(|text| text.starts_with("<aws.scheduler"));
        if is_placeholder {
            fields.insert("scheduled_time".to_owned(), Value::String(time));
        }
    }
    plan_start(attribute("TARGET_ARN").as_deref(), event, outputs)
}

fn job(body: &str, outputs: &Outputs) -> ReadResult {
    let record: Value = parse(body, "the record of a failed invocation")?;
    let function = record
        .pointer("/requestContext/functionArn")
        .and_then(Value::as_str);
    let event = record
        .get("requestPayload")
        .cloned()
        .ok_or("It isn't the record of a failed invocation: it has no requestPayload.")?;
    plan_start(function, event, outputs)
}

/// Returns the action that starts the function of this ARN with the event.
fn plan_start(arn: Option<&str>, mut event: Value, outputs: &Outputs) -> ReadResult {
    let is_target =
        |function: &str| arn.is_some_and(|arn| arn.split(':').any(|part| part == function));
    let Outputs {
        check_cards,
        notify_all,
        mail_events,
        ..
    } = outputs;
    let label = event.get("label").and_then(Value::as_str);
    let label = label.unwrap_or("no label").to_owned();
    let jobs = outputs.jobs.iter();
    let jobs = jobs.map(|(job, function)| (job.as_str(), function));
    let starters = [("check-cards", check_cards), ("notify-all", notify_all)];
    let starter = starters
        .into_iter()
        .chain(jobs)
        .find(|(_, function)| is_target(function));
    if starter.is_some()
        && let Some(fields) = event.as_object_mut()
    {
        fields.insert(REPLAYED.to_owned(), Value::Bool(true));
    }
    let (function, description) = if let Some((job, function)) = starter {
        (function, format!("a start of {job} ({label})"))
    } else if is_target(mail_events) {
        // It contains personal data, so the description is the same for every event.
        (mail_events, "an event of the mail service".to_owned())
    } else {
        return Err("It was meant for a function that this stack doesn't have.".to_owned());
    };
    let action = Action::Call {
        function: function.clone(),
        event,
    };
    Ok((description, action))
}

fn parse<T: serde::de::DeserializeOwned>(body: &str, what: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| format!("It isn't {what}: {error}."))
}
