//! Options of visits.

use std::sync::Arc;
use std::time::Duration;

use crate::{ExchangeObserver, PrivateAddresses};

/// Options of visits.
#[derive(Debug, Clone, Default)]
pub struct BrowserOptions {
    /// Named in the User-Agent: an email address or web page to reach the operator.
    pub contact: Option<String>,
    /// Whether to connect to private, link-local and loopback addresses. If they are refused, no proxy
    /// is used.
    pub private_addresses: PrivateAddresses,
    /// Time limits.
    pub limits: Limits,
    /// Observes each request and its answer, for a recording of one visit.
    pub observer: Option<Arc<dyn ExchangeObserver>>,
}

/// How long each part of a visit may take. The defaults are in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connecting (10 s).
    pub connect: Duration,
    /// One answer, from the first byte sent to the last byte read (20 s).
    pub response: Duration,
    /// One card, without its logout (90 s).
    pub card: Duration,
    /// A card's logout (5 s).
    pub log_out: Duration,
    /// The pause before a page is requested again (1 s).
    pub pause_before_retry: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            response: Duration::from_secs(20),
            card: Duration::from_secs(90),
            log_out: Duration::from_secs(5),
            pause_before_retry: Duration::from_secs(1),
        }
    }
}
