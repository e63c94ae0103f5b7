use futures::future::join_all;

use super::Store;
use super::sample::{date, library_id, time};
use crate::alerts::StoredAlert;
use crate::alerts::CLAIM_TIMEOUT;
use crate::alerts::{Alert, AlertKey};

fn changed(library: &str) -> (AlertKey, Alert) {
    let alert = Alert::PageChanged {
        library: library_id(library),
        day: date("2026-11-21"),
        never_read: false,
        skeleton: None,
    };
    (alert.key(), alert)
}

/// Raises an alert; true if it is new.
async fn raise(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, alert) = changed(library);
    let stored = store.record_alert(&key, &alert, time(clock)).await;
    stored.unwrap()
}

/// The libraries of the pending alerts.
async fn pending_libraries(store: &dyn Store) -> Vec<String> {
    let pending = store.pending_alerts().await.unwrap();
    assert_eq!(pending.unreadable, 0);
    let library = |stored: &StoredAlert| match &stored.alert {
        Alert::PageChanged { library, .. } => library.to_string(),
        other => panic!("unexpected alert {other:?}"),
    };
    pending.alerts.iter().map(library).collect()
}

/// Claims the delivery of an alert; true if the claim succeeded.
async fn claim(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, _) = changed(library);
    store.claim_alert(&key, time(clock)).await.unwrap()
}

pub(super) async fn first_claim_of_an_alert_wins(store: &dyn Store) {
    assert!(!claim(store, "wpl", "04:59:00").await, "it was never raised");
    assert!(raise(store, "wpl", "05:00:00").await, "it is new");
    assert!(raise(store, "kpl", "05:02:00").await, "it is new");
    assert!(!raise(store, "wpl", "05:01:00").await, "it is not new");
    assert!(claim(store, "wpl", "05:03:00").await);
    assert!(!claim(store, "wpl", "05:04:00").await);
    let stored = store.recent_alerts(10).await.unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored[0].alert, changed("kpl").1);
    assert_eq!(stored[0].claimed_at, None);
    assert_eq!(stored[1].alert, changed("wpl").1);
    assert_eq!(stored[1].times, 2);
    assert_eq!(stored[1].first_seen, time("05:00:00"));
    assert_eq!(stored[1].last_seen, time("05:01:00"));
    assert_eq!(stored[1].claimed_at, Some(time("05:03:00")));
    assert_eq!(stored[1].delivered_at, None);
    assert_eq!(store.recent_alerts(1).await.unwrap(), stored[..1]);
}

pub(super) async fn delivered_alert_is_counted_and_not_claimed_again(store: &dyn Store) {
    let (key, _) = changed("wpl");
    raise(store, "wpl", "05:00:00").await;
    assert!(claim(store, "wpl", "05:00:05").await);
    for clock in ["05:00:10", "05:09:00"] {
        store.mark_alert_delivered(&key, time(clock)).await.unwrap();
    }
    raise(store, "wpl", "22:00:00").await;
    assert!(!claim(store, "wpl", "23:00:00").await);
    let stored = store.recent_alerts(10).await.unwrap();
    assert_eq!((stored[0].times, stored[0].delivered_at), (2, Some(time("05:00:10"))));
    assert_eq!(store.alert(&key).await.unwrap().as_ref(), stored.first());
    // An alert that was never raised cannot be delivered.
    let (never, _) = changed("kpl");
    store.mark_alert_delivered(&never, time("05:00:10")).await.unwrap();
    assert_eq!(store.alert(&never).await.unwrap(), None);
    assert_eq!(store.recent_alerts(10).await.unwrap().len(), 1);
}

pub(super) async fn expired_alert_claim_is_reclaimed(store: &dyn Store) {
    raise(store, "wpl", "05:00:00").await;
    assert!(claim(store, "wpl", "05:00:00").await);
    let (key, _) = changed("wpl");
    let later = time("05:00:00") + CLAIM_TIMEOUT;
    assert!(store.claim_alert(&key, later).await.unwrap());
    assert!(!store.claim_alert(&key, later).await.unwrap());
}

pub(super) async fn only_one_concurrent_alert_claim_wins(store: &dyn Store) {
    join_all((0..12).map(|_| raise(store, "wpl", "05:00:00"))).await;
    let stored = store.recent_alerts(10).await.unwrap();
    assert_eq!((stored.len(), stored[0].times), (1, 12));
    let claims = join_all((0..12).map(|_| claim(store, "wpl", "05:00:30"))).await;
    assert_eq!(claims.iter().filter(|claimed| **claimed).count(), 1);
}

pub(super) async fn old_alert_is_deleted(store: &dyn Store) {
    raise(store, "wpl", "05:00:00").await;
    raise(store, "kpl", "06:00:00").await;
    store.delete_history_before(time("05:30:00")).await.unwrap();
    let stored = store.recent_alerts(10).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].alert, changed("kpl").1);
    raise(store, "wpl", "07:00:00").await;
    assert!(claim(store, "wpl", "07:00:00").await, "it is new again");
}

pub(super) async fn pending_alert_is_listed_behind_many_delivered_ones(store: &dyn Store) {
    assert!(pending_libraries(store).await.is_empty());
    for library in ["old", "delivered", "older"] {
        let clock = if library == "older" { "05:00:00" } else { "05:01:00" };
        raise(store, library, clock).await;
    }
    let (key, _) = changed("delivered");
    assert!(claim(store, "delivered", "05:02:00").await);
    store.mark_alert_delivered(&key, time("05:02:00")).await.unwrap();
    for number in 0..120 {
        let library = format!("library-{number:03}");
        raise(store, &library, "06:00:00").await;
        let (key, _) = changed(&library);
        store.mark_alert_delivered(&key, time("06:00:01")).await.unwrap();
    }
    // A claimed alert may still be undelivered.
    assert!(claim(store, "old", "06:00:02").await);
    assert_eq!(pending_libraries(store).await, ["older", "old"]);
    // A delivered alert is not pending even if it is raised again.
    raise(store, "delivered", "07:00:00").await;
    assert_eq!(pending_libraries(store).await, ["older", "old"]);
    let stored = store.recent_alerts(1_000).await.unwrap();
    assert_eq!(stored.len(), 123);
    let newest = stored[0].alert.clone();
    assert_eq!(newest, changed("delivered").1);
    assert!(stored.is_sorted_by_key(|stored| std::cmp::Reverse(stored.last_seen)));
    assert_eq!(store.recent_alerts(7).await.unwrap(), stored[..7]);
}

pub(super) async fn alert_is_withdrawn_unless_it_changed(store: &dyn Store) {
    raise(store, "wpl", "05:00:00").await;
    let read = store.pending_alerts().await.unwrap().alerts.remove(0);
    raise(store, "wpl", "05:01:00").await;
    store.withdraw_alert(&read).await.unwrap();
    assert_eq!(pending_libraries(store).await, ["wpl"], "it was raised since");
    let read = store.pending_alerts().await.unwrap().alerts.remove(0);
    for _ in 0..2 {
        store.withdraw_alert(&read).await.unwrap();
    }
    assert!(pending_libraries(store).await.is_empty());
    assert!(store.recent_alerts(10).await.unwrap().is_empty());
    assert!(raise(store, "wpl", "05:02:00").await, "it is new again");
}
