//! The pauses between two cards.

use std::time::Duration;

use crate::clock::Clock;

/// How a visit goes about its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The shortest pause between two cards.
    pub pause: Duration,
    /// At most this much is added to each pause, at random.
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

    /// Waits between two cards of one library.
    pub async fn wait(&self, clock: &dyn Clock) {
        let spread = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        let extra = match getrandom::u64() {
            Ok(random) if spread > 0 => random % (spread + 1),
            _ => 0,
        };
        let pause = self.pause + Duration::from_millis(extra);
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
    }
}
