//! How sites are visited.

use std::sync::Arc;
use std::time::Duration;

use crate::{ExchangeObserver, PrivateAddresses};

/// How the sites are visited.
#[derive(Debug, Clone, Default)]
pub struct BrowserOptions {
    /// Named in the User-Agent: a mail address or page by which a library reaches the operator.
    pub contact: Option<String>,
    /// Whether addresses that are private, link-local or loopback are connected to; where they are
    /// refused, no proxy is used. All are allowed by default.
    pub private_addresses: PrivateAddresses,
    /// How long each part of a visit may take.
    pub limits: Limits,
    /// Sees each request with its answer, for a bug report; none by default. Meant for one visit.
    pub observer: Option<Arc<dyn ExchangeObserver>>,
}

/// How long each part of a visit may take; the defaults are those of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To connect: 10 s.
    pub connect: Duration,
    /// For one answer, from the first byte sent to the last one read: 20 s.
    pub response: Duration,
    /// For one card, its logout aside: 90 s.
    pub card: Duration,
    /// For a card's logout: 5 s.
    pub log_out: Duration,
    /// Before a page is asked for once more: 1 s.
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
