//! What each function does with an event. A `main.rs` only wires the parts.
//!
//! A handler knows only core's traits, so its tests need neither Lambda nor AWS.

pub mod alerts;
pub mod check_card;
pub mod check_cards;
pub mod event;
pub mod logging;
pub mod mail_events;
pub mod message;
pub mod notify_all;
pub mod notify_family;
pub mod run_context;

#[cfg(test)]
mod testing;

use std::process::ExitCode;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::clock::Clock;
use hippo_core::jobs::JobError;
use hippo_core::store::StoreError;
use lambda_runtime::{Context, Diagnostic};

use crate::environment::{self, Environment, EnvironmentError};
use crate::handlers::event::EventError;
use crate::handlers::mail_events::event::MailEventError;
use crate::handlers::message::MessageError;

/// Why an invocation failed. The trigger then tries again, and in the end keeps the event apart.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event is not one of a schedule.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The event is of a mail of ours, and not understood.
    #[error(transparent)]
    MailEvent(#[from] MailEventError),
    /// The event or a message is not one of a queue.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The job could not do its work.
    #[error(transparent)]
    Job(#[from] JobError),
}

impl HandlerError {
    /// Its name in Lambda's error document.
    fn name(&self) -> &'static str {
        match self {
            Self::Event(_) => "Event",
            Self::MailEvent(_) => "MailEvent",
            Self::Message(_) => "Message",
            Self::Job(JobError::Store(_)) => "Store",
            Self::Job(JobError::Seal(_)) => "Keys",
            Self::Job(JobError::Render(_)) => "Render",
            Self::Job(JobError::Queue(_)) => "Queue",
            Self::Job(JobError::Panicked) => "Panic",
        }
    }

    /// Logs it, once, where the invocation ends with it.
    fn logged(self) -> Self {
        tracing::error!(error.kind = self.name(), error = %self, "The invocation failed.");
        self
    }
}

impl From<StoreError> for HandlerError {
    fn from(error: StoreError) -> Self {
        Self::Job(error.into())
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        Self {
            error_type: error.name().to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// The clock on Lambda. Functions ignore `HIPPO_NOW`.
#[derive(Debug, Clone, Copy, Default)]
pub struct LambdaClock;

#[async_trait]
impl Clock for LambdaClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep(&self, duration: std::time::Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// When Lambda ends the invocation, if known. `cargo lambda watch` gives a duration where Lambda
/// gives a time.
pub fn deadline(context: &Context) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(context.deadline).ok()?)
        .filter(|ends_at| *ends_at > DateTime::UNIX_EPOCH + chrono::Duration::days(1))
}

/// Reads the environment and sets up the logs.
pub fn begin<T: Environment>() -> Result<T, EnvironmentError> {
    let environment = T::read(&environment::process_variable);
    let level = environment
        .as_ref()
        .map(|environment| environment.common().log_level)
        .unwrap_or_default();
    logging::start(level);
    environment
}

/// The end of a function's `main`: why it could not start is logged, once.
pub fn end(result: Result<(), lambda_runtime::Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "The function could not start.");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_and_not_a_duration() {
        let ends_at: DateTime<Utc> = "2026-11-21T10:05:00Z".parse().unwrap();
        let mut context = Context::default();
        context.deadline = u64::try_from(ends_at.timestamp_millis()).unwrap();
        assert_eq!(deadline(&context), Some(ends_at));
        context.deadline = 600_000;
        assert_eq!(deadline(&context), None);
    }
}
