//! A provider's document, fetched when it's needed and kept for a while.

use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::sign_in::IdentityError;
use tokio::sync::Mutex;

/// How long a document is used.
const DOCUMENT_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// How old a document that doesn't suffice must be before it's fetched again.
const MIN_AGE: TimeDelta = TimeDelta::minutes(1);

/// How long a failure is repeated without asking again.
const FAILURE_LIFETIME: TimeDelta = TimeDelta::seconds(10);

/// A document, and when it was fetched. One request at a time fetches it.
pub(crate) struct Cached<T>(Mutex<Option<Fetched<T>>>);

struct Fetched<T> {
    at: DateTime<Utc>,
    document: Result<Arc<T>, IdentityError>,
}

impl<T> Cached<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Returns the document, and fetches it first if it's old or doesn't suffice.
    ///
    /// However many requests need something newer, it's fetched at most once a minute.
    pub(crate) async fn get(
        &self,
        now: DateTime<Utc>,
        suffices: impl Fn(&T) -> bool + Send,
        fetch: impl Future<Output = Result<T, IdentityError>> + Send,
    ) -> Result<Arc<T>, IdentityError> {
        let mut held = self.0.lock().await;
        if let Some(fetched) = &*held {
            // A time in the future is from a clock that was wrong.
            let age = now - fetched.at;
            let is_younger = |limit: TimeDelta| age >= TimeDelta::zero() && age < limit;
            match &fetched.document {
                Ok(document) if is_younger(MIN_AGE) => return Ok(Arc::clone(document)),
                Ok(document) if is_younger(DOCUMENT_LIFETIME) && suffices(document) => {
                    return Ok(Arc::clone(document));
                }
                Err(error) if is_younger(FAILURE_LIFETIME) => return Err(error.clone()),
                _ => {}
            }
        }
        let document = fetch.await.map(Arc::new);
        *held = Some(Fetched {
            at: now,
            document: document.clone(),
        });
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[tokio::test]
    async fn stale_document_is_refetched_at_a_limited_rate() {
        let (cached, fetches) = (Cached::new(), AtomicU32::new(0));
        for (seconds, suffices, expected) in [
            (0, true, 1),
            (3599, true, 1),
            (3600, true, 2),
            (3601, false, 2),
            (3659, false, 2),
            (3660, false, 3),
            (3661, false, 3),
            // The clock was wrong.
            (10, true, 4),
        ] {
            let fetch = async { Ok(fetches.fetch_add(1, Ordering::Relaxed) + 1) };
            let document = cached.get(at(seconds), |_| suffices, fetch).await.unwrap();
            assert_eq!(*document, expected, "{seconds}");
        }
    }

    #[tokio::test]
    async fn failure_is_repeated_for_ten_seconds() {
        let (cached, fetches) = (Cached::<u32>::new(), AtomicU32::new(0));
        for (seconds, expected) in [(0, 1), (9, 1), (10, 2)] {
            let fetch = async {
                fetches.fetch_add(1, Ordering::Relaxed);
                Err(IdentityError::Unavailable("down".to_owned()))
            };
            assert!(cached.get(at(seconds), |_| true, fetch).await.is_err());
            assert_eq!(fetches.load(Ordering::Relaxed), expected, "{seconds}");
        }
    }
}
