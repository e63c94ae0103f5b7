//! The table's own time, from the `Date` of its answers, to compare our clock with.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};

/// The time in the table's last answer, and when it came.
#[derive(Debug, Clone, Default)]
pub(super) struct TableClock(Arc<Mutex<Option<LastResponse>>>);

#[derive(Debug, Clone, Copy)]
struct LastResponse {
    date: DateTime<Utc>,
    came: Instant,
}

impl TableClock {
    /// How far `now` is ahead of the table's time, to the second; `None` before the first answer.
    pub(super) fn ahead(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let heard = (*self.0.lock().ok()?)?;
        let since = TimeDelta::from_std(heard.came.elapsed()).ok()?;
        Some(now - (heard.date + since))
    }

    fn note(&self, date: &str) {
        if let Ok(date) = DateTime::parse_from_rfc2822(date)
            && let Ok(mut last) = self.0.lock()
        {
            *last = Some(LastResponse {
                date: date.to_utc(),
                came: Instant::now(),
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
            self.note(date);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_clock_is_compared_with_the_date_of_the_last_answer() {
        let clock = TableClock::default();
        let now: DateTime<Utc> = "2026-11-21T10:03:00Z".parse().unwrap();
        assert_eq!(clock.ahead(now), None);
        clock.note("no date");
        assert_eq!(clock.ahead(now), None);
        clock.note("Sat, 21 Nov 2026 10:00:00 GMT");
        let ahead = clock.ahead(now).unwrap();
        // The seconds that passed since the answer count, whatever they are.
        assert!(ahead <= TimeDelta::minutes(3) && ahead > TimeDelta::minutes(2));
    }
}
