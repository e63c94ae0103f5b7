//! The delay between two cards.

use std::time::Duration;

use crate::clock::Clock;

/// How long a visit waits between two cards of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest delay.
    pub delay: Duration,
    /// The most that is added to each delay, at random.
    pub jitter: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(1),
            jitter: Duration::from_secs(2),
        }
    }
}

impl Pace {
    /// No delay at all: for tests, benchmarks and the demo on loopback.
    pub const NONE: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
    };

    /// Sleeps for one delay and a random part of the jitter.
    pub(super) async fn wait_between_cards(&self, clock: &dyn Clock) {
        let jitter_ms = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let extra_ms = match getrandom::u64() {
            Ok(random) if jitter_ms > 0 => random % jitter_ms.saturating_add(1),
            _ => 0,
        };
        let delay = self.delay + Duration::from_millis(extra_ms);
        if !delay.is_zero() {
            clock.sleep(delay).await;
        }
    }
}
