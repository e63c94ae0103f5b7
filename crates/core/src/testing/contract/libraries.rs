use futures::future::join_all;

use super::Store;
use super::sample::{library, library_id, one_card, time};
use crate::ids::LibraryId;
use crate::store::StoreError;

pub(super) async fn added_library_is_read_back(store: &dyn Store) {
    let full = library("wpl");
    let mut bare = library("kpl");
    bare.account_url = None;
    bare.date_format = None;
    bare.login_hosts.clear();
    bare.options.clear();
    bare.base_url = "http://127.0.0.1:8080/catalogue".parse().unwrap();
    for library in [&full, &bare] {
        store.add_library(library).await.unwrap();
    }
    assert_eq!(store.library(&full.id).await.unwrap(), Some(full));
    assert_eq!(store.library(&bare.id).await.unwrap(), Some(bare));
}

pub(super) async fn duplicate_library_id_is_rejected(store: &dyn Store) {
    let first = library("wpl");
    store.add_library(&first).await.unwrap();
    let mut second = first.clone();
    second.name = "Somewhere else".to_owned();
    assert!(matches!(
        store.add_library(&second).await,
        Err(StoreError::AlreadyExists(_))
    ));
    assert_eq!(store.library(&first.id).await.unwrap(), Some(first));
}

