//! Permits of the limits, which are given back if nothing came of them.

use chrono::{DateTime, Utc};
use hippo_core::sign_in::limit::{count_attempt, uncount_attempt};
use hippo_core::sign_in::{RateKey, RateLimit};
use hippo_core::store::StoreResult;

use crate::ports::WebPorts;

/// A permit to do something once.
pub(crate) struct Permit {
    key: RateKey,
    taken_at: DateTime<Utc>,
}

impl Permit {
    /// Takes a permit; `None`: a limit is reached.
    pub(crate) async fn take(
        ports: &WebPorts,
        key: RateKey,
        limits: &[RateLimit],
    ) -> StoreResult<Option<Self>> {
        let taken_at = ports.clock.now();
        let is_taken = count_attempt(&*ports.store, &key, limits, taken_at).await?;
        Ok(is_taken.then_some(Self { key, taken_at }))
    }

    pub(crate) fn taken_at(&self) -> DateTime<Utc> {
        self.taken_at
    }

    /// Gives it back, since nothing was stored or sent.
    ///
    /// The page says why. So a failure only goes to the log.
    pub(crate) async fn give_back(self, ports: &WebPorts) {
        if let Err(error) = uncount_attempt(&*ports.store, &self.key, self.taken_at).await {
            tracing::warn!(%error, "A permit that wasn’t used could not be given back.");
        }
    }
}
