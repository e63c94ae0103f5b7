//! What needs the operator.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::operator::telling::{NotedConcern, OperatorStore, Untold};
use crate::operator::{Concern, ConcernKey};
use crate::store::StoreResult;

#[async_trait]
impl OperatorStore for MemoryStore {
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let mut inside = self.lock();
        let before = inside.concerns.remove(key);
        let is_news = before.is_none();
        let noted = match before {
            Some(noted) => noted.seen_again(now),
            None => NotedConcern::new(concern.clone(), now),
        };
        inside.concerns.insert(key.clone(), noted);
        Ok(is_news)
    }

    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let mut inside = self.lock();
        let Some(next) = inside
            .concerns
            .get(key)
            .and_then(|noted| noted.set_out(now))
        else {
            return Ok(false);
        };
        inside.concerns.insert(key.clone(), next);
        Ok(true)
    }

    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()> {
        if let Some(noted) = self.lock().concerns.get_mut(key) {
            noted.told_at.get_or_insert(at);
        }
        Ok(())
    }

    async fn withdraw_concern(&self, noted: &NotedConcern) -> StoreResult<()> {
        let (key, mut inside) = (noted.concern.key(), self.lock());
        if inside.concerns.get(&key) == Some(noted) {
            inside.concerns.remove(&key);
        }
        Ok(())
    }

    async fn concern(&self, key: &ConcernKey) -> StoreResult<Option<NotedConcern>> {
        Ok(self.lock().concerns.get(key).cloned())
    }

    async fn untold_concerns(&self) -> StoreResult<Untold> {
        let inside = self.lock();
        let untold = inside.concerns.values();
        let mut noted: Vec<NotedConcern> = untold
            .filter(|noted| noted.told_at.is_none())
            .cloned()
            .collect();
        noted.sort_by_key(|noted| noted.last_seen);
        Ok(Untold { noted, newer: 0 })
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let mut noted: Vec<NotedConcern> = self.lock().concerns.values().cloned().collect();
        noted.sort_by_key(|noted| std::cmp::Reverse(noted.last_seen));
        noted.truncate(limit);
        Ok(noted)
    }
}
