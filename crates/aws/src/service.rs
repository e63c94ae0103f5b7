//! Calls a service of AWS without its SDK crate.
//!
//! The SDK crates are among the largest of a build and of a function. The SDK's runtime signs, repeats and
//! limits these requests as it does with all others.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
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
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Layer, Storable, StoreReplace};
use aws_smithy_types::error::ErrorMetadata;
use aws_types::service_config::ServiceConfigKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use crate::sdk_error::describe_sdk_error;

/// A service's names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceName {
    /// Its id in the SDK: `CloudWatch Logs`.
    pub(crate) id: &'static str,
    /// The first part of its address: `logs`.
    pub(crate) host: &'static str,
    /// Its name in signatures, usually the host's.
    pub(crate) signing_name: &'static str,
}

/// A client of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    operation: Operation<WatchedRequest, Response, ErrorMetadata>,
}

/// A request. Its `Debug` shows no body, which may be a secret.
pub(crate) struct Request {
    /// `GET` or `POST`.
    pub(crate) method: &'static str,
    /// The path, encoded, with its query.
    pub(crate) path: String,
    /// Its headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// A successful response. Its `Debug` shows no body, which may be a secret.
pub(crate) struct Response {
    /// Its HTTP status.
    pub(crate) status: u16,
    /// The error of a function that was called.
    #[cfg_attr(
        not(feature = "operator"),
        expect(dead_code, reason = "only the operator waits for a response")
    )]
    pub(crate) function_error: Option<String>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// Why a request failed. Never contains what was sent.
#[derive(Debug)]
pub(crate) struct ServiceError {
    /// AWS's code of the error, if it answered.
    pub(crate) code: Option<String>,
    /// AWS's error, or the connection's.
    pub(crate) reason: String,
}

/// A request that failed, for a caller that must know whether it may have arrived.
pub(crate) struct RequestFailure {
    /// The error. The service's own message may repeat what was sent.
    pub(crate) error: SdkError<ErrorMetadata, HttpResponse>,
    /// Whether transmitting it had started. Before that, nothing was sent.
    pub(crate) has_started: bool,
}

/// A request, and whether transmitting it has started.
#[derive(Debug)]
struct WatchedRequest {
    request: Request,
    watch: TransmitWatch,
}

/// Records whether transmitting a request has started.
#[derive(Debug, Clone, Default)]
struct TransmitWatch(Arc<AtomicBool>);

/// Sets each request's [`TransmitWatch`].
#[derive(Debug)]
struct TransmitInterceptor;

impl Service {
    /// Uses the region, the credentials, the endpoint and the connections of this configuration.
    pub(crate) fn new(
        config: &SdkConfig,
        name: ServiceName,
        retries: &RetryConfig,
        timeouts: TimeoutConfig,
    ) -> Self {
        let mut builder = Operation::builder()
            .service_name(name.id)
            .operation_name("Request")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint(config, name))
            .standard_retry(retries)
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .timeout_config(timeouts)
            .interceptor(TransmitInterceptor)
            .runtime_plugin(signing(config, name.signing_name));
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        Self {
            operation: builder
                .serializer(write_request)
                .deserializer(read_response)
                .build(),
        }
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, ServiceError> {
        let response = self.send_watched(request).await;
        response.map_err(|RequestFailure { error, .. }| {
            let metadata = error.as_service_error();
            ServiceError {
                code: metadata.and_then(ErrorMetadata::code).map(str::to_owned),
                reason: describe_sdk_error(&error),
            }
        })
    }

    /// Sends a request. If it fails, says whether it may have arrived.
    pub(crate) async fn send_watched(&self, request: Request) -> Result<Response, RequestFailure> {
        let watch = TransmitWatch::default();
        let input = WatchedRequest {
            request,
            watch: watch.clone(),
        };
        let response = self.operation.invoke(input).await;
        response.map_err(|error| RequestFailure {
            error,
            has_started: watch.0.load(Ordering::SeqCst),
        })
    }

    /// Sends a request, and reads the JSON of its response.
    pub(crate) async fn fetch_json<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, ServiceError> {
        let response = self.send(request).await?;
        serde_json::from_slice(&response.body)
            .map_err(|error| malformed("the response can't be read", &error))
    }

