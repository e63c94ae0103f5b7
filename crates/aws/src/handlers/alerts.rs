//! Counts alerts that couldn't be delivered, for an alarm: a mail can't report that mails fail.

use async_trait::async_trait;
use hippo_core::alerts::Alert;
use hippo_core::alerts::notifier::DeliveryFailed;
use hippo_core::alerts::notifier::Notifier;
use hippo_core::clock::Clock;

use crate::metrics::{Metrics, Unit};

/// Counts the alerts that `notifier` can't deliver.
pub struct CountUndelivered<'a> {
    /// Delivers the alerts.
    pub notifier: &'a dyn Notifier,
    /// Where the count goes.
    pub metrics: &'a Metrics,
    /// The clock.
    pub clock: &'a dyn Clock,
}

#[async_trait]
impl Notifier for CountUndelivered<'_> {
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        let result = self.notifier.notify(alerts).await;
        if result.is_err() {
            let count = i64::try_from(alerts.len()).unwrap_or(i64::MAX);
            self.metrics
                .at(self.clock.now())
                .metrics(&[], &[("AlertsNotDelivered", Unit::Count, count)])
                .publish();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::World;

    struct FixedResult(Result<(), DeliveryFailed>);

    #[async_trait]
    impl Notifier for FixedResult {
        async fn notify(&self, _: &[Alert]) -> Result<(), DeliveryFailed> {
            self.0.clone()
        }
    }

    #[tokio::test]
    async fn only_undelivered_alerts_are_counted() {
        let world = World::new().await;
        let day = "2026-11-21".parse().unwrap();
        let alerts = [
            Alert::ClockWrong { day, seconds: 90 },
            Alert::UnreadableAlert { day },
        ];
        let refused = Err(DeliveryFailed("MessageRejected".to_owned()));
        for result in [Ok(()), refused] {
            let notifier = CountUndelivered {
                notifier: &FixedResult(result.clone()),
                metrics: &world.metrics,
                clock: &world.clock,
            };
            assert_eq!(notifier.notify(&alerts).await, result);
        }
        assert_eq!(world.published("AlertsNotDelivered"), [(2, vec![])]);
    }
}
