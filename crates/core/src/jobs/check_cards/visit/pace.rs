//! The pauses between two cards.

use std::time::Duration;

use crate::clock::Clock;

/// How long a visit pauses between two cards of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest pause.
    pub pause: Duration,
    /// The most that is added to each pause, at random.
    pub jitter: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(1),
            jitter: Duration::from_secs(2),
        }
    }
}

impl Pace {
    /// No pauses at all: for tests, benchmarks and the demo on loopback.
    pub const NONE: Self = Self {
        pause: Duration::ZERO,
        jitter: Duration::ZERO,
    };

    /// Sleeps for one pause and a random part of the jitter.
    pub(super) async fn pause_between_cards(&self, clock: &dyn Clock) {
        let jitter_ms = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let extra_ms = match getrandom::u64() {
            Ok(random) if jitter_ms > 0 => random % jitter_ms.saturating_add(1),
            _ => 0,
        };
        let pause = self.pause + Duration::from_millis(extra_ms);
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
    }
}
