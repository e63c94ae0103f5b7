use super::Store;
use super::sample::{add_card, card, family, one_card, sealed};
use crate::card::Fingerprint;
use crate::ids::CardId;
use crate::store::StoreError;

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint(text.to_owned())
}

pub(super) async fn secrets_are_given_for_the_cards_that_have_one(store: &dyn Store) {
    one_card(store).await;
    let mut added = Vec::new();
    for number in ["f2", "f3"] {
        let card = card("conrad", "wpl", number);
        let secret = sealed(card.id);
        store.add_card(&card, &secret).await.unwrap();
        added.push((card.id, secret));
    }
    let [first, second] = [added[0].0, added[1].0];
    let mut found = store
        .secrets(&[second, CardId::generate(), first])
        .await
        .unwrap();
    found.sort_by_key(|(id, _)| *id);
    added.sort_by_key(|(id, _)| *id);
    assert_eq!(found, added);
    assert!(store.secrets(&[]).await.unwrap().is_empty());
}

pub(super) async fn a_secret_is_replaced_together_with_its_fingerprint(store: &dyn Store) {
    let card = one_card(store).await;
    let secret = sealed(card.id);
    store
        .replace_secret(card.id, &fingerprint("f9"), &secret)
        .await
        .unwrap();
    let record = store.card(card.id).await.unwrap().unwrap();
    assert_eq!(record.card.fingerprint, fingerprint("f9"));
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, secret)]
    );
}

pub(super) async fn a_secret_is_sealed_anew_under_the_same_number(store: &dyn Store) {
    let card = one_card(store).await;
    let secret = sealed(card.id);
    store
        .replace_secret(card.id, &card.fingerprint, &secret)
        .await
        .unwrap();
    assert_eq!(store.card(card.id).await.unwrap().unwrap().card, card);
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, secret)]
    );
}

pub(super) async fn a_number_that_the_family_holds_on_another_card_is_refused(store: &dyn Store) {
    let first = one_card(store).await;
    let second = add_card(store, card("conrad", "wpl", "f2")).await;
    let before = store.secrets(&[second.id]).await.unwrap();
    assert!(matches!(
        store
            .replace_secret(second.id, &first.fingerprint, &sealed(second.id))
            .await,
        Err(StoreError::AlreadyExists(_))
    ));
    assert_eq!(store.card(second.id).await.unwrap().unwrap().card, second);
    assert_eq!(store.secrets(&[second.id]).await.unwrap(), before);

    store.add_family(&family("other")).await.unwrap();
    let third = add_card(store, card("other", "wpl", "f3")).await;
    store
        .replace_secret(third.id, &first.fingerprint, &sealed(third.id))
        .await
        .unwrap();
}

pub(super) async fn a_secret_of_a_card_that_is_not_there_cannot_be_replaced(store: &dyn Store) {
    let nobodys = CardId::generate();
    assert!(matches!(
        store
            .replace_secret(nobodys, &fingerprint("f1"), &sealed(nobodys))
            .await,
        Err(StoreError::NotFound(_))
    ));
    assert!(store.cards_with_secrets().await.unwrap().is_empty());
}

pub(super) async fn cards_with_secrets_are_listed_by_id(store: &dyn Store) {
    let mut ids = vec![one_card(store).await.id];
    for number in ["f3", "f2"] {
        ids.push(add_card(store, card("conrad", "wpl", number)).await.id);
    }
    ids.sort();
    assert_eq!(store.cards_with_secrets().await.unwrap(), ids);
}
