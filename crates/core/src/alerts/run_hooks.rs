//! The hooks before and after every run, which deliver alerts and send heartbeats.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use super::alert::Alert;
use super::confirm::{Confirmation, confirm_alert};
use super::heartbeat::Heartbeat;
use super::notifier::{FailureGroup, Notifiers};
use super::raise::raise_alerts;
use super::stored::{CLAIM_TIMEOUT, StoredAlert};
use crate::clock::Clock;
use crate::run::Run;
use crate::store::{AlertStore, OutboxStore, StoreResult};

/// How many alerts are looked up or marked at the same time.
const MAX_CONCURRENCY: usize = 16;

/// What happens before and after every run of a job.
pub struct RunHooks<'a> {
    /// The alerts.
    pub alerts: &'a dyn AlertStore,
    /// The notices that some alerts are about.
    pub outbox: &'a dyn OutboxStore,
    /// Who delivers alerts; `None` leaves them to the next run that has notifiers.
    pub notifiers: Option<Notifiers<'a>>,
    /// The URLs that are fetched before and after runs.
    pub heartbeat: Heartbeat<'a>,
    /// The clock.
    pub clock: &'a dyn Clock,
}

impl RunHooks<'_> {
    /// Raises alerts that belong to a run; see [`raise_alerts`].
    pub async fn raise(&self, alerts: &[Alert]) -> StoreResult<()> {
        raise_alerts(self.alerts, alerts, self.clock.now()).await?;
        Ok(())
    }

    /// Sends the start signal of a run that has begun. Its own errors are logged.
    pub async fn before_run(&self, run: &Run) {
        self.heartbeat.send_start(run).await;
    }

    /// Delivers alerts and sends the heartbeat after a run that ended, or came too late to begin.
    ///
    /// Its own errors are logged.
    pub async fn after_run(&self, run: &Run) {
        if let Err(error) = self.deliver_alerts().await {
            tracing::error!(run.id = %run.key, %error, "The pending alerts couldn't be read.");
        }
        self.heartbeat.send_end(run, self.clock.now()).await;
    }

    /// Delivers every pending alert, from any source; returns how many were delivered.
    ///
    /// Undelivered alerts are left to a later run.
    pub async fn deliver_alerts(&self) -> StoreResult<usize> {
        let Some(notifiers) = &self.notifiers else {
            return Ok(0);
        };
        let mut pending = self.alerts.pending_alerts().await?;
        if pending.unreadable > 0 {
            let day = self.clock.now().date_naive();
            self.raise(&[Alert::UnreadableAlert { day }]).await?;
            pending = self.alerts.pending_alerts().await?;
        }
        let claimed: Vec<Option<Alert>> = futures::stream::iter(pending.alerts)
            .map(|stored| async move { self.claim(&stored).await })
            .buffered(MAX_CONCURRENCY)
            .collect()
            .await;
        let mut by_group: BTreeMap<Option<FailureGroup>, Vec<Alert>> = BTreeMap::new();
        for alert in claimed.into_iter().flatten() {
            let group = notifiers.failure_group(&alert);
            by_group.entry(group).or_default().push(alert);
        }
        let mut delivered = 0;
        for (group, alerts) in by_group {
            if let Err(error) = notifiers.notify(group.as_ref(), &alerts).await {
                tracing::error!(%error, alerts = alerts.len(), "Alerts weren't delivered; a later run tries again.");
                continue;
            }
            delivered += alerts.len();
            futures::stream::iter(alerts)
                .for_each_concurrent(MAX_CONCURRENCY, |alert| async move {
                    self.mark_delivered(&alert).await;
                })
                .await;
        }
        Ok(delivered)
    }

    /// Claims an alert if it is true and nobody else delivers it. A store failure leaves it to a
    /// later run.
    async fn claim(&self, stored: &StoredAlert) -> Option<Alert> {
        let claimed = self.try_claim(stored).await;
        claimed.unwrap_or_else(|error| {
            tracing::error!(alert = %stored.alert.key(), %error, "An alert couldn't be read.");
            None
        })
    }

    async fn try_claim(&self, stored: &StoredAlert) -> StoreResult<Option<Alert>> {
        let now = self.clock.now();
        if stored.claim(now).is_none() {
            return Ok(None);
        }
        let alert = match confirm_alert(self.outbox, &stored.alert).await? {
            Confirmation::True(alert) => alert,
            Confirmation::NotYet => return Ok(None),
            Confirmation::False => {
                // An alert about a rejection is raised while the notice still counts as sent, so it
                // may become true soon.
                if stored.last_seen + CLAIM_TIMEOUT <= now {
                    self.alerts.withdraw_alert(stored).await?;
                }
                return Ok(None);
            }
        };
        let is_ours = self.alerts.claim_alert(&alert.key(), now).await?;
        Ok(is_ours.then_some(alert))
    }

    async fn mark_delivered(&self, alert: &Alert) {
        let key = alert.key();
        if let Err(error) = self
            .alerts
            .mark_alert_delivered(&key, self.clock.now())
            .await
        {
            tracing::error!(alert = %key, %error, "An alert was delivered but couldn't be marked; a later run delivers it again.");
        }
    }
}