    /// Sends a request in the protocol AWS JSON 1.1, and reads the response.
    pub(crate) async fn send_json<T: DeserializeOwned>(
        &self,
        target: &'static str,
        input: &impl Serialize,
    ) -> Result<T, ServiceError> {
        let mut request = Request::post_json("/", input)?;
        request.headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", target.to_owned()),
        ];
        self.fetch_json(request).await
    }
}

/// Encodes a segment of a path, or a value of a query.
pub(crate) fn encode(text: &str) -> String {
    // A form writes a space as a plus sign, and a plus sign as %2B.
    let encoded: String = byte_serialize(text.as_bytes()).collect();
    encoded.replace('+', "%20")
}

fn malformed(what: &str, error: &serde_json::Error) -> ServiceError {
    ServiceError {
        code: None,
        // Only the kind of serde_json's error: its text may quote a value.
        reason: format!("{what} ({:?})", error.classify()),
    }
}

impl Request {
    /// Makes a request without a body.
    #[cfg(feature = "operator")]
    pub(crate) fn get(path: String) -> Self {
        Self {
            method: "GET",
            path,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Makes a request with a JSON body.
    pub(crate) fn post_json(path: &str, input: &impl Serialize) -> Result<Self, ServiceError> {
        let body = serde_json::to_vec(input)
            .map_err(|error| malformed("the request can't be written", &error))?;
        Ok(Self {
            method: "POST",
            path: path.to_owned(),
            headers: vec![("content-type", "application/json".to_owned())],
            body,
        })
    }
}

/// The service's address, if the configuration names no other.
fn endpoint(config: &SdkConfig, name: ServiceName) -> String {
    let key = ServiceConfigKey::builder()
        .service_id(name.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok();
    let of_service = config
        .service_config()
        .zip(key)
        .and_then(|(settings, key)| settings.load_config(key));
    if let Some(url) = of_service.or_else(|| config.endpoint_url().map(str::to_owned)) {
        return url;
    }
    let region = config.region().map_or("", |region| region.as_ref());
    let domain = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    format!("https://{}.{region}.{domain}", name.host)
}

/// Signs each request with the configuration's credentials.
fn signing(config: &SdkConfig, name: &'static str) -> StaticRuntimePlugin {
    let mut settings = Layer::new("signing");
    settings.store_put(AuthSchemeOptionResolverParams::new(()));
    settings.store_put(SensitiveOutput);
    settings.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(Into::into),
        name: Some(name.into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("signing");
    components.set_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
        SCHEME_ID,
    ])));
    components.push_auth_scheme(SigV4AuthScheme::new());
    components.set_identity_cache(config.identity_cache());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new()
        .with_config(settings.freeze())
        .with_runtime_components(components)
}

impl Storable for TransmitWatch {
    type Storer = StoreReplace<Self>;
}

impl Intercept for TransmitInterceptor {
    fn name(&self) -> &'static str {
        "TransmitInterceptor"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(input) = context.input().downcast_ref::<WatchedRequest>() {
            config.interceptor_state().store_put(input.watch.clone());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An error here keeps an unwatched request from being sent.
        let watch = config.load::<TransmitWatch>().ok_or("it isn't watched")?;
        watch.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

fn write_request(input: WatchedRequest) -> Result<HttpRequest, BoxError> {
    let request = input.request;
    let mut http = HttpRequest::new(SdkBody::from(request.body));
    http.set_method(request.method)?;
    http.set_uri(request.path)?;
    for (name, value) in request.headers {
        http.headers_mut().try_insert(name, value)?;
    }
    Ok(http)
}

fn read_response(response: &HttpResponse) -> Result<Response, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(read_error(response, body)));
    }
    let function_error = response.headers().get("x-amz-function-error");
    Ok(Response {
        status: response.status().as_u16(),
        function_error: function_error.map(str::to_owned),
        body: body.to_vec(),
    })
}

/// Reads an error: its code is in the header or the body, after a `#` and before a `:`. Without a code, its status is.
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
        .map_or_else(
            || format!("status {}", response.status().as_u16()),
            str::to_owned,
        );
    let mut error = ErrorMetadata::builder().code(code);
    if let Some(message) = text(["message", "Message"]) {
        error = error.message(message);
    }
    error.build()
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
