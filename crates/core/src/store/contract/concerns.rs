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

/// Whether who sees the thing now is to tell it.
async fn see(store: &dyn Store, library: &str, clock: &str) -> bool {
    let (key, concern) = changed(library);
    let answer = store.note_concern(&key, &concern, time(clock)).await;
    answer.unwrap()
}

pub(super) async fn who_sees_a_thing_first_tells_it(store: &dyn Store) {
    assert!(see(store, "wpl", "05:00:00").await);
    assert!(!see(store, "wpl", "05:01:00").await);
    assert!(see(store, "kpl", "05:02:00").await);
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!(noted.len(), 2);
    assert_eq!(noted[0].concern, changed("kpl").1);
    assert_eq!(noted[1].concern, changed("wpl").1);
    assert_eq!(noted[1].times, 2);
    assert_eq!(noted[1].first_seen, time("05:00:00"));
    assert_eq!(noted[1].last_seen, time("05:01:00"));
    assert_eq!(noted[1].told_at, None);
    assert_eq!(store.recent_concerns(1).await.unwrap(), noted[..1]);
}

pub(super) async fn a_thing_that_was_told_is_counted_and_not_told_again(store: &dyn Store) {
    let (key, _) = changed("wpl");
    see(store, "wpl", "05:00:00").await;
    for told in ["05:00:10", "05:09:00"] {
        store.concern_told(&key, time(told)).await.unwrap();
    }
    assert!(!see(store, "wpl", "23:00:00").await);
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!((noted[0].times, noted[0].told_at), (2, Some(time("05:00:10"))));
    // One that was never seen is not there to be told.
    let (never, _) = changed("kpl");
    store.concern_told(&never, time("05:00:10")).await.unwrap();
    assert_eq!(store.recent_concerns(10).await.unwrap().len(), 1);
}

pub(super) async fn a_thing_that_nobody_told_in_time_is_told_by_the_next(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    let (key, concern) = changed("wpl");
    let later = time("05:00:00") + PATIENCE;
    assert!(store.note_concern(&key, &concern, later).await.unwrap());
    assert!(!store.note_concern(&key, &concern, later).await.unwrap());
}

pub(super) async fn of_many_that_see_a_thing_at_once_one_tells_it(store: &dyn Store) {
    let answers = join_all((0..12).map(|_| see(store, "wpl", "05:00:00"))).await;
    assert_eq!(answers.iter().filter(|tells| **tells).count(), 1);
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!((noted.len(), noted[0].times), (1, 12));
}

pub(super) async fn a_thing_that_was_long_not_seen_is_forgotten(store: &dyn Store) {
    see(store, "wpl", "05:00:00").await;
    see(store, "kpl", "06:00:00").await;
    store.forget_before(time("05:30:00")).await.unwrap();
    let noted = store.recent_concerns(10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].concern, changed("kpl").1);
    assert!(see(store, "wpl", "07:00:00").await, "it is news again");
}
