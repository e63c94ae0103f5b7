use futures::future::join_all;

use super::Store;
use super::sample::{date, library_id, time};
use crate::operator::telling::PATIENCE;
use crate::operator::{Concern, ConcernKey};

fn changed(library: &str) -> (ConcernKey, Concern) {
    let concern = Concern::PageChanged {
        library: library_id(library),
        day: date("2026-11-21"),
        skeleton: None,
    };
    (concern.key(), concern)
}

async fn see(store: &dyn Store, library: &str, clock: &str) {
    let (key, concern) = changed(library);
    store
        .note_concern(&key, &concern, time(clock))
        .await
        .unwrap();
}

/// Whether who asks is to tell the thing now.
async fn set_out(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, _) = changed(library);
    store.set_out_to_tell(&key, time(clock)).await.unwrap()
}

pub(super) async fn who_asks_first_tells_a_thing(store: &dyn Store) {
    assert!(!set_out(store, "wpl", "04:59:00").await, "it was never seen");
    see(store, "wpl", "05:00:00").await;
    see(store, "kpl", "05:02:00").await;
    see(store, "wpl", "05:01:00").await;
    assert!(set_out(store, "wpl", "05:03:00").await);
    assert!(!set_out(store, "wpl", "05:04:00").await);
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!(noted.len(), 2);
    assert_eq!(noted[0].concern, changed("kpl").1);
    assert_eq!(noted[0].asked_at, None);
    assert_eq!(noted[1].concern, changed("wpl").1);
    assert_eq!(noted[1].times, 2);
    assert_eq!(noted[1].first_seen, time("05:00:00"));
    assert_eq!(noted[1].last_seen, time("05:01:00"));
    assert_eq!(noted[1].asked_at, Some(time("05:03:00")));
    assert_eq!(noted[1].told_at, None);
    assert_eq!(store.recent_concerns(1).await.unwrap(), noted[..1]);
}

pub(super) async fn a_thing_that_was_told_is_counted_and_not_told_again(store: &dyn Store) {
    let (key, _) = changed("wpl");
    see(store, "wpl", "05:00:00").await;
    assert!(set_out(store, "wpl", "05:00:05").await);
    for told in ["05:00:10", "05:09:00"] {
        store.concern_told(&key, time(told)).await.unwrap();
    }
    see(store, "wpl", "22:00:00").await;
    assert!(!set_out(store, "wpl", "23:00:00").await);
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!((noted[0].times, noted[0].told_at), (2, Some(time("05:00:10"))));
    // One that was never seen is not there to be told.
    let (never, _) = changed("kpl");
    store.concern_told(&never, time("05:00:10")).await.unwrap();
    assert_eq!(store.recent_concerns(10).await.unwrap().len(), 1);
}

pub(super) async fn a_thing_that_nobody_told_in_time_is_told_by_the_next(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    assert!(set_out(store, "wpl", "05:00:00").await);
    let (key, _) = changed("wpl");
    let later = time("05:00:00") + PATIENCE;
    assert!(store.set_out_to_tell(&key, later).await.unwrap());
    assert!(!store.set_out_to_tell(&key, later).await.unwrap());
}

pub(super) async fn of_many_that_see_a_thing_at_once_one_tells_it(store: &dyn Store) {
    join_all((0..12).map(|_| see(store, "wpl", "05:00:00"))).await;
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!((noted.len(), noted[0].times), (1, 12));
    let answers = join_all((0..12).map(|_| set_out(store, "wpl", "05:00:30"))).await;
    assert_eq!(answers.iter().filter(|tells| **tells).count(), 1);
}

pub(super) async fn a_thing_that_was_long_not_seen_is_forgotten(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    see(store, "kpl", "06:00:00").await;
    store.forget_before(time("05:30:00")).await.unwrap();
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].concern, changed("kpl").1);
    see(store, "wpl", "07:00:00").await;
    assert!(set_out(store, "wpl", "07:00:00").await, "it is news again");
}
