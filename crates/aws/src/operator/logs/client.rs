//! The client for CloudWatch Logs, which has a single operation.
//!
//! Its SDK crate would be one more to build for this. The request is signed and retried like those of
//! the SDK crates, by the same code.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clients::{describe_sdk_error, retry_policy, timeouts};

/// What one page of events is asked with.
#[derive(Debug, Clone)]
pub(super) struct LogPageRequest {
    /// The log group.
    pub(super) group: String,
    /// Only events since this time.
    pub(super) since: DateTime<Utc>,
    /// Only events until this time.
    pub(super) until: Option<DateTime<Utc>>,
    /// Only events that match this filter pattern.
    pub(super) pattern: Option<String>,
    /// The token of the page, if it isn't the first.
    pub(super) token: Option<String>,
}

/// A page of events.
#[derive(Debug, Default)]
pub(super) struct LogPage {
    /// The events, oldest first.
    pub(super) events: Vec<LogEvent>,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

/// A log event.
#[derive(Debug)]
pub(super) struct LogEvent {
    /// Its unique id.
    pub(super) id: String,
    /// When it was written.
    pub(super) at: DateTime<Utc>,
    /// The text.
    pub(super) message: String,
}

/// Why a page can't be read.
#[derive(Debug)]
pub(super) struct PageError {
    /// AWS's error.
    pub(super) reason: String,
    /// Whether the service doesn't know what is asked for, such as a token that is too old.
    pub(super) is_invalid_request: bool,
}

/// The client.
pub(super) struct LogsClient {
    filter_log_events: Operation<LogPageRequest, LogPage, ErrorMetadata>,
}

impl LogsClient {
    /// Uses the region and the credentials of this configuration.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let mut builder = Operation::builder()
            .service_name("CloudWatch Logs")
            .operation_name("FilterLogEvents")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint(config))
            .standard_retry(&retry_policy(4))
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .timeout_config(timeouts(Duration::from_secs(10), Duration::from_secs(30)))
            .runtime_plugin(signing(config));
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        Self {
            filter_log_events: builder
                .serializer(write_request)
                .deserializer(read_response)
                .build(),
        }
    }

    /// Reads a page. A missing group has no events.
    pub(super) async fn read_page(&self, request: LogPageRequest) -> Result<LogPage, PageError> {
        let error = match self.filter_log_events.invoke(request).await {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        match error.as_service_error().and_then(ErrorMetadata::code) {
            Some("ResourceNotFoundException") => Ok(LogPage::default()),
            code => Err(PageError {
                reason: describe_sdk_error(&error),
                is_invalid_request: code == Some("InvalidParameterException"),
            }),
        }
    }
}

/// The service's address, if the configuration names no other.
fn endpoint(config: &SdkConfig) -> String {
    if let Some(url) = config.endpoint_url() {
        return url.to_owned();
    }
    let region = config.region().map_or("", |region| region.as_ref());
    let domain = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    format!("https://logs.{region}.{domain}")
}

/// Signs each request with the configuration's credentials.
fn signing(config: &SdkConfig) -> StaticRuntimePlugin {
    let mut settings = Layer::new("signing");
    settings.store_put(AuthSchemeOptionResolverParams::new(()));
    settings.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(Into::into),
        name: Some("logs".into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("signing");
    components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
        SCHEME_ID,
    ])));
    components.push_auth_scheme(SigV4AuthScheme::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new()
        .with_config(settings.freeze())
        .with_runtime_components(components)
}

/// Writes the request in the service's protocol, JSON 1.1.
fn write_request(request: LogPageRequest) -> Result<HttpRequest, BoxError> {
    let body = serde_json::to_string(&FilterLogEvents {
        log_group_name: request.group,
        start_time: request.since.timestamp_millis(),
        end_time: request.until.map(|until| until.timestamp_millis()),
        filter_pattern: request.pattern,
        next_token: request.token,
    })?;
    let mut http = HttpRequest::new(SdkBody::from(body));
    http.set_method("POST")?;
    http.set_uri("/")?;
    let headers = http.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1");
    headers.insert("x-amz-target", "Logs_20140328.FilterLogEvents");
    Ok(http)
}

/// Reads the service's answer or its error.
fn read_response(response: &HttpResponse) -> Result<LogPage, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(read_error(response, body)));
    }
    let answer: FilteredLogEvents =
        serde_json::from_slice(body).map_err(OrchestratorError::other)?;
    let events = answer.events.into_iter().filter_map(|event| {
        Some(LogEvent {
            at: DateTime::from_timestamp_millis(event.timestamp)?,
            // Some emulators give none.
            id: event
                .event_id
                .unwrap_or_else(|| format!("{} {}", event.timestamp, event.message)),
            message: event.message,
        })
    });
    Ok(LogPage {
        events: events.collect(),
        next: answer.next_token,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterLogEvents {
    log_group_name: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvents {
    #[serde(default)]
    events: Vec<FilteredLogEvent>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvent {
    event_id: Option<String>,
    timestamp: i64,
    #[serde(default)]
    message: String,
}

/// Reads an error: its code is in the header or the body, after a `#` and before a `:`.
fn read_error(response: &HttpResponse, body: &[u8]) -> ErrorMetadata {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |names: [&str; 2]| {
        let mut values = names.into_iter().filter_map(|name| document.get(name));
        values.find_map(Value::as_str)
    };
    let code = response
        .headers()
        .get("x-amzn-errortype")
        .or_else(|| text(["__type", "code"]))
        .map(|code| code.split(':').next().unwrap_or_default())
        .and_then(|code| code.rsplit('#').next())
        .map_or_else(|| response.status().as_u16().to_string(), str::to_owned);
    let mut error = ErrorMetadata::builder().code(code);
    if let Some(message) = text(["message", "Message"]) {
        error = error.message(message);
    }
    error.build()
}
