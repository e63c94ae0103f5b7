//! How the alerts of what is gone end.

use super::alert::Alert;
use crate::ids::LibraryId;
use crate::store::{AlertStore, StoreResult};

/// Withdraws every alert about a library, which was removed: nobody can act on them any more.
pub async fn withdraw_library_alerts(
    store: &dyn AlertStore,
    library: &LibraryId,
) -> StoreResult<()> {
    for stored in store.recent_alerts(usize::MAX).await? {
        if library_of(&stored.alert) == Some(library) {
            store.withdraw_alert(&stored).await?;
        }
    }
    Ok(())
}

/// The library that an alert is about, if it is about one.
fn library_of(alert: &Alert) -> Option<&LibraryId> {
    match alert {
        Alert::PageChanged { library, .. }
        | Alert::SealedForOtherHosts { library, .. }
        | Alert::UnknownKey { library, .. }
        | Alert::PagesReadAgain { library, .. }
        | Alert::WrongDateFormat { library }
        | Alert::LibraryDown { library, .. } => Some(library),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::raise_alerts;
    use crate::testing::memory::MemoryStore;

    #[tokio::test]
    async fn removed_library_takes_its_alerts_along() {
        let store = MemoryStore::default();
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let of = |library: &str| -> Vec<Alert> {
            let library: LibraryId = library.parse().unwrap();
            vec![
                Alert::WrongDateFormat {
                    library: library.clone(),
                },
                Alert::LibraryDown {
                    library,
                    since: now,
                },
            ]
        };
        let other = Alert::RunLost {
            run: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
        };
        let all = [of("wpl"), of("mill"), vec![other]].concat();
        raise_alerts(&store, &all, now).await.unwrap();
        let delivered = of("wpl")[0].key();
        assert!(store.claim_alert(&delivered, now).await.unwrap());
        store.mark_alert_delivered(&delivered, now).await.unwrap();
        let wpl = "wpl".parse().unwrap();
        withdraw_library_alerts(&store, &wpl).await.unwrap();
        let left = store.recent_alerts(usize::MAX).await.unwrap();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(
            left.iter()
                .all(|stored| library_of(&stored.alert) != Some(&wpl))
        );
    }
}
