//! How alerts are raised and ended.

use chrono::{DateTime, Utc};

use super::alert::Alert;
use crate::ids::LibraryId;
use crate::outbox::OutboxRecord;
use crate::store::{AlertStore, StoreResult};

/// Raises alerts; true if any of them is new. After an error one of them may be missing.
///
/// The operator sees each once, however often it is raised. If nobody would look again after a
/// step, raise its alert before the step. A crash in between then leaves an alert, not silence.
pub async fn raise_alerts(
    store: &dyn AlertStore,
    alerts: &[Alert],
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let mut is_any_new = false;
    for alert in alerts {
        is_any_new |= store.record_alert(&alert.key(), alert, now).await?;
    }
    Ok(is_any_new)
}

/// Raises the alerts about a record that is about to be written; true if any of them is new.
///
/// Call it before the write: nobody looks at a final record again. If the write then doesn't
/// happen, [`confirm_alert`](super::confirm_alert) keeps the alert from being delivered.
pub async fn raise_record_alerts(
    store: &dyn AlertStore,
    record: &OutboxRecord,
    now: DateTime<Utc>,
) -> StoreResult<bool> {
    let mut alerts = Vec::from_iter(Alert::for_notice(record));
    alerts.extend(Alert::for_unreached_recipients(record));
    raise_alerts(store, &alerts, now).await
}

/// Ends the alerts about a library's pages, now that they were read.
///
/// If the alert about a change was delivered, its end is an alert too.
pub async fn end_page_change(
    store: &dyn AlertStore,
    library: &LibraryId,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let changed = Alert::PageChanged {
        library: library.clone(),
        day: now.date_naive(),
        never_read: false,
        skeleton: None,
    };
    let format = Alert::WrongDateFormat {
        library: library.clone(),
    };
    for alert in [changed, format] {
        let Some(stored) = store.alert(&alert.key()).await? else {
            continue;
        };
        if stored.delivered_at.is_some() && matches!(stored.alert, Alert::PageChanged { .. }) {
            let again = Alert::PagesReadAgain {
                library: library.clone(),
                since: stored.first_seen,
            };
            raise_alerts(store, &[again], now).await?;
        }
        store.withdraw_alert(&stored).await?;
    }
    Ok(())
}
