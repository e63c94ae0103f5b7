//! A fake AWS service on loopback with the responses that a test chooses.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

/// A service that runs as long as the test.
pub(crate) struct Fake {
    pub(crate) url: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Fake {
    /// The bodies of its requests, in order.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }
}

/// Starts a service. `answer` makes the response from a request's number (from 0) and body.
pub(crate) async fn fake(
    answer: impl Fn(usize, &Bytes) -> (StatusCode, String) + Send + Sync + 'static,
) -> Fake {
    let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
    let kept = bodies.clone();
    let answer = Arc::new(answer);
    let service = Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
        let number = {
            let mut kept = kept.lock().unwrap();
            kept.push(body.clone());
            kept.len() - 1
        };
        let kind = headers.get("content-type").cloned();
        let answer = answer(number, &body);
        async move {
            let kind = kind.unwrap_or_else(|| "application/json".parse().unwrap());
            (answer.0, [("content-type", kind)], answer.1)
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, service).await });
    Fake { url, bodies }
}

/// A configuration with fake credentials and this endpoint.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    config_without_credentials(endpoint)
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// A configuration with this endpoint and without credentials.
pub(crate) fn config_without_credentials(endpoint: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(crate::clients::https_client())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .build()
}

/// A configuration without a region.
#[cfg(feature = "operator")]
pub(crate) fn config_without_region() -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(crate::clients::https_client())
        .build()
}
