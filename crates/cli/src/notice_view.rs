//! A notice's state, in words.

use chrono::{DateTime, Utc};
use hippo_core::outbox::{MailState, OutboxRecord};

use crate::output::count;
use crate::output::table::{Cell, Tone};

/// Explains a notice's state, unless it is obvious.
pub(crate) fn meaning(record: &OutboxRecord, now: DateTime<Utc>) -> Option<String> {
    let meaning = record.meaning(now)?;
    Some(match record.is_held() {
        true => format!(
            "{meaning} “hippo notices resend {} {}” sends it.",
            record.family, record.date
        ),
        false => meaning,
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
