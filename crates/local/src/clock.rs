//! The machine's clock, and a frozen one.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::clock::Clock;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn timeout(&self, limit: Duration) {
        tokio::time::sleep(limit).await;
    }
}

/// A frozen clock. Its `sleep` yields once and returns.
#[derive(Debug, Clone, Copy)]
pub struct FrozenClock {
    /// The time it shows.
    pub at: DateTime<Utc>,
}

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> DateTime<Utc> {
        self.at
    }

    async fn sleep(&self, _duration: Duration) {
        tokio::task::yield_now().await;
    }

    async fn timeout(&self, limit: Duration) {
        tokio::time::sleep(limit).await;
    }
}

/// `HIPPO_NOW` is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("HIPPO_NOW is “{0}”, which isn't a time. Write it like 2026-11-21T06:30:00-05:00.")]
pub struct InvalidNow(String);

/// Returns the machine's clock, or one that is frozen at `HIPPO_NOW` (RFC 3339).
///
/// An empty value counts as unset.
pub fn clock_from_environment(hippo_now: Option<&str>) -> Result<Box<dyn Clock>, InvalidNow> {
    match hippo_now.map(str::trim) {
        None | Some("") => Ok(Box::new(SystemClock)),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map(|at| Box::new(FrozenClock { at: at.to_utc() }) as Box<dyn Clock>)
            .map_err(|_| InvalidNow(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hippo_now_freezes_the_clock() {
        let clock = clock_from_environment(Some("2026-11-21T06:30:00-05:00")).unwrap();
        clock.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(
            clock.now(),
            "2026-11-21T11:30:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    #[test]
    fn without_hippo_now_the_system_clock_is_used() {
        for value in [None, Some("")] {
            let before = Utc::now();
            let shown = clock_from_environment(value).unwrap().now();
            assert!(before <= shown && shown <= Utc::now());
        }
    }

    #[test]
    fn malformed_time_error_shows_an_example() {
        for text in ["yesterday", "2026-11-21", "2026-11-21T06:30:00"] {
            let error = clock_from_environment(Some(text)).err().unwrap();
            assert!(error.to_string().contains(text));
            assert!(error.to_string().contains("2026-11-21T06:30:00-05:00"));
        }
    }
}