pub(super) async fn replaced_library_keeps_its_back_off_while_its_address_stays(store: &dyn Store) {
    let card = one_card(store).await;
    let mut wpl = store.library(&card.library).await.unwrap().unwrap();
    store.add_library(&library("kpl")).await.unwrap();
    store.back_off(&wpl.id, time("06:00:00"), time("05:50:00")).await.unwrap();
    wpl.name = "Somewhere else".to_owned();
    store.update_library(&wpl).await.unwrap();
    assert_eq!(
        store.back_off_until(&wpl.id).await.unwrap(),
        Some(time("06:00:00"))
    );
    wpl.base_url = "https://elsewhere.example.org/opac".parse().unwrap();
    wpl.account_url = None;
    wpl.timezone = chrono_tz::Europe::Berlin;
    wpl.date_format = Some("%d.%m.%Y".to_owned());
    wpl.login_hosts = vec!["login.example.org".to_owned()];
    wpl.options.insert("scope".to_owned(), "9".to_owned());
    store.update_library(&wpl).await.unwrap();
    assert_eq!(store.library(&wpl.id).await.unwrap(), Some(wpl.clone()));
    assert_eq!(store.back_off_until(&wpl.id).await.unwrap(), None);
    assert!(store.card(card.id).await.unwrap().is_some());
    let kpl = library("kpl");
    assert_eq!(store.library(&kpl.id).await.unwrap(), Some(kpl));
    let nowhere = library("nowhere");
    assert!(matches!(
        store.update_library(&nowhere).await,
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(store.library(&nowhere.id).await.unwrap(), None);
}

pub(super) async fn unknown_library_is_none(store: &dyn Store) {
    let nowhere = library_id("nowhere");
    assert_eq!(store.library(&nowhere).await.unwrap(), None);
    assert_eq!(store.back_off_until(&nowhere).await.unwrap(), None);
    assert!(store.libraries().await.unwrap().is_empty());
}

pub(super) async fn libraries_are_listed_by_id(store: &dyn Store) {
    for id in ["wpl", "kpl", "1st"] {
        store.add_library(&library(id)).await.unwrap();
    }
    assert_eq!(
        store.libraries().await.unwrap(),
        [library("1st"), library("kpl"), library("wpl")]
    );
}

pub(super) async fn library_with_cards_is_not_removed(store: &dyn Store) {
    let card = one_card(store).await;
    assert!(matches!(
        store.remove_library(&card.library).await,
        Err(StoreError::InUse(_))
    ));
    assert!(store.card(card.id).await.unwrap().is_some());
    store.remove_card(card.id).await.unwrap();
    store.remove_library(&card.library).await.unwrap();
    assert_eq!(store.library(&card.library).await.unwrap(), None);
}

pub(super) async fn unknown_library_cannot_be_removed_or_backed_off(store: &dyn Store) {
    let nowhere = library_id("nowhere");
    assert!(matches!(
        store.remove_library(&nowhere).await,
        Err(StoreError::NotFound(_))
    ));
    assert!(matches!(
        store.back_off(&nowhere, time("06:00:00"), time("05:50:00")).await,
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(store.back_off_until(&nowhere).await.unwrap(), None);
}

pub(super) async fn back_off_lasts_until_the_later_time(store: &dyn Store) {
    let wpl = library("wpl");
    store.add_library(&wpl).await.unwrap();
    store.add_library(&library("kpl")).await.unwrap();
    let now = time("05:50:00");
    let early = time("06:00:00");
    let late = time("06:10:00");
    store.back_off(&wpl.id, early, now).await.unwrap();
    assert_eq!(store.back_off_until(&wpl.id).await.unwrap(), Some(early));
    store.back_off(&wpl.id, late, now).await.unwrap();
    store.back_off(&wpl.id, early, now).await.unwrap();
    assert_eq!(store.back_off_until(&wpl.id).await.unwrap(), Some(late));

    let minutes = (0..30).map(chrono::Duration::minutes);
    join_all(minutes.map(|later| store.back_off(&wpl.id, late + later, now)))
        .await
        .into_iter()
        .for_each(Result::unwrap);
    assert_eq!(
        store.back_off_until(&wpl.id).await.unwrap(),
        Some(late + chrono::Duration::minutes(29))
    );
    assert_eq!(store.library(&wpl.id).await.unwrap(), Some(wpl));
    assert_eq!(
        store.back_off_until(&library_id("kpl")).await.unwrap(),
        None
    );
}

pub(super) async fn implausible_back_off_is_replaced(store: &dyn Store) {
    let wpl = library("wpl");
    store.add_library(&wpl).await.unwrap();
    let now = time("06:00:00");
    let day = chrono::Duration::days(1);
    for (stored, kept) in [
        (day, true),
        (day + chrono::Duration::minutes(2), false),
        (day * 400, false),
    ] {
        let ahead = now + stored;
        store.back_off(&wpl.id, ahead, ahead).await.unwrap();
        let until = now + chrono::Duration::minutes(10);
        store.back_off(&wpl.id, until, now).await.unwrap();
        let expected = if kept { ahead } else { until };
        let left = store.back_off_until(&wpl.id).await.unwrap();
        assert_eq!(left, Some(expected));
        // A clock that is ahead by as much replaces it too.
        store.back_off(&wpl.id, until, until - day * 2).await.unwrap();
    }
}

pub(super) async fn new_library_has_no_back_off(store: &dyn Store) {
    let wpl = library("wpl");
    store.add_library(&wpl).await.unwrap();
    assert_eq!(store.back_off_until(&wpl.id).await.unwrap(), None);
    store.back_off(&wpl.id, time("06:00:00"), time("05:50:00")).await.unwrap();
    store.remove_library(&wpl.id).await.unwrap();
    store.add_library(&wpl).await.unwrap();
    assert_eq!(store.back_off_until(&wpl.id).await.unwrap(), None);
}

pub(super) async fn library_is_down_since_its_first_failure(store: &dyn Store) {
    let wpl = library("wpl");
    store.add_library(&wpl).await.unwrap();
    for (now, since) in [("05:00:00", "05:00:00"), ("12:00:00", "05:00:00")] {
        let answer = store.mark_library_down(&wpl.id, time(now)).await.unwrap();
        assert_eq!(answer, time(since));
    }
    store.mark_library_up(&wpl.id).await.unwrap();
    let answer = store.mark_library_down(&wpl.id, time("18:00:00")).await.unwrap();
    assert_eq!(answer, time("18:00:00"));

    // Another address is another site.
    let mut moved = wpl.clone();
    moved.base_url = "https://elsewhere.example.org/".parse().unwrap();
    store.update_library(&moved).await.unwrap();
    let answer = store.mark_library_down(&wpl.id, time("19:00:00")).await.unwrap();
    assert_eq!(answer, time("19:00:00"));

    let nowhere = library_id("nowhere");
    store.mark_library_up(&nowhere).await.unwrap();
    assert!(matches!(
        store.mark_library_down(&nowhere, time("05:00:00")).await,
        Err(StoreError::NotFound(_))
    ));
    // A write that found no record must leave none.
    assert_eq!(store.library(&nowhere).await.unwrap(), None);
}

async fn was_read(store: &dyn Store, id: &LibraryId) -> bool {
    let loaded = store.load_visit(id, &[]).await.unwrap();
    loaded.unwrap().was_read
}

pub(super) async fn library_is_read_until_its_address_or_system_changes(store: &dyn Store) {
    let mut wpl = library("wpl");
    store.add_library(&wpl).await.unwrap();
    assert!(!was_read(store, &wpl.id).await);
    for change in ["name", "system", "address"] {
        store.record_library_read(&wpl).await.unwrap();
        assert!(was_read(store, &wpl.id).await);
        match change {
            "name" => wpl.name = "Another name".to_owned(),
            "system" => wpl.system = "enterprise".parse().unwrap(),
            _ => wpl.base_url = "https://elsewhere.example.org/".parse().unwrap(),
        }
        store.update_library(&wpl).await.unwrap();
        assert_eq!(was_read(store, &wpl.id).await, change == "name", "{change}");
    }
    store.record_library_read(&wpl).await.unwrap();
    store.remove_library(&wpl.id).await.unwrap();
    store.add_library(&wpl).await.unwrap();
    assert!(!was_read(store, &wpl.id).await);

    let nowhere = library("nowhere");
    store.record_library_read(&nowhere).await.unwrap();
    assert_eq!(store.library(&nowhere.id).await.unwrap(), None);
    store.add_library(&nowhere).await.unwrap();
    assert!(!was_read(store, &nowhere.id).await);
}

pub(super) async fn library_that_is_edited_during_a_visit_is_not_read(store: &dyn Store) {
    let visited = library("wpl");
    store.add_library(&visited).await.unwrap();
    let mut edited = visited.clone();
    edited.system = "enterprise".parse().unwrap();
    store.update_library(&edited).await.unwrap();
    store.record_library_read(&visited).await.unwrap();
    assert!(!was_read(store, &edited.id).await);
    store.record_library_read(&edited).await.unwrap();
    assert!(was_read(store, &edited.id).await);
}
