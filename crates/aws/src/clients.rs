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

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long SES may take over one mail. Shorter than [`hippo_core::outbox::SEND_LIMIT`],
/// so that a notice is settled while its lease lasts.
pub const SES_LIMIT: Duration = Duration::from_secs(60);

/// Region, credentials and endpoint from a function's environment, as Lambda sets them.
///
/// Lambda has no profiles. Without the search for them, a function is smaller and starts sooner.
pub fn of_lambda() -> SdkConfig {
    let variable = |name| environment::of_process(name).filter(|value| !value.is_empty());
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build());
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

/// Region, credentials and endpoint from the environment and the profile. `region` overrides.
#[cfg(feature = "operator")]
pub async fn load_in(region: Option<String>) -> SdkConfig {
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

/// The client of the mail service: **one** try, within [`SES_LIMIT`]. `SendEmail` has no
/// idempotency token, so a retry could send the mail twice.
pub fn ses(config: &SdkConfig) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::config::Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .timeout_config(limits(SES_LIMIT, SES_LIMIT))
        .build();
    aws_sdk_sesv2::Client::from_conf(config)
}

/// The stores in this table, with an open connection and resolved credentials. Called during init,
/// when a function has a whole processor.
///
/// Asks for an item that can't exist, in a partition `key` that the function may read. A failure
/// doesn't matter here: the first real request reports it.
pub async fn warm_store(config: &SdkConfig, table: &str, key: &str) -> DynamoDbStore {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let client = dynamodb::client(config);
    let asked = client
        .get_item()
        .table_name(table)
        .key("pk", S(key.to_owned()))
        .key("sk", S("META".to_owned()))
        .send()
        .await;
    if let Err(error) = asked {
        tracing::debug!(reason = %reason(&error), "The table was not reached during init.");
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

pub(crate) fn limits(attempt: Duration, all: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(all)
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
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}
