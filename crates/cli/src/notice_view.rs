//! A notice's state, in words.

use chrono::{DateTime, Duration, Utc};
use hippo_core::outbox::{HELD_RESTORED, MailState, OutboxRecord, TransitionError};

use crate::output::count;
use crate::output::table::{Cell, Tone};

/// If sending takes longer, the notice gets an explanation.
const MAX_SENDING_TIME: Duration = Duration::minutes(1);

/// Explains a notice's state, unless it is obvious.
pub(crate) fn meaning(record: &OutboxRecord, now: DateTime<Utc>) -> Option<String> {
    if record.is_held() {
        return Some(format!(
            "{}: its email may have been sent. “hippo notices resend {} {}” sends it.",
            HELD_RESTORED, record.family, record.date
        ));
    }
    let reason = record.reason.as_deref().map(hippo_core::text::clean);
    let words = match record.state {
        MailState::Sending if now - record.changed_at > MAX_SENDING_TIME || reason.is_some() => {
            "We can't tell whether this email was sent; the next notify-all decides what to do"
        }
        MailState::Sending => "It's being sent",
        MailState::Unknown => {
            "We can't tell whether this email was sent; notify-all decides what to do"
        }
        MailState::Newer => "A newer version of hippo wrote it, so this one doesn't change it",
        MailState::Pending if record.check_claimable(now) == Err(TransitionError::Waiting) => {
            "The mail server refused it for now. We'll try again within half an hour"
        }
        MailState::Pending => "It goes out on the next run of notify-all",
        MailState::Failed => "Nothing more happens for this day",
        MailState::Claimed if record.lease_until.is_none_or(|until| until <= now) => {
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

/// `2 addresses (1 more is stopped)`.
pub(crate) fn addresses(reachable: usize, stopped: usize) -> String {
    let reachable = count(reachable, "address", "addresses");
    match stopped {
        0 => reachable,
        1 => format!("{reachable} (1 more is stopped)"),
        stopped => format!("{reachable} ({stopped} more are stopped)"),
    }
}

/// The cell STATE of a notice.
pub(crate) fn state_cell(state: MailState) -> Cell {
    let tone = match state {
        MailState::Sent => Tone::Good,
        MailState::Skipped => Tone::Faint,
        MailState::Pending | MailState::Claimed => Tone::Plain,
        MailState::Sending | MailState::Unknown | MailState::Newer => Tone::Warning,
        MailState::Failed | MailState::GaveUp | MailState::Missed => Tone::Bad,
    };
    Cell::new(state.as_str(), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn sending() -> OutboxRecord {
        OutboxRecord::planned(
            hippo_core::outbox::MailKey::daily(
                "conrad".parse().unwrap(),
                "2026-11-21".parse().unwrap(),
            ),
            now(),
        )
        .claim(Default::default(), now())
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
        .unwrap()
    }

    #[test]
    fn unanswered_sending_has_an_unknown_outcome() {
        assert_eq!(
            meaning(&sending(), now()).as_deref(),
            Some("It's being sent.")
        );
        let later = now() + Duration::minutes(2);
        assert!(
            meaning(&sending(), later)
                .unwrap()
                .starts_with("We can't tell whether this email was sent")
        );
        let lost = sending().unknown("The line was lost.".into()).unwrap();
        assert!(
            meaning(&lost, now())
                .unwrap()
                .starts_with("We can't tell whether this email was sent")
        );
    }

    #[test]
    fn unsent_notice_goes_out_on_the_next_run() {
        let pending = sending().not_sent("No connection.".into(), now()).unwrap();
        assert_eq!(
            meaning(&pending, now()).as_deref(),
            Some("It goes out on the next run of notify-all. No connection.")
        );
    }
}
