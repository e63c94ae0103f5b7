//! A router over the store in memory, for the tests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{HeaderMap, Request, StatusCode};
use chrono::{DateTime, Utc};
use hippo_core::clock::Clock;
use hippo_core::testing::memory::MemoryStore;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::{PeerAddress, WebPorts, WebSettings, router};

/// A clock that stands still.
struct FrozenClock(DateTime<Utc>);

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}

struct NoQueue;

#[async_trait]
impl hippo_core::queue::SignInMailQueue for NoQueue {
    async fn send(
        &self,
        _: hippo_core::sign_in::mail::SignInRequest,
    ) -> Result<(), hippo_core::queue::QueueError> {
        Ok(())
    }
}

/// A web over an empty store.
pub(crate) struct TestWeb {
    pub(crate) router: Router,
}

/// A response, read to its end.
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl TestResponse {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl TestWeb {
    pub(crate) fn new(public_url: &str) -> Self {
        let ports = WebPorts {
            store: Arc::new(MemoryStore::default()),
            sign_in_mails: Arc::new(NoQueue),
            clock: Arc::new(FrozenClock("2026-11-21T12:00:00Z".parse().unwrap())),
            settings: Arc::new(WebSettings {
                public_url: public_url.parse().unwrap(),
                operators: vec!["operator@example.org".parse().unwrap()],
                contact: Some("operator@example.org".to_owned()),
            }),
        };
        Self {
            router: router(ports),
        }
    }

    /// Sends a request from this machine.
    pub(crate) async fn send(
        &self,
        request: axum::http::request::Builder,
        body: &str,
    ) -> TestResponse {
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        let peer = PeerAddress(IpAddr::V4(Ipv4Addr::LOCALHOST));
        request.extensions_mut().insert(peer);
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Gets a page of the host `hippo.example.org`.
    pub(crate) async fn get(&self, path: &str) -> TestResponse {
        let request = Request::get(path).header(HOST, "hippo.example.org");
        self.send(request, "").await
    }
}
