//! What a visit does with an envelope that doesn't open.

use secrecy::SecretString;

use super::*;
use crate::alerts::Alert;
use crate::card::CardSecret;
use crate::store::{NewSecret, SecretWriter as _};
use crate::testing::contract::sample::TestKeys;
use crate::testing::world::library;

#[tokio::test]
async fn library_with_other_hosts_gets_no_pin() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.add_card("conrad", "kpl", ("2", "p")).await;
    let wpl = library("wpl");
    let changes: [fn(&mut Library); 3] = [
        |library| library.base_url = "https://evil.example.org".parse().unwrap(),
        |library| library.base_url = "http://books.example.org".parse().unwrap(),
        |library| library.login_hosts.push("evil.example.org".to_owned()),
    ];
    for change in changes {
        let mut changed = wpl.clone();
        change(&mut changed);
        world.store.update_library(&changed).await.unwrap();
        let mut seen = kinds(&world.check_all().await);
        seen.sort_unstable();
        assert_eq!(seen, ["ok", "sealed_for_other_hosts"], "{changed:?}");
    }
    assert_eq!(world.logins(), ["2:p", "2:p", "2:p"]);
    world.store.update_library(&wpl).await.unwrap();
    assert_eq!(kinds(&world.check_all().await), ["ok", "ok"]);
    assert!(world.record(card).await.state.last_success_at.is_some());
}

#[tokio::test]
async fn unknown_key_fails_only_its_card_and_raises_an_alert() {
    let world = World::new().await;
    let orphan = world.add_card("conrad", "wpl", ("1", "p")).await;
    let good = world.add_card("conrad", "wpl", ("2", "p")).await;
    let secret = CardSecret {
        number: SecretString::from("1"),
        pin: SecretString::from("p"),
    };
    let lost = TestKeys::generate().seal(orphan, &library("wpl"), &secret);
    let record = world.record(orphan).await;
    let new = NewSecret::resealed(&record.card, lost.clone());
    let replaced = world.store.replace_secret(orphan, new.id, &new);
    assert!(replaced.await.unwrap());
    let visit = world.visit("wpl", &[orphan, good]).await;
    let report = world.check_visit(&visit, NO_DELAY).await;
    assert_eq!(world.logins(), ["2:p"]);
    assert_eq!(
        last_failure(&world, orphan).await.kind,
        FailureKind::NotTried
    );
    let [Alert::UnknownKey { library, key, .. }] = &report.alerts[..] else {
        panic!("{report:?}");
    };
    assert_eq!((library.as_str(), key), ("wpl", &lost.key));
}

#[tokio::test]
async fn broken_secret_fails_only_its_card() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2"]).await;
    world.break_secret(cards[0]).await;
    let mut seen = kinds(&world.check_all().await);
    seen.sort_unstable();
    assert_eq!(seen, ["ok", "sealed_for_other_hosts"]);
    assert_eq!(world.logins(), ["2:p"]);
    assert_eq!(
        last_failure(&world, cards[0]).await.kind,
        FailureKind::SealedForOtherHosts
    );
    let state = world.record(cards[0]).await.state;
    assert_eq!(state.login_mark, None, "no login was begun");
}
