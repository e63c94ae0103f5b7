//! One request with its answer, and its observer.

use std::fmt;
use std::time::{Duration, Instant};

use hippo_core::card::CardSecret;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

/// Observes each request of a visit and its answer, unredacted.
pub trait ExchangeObserver: fmt::Debug + Send + Sync {
    /// Receives the visit's number and PIN before the first request.
    fn observe_secret(&self, secret: &CardSecret);

    /// Receives a request with its answer.
    fn observe_exchange(&self, exchange: Exchange);
}

/// One request with its answer, unredacted.
#[expect(missing_docs, reason = "its fields are those of HTTP")]
pub struct Exchange {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub fields: Option<String>,
    pub step: Option<LoginStep>,
    pub started_at: Instant,
    pub duration: Duration,
    /// `None` if none came.
    pub response: Option<HttpResponse>,
}

/// An answer. Only the size limit has been applied.
#[derive(Clone)]
#[expect(missing_docs, reason = "its fields are those of HTTP")]
pub struct HttpResponse {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A request's part in the login or logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStep {
    /// It sends the number and PIN.
    LogIn,
    /// It ends the session.
    LogOut,
}
