//! Handles each function's events. A `main.rs` only wires the parts.
//!
//! Handlers use only core's traits, so their tests need neither Lambda nor AWS.

pub mod alerts;
pub mod check_card;
pub mod check_cards;
pub mod event;
pub mod job;
pub mod logging;
pub mod mail_events;
pub mod message;
pub mod notify_all;
pub mod notify_family;
pub mod picture_of_the_day;
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

/// Why an invocation failed. The trigger retries, then moves the event to a dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The event doesn't come from a schedule.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The event is about one of our mails and can't be read.
    #[error(transparent)]
    MailEvent(#[from] MailEventError),
    /// The event doesn't come from a queue, or a message has the wrong content.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The job failed.
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
            Self::Job(JobError::TimedOut) => "TimeLimit",
            Self::Job(JobError::Failed(_)) => "Failed",
        }
    }

    /// Logs an error, once, in the span of its run.
    fn log(error: impl Into<Self>) -> Self {
        let error = error.into();
        tracing::error!(error.kind = error.name(), %error, "The invocation failed.");
        error
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

    async fn timeout(&self, limit: std::time::Duration) {
        tokio::time::sleep(limit).await;
    }
}

/// When Lambda ends the invocation, if known. `cargo lambda watch` gives a duration instead of a
/// time.
pub fn deadline(context: &Context) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(context.deadline).ok()?)
        .filter(|ends_at| *ends_at > DateTime::UNIX_EPOCH + chrono::Duration::days(1))
}

/// Reads the environment and sets up logging.
pub fn init<T: Environment>() -> Result<T, EnvironmentError> {
    let environment = T::read(&environment::process_variable);
    let level = environment
        .as_ref()
        .map(|environment| environment.common().log_level)
        .unwrap_or_default();
    logging::start(level);
    environment
}

/// Returns the exit code of a function's `main`, and logs why it couldn't start.
pub fn exit_code(result: Result<(), lambda_runtime::Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "The function couldn't start.");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_ignores_a_duration() {
        let ends_at: DateTime<Utc> = "2026-11-21T10:05:00Z".parse().unwrap();
        let mut context = Context::default();
        context.deadline = u64::try_from(ends_at.timestamp_millis()).unwrap();
        assert_eq!(deadline(&context), Some(ends_at));
        context.deadline = 600_000;
        assert_eq!(deadline(&context), None);
    }
}
