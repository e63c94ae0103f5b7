//! When a message is tried again that the mail service didn't take.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// The pause before each other try. A server that refuses strangers at first takes most mails after one or
/// five minutes.
const RETRY_PAUSES: [Duration; 4] = [
    Duration::from_secs(20),
    Duration::from_secs(100),
    Duration::from_secs(200),
    Duration::from_secs(320),
];

/// The most tries of a message.
pub const MAX_TRIES: usize = RETRY_PAUSES.len() + 1;

/// Returns the pause after so many tries; `None`: there is no other try, or it would begin after `until`.
pub fn retry_pause(tries: usize, now: DateTime<Utc>, until: DateTime<Utc>) -> Option<Duration> {
    let pause = *RETRY_PAUSES.get(tries.checked_sub(1)?)?;
    (now + TimeDelta::from_std(pause).ok()? <= until).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn pauses_grow_and_end_before_the_time_is_over() {
        let until = now() + TimeDelta::minutes(11);
        let (mut at, mut tried) = (now(), vec![0]);
        while let Some(pause) = retry_pause(tried.len(), at, until) {
            at += pause;
            tried.push((at - now()).num_seconds());
        }
        assert_eq!(tried, [0, 20, 120, 320, 640]);
        assert_eq!(tried.len(), MAX_TRIES);
    }

    #[test]
    fn try_that_would_come_too_late_is_left_out() {
        let pause = Duration::from_secs(20);
        let last = now() + TimeDelta::seconds(20);
        assert_eq!(retry_pause(1, now(), last), Some(pause));
        let earlier = last - TimeDelta::milliseconds(1);
        assert_eq!(retry_pause(1, now(), earlier), None);
        assert_eq!(retry_pause(0, now(), now() + TimeDelta::days(1)), None);
    }
}
