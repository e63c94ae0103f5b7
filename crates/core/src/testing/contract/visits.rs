use super::Store;
use super::sample::{
    account, add_card, card, check, failed, family, family_id, library, library_id, one_card, time,
};
use crate::card::{CardKey, StoredAccount};
use crate::failure::FailureKind;
use crate::ids::CardId;
use crate::store::LoadedVisit;

pub(super) async fn visit_is_loaded_with_its_library_cards_and_secrets(store: &dyn Store) {
    let first = one_card(store).await;
    store.add_family(&family("other")).await.unwrap();
    let mut cards = vec![
        first.clone(),
        add_card(store, card("other", "wpl", "f1")).await,
    ];
    for number in 2..10 {
        cards.push(add_card(store, card("conrad", "wpl", &format!("f{number}"))).await);
    }
    let wrong = check(&first, "05:10:00", failed(FailureKind::WrongCredentials));
    store.save_check(&wrong).await.unwrap();
    cards.reverse();

    let keys: Vec<CardKey> = cards.iter().map(|card| card.key()).collect();
    let mut expected = LoadedVisit {
        library: library("wpl"),
        back_off_until: None,
        down_since: None,
        was_read: false,
        cards: Vec::new(),
    };
    for card in &cards {
        let record = store.card(card.id).await.unwrap().unwrap();
        let secret = store.secrets(&[card.id]).await.unwrap().remove(0).1;
        expected.cards.push((record, secret));
    }
    let wpl = library_id("wpl");
    let loaded = store.load_visit(&wpl, &keys).await.unwrap();
    assert_eq!(loaded.as_ref(), Some(&expected));

    store.back_off(&wpl, time("06:00:00"), time("05:50:00")).await.unwrap();
    expected.back_off_until = Some(time("06:00:00"));
    let since = store.mark_library_down(&wpl, time("05:50:00")).await.unwrap();
    expected.down_since = Some(since);
    store.record_library_read(&library("wpl")).await.unwrap();
    expected.was_read = true;
    let loaded = store.load_visit(&wpl, &keys).await.unwrap();
    assert_eq!(loaded, Some(expected));
}

pub(super) async fn visit_omits_removed_cards(store: &dyn Store) {
    let stays = one_card(store).await;
    let gone = add_card(store, card("conrad", "wpl", "f2")).await;
    store.remove_card(gone.id).await.unwrap();
    let never = CardKey {
        family: family_id("nobody"),
        card: CardId::generate(),
    };
    let keys = [gone.key(), never, stays.key()];
    let loaded = store.load_visit(&stays.library, &keys).await.unwrap();
    let ids: Vec<CardId> = loaded
        .unwrap()
        .cards
        .iter()
        .map(|(record, _)| record.card.id)
        .collect();
    assert_eq!(ids, [stays.id]);
    let nowhere = library_id("nowhere");
    assert_eq!(store.load_visit(&nowhere, &keys).await.unwrap(), None);
    let empty = store
        .load_visit(&stays.library, &[])
        .await
        .unwrap()
        .unwrap();
    assert!(empty.cards.is_empty());
}

pub(super) async fn family_is_loaded_with_its_cards_and_accounts(store: &dyn Store) {
    let first = one_card(store).await;
    let never = add_card(store, card("conrad", "wpl", "f2")).await;
    store.add_family(&family("other")).await.unwrap();
    let others = add_card(store, card("other", "wpl", "f1")).await;
    for card in [&first, &others] {
        let good = check(card, "05:10:00", Ok(account(17_00)));
        store.save_check(&good).await.unwrap();
    }
    // An unchanged account is as fresh as the newest check that read it.
    let again = check(&first, "09:10:00", Ok(account(17_00)));
    store.save_check(&again).await.unwrap();
    let down = check(&first, "12:10:00", failed(FailureKind::SiteDown));
    store.save_check(&down).await.unwrap();

    let loaded = store.load_family(&first.family).await.unwrap().unwrap();
    assert_eq!(loaded.family, family("conrad"));
    let mut expected = vec![
        (
            store.card(first.id).await.unwrap().unwrap(),
            Some(StoredAccount {
                read_at: again.started_at,
                account: account(17_00),
            }),
        ),
        (store.card(never.id).await.unwrap().unwrap(), None),
    ];
    expected.sort_by_key(|(record, _)| record.card.id);
    assert_eq!(loaded.cards, expected);
    let nobody = store.load_family(&family_id("nobody")).await.unwrap();
    assert_eq!(nobody, None);
}
