//! An alert as a store keeps it.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::alert::Alert;
use crate::clock::is_in_future;

/// A claim to deliver an alert expires after this time.
pub const CLAIM_TIMEOUT: Duration = Duration::minutes(30);

/// A recorded alert, and whether it was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAlert {
    /// The alert as it was first raised.
    pub alert: Alert,
    /// When it was first raised.
    pub first_seen: DateTime<Utc>,
    /// When it was last raised.
    pub last_seen: DateTime<Utc>,
    /// How often it was raised.
    pub times: u64,
    /// When somebody last claimed its delivery.
    #[serde(default)]
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// The alerts that are not delivered yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingAlerts {
    /// Those that this version can read.
    pub alerts: Vec<StoredAlert>,
    /// How many more this version can't read.
    pub unreadable: usize,
}

impl StoredAlert {
    /// An alert that is raised for the first time.
    pub fn new(alert: Alert, now: DateTime<Utc>) -> Self {
        Self {
            alert,
            first_seen: now,
            last_seen: now,
            times: 1,
            claimed_at: None,
            delivered_at: None,
        }
    }

    /// Returns the alert with one more raise counted.
    #[must_use]
    pub fn with_another_raise(self, now: DateTime<Utc>) -> Self {
        Self {
            last_seen: now,
            times: self.times.saturating_add(1),
            ..self
        }
    }

    /// Claims the delivery; `None` if it was delivered, or somebody else holds the claim.
    #[must_use]
    pub fn claim(&self, now: DateTime<Utc>) -> Option<Self> {
        // A time in the future was written by a wrong clock.
        let is_over =
            |claimed: DateTime<Utc>| claimed + CLAIM_TIMEOUT <= now || is_in_future(claimed, now);
        let is_free = self.claimed_at.is_none_or(is_over);
        (self.delivered_at.is_none() && is_free).then(|| Self {
            claimed_at: Some(now),
            ..self.clone()
        })
    }
}
