//! The jobs of a stack, started by a person.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::Value;

use crate::clients::{limits, reason};

/// A planner has this long at most (`PlannerTimeout` in `template.yaml`), and a little for its start.
const LIMIT: Duration = Duration::from_secs(920);

/// Why a function did not do what it was started for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It could not be started; nothing was done.
    #[error("The function {function} could not be started: {reason}")]
    NotStarted {
        /// The function.
        function: String,
        /// What AWS says.
        reason: String,
    },
    /// It was started and failed.
    #[error("The function {function} failed: {reason} Its log group says more.")]
    Failed {
        /// The function.
        function: String,
        /// What it says itself.
        reason: String,
    },
}

/// Starts functions of a stack.
#[derive(Debug, Clone)]
pub struct Functions {
    client: Client,
}

impl Functions {
    /// In the region and with the rights of this configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let config = aws_sdk_lambda::config::Builder::from(config)
            // Started once: a run of its own is no harm, but nobody asked for it.
            .retry_config(aws_config::retry::RetryConfig::standard().with_max_attempts(1))
            .timeout_config(limits(LIMIT, LIMIT))
            .build();
        Self {
            client: Client::from_conf(config),
        }
    }

    /// Starts a function with this event and waits for its answer.
    pub async fn call(&self, function: &str, event: &Value) -> Result<Value, StartError> {
        let answer = self
            .client
            .invoke()
            .function_name(function)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(event.to_string()))
            .send()
            .await
            .map_err(|error| StartError::NotStarted {
                function: function.to_owned(),
                reason: reason(&error),
            })?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let payload = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        match answer.function_error {
            None => Ok(payload),
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
    async fn the_answer_of_a_function_comes_back() {
        let fake = fake(|_, _| (StatusCode::OK, r#"{"cards":3}"#.to_owned())).await;
        let functions = Functions::new(&config(&fake.url));
        let answer = functions
            .call("check-cards", &json!({"label": "person"}))
            .await;
        assert_eq!(answer, Ok(json!({"cards": 3})));
        assert_eq!(fake.bodies()[0], r#"{"label":"person"}"#);
    }

    #[tokio::test]
    async fn a_function_that_may_not_be_started_says_why_and_is_not_asked_again() {
        let fake = fake(|_, _| {
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                r#"{"message":"not now"}"#.to_owned(),
            )
        })
        .await;
        let functions = Functions::new(&config(&fake.url));
        let error = functions.call("check-cards", &json!({})).await.unwrap_err();
        assert!(
            matches!(&error, StartError::NotStarted { function, .. } if function == "check-cards")
        );
        assert_eq!(fake.bodies().len(), 1);
    }
}
