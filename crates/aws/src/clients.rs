//! The clients of the AWS services, with their retries and time limits.
//!
//! By default the SDK tries three times and waits forever. Each service here has its own limits.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::dynamodb::{self, DynamoDbStore};
use crate::environment;

/// The time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for sending one mail. Shorter than [`hippo_core::outbox::SEND_LIMIT`],
/// so that a notice is finalised while its lease lasts.
pub const SES_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads region, credentials and endpoint from the environment that Lambda sets.
///
/// Lambda has no profiles. Not searching for them makes a function smaller and its start faster.
pub fn load_lambda_config() -> SdkConfig {
    let variable = |name| environment::process_variable(name).filter(|value| !value.is_empty());
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build());
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

/// Reads region, credentials and endpoint from the environment and the profile. `region` overrides.
#[cfg(feature = "operator")]
pub async fn load_operator_config(region: Option<String>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        loader = loader.region(aws_config::Region::new(region));
    }
    loader.load().await
}

/// The client of the queues: four tries with backoff, 5 s each, 20 s in all.
pub fn sqs(config: &SdkConfig) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(config)
        .retry_config(retries(4))
        .timeout_config(limits(Duration::from_secs(5), Duration::from_secs(20)))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

/// The client of the parameter with the keys: four tries with backoff, 5 s each, 20 s in all.
pub fn ssm(config: &SdkConfig) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::config::Builder::from(config)
        .retry_config(retries(4))
        .timeout_config(limits(Duration::from_secs(5), Duration::from_secs(20)))
        .build();
    aws_sdk_ssm::Client::from_conf(config)
}

/// The client of the mail service: **one** try, within [`SES_TIMEOUT`]. `SendEmail` has no
/// idempotency token, so a retry could send the mail twice.
pub fn ses(config: &SdkConfig) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::config::Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .timeout_config(limits(SES_TIMEOUT, SES_TIMEOUT))
        .build();
    aws_sdk_sesv2::Client::from_conf(config)
}

/// Opens the store, with a connection and resolved credentials. Called during init, when a function
/// has a whole processor.
///
/// Reads an item that can't exist, in the partition `key`, which the function may read. A failure
/// doesn't matter here: the first real request reports it.
pub async fn warm_store(config: &SdkConfig, table: &str, key: &str) -> DynamoDbStore {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let client = dynamodb::client(config);
    let response = client
        .get_item()
        .table_name(table)
        .key("pk", S(key.to_owned()))
        .key("sk", S("META".to_owned()))
        .send()
        .await;
    if let Err(error) = response {
        tracing::debug!(reason = %reason(&error), "The table couldn't be reached during init.");
    }
    DynamoDbStore::new(client, table)
}

/// The client that reads SES identities: three tries, 10 s each, 30 s in all.
#[cfg(feature = "operator")]
pub(crate) fn ses_reader(config: &SdkConfig) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::config::Builder::from(config)
        .retry_config(retries(3))
        .timeout_config(limits(Duration::from_secs(10), Duration::from_secs(30)))
        .build();
    aws_sdk_sesv2::Client::from_conf(config)
}

/// The client of the schedules: three tries, 10 s each, 30 s in all.
#[cfg(feature = "operator")]
pub(crate) fn scheduler(config: &SdkConfig) -> aws_sdk_scheduler::Client {
    let config = aws_sdk_scheduler::config::Builder::from(config)
        .retry_config(retries(3))
        .timeout_config(limits(Duration::from_secs(10), Duration::from_secs(30)))
        .build();
    aws_sdk_scheduler::Client::from_conf(config)
}

/// The client of the subscriptions: three tries, 10 s each, 30 s in all.
#[cfg(feature = "operator")]
pub(crate) fn sns(config: &SdkConfig) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(config)
        .retry_config(retries(3))
        .timeout_config(limits(Duration::from_secs(10), Duration::from_secs(30)))
        .build();
    aws_sdk_sns::Client::from_conf(config)
}

pub(crate) fn retries(attempts: u32) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(attempts)
}

pub(crate) fn limits(attempt: Duration, total: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(total)
        .build()
}

/// Why a request failed, for the operator: the service's code and message, or the connection's
/// error. Not for services whose messages contain addresses.
pub(crate) fn reason<E>(error: &E) -> String
where
    E: Error + ProvideErrorMetadata,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => chain(error),
    }
}

/// An error and its causes, without repetitions.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}
