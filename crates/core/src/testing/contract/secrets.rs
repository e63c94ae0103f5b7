use super::Store;
use super::sample::{SideKeys, add_card, card, family, library, one_card, sealed};
use crate::card::{Card, CardSecret, Fingerprint};
use crate::ids::CardId;
use crate::library::Library;
use crate::seal::SealError;
use crate::store::StoreError;

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint(text.to_owned())
}

pub(super) async fn secrets_are_loaded_for_cards_that_have_one(store: &dyn Store) {
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

pub(super) async fn secret_is_replaced_with_its_fingerprint(store: &dyn Store) {
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

pub(super) async fn secret_is_resealed_under_the_same_number(store: &dyn Store) {
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

pub(super) async fn number_of_another_card_of_the_family_is_rejected(store: &dyn Store) {
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

pub(super) async fn secret_of_an_unknown_card_cannot_be_replaced(store: &dyn Store) {
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

/// Opens a card's envelope with the library's entry as a visit loads it.
async fn pin_as_loaded(
    store: &dyn Store,
    keys: &SideKeys,
    card: &Card,
) -> Result<String, SealError> {
    use secrecy::ExposeSecret as _;
    let loaded = store.load_visit(&card.library, &[card.key()]).await;
    let loaded = loaded.unwrap().unwrap();
    let [(_, sealed)] = &loaded.cards[..] else {
        panic!("one card has a secret");
    };
    let secret = keys.open(card.id, &loaded.library, sealed)?;
    Ok(secret.pin.expose_secret().to_owned())
}

pub(super) async fn sealed_secret_opens_only_for_the_stored_hosts(
    store: &dyn Store,
) {
    let keys = SideKeys::generate();
    let stored = library("wpl");
    store.add_family(&family("conrad")).await.unwrap();
    store.add_library(&stored).await.unwrap();
    let card = card("conrad", "wpl", "f1");
    let secret = CardSecret {
        number: "29999000000001".into(),
        pin: "canary-4711".into(),
    };
    let sealed = keys.seal(card.id, &stored, &secret);
    store.add_card(&card, &sealed).await.unwrap();
    assert_eq!(
        pin_as_loaded(store, &keys, &card).await,
        Ok("canary-4711".to_owned())
    );
    let elsewhere = Library {
        base_url: "https://evil.example.org".parse().unwrap(),
        ..stored.clone()
    };
    let more_hosts = Library {
        login_hosts: vec!["login.example.org".to_owned(), "evil.example.org".to_owned()],
        ..stored.clone()
    };
    for changed in [&elsewhere, &more_hosts] {
        store.update_library(changed).await.unwrap();
        let opened = pin_as_loaded(store, &keys, &card).await;
        assert_eq!(opened, Err(SealError::SealedForOtherHosts));
    }
    // Resealed for the stored entry, it opens again.
    let anew = keys.seal(card.id, &more_hosts, &secret);
    store
        .replace_secret(card.id, &card.fingerprint, &anew)
        .await
        .unwrap();
    assert!(pin_as_loaded(store, &keys, &card).await.is_ok());
    store.update_library(&stored).await.unwrap();
    assert!(pin_as_loaded(store, &keys, &card).await.is_err());
}
