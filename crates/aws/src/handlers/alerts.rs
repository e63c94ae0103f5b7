//! A metric with an alarm for alerts that could not be delivered: a mail can't say that mails fail.

use async_trait::async_trait;
use hippo_core::alerts::Alert;
use hippo_core::alerts::notifier::DeliveryFailed;
use hippo_core::alerts::notifier::Notifier;
use hippo_core::clock::Clock;

use crate::metrics::{Metrics, Unit};

/// Counts the alerts that `notifier` could not deliver.
pub struct CountUndelivered<'a> {
    /// Delivers them.
    pub notifier: &'a dyn Notifier,
    /// Where the count goes.
    pub metrics: &'a Metrics,
    /// The time.
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

    struct Answers(Result<(), DeliveryFailed>);

    #[async_trait]
    impl Notifier for Answers {
        async fn notify(&self, _: &[Alert]) -> Result<(), DeliveryFailed> {
            self.0.clone()
        }
    }

    #[tokio::test]
    async fn undelivered_alerts_are_counted_and_delivered_ones_are_not() {
        let world = World::new().await;
        let day = "2026-11-21".parse().unwrap();
        let alerts = [
            Alert::ClockWrong { day, seconds: 90 },
            Alert::NewerAlert { day },
        ];
        let refused = Err(DeliveryFailed("MessageRejected".to_owned()));
        for answer in [Ok(()), refused] {
            let notifier = CountUndelivered {
                notifier: &Answers(answer.clone()),
                metrics: &world.metrics,
                clock: &world.clock,
            };
            assert_eq!(notifier.notify(&alerts).await, answer);
        }
        assert_eq!(world.published("AlertsNotDelivered"), [(2, vec![])]);
    }
}
