//! The alerts.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::alerts::PendingAlerts;
use crate::alerts::StoredAlert;
use crate::alerts::{Alert, AlertKey};
use crate::store::AlertStore;
use crate::store::StoreResult;

#[async_trait]
impl AlertStore for MemoryStore {
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let before = state.alerts.remove(key);
        let is_news = before.is_none();
        let stored = match before {
            Some(stored) => stored.with_another_raise(now),
            None => StoredAlert::new(alert.clone(), now),
        };
        state.alerts.insert(key.clone(), stored);
        Ok(is_news)
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let mut state = self.write()?;
        let Some(next) = state.alerts.get(key).and_then(|noted| noted.claim(now)) else {
            return Ok(false);
        };
        state.alerts.insert(key.clone(), next);
        Ok(true)
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        if let Some(noted) = self.write()?.alerts.get_mut(key) {
            noted.delivered_at.get_or_insert(at);
        }
        Ok(())
    }

    async fn withdraw_alert(&self, noted: &StoredAlert) -> StoreResult<()> {
        let (key, mut state) = (noted.alert.key(), self.write()?);
        if state.alerts.get(&key) == Some(noted) {
            state.alerts.remove(&key);
        }
        Ok(())
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        Ok(self.read()?.alerts.get(key).cloned())
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        let state = self.read()?;
        let pending = state.alerts.values();
        let mut stored: Vec<StoredAlert> = pending
            .filter(|stored| stored.delivered_at.is_none())
            .cloned()
            .collect();
        stored.sort_by_key(|stored| stored.last_seen);
        Ok(PendingAlerts {
            alerts: stored,
            unreadable: 0,
        })
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        let mut stored: Vec<StoredAlert> = self.read()?.alerts.values().cloned().collect();
        stored.sort_by_key(|stored| std::cmp::Reverse(stored.last_seen));
        stored.truncate(limit);
        Ok(stored)
    }
}
