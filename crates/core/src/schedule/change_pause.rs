//! Pausing and resuming schedules.

use chrono::{DateTime, Utc};

use super::pause::Pause;
use crate::ids::Label;
use crate::store::{PauseStore, StoreError};

/// How often a change is tried if somebody else changes the same pause.
const MAX_ATTEMPTS: usize = 5;

/// The longest reason, in characters.
pub const MAX_REASON_LENGTH: usize = 200;

/// Why a pause was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePauseError {
    /// Others change the same pause at the same time.
    #[error("Somebody else keeps changing this pause.")]
    ChangedMeanwhile,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The reason of a pause is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The reason is too long. Give at most {MAX_REASON_LENGTH} characters.")]
pub struct ReasonTooLong;

/// Reads a person's reason for a pause; `None` if it is empty.
pub fn read_reason(text: &str) -> Result<Option<String>, ReasonTooLong> {
    let reason = crate::text::clean(text);
    match reason.chars().count() > MAX_REASON_LENGTH {
        true => Err(ReasonTooLong),
        false => Ok(Some(reason).filter(|reason| !reason.is_empty())),
    }
}

/// Begins a pause now (its `since`), and ends the active one of the same label, which it returns.
///
/// The earlier one stays on record with its own author.
pub async fn begin_pause(
    store: &dyn PauseStore,
    pause: &Pause,
) -> Result<Option<Pause>, ChangePauseError> {
    let now = pause.since;
    for _ in 0..MAX_ATTEMPTS {
        let mut pauses = store.pauses().await?;
        pauses.retain(|other| other.label == pause.label);
        let same = pauses.iter().find(|other| other.since == now);
        if !store.replace_pause(same, pause).await? {
            continue;
        }
        pauses.retain(|other| other.includes(now));
        // There are several if two people paused it at the same time.
        for before in pauses.iter().filter(|before| before.since != now) {
            // If this is refused, somebody else has just ended it.
            store
                .replace_pause(Some(before), &before.ended(now))
                .await?;
        }
        return Ok(pauses.pop());
    }
    Err(ChangePauseError::ChangedMeanwhile)
}

/// The result of ending pauses.
#[derive(Debug, PartialEq, Eq)]
pub struct EndedPauses {
    /// The pauses that ended.
    pub ended: Vec<Pause>,
    /// The active pauses of other labels, or of all schedules.
    pub others: Vec<Pause>,
}

/// Ends the active pauses of a label; `None`: those of all schedules.
pub async fn end_pauses(
    store: &dyn PauseStore,
    label: Option<&Label>,
    now: DateTime<Utc>,
) -> Result<EndedPauses, ChangePauseError> {
    let mut ended = Vec::new();
    for _ in 0..MAX_ATTEMPTS {
        let active = store.pauses().await?;
        let active = active.into_iter().filter(|pause| pause.includes(now));
        let (mine, others): (Vec<Pause>, Vec<Pause>) =
            active.partition(|pause| pause.label.as_ref() == label);
        if mine.is_empty() {
            return Ok(EndedPauses { ended, others });
        }
        for before in mine {
            let after = before.ended(now);
            if store.replace_pause(Some(&before), &after).await? {
                ended.push(after);
            }
        }
    }
    Err(ChangePauseError::ChangedMeanwhile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_one_clean_line_of_limited_length() {
        let read = |text: &str| read_reason(text).ok();
        assert_eq!(read(" a\n\x1b[31mb "), Some(Some("a [31mb".to_owned())));
        assert_eq!(read("  "), Some(None));
        assert_eq!(read(&"é".repeat(200)), Some(Some("é".repeat(200))));
        assert_eq!(read(&"é".repeat(201)), None);
    }
}
