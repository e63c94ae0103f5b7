//! Counts attempts against limits: an address and a network may ask for a few sign-in mails, and the like.

use chrono::{DateTime, Utc};

use super::rate_log::{RateKey, RateLimit, RateLog};
use crate::store::{SignInStore, StoreResult};

/// How often to retry after another writer wrote first.
const MAX_ATTEMPTS: u32 = 20;

/// Counts an attempt; false, and nothing counted, if a limit is reached.
pub async fn count_attempt(
    store: &dyn SignInStore,
    key: &RateKey,
    limits: &[RateLimit],
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    for _ in 0..MAX_ATTEMPTS {
        let before = store.rate_log(key).await?;
        let Some(after) = RateLog::with_time(key, before.as_ref(), limits, now) else {
            return Ok(false);
        };
        if store.replace_rate_log(before.as_ref(), &after).await? {
            return Ok(true);
        }
    }
    // So many at once are too many.
    Ok(false)
}

/// Takes back an attempt that was counted at this time and not made.
pub async fn uncount_attempt(
    store: &dyn SignInStore,
    key: &RateKey,
    taken_at: DateTime<Utc>,
) -> StoreResult<()> {
    for _ in 0..MAX_ATTEMPTS {
        let Some(before) = store.rate_log(key).await? else {
            return Ok(());
        };
        let mut after = before.clone();
        let Some(index) = after.times.iter().position(|time| *time == taken_at) else {
            return Ok(());
        };
        after.times.remove(index);
        if store.replace_rate_log(Some(&before), &after).await? {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures::FutureExt as _;

    use super::*;
    use crate::sign_in::{ADDRESS_LIMITS, PersonId};
    use crate::testing::memory::MemoryStore;

    fn at(minutes: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        start + TimeDelta::minutes(minutes)
    }

    async fn ask(store: &MemoryStore, key: &RateKey, minutes: i64) -> bool {
        let limits = &ADDRESS_LIMITS;
        count_attempt(store, key, limits, at(minutes))
            .await
            .unwrap()
    }

    fn key() -> RateKey {
        RateKey::address(&PersonId::console())
    }

    #[tokio::test]
    async fn address_gets_three_an_hour_in_any_hour() {
        let (store, key) = (MemoryStore::default(), key());
        for (minutes, expected) in [
            (0, true),
            (50, true),
            (59, true),
            (59, false),
            (60, true),
            (61, false),
            (109, false),
            (110, true),
        ] {
            assert_eq!(ask(&store, &key, minutes).await, expected, "{minutes}");
        }
    }

    #[tokio::test]
    async fn uncounted_attempt_can_be_made_again() {
        let (store, key) = (MemoryStore::default(), key());
        for minutes in [0, 1, 1] {
            assert!(ask(&store, &key, minutes).await);
        }
        uncount_attempt(&store, &key, at(1)).await.unwrap();
        assert_eq!(
            [ask(&store, &key, 2).await, ask(&store, &key, 2).await],
            [true, false],
            "one was returned, not two"
        );
        uncount_attempt(&store, &key, at(30)).await.unwrap();
        assert!(!ask(&store, &key, 31).await, "nobody took that one");
    }

    #[tokio::test]
    async fn address_gets_ten_a_day() {
        let (store, key) = (MemoryStore::default(), key());
        let mut given = 0;
        for minutes in (0..24 * 60).step_by(20) {
            given += usize::from(ask(&store, &key, minutes).await);
        }
        assert_eq!(given, 10);
        assert!(ask(&store, &key, 24 * 60).await);
    }

    #[tokio::test]
    async fn refused_requests_do_not_prolong_the_wait() {
        let (store, key) = (MemoryStore::default(), key());
        for minutes in [0, 0, 0] {
            assert!(ask(&store, &key, minutes).await);
        }
        for minutes in 1..60 {
            assert!(!ask(&store, &key, minutes).await);
        }
        assert!(ask(&store, &key, 60).await);
    }

    #[tokio::test]
    async fn two_requests_at_once_both_count() {
        let (store, key) = (MemoryStore::default(), key());
        for _ in 0..2 {
            assert!(ask(&store, &key, 0).await);
        }
        let other = key.clone();
        store.run_before_next_write(move |store| {
            let first = ask(store, &other, 0).now_or_never();
            assert!(first.unwrap());
        });
        assert!(!ask(&store, &key, 0).await);
    }

    #[tokio::test]
    async fn future_attempt_does_not_count() {
        let (store, key) = (MemoryStore::default(), key());
        for _ in 0..3 {
            assert!(ask(&store, &key, 600).await);
        }
        assert!(ask(&store, &key, 0).await);
    }
}
