//! A notice's state, in words.

use chrono::{DateTime, Utc};
use hippo_core::outbox::{MailState, OutboxRecord};

use crate::output::count;
use crate::output::table::{Cell, Tone};
use crate::suggested::HIPPO;

/// Explains a notice's state, unless it is obvious.
pub(crate) fn meaning(record: &OutboxRecord, now: DateTime<Utc>) -> Option<String> {
    let meaning = record.meaning(now)?;
    Some(match record.is_held() {
        true => format!(
            "{meaning} “{HIPPO} notices resend {} {}” sends it.",
            record.family, record.date
        ),
        false => meaning,
    })
}

/// `2 addresses (1 more is stopped, 1 unsubscribed)`.
pub(crate) fn addresses(reachable: usize, stopped: usize, unsubscribed: usize) -> String {
    let reachable = count(reachable, "address", "addresses");
    let stopped = match stopped {
        0 => None,
        1 => Some("1 more is stopped".to_owned()),
        stopped => Some(format!("{stopped} more are stopped")),
    };
    let unsubscribed = (unsubscribed > 0).then(|| format!("{unsubscribed} unsubscribed"));
    let others: Vec<String> = stopped.into_iter().chain(unsubscribed).collect();
    match others.is_empty() {
        true => reachable,
        false => format!("{reachable} ({})", others.join(", ")),
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
