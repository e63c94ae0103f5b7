//! Makes the clients of the AWS services, with their retries and time limits.
//!
//! By default the SDK tries three times and waits forever. Each client here has its own limits.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};

use crate::connections;
use crate::dynamodb::{self, DynamoDbStore};
use crate::environment;
use crate::sdk_error::describe_sdk_error;
use crate::ses::SesClient;

/// The time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for sending one mail.
///
/// It is shorter than [`hippo_core::outbox::SEND_LIMIT`], so that a notice is finalised before its lease
/// expires.
pub const SES_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads region, credentials and endpoint from the environment that Lambda sets.
///
/// Lambda has no profiles. Not searching for them makes a function smaller and its start faster.
pub fn load_lambda_config() -> SdkConfig {
    let variable = |name| environment::process_variable(name).filter(|value| !value.is_empty());
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(https_client())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build());
    config.set_region(variable("AWS_REGION").map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.build()
}

/// Reads region, credentials and endpoint from the environment and the profile. `region` has priority.
#[cfg(feature = "operator")]
pub async fn load_operator_config(region: Option<String>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(proxied_client());
    if let Some(region) = region {
        loader = loader.region(aws_config::Region::new(region));
    }
    loader.load().await
}

/// Makes the HTTP client of a function.
pub fn https_client() -> SharedHttpClient {
    connections::http_client(CONNECT_TIMEOUT)
}

/// Makes the HTTP client of the command, which may be behind a proxy: like the SDK's default, but with ring for TLS.
///
/// The SDK's default uses aws-lc, which takes minutes to build.
#[cfg(feature = "operator")]
fn proxied_client() -> SharedHttpClient {
    use aws_smithy_http_client::proxy::ProxyConfig;
    use aws_smithy_http_client::tls::Provider;
    use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
    use aws_smithy_http_client::{Builder, ConnectorBuilder};

    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector =
            ConnectorBuilder::default().tls_provider(Provider::rustls(CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

/// Makes the client for the queues.
pub fn sqs_client(config: &SdkConfig) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(config)
        .retry_config(retry_policy(4))
        .timeout_config(timeouts(Duration::from_secs(5), Duration::from_secs(20)))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

/// Makes the client for sending mail. It never retries: `SendEmail` has no idempotency token, so a
/// retry could send the mail twice.
pub fn ses_client(config: &SdkConfig) -> SesClient {
    let limits = timeouts(SES_TIMEOUT, SES_TIMEOUT);
    SesClient::new(config, &retry_policy(1), limits)
}

/// Opens the store, connects to it and resolves the credentials.
///
/// Call it during init, when Lambda gives a function a full CPU. It reads a missing item from
/// `partition_key`, where the function has read access. It ignores errors: the first real request
/// reports them.
pub async fn warm_store(config: &SdkConfig, table: &str, partition_key: &str) -> DynamoDbStore {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let client = dynamodb::client(config);
    let response = client
        .get_item()
        .table_name(table)
        .key("pk", S(partition_key.to_owned()))
        .key("sk", S("META".to_owned()))
        .send()
        .await;
    if let Err(error) = response {
        tracing::debug!(reason = %describe_sdk_error(&error), "The table couldn't be reached during init.");
    }
    DynamoDbStore::new(client, table)
}

/// Makes the client for the SNS subscriptions.
#[cfg(feature = "operator")]
pub(crate) fn sns_client(config: &SdkConfig) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(config)
        .retry_config(retry_policy(3))
        .timeout_config(timeouts(Duration::from_secs(10), Duration::from_secs(30)))
        .build();
    aws_sdk_sns::Client::from_conf(config)
}

/// Allows this many attempts of a request, the first included.
pub(crate) fn retry_policy(attempts: u32) -> RetryConfig {
    RetryConfig::standard().with_max_attempts(attempts)
}

/// Limits each attempt, and the whole request with its retries.
pub(crate) fn timeouts(attempt: Duration, total: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(total)
        .build()
}
