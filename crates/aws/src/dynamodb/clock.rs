//! Compares our clock with the `Date` header of DynamoDB's responses.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};

/// The date in DynamoDB's last response.
#[derive(Debug, Clone, Default)]
pub(super) struct TableClock(Arc<Mutex<Option<LastResponse>>>);

#[derive(Debug, Clone, Copy)]
struct LastResponse {
    date: DateTime<Utc>,
    received_at: Instant,
}

impl TableClock {
    /// How far `now` is ahead of DynamoDB's time, to the second. `None` before the first response.
    pub(super) fn skew(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let last = (*self.0.lock().ok()?)?;
        let elapsed = TimeDelta::from_std(last.received_at.elapsed()).ok()?;
        Some(now - (last.date + elapsed))
    }

    fn record_date(&self, date: &str) {
        if let Ok(date) = DateTime::parse_from_rfc2822(date)
            && let Ok(mut last) = self.0.lock()
        {
            *last = Some(LastResponse {
                date: date.to_utc(),
                received_at: Instant::now(),
            });
        }
    }
}

impl Intercept for TableClock {
    fn name(&self) -> &'static str {
        "TableClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.record_date(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_is_compared_with_the_last_response() {
        let clock = TableClock::default();
        let now: DateTime<Utc> = "2026-11-21T10:03:00Z".parse().unwrap();
        assert_eq!(clock.skew(now), None);
        clock.record_date("no date");
        assert_eq!(clock.skew(now), None);
        clock.record_date("Sat, 21 Nov 2026 10:00:00 GMT");
        let skew = clock.skew(now).unwrap();
        // The time since the response counts too, and a test may be slow.
        assert!(skew <= TimeDelta::minutes(3) && skew > TimeDelta::minutes(2));
    }
}
