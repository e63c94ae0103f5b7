//! Tests conflicting changes at the same time.

use futures::future::join_all;
use hippo_core::store::{
    AccountStore, CardStore, CheckStore, FamilyStore, LibraryStore, Saved, Scope, StoreError,
};
use hippo_core::testing::contract::sample;

use crate::dynamodb::budgets::cards;
use crate::dynamodb::emulator::fresh;

#[tokio::test]
async fn library_is_not_removed_while_its_card_is_added() {
    let Some(store) = fresh().await else { return };
    store.add_family(&sample::family("conrad")).await.unwrap();
    for number in 0..20 {
        let library = sample::library(&format!("l{number}"));
        store.add_library(&library).await.unwrap();
        let card = sample::card("conrad", library.id.as_str(), "f1");
        let secret = sample::sealed(card.id);
        let (added, removed) = tokio::join!(
            store.add_card(&card, &secret),
            store.remove_library(&library.id)
        );
        match (added, removed) {
            (Ok(()), Err(StoreError::InUse(_))) | (Err(StoreError::NotFound(_)), Ok(())) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn removed_family_leaves_no_cards_behind() {
    let Some(store) = fresh().await else { return };
    let mut all = cards(&store, 3).await;
    for number in 10..20 {
        all.push(sample::card("conrad", "wpl", &format!("f{number}")));
    }
    let family = sample::family_id("conrad");
    let add = join_all(
        all[3..]
            .iter()
            .map(|card| async { store.add_card(card, &sample::sealed(card.id)).await }),
    );
    let (added, removed) = tokio::join!(add, store.remove_family(&family));
    removed.unwrap();
    for answer in added {
        assert!(matches!(answer, Ok(()) | Err(StoreError::NotFound(_))));
    }
    for card in &all {
        assert_eq!(store.card(card.id).await.unwrap(), None);
    }
    let listed = store.cards_to_check(Scope::All, None, 100).await.unwrap();
    assert!(listed.is_empty());
    assert_eq!(store.load_family(&family).await.unwrap(), None);
    // The library's card count is 0 again.
    store
        .remove_library(&sample::library_id("wpl"))
        .await
        .unwrap();
}

#[tokio::test]
async fn card_removed_during_a_check_stays_removed() {
    let Some(store) = fresh().await else { return };
    for card in cards(&store, 10).await {
        let check = sample::check(&card, "05:10:00", Ok(sample::account(0)));
        let (saved, removed) = tokio::join!(store.save_check(&check), store.remove_card(card.id));
        removed.unwrap();
        assert!(matches!(saved.unwrap(), Saved::Stored | Saved::CardGone));
        assert_eq!(store.card(card.id).await.unwrap(), None);
    }
    let loaded = store.load_family(&sample::family_id("conrad")).await;
    assert!(loaded.unwrap().unwrap().cards.is_empty());
}
