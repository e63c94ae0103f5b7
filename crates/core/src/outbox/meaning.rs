//! What a mail's state means, in words.

use chrono::{DateTime, Duration, Utc};

use super::record::{HELD_RESTORED, MailState, OutboxRecord, TransitionError};

/// If sending takes longer, the mail gets an explanation.
const MAX_SENDING_TIME: Duration = Duration::minutes(1);

impl OutboxRecord {
    /// Explains its state to the operator, unless it is obvious.
    ///
    /// The mail service's own words may be in it, and with them an address: see
    /// [`mask_addresses`](crate::text::mask_addresses).
    pub fn meaning(&self, now: DateTime<Utc>) -> Option<String> {
        if self.is_held() {
            return Some(format!("{HELD_RESTORED}: its email may have been sent."));
        }
        let reason = self.reason.as_deref().map(crate::text::clean);
        let words = match self.state {
            MailState::Sending if now - self.changed_at > MAX_SENDING_TIME || reason.is_some() => {
                "We can't tell whether this email was sent; the next notify-all decides what to do"
            }
            MailState::Sending => "It's being sent",
            MailState::Unknown => {
                "We can't tell whether this email was sent; notify-all decides what to do"
            }
            MailState::Newer => "A newer version wrote it, so this one doesn't change it",
            MailState::Pending if self.check_claimable(now) == Err(TransitionError::Waiting) => {
                "The mail server refused it for now. We'll try again within half an hour"
            }
            MailState::Pending => "It goes out on the next run of notify-all",
            MailState::Failed => "Nothing more happens for this day",
            MailState::Claimed if self.lease_until.is_none_or(|until| until <= now) => {
                "The program stopped while writing it. It goes out on the next run of notify-all"
            }
            MailState::Claimed => "It's being written",
            _ => return reason,
        };
        Some(match reason {
            Some(reason) => format!("{words}. {reason}"),
            None => format!("{words}."),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn sending() -> OutboxRecord {
        OutboxRecord::planned(
            crate::outbox::MailKey::daily("conrad".parse().unwrap(), "2026-11-21".parse().unwrap()),
            now(),
        )
        .claim(Default::default(), now())
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
        .unwrap()
    }

    #[test]
    fn unanswered_sending_has_an_unknown_outcome() {
        let meaning = |record: OutboxRecord, at| record.meaning(at).unwrap();
        assert_eq!(meaning(sending(), now()), "It's being sent.");
        let later = now() + Duration::minutes(2);
        let unknown = "We can't tell whether this email was sent";
        assert!(meaning(sending(), later).starts_with(unknown));
        let lost = sending().unknown("The line was lost.".into()).unwrap();
        assert!(meaning(lost, now()).starts_with(unknown));
    }

    #[test]
    fn unsent_notice_goes_out_on_the_next_run() {
        let pending = sending().not_sent("No connection.".into(), now()).unwrap();
        assert_eq!(
            pending.meaning(now()).as_deref(),
            Some("It goes out on the next run of notify-all. No connection.")
        );
    }
}
