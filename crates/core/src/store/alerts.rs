//! The alerts.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreResult;
use crate::alerts::{Alert, AlertKey, PendingAlerts, StoredAlert};

/// Stores the operator's alerts, and whether each was delivered.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Records that an alert was raised, in one conditional write; true if it is new.
    ///
    /// If this version can't read the alert stored under that key, leaves it as it is.
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool>;

    /// Claims the delivery of an alert, in one conditional write; true if the caller must deliver it.
    ///
    /// Only one of many callers gets the claim. If the alert is still not delivered after
    /// [`CLAIM_TIMEOUT`](crate::alerts::CLAIM_TIMEOUT), another may claim it. False if it was delivered
    /// or never raised.
    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool>;

    /// Marks an alert as delivered; does nothing if it is gone or was already delivered.
    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()>;

    /// Deletes an alert that turned out wrong, in one conditional write; does nothing if it changed since
    /// `stored` was read.
    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()>;

    /// Returns an alert; `None` if it is missing or this version can't read it.
    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>>;

    /// Lists all alerts that were not delivered, ordered by when they were last raised, oldest first.
    async fn pending_alerts(&self) -> StoreResult<PendingAlerts>;

    /// Lists the alerts that were raised last, newest first, without those that this version
    /// can't read.
    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>>;
}
