use futures::future::join_all;

use super::Store;
use super::sample::{TestKeys, add_card, card, family, library, one_card, sealed};
use crate::card::{Card, CardSecret, Fingerprint};
use crate::ids::CardId;
use crate::library::Library;
use crate::seal::SealError;
use crate::store::{NewSecret, StoreError, StoreResult};

fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint(text.to_owned())
}

/// Replaces the secret of a card that was read before.
async fn replace(store: &dyn Store, card: &Card, new: &NewSecret) -> StoreResult<bool> {
    store.replace_secret(card.id, card.secret_id, new).await
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
    let new = NewSecret::new(fingerprint("f9"), sealed(card.id));
    assert!(replace(store, &card, &new).await.unwrap());
    let record = store.card(card.id).await.unwrap().unwrap();
    let expected = Card {
        fingerprint: fingerprint("f9"),
        secret_id: new.id,
        ..card.clone()
    };
    assert_eq!(record.card, expected);
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, new.sealed)]
    );
}

pub(super) async fn replacing_a_secret_fails_if_it_changed(store: &dyn Store) {
    let card = one_card(store).await;
    let [first, second] = ["f8", "f9"].map(|number| NewSecret::new(fingerprint(number), sealed(card.id)));
    assert!(replace(store, &card, &first).await.unwrap());
    // A stale writer read the card before this change.
    assert!(!replace(store, &card, &second).await.unwrap());
    let same = NewSecret::resealed(&card, sealed(card.id));
    assert!(!replace(store, &card, &same).await.unwrap(), "an older PIN would come back");
    let stored = store.card(card.id).await.unwrap().unwrap().card;
    assert_eq!(stored.secret_id, first.id);
    assert_eq!(stored.fingerprint, first.fingerprint);
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, first.sealed)]
    );
    // The number that was refused is still free, and the old one is again.
    for number in ["f9", "f1"] {
        add_card(store, super::sample::card("conrad", "wpl", number)).await;
    }
}

pub(super) async fn only_one_concurrent_secret_of_a_card_wins(store: &dyn Store) {
    let card = one_card(store).await;
    let new: Vec<NewSecret> = (0..8)
        .map(|number| NewSecret::new(fingerprint(&format!("n{number}")), sealed(card.id)))
        .collect();
    let replaced = join_all(new.iter().map(|new| replace(store, &card, new))).await;
    let replaced: Vec<bool> = replaced.into_iter().map(Result::unwrap).collect();
    assert_eq!(replaced.iter().filter(|replaced| **replaced).count(), 1);
    let winner = &new[replaced.iter().position(|replaced| *replaced).unwrap()];
    let stored = store.card(card.id).await.unwrap().unwrap().card;
    assert_eq!(stored.secret_id, winner.id);
    assert_eq!(stored.fingerprint, winner.fingerprint);
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, winner.sealed.clone())]
    );
}

pub(super) async fn secret_is_resealed_under_the_same_number(store: &dyn Store) {
    let card = one_card(store).await;
    let resealed = NewSecret::resealed(&card, sealed(card.id));
    assert!(replace(store, &card, &resealed).await.unwrap());
    assert_eq!(store.card(card.id).await.unwrap().unwrap().card, card);
    assert_eq!(
        store.secrets(&[card.id]).await.unwrap(),
        [(card.id, resealed.sealed)]
    );
}

pub(super) async fn number_of_another_card_of_the_family_is_rejected(store: &dyn Store) {
    let first = one_card(store).await;
    let second = add_card(store, card("conrad", "wpl", "f2")).await;
    let before = store.secrets(&[second.id]).await.unwrap();
    let taken = NewSecret::new(first.fingerprint.clone(), sealed(second.id));
    assert!(matches!(
        replace(store, &second, &taken).await,
        Err(StoreError::AlreadyExists(_))
    ));
    assert_eq!(store.card(second.id).await.unwrap().unwrap().card, second);
    assert_eq!(store.secrets(&[second.id]).await.unwrap(), before);

    store.add_family(&family("other")).await.unwrap();
    let third = add_card(store, card("other", "wpl", "f3")).await;
    let free = NewSecret::new(first.fingerprint, sealed(third.id));
    assert!(replace(store, &third, &free).await.unwrap());
}

pub(super) async fn secret_of_an_unknown_card_cannot_be_replaced(store: &dyn Store) {
    let nobodys = CardId::generate();
    let new = NewSecret::new(fingerprint("f1"), sealed(nobodys));
    assert!(matches!(
        store.replace_secret(nobodys, new.id, &new).await,
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

/// Opens a card's sealed PIN with the library's entry, as a visit does.
async fn pin_as_loaded(
    store: &dyn Store,
    keys: &TestKeys,
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
    let keys = TestKeys::generate();
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
    let resealed = NewSecret::resealed(&card, anew);
    assert!(replace(store, &card, &resealed).await.unwrap());
    assert!(pin_as_loaded(store, &keys, &card).await.is_ok());
    store.update_library(&stored).await.unwrap();
    assert!(pin_as_loaded(store, &keys, &card).await.is_err());
}
