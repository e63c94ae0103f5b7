//! One request with its answer, and who may see it.

use std::fmt;
use std::time::{Duration, Instant};

use hippo_core::card::CardSecret;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

/// Sees each request of a visit with its answer, as they were.
pub trait ExchangeObserver: fmt::Debug + Send + Sync {
    /// Learns the number and PIN that the visit uses, before the first request is sent.
    fn observe_secret(&self, secret: &CardSecret);

    /// Sees one more request with its answer.
    fn observe_exchange(&self, exchange: Exchange);
}

/// One request with its answer, as it was.
#[expect(missing_docs, reason = "its fields are those of HTTP")]
pub struct Exchange {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub fields: Option<String>,
    pub step: Option<LoginStep>,
    pub began: Instant,
    pub took: Duration,
    /// None: no answer came.
    pub answer: Option<HttpResponse>,
}

/// What came back: no rule but that of the size has been applied.
#[derive(Clone)]
#[expect(missing_docs, reason = "its fields are those of HTTP")]
pub struct HttpResponse {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A request that a session recognises as part of its login or logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStep {
    /// It sends the number and PIN.
    LogIn,
    /// It ends the session.
    LogOut,
}
