//! Pausing and resuming schedules.

use chrono::{DateTime, Utc};

use super::pause::Pause;
use crate::content_hash::content_hash;
use crate::ids::Label;
use crate::retention::RETENTION;
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
    let (label, now) = (pause.label.as_ref(), pause.since);
    for _ in 0..MAX_ATTEMPTS {
        let before = pauses_of(store, label).await?;
        let after = change_active(&before, Some(pause), now);
        if store.replace_pauses(label, &before, &after).await? {
            return Ok(find_active(&before, now).cloned());
        }
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
    for _ in 0..MAX_ATTEMPTS {
        let (before, mut others): (Vec<Pause>, Vec<Pause>) = store
            .pauses()
            .await?
            .into_iter()
            .partition(|pause| pause.label.as_ref() == label);
        others.retain(|pause| pause.includes(now));
        let active = before.iter().filter(|pause| pause.includes(now));
        let ended: Vec<Pause> = active.map(|pause| pause.ended(now)).collect();
        if ended.is_empty() {
            return Ok(EndedPauses { ended, others });
        }
        let after = change_active(&before, None, now);
        if store.replace_pauses(label, &before, &after).await? {
            return Ok(EndedPauses { ended, others });
        }
    }
    Err(ChangePauseError::ChangedMeanwhile)
}

/// Identifies the active pause that a page shows, or that it shows none.
pub fn pause_version(active: Option<&Pause>) -> String {
    content_hash(&active)
}

/// The result of a change by somebody who saw an earlier state.
#[derive(Debug, PartialEq, Eq)]
pub enum SeenPauseChange {
    /// It was made.
    Made,
    /// It was made before: the same form was sent twice, or somebody else wanted the same.
    AlreadyApplied,
    /// It wasn't made, since the active pause of the label is another one by now, or there is none.
    Refused(Option<Pause>),
}

/// Begins `after` now, or ends the active pause of the label (`None`), if the active one is still the one that
/// a person saw ([`pause_version`]).
pub async fn change_seen_pause(
    store: &dyn PauseStore,
    label: Option<&Label>,
    seen: &str,
    after: Option<&Pause>,
    now: DateTime<Utc>,
) -> Result<SeenPauseChange, ChangePauseError> {
    for _ in 0..MAX_ATTEMPTS {
        let before = pauses_of(store, label).await?;
        let active = find_active(&before, now);
        if is_same_pause(active, after) {
            return Ok(SeenPauseChange::AlreadyApplied);
        }
        if pause_version(active) != seen {
            return Ok(SeenPauseChange::Refused(active.cloned()));
        }
        let changed = change_active(&before, after, now);
        if store.replace_pauses(label, &before, &changed).await? {
            return Ok(SeenPauseChange::Made);
        }
    }
    Err(ChangePauseError::ChangedMeanwhile)
}

/// Lists the pauses of a label, or those of all schedules, ended ones too.
async fn pauses_of(
    store: &dyn PauseStore,
    label: Option<&Label>,
) -> Result<Vec<Pause>, StoreError> {
    let mut pauses = store.pauses().await?;
    pauses.retain(|pause| pause.label.as_ref() == label);
    Ok(pauses)
}

fn find_active(pauses: &[Pause], now: DateTime<Utc>) -> Option<&Pause> {
    pauses.iter().rfind(|pause| pause.includes(now))
}

/// Ends the active pauses of a label, and adds `next`, which begins now. Leaves out those that ended long ago:
/// where pauses are one record for each label, nothing else removes them while one goes on.
fn change_active(pauses: &[Pause], next: Option<&Pause>, now: DateTime<Utc>) -> Vec<Pause> {
    let is_kept = |pause: &&Pause| {
        let is_recent = pause.until.is_none_or(|until| now - until < RETENTION);
        // Two can't begin at the same time.
        is_recent && next.is_none_or(|next| next.since != pause.since)
    };
    let kept = pauses.iter().filter(is_kept);
    let mut changed: Vec<Pause> = kept
        .map(|pause| match pause.includes(now) {
            true => pause.ended(now),
            false => pause.clone(),
        })
        .collect();
    changed.extend(next.cloned());
    changed.sort_by_key(|pause| pause.since);
    changed
}

/// Whether both last equally long for the same reason, no matter who began them.
fn is_same_pause(active: Option<&Pause>, wanted: Option<&Pause>) -> bool {
    match (active, wanted) {
        (None, None) => true,
        (Some(one), Some(other)) => (one.until, &one.why) == (other.until, &other.why),
        _ => false,
    }
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
