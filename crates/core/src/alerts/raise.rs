//! How alerts are raised and ended.

use chrono::{DateTime, Utc};

use super::alert::Alert;
use super::stored::StoredAlert;
use crate::ids::LibraryId;
use crate::outbox::OutboxRecord;
use crate::store::{AlertStore, StoreResult};

/// Raises alerts; true if any of them is new. After an error, those from the failed one on are missing.
///
/// The operator sees each once, however often it is raised. Raise an alert before the step that hides its problem. A
/// crash in between then leaves an alert, not silence.
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

/// Returns the alerts that say that a library's pages can't be read.
pub async fn page_alerts(
    store: &dyn AlertStore,
    library: &LibraryId,
    now: DateTime<Utc>,
) -> StoreResult<Vec<StoredAlert>> {
    let changed = Alert::PageChanged {
        library: library.clone(),
        day: now.date_naive(),
        never_read: false,
        skeleton: None,
    };
    let format = Alert::WrongDateFormat {
        library: library.clone(),
    };
    let mut found = Vec::new();
    for alert in [changed, format] {
        found.extend(store.alert(&alert.key()).await?);
    }
    Ok(found)
}

/// Withdraws an alert about a library's pages, now that all of them are read.
///
/// If the alert about a change was delivered, its end is an alert too.
pub async fn end_page_alert(
    store: &dyn AlertStore,
    stored: &StoredAlert,
    now: DateTime<Utc>,
) -> StoreResult<()> {
    if let (Some(_), Alert::PageChanged { library, .. }) = (stored.delivered_at, &stored.alert) {
        let again = Alert::PagesReadAgain {
            library: library.clone(),
            since: stored.first_seen,
        };
        raise_alerts(store, &[again], now).await?;
    }
    store.withdraw_alert(stored).await
}
