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
        skeleton: None,
    };
    (alert.key(), alert)
}

/// Sees a thing; whether it is news.
async fn see(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, alert) = changed(library);
    let noted = store.record_alert(&key, &alert, time(clock)).await;
    noted.unwrap()
}

/// The libraries of the things that are not told.
async fn untold(store: &dyn Store) -> Vec<String> {
    let untold = store.pending_alerts().await.unwrap();
    assert_eq!(untold.newer, 0);
    let library = |noted: &StoredAlert| match &noted.alert {
        Alert::PageChanged { library, .. } => library.to_string(),
        other => panic!("nobody noted {other:?}"),
    };
    untold.alerts.iter().map(library).collect()
}

/// Whether who asks is to tell the thing now.
async fn set_out(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, _) = changed(library);
    store.claim_alert(&key, time(clock)).await.unwrap()
}

pub(super) async fn first_claim_of_an_alert_wins(store: &dyn Store) {
    assert!(!set_out(store, "wpl", "04:59:00").await, "it was never seen");
    assert!(see(store, "wpl", "05:00:00").await, "it is news");
    assert!(see(store, "kpl", "05:02:00").await, "it is news");
    assert!(!see(store, "wpl", "05:01:00").await, "it is none");
    assert!(set_out(store, "wpl", "05:03:00").await);
    assert!(!set_out(store, "wpl", "05:04:00").await);
    let noted = store.recent_alerts(10).await.unwrap();
    assert_eq!(noted.len(), 2);
    assert_eq!(noted[0].alert, changed("kpl").1);
    assert_eq!(noted[0].claimed_at, None);
    assert_eq!(noted[1].alert, changed("wpl").1);
    assert_eq!(noted[1].times, 2);
    assert_eq!(noted[1].first_seen, time("05:00:00"));
    assert_eq!(noted[1].last_seen, time("05:01:00"));
    assert_eq!(noted[1].claimed_at, Some(time("05:03:00")));
    assert_eq!(noted[1].delivered_at, None);
    assert_eq!(store.recent_alerts(1).await.unwrap(), noted[..1]);
}

pub(super) async fn delivered_alert_is_counted_and_not_claimed_again(store: &dyn Store) {
    let (key, _) = changed("wpl");
    see(store, "wpl", "05:00:00").await;
    assert!(set_out(store, "wpl", "05:00:05").await);
    for told in ["05:00:10", "05:09:00"] {
        store.mark_alert_delivered(&key, time(told)).await.unwrap();
    }
    see(store, "wpl", "22:00:00").await;
    assert!(!set_out(store, "wpl", "23:00:00").await);
    let noted = store.recent_alerts(10).await.unwrap();
    assert_eq!((noted[0].times, noted[0].delivered_at), (2, Some(time("05:00:10"))));
    assert_eq!(store.alert(&key).await.unwrap().as_ref(), noted.first());
    // One that was never seen is not there to be told.
    let (never, _) = changed("kpl");
    store.mark_alert_delivered(&never, time("05:00:10")).await.unwrap();
    assert_eq!(store.alert(&never).await.unwrap(), None);
    assert_eq!(store.recent_alerts(10).await.unwrap().len(), 1);
}

pub(super) async fn expired_alert_claim_is_reclaimed(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    assert!(set_out(store, "wpl", "05:00:00").await);
    let (key, _) = changed("wpl");
    let later = time("05:00:00") + CLAIM_TIMEOUT;
    assert!(store.claim_alert(&key, later).await.unwrap());
    assert!(!store.claim_alert(&key, later).await.unwrap());
}

pub(super) async fn one_of_many_concurrent_alert_claims_wins(store: &dyn Store) {
    join_all((0..12).map(|_| see(store, "wpl", "05:00:00"))).await;
    let noted = store.recent_alerts(10).await.unwrap();
    assert_eq!((noted.len(), noted[0].times), (1, 12));
    let answers = join_all((0..12).map(|_| set_out(store, "wpl", "05:00:30"))).await;
    assert_eq!(answers.iter().filter(|tells| **tells).count(), 1);
}

pub(super) async fn old_alert_is_deleted(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    see(store, "kpl", "06:00:00").await;
    store.forget_before(time("05:30:00")).await.unwrap();
    let noted = store.recent_alerts(10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].alert, changed("kpl").1);
    see(store, "wpl", "07:00:00").await;
    assert!(set_out(store, "wpl", "07:00:00").await, "it is news again");
}

pub(super) async fn pending_alert_is_listed_behind_many_delivered_ones(store: &dyn Store) {
    assert!(untold(store).await.is_empty());
    for library in ["old", "told", "older"] {
        let clock = if library == "older" { "05:00:00" } else { "05:01:00" };
        see(store, library, clock).await;
    }
    let (key, _) = changed("told");
    assert!(set_out(store, "told", "05:02:00").await);
    store.mark_alert_delivered(&key, time("05:02:00")).await.unwrap();
    for number in 0..120 {
        let library = format!("library-{number:03}");
        see(store, &library, "06:00:00").await;
        let (key, _) = changed(&library);
        store.mark_alert_delivered(&key, time("06:00:01")).await.unwrap();
    }
    // Whoever set out may not have come to tell.
    assert!(set_out(store, "old", "06:00:02").await);
    assert_eq!(untold(store).await, ["older", "old"]);
    // What was told is none of them though it is seen again.
    see(store, "told", "07:00:00").await;
    assert_eq!(untold(store).await, ["older", "old"]);
    let noted = store.recent_alerts(1_000).await.unwrap();
    assert_eq!(noted.len(), 123);
    let newest = noted[0].alert.clone();
    assert_eq!(newest, changed("told").1);
    assert!(noted.is_sorted_by_key(|noted| std::cmp::Reverse(noted.last_seen)));
    assert_eq!(store.recent_alerts(7).await.unwrap(), noted[..7]);
}

pub(super) async fn alert_is_withdrawn_unless_it_changed(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    let read = store.pending_alerts().await.unwrap().alerts.remove(0);
    see(store, "wpl", "05:01:00").await;
    store.withdraw_alert(&read).await.unwrap();
    assert_eq!(untold(store).await, ["wpl"], "it was seen since");
    let read = store.pending_alerts().await.unwrap().alerts.remove(0);
    for _ in 0..2 {
        store.withdraw_alert(&read).await.unwrap();
    }
    assert!(untold(store).await.is_empty());
    assert!(store.recent_alerts(10).await.unwrap().is_empty());
    assert!(see(store, "wpl", "05:02:00").await, "it is news again");
}
