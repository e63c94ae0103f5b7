//! Starts the jobs of a stack for a person.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use hippo_core::run::RunKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::clients::timeouts;
use crate::lambda::{Invocation, LambdaClient};
pub use crate::start_jobs::JobEvent;

/// The timeout of a planner (`PlannerTimeout` in `template.yaml`), and a little for its start.
const CALL_TIMEOUT: Duration = Duration::from_secs(920);

/// Why starting a function failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// AWS refused to start it, or its answer was lost.
    #[error("Couldn't start the function {function}: {reason}")]
    NotStarted {
        /// The function.
        function: String,
        /// AWS's error.
        reason: String,
    },
    /// It was started and failed.
    #[error("The function {function} failed: {reason} See its log group.")]
    Failed {
        /// The function.
        function: String,
        /// Its own error.
        reason: String,
    },
}

/// A function's reply to a schedule's event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Reply<T> {
    /// It started no run.
    NotStarted {
        /// Why.
        not_started: String,
        /// The run that is stored.
        #[serde(deserialize_with = "run_key")]
        run: RunKey,
    },
    /// It planned the run.
    Started(T),
}

/// The reply of any job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JobReply {
    /// The run.
    #[serde(deserialize_with = "run_key")]
    pub run: RunKey,
    /// The run's summary.
    #[serde(flatten)]
    pub summary: Map<String, Value>,
}

/// The reply of `check-cards`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckCardsReply {
    /// The run.
    #[serde(deserialize_with = "run_key")]
    pub run: RunKey,
    /// The number of cards to check.
    pub cards: u64,
    /// The number of visits.
    pub visits: u64,
}

/// The reply of `notify-all`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NotifyAllReply {
    /// The run.
    #[serde(deserialize_with = "run_key")]
    pub run: RunKey,
    /// The number of notices to send.
    pub notices: u64,
}

/// Parses a run's key from its displayed form.
fn run_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RunKey, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// Starts functions of a stack.
#[derive(Debug, Clone)]
pub struct Functions {
    client: LambdaClient,
}

impl Functions {
    /// Uses the region and the credentials of this configuration.
    pub fn new(config: &SdkConfig) -> Self {
        // Started only once, since a second run isn't wanted.
        let once = RetryConfig::standard().with_max_attempts(1);
        let limits = timeouts(CALL_TIMEOUT, CALL_TIMEOUT);
        Self {
            client: LambdaClient::new(config, &once, limits),
        }
    }

    /// Starts a function with this event and waits for its answer.
    pub async fn call<A: DeserializeOwned>(
        &self,
        function: &str,
        event: &impl Serialize,
    ) -> Result<A, StartError> {
        let unreadable = |reason: serde_json::Error| StartError::Failed {
            function: function.to_owned(),
            reason: format!("Its reply can't be read: {reason}."),
        };
        let event = serde_json::to_vec(event).map_err(unreadable)?;
        let response = self
            .client
            .invoke(function, Invocation::RequestResponse, event)
            .await
            .map_err(|error| StartError::NotStarted {
                function: function.to_owned(),
                reason: error.reason,
            })?;
        let payload: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        match response.function_error {
            None => serde_json::from_value(payload).map_err(unreadable),
            Some(kind) => Err(StartError::Failed {
                function: function.to_owned(),
                reason: payload
                    .get("errorMessage")
                    .and_then(Value::as_str)
                    .unwrap_or(&kind)
                    .to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, fake};
    use axum::http::StatusCode;
    use serde_json::json;

    #[tokio::test]
    async fn reply_of_a_function_is_returned() {
        let fake = fake(|_, _| (StatusCode::OK, r#"{"cards":3}"#.to_owned())).await;
        let functions = Functions::new(&config(&fake.url));
        let response: Result<Value, _> = functions
            .call("check-cards", &json!({"label": "person"}))
            .await;
        assert_eq!(response, Ok(json!({"cards": 3})));
        assert_eq!(fake.bodies()[0], r#"{"label":"person"}"#);
    }

    #[tokio::test]
    async fn function_that_cannot_be_started_is_tried_once() {
        let fake = fake(|_, _| {
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                r#"{"message":"not now"}"#.to_owned(),
            )
        })
        .await;
        let functions = Functions::new(&config(&fake.url));
        let called = functions.call::<Value>("check-cards", &json!({})).await;
        let error = called.unwrap_err();
        assert!(
            matches!(&error, StartError::NotStarted { function, .. } if function == "check-cards")
        );
        assert_eq!(fake.bodies().len(), 1);
    }

    #[test]
    fn replies_of_started_and_not_started_runs_differ() {
        let run = "check-cards/all/2026-11-21T10:00:00Z";
        let read = |reply: Value| serde_json::from_value::<Reply<CheckCardsReply>>(reply).unwrap();
        assert_eq!(
            read(json!({"run": run, "cards": 3, "visits": 1})),
            Reply::Started(CheckCardsReply {
                run: run.parse().unwrap(),
                cards: 3,
                visits: 1
            })
        );
        assert_eq!(
            read(json!({"not_started": "already_ran", "run": run})),
            Reply::NotStarted {
                not_started: "already_ran".to_owned(),
                run: run.parse().unwrap()
            }
        );
    }
}
