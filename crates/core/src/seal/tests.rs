use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::card::CardSecret;
use crate::ids::CardId;
use crate::library::Library;
use crate::testing::contract::sample;
use proptest::prelude::*;

fn secret() -> CardSecret {
    CardSecret {
        number: SecretString::from("29999000000001"),
        pin: SecretString::from("canary-4711"),
    }
}

fn context(card: CardId) -> SealContext {
    SealContext::new(card, &sample::library("wpl"))
}

fn now() -> chrono::DateTime<chrono::Utc> {
    sample::time("12:00:00")
}

#[test]
fn sealed_secret_opens_for_its_card_and_library_only() {
    let keys = PrivateKeys::generate().unwrap();
    let card = CardId::generate();
    let sealed = keys.public_key().seal(&context(card), &secret()).unwrap();
    let opened = keys.open(&context(card), &sealed).unwrap();
    assert_eq!(opened.pin.expose_secret(), "canary-4711");
    assert_eq!(opened.number.expose_secret(), "29999000000001");
    for other in [
        context(CardId::generate()),
        SealContext::new(card, &sample::library("kpl")),
    ] {
        assert_eq!(
            keys.open(&other, &sealed).unwrap_err(),
            SealError::SealedForOtherHosts
        );
    }
}

#[test]
fn changed_envelope_does_not_open() {
    let keys = PrivateKeys::generate().unwrap();
    let card = CardId::generate();
    let sealed = keys.public_key().seal(&context(card), &secret()).unwrap();
    let mut changed = sealed.clone();
    changed.ciphertext[3] ^= 1;
    let mut other_enc = sealed.clone();
    other_enc.encapsulated_key[3] ^= 1;
    let mut short = sealed.clone();
    short.encapsulated_key.pop();
    let mut empty = sealed;
    empty.ciphertext.clear();
    for broken in [changed, other_enc, short, empty] {
        assert_eq!(
            keys.open(&context(card), &broken).unwrap_err(),
            SealError::SealedForOtherHosts
        );
    }
}

#[test]
fn sealing_twice_gives_different_envelopes() {
    let keys = PrivateKeys::generate().unwrap();
    let context = context(CardId::generate());
    let seal = || keys.public_key().seal(&context, &secret()).unwrap();
    assert_ne!(seal(), seal());
}

#[test]
fn public_key_of_small_order_is_refused() {
    let key = PublicKey::from_bytes([0; 32]);
    assert!(matches!(
        key.seal(&context(CardId::generate()), &secret()),
        Err(SealError::UnsafeKey(_))
    ));
}

#[test]
fn old_key_opens_until_removed() {
    let old = PrivateKeys::generate().unwrap();
    let context = context(CardId::generate());
    let sealed = old.public_key().seal(&context, &secret()).unwrap();
    let both = old.with_new_key(now()).unwrap();
    assert!(both.open(&context, &sealed).is_ok());
    let anew = both.public_key().seal(&context, &secret()).unwrap();
    assert_ne!(anew.key, sealed.key);
    let new = both.with_current_key_only();
    assert!(new.open(&context, &anew).is_ok());
    assert_eq!(
        new.open(&context, &sealed).unwrap_err(),
        SealError::UnknownKey(sealed.key)
    );
}

#[test]
fn fingerprints_are_equal_for_equal_numbers_at_one_library() {
    let key = FingerprintKey::generate().unwrap();
    let wpl = "wpl".parse().unwrap();
    let same = SecretString::from("29999000000001");
    let print = key.fingerprint(&wpl, &SecretString::from("2999 9000 000001"));
    for printed in [
        &same,
        &"29999-000000001".into(),
        &"2 9999-0000-00001 ".into(),
    ] {
        assert_eq!(print, key.fingerprint(&wpl, printed));
    }
    let user = |name: &str| key.fingerprint(&wpl, &SecretString::from(name));
    assert_ne!(user("mary-jane smith"), user("maryjane smith"));
    assert_ne!(user("mary smith"), user("marysmith"));
    assert_ne!(print, key.fingerprint(&"kpl".parse().unwrap(), &same));
    let other = FingerprintKey::generate().unwrap();
    assert_ne!(print, other.fingerprint(&wpl, &same));
    assert!(!print.0.contains("2999"));
}

#[test]
fn debug_output_shows_no_secret() {
    let keys = PrivateKeys::generate().unwrap();
    let context = context(CardId::generate());
    let sealed = keys.public_key().seal(&context, &secret()).unwrap();
    let fingerprint = FingerprintKey::generate().unwrap();
    let shown = format!(
        "{keys:?} {sealed:?} {fingerprint:?} {:?} {:?} {}",
        secret(),
        keys.keys(),
        SealError::SealedForOtherHosts
    );
    let private = hex(keys.keys()[0].1.expose_bytes());
    for canary in ["canary", "29999000000001", &private] {
        assert!(!shown.contains(canary));
    }
    assert!(!shown.contains(&format!("{:?}", keys.keys()[0].1.expose_bytes())));
}

/// One change of the context of an envelope.
#[derive(Debug, Clone)]
enum Change {
    Card,
    Library(String),
    Scheme,
    Host(String),
    Port(u16),
    AddLoginHost(String),
    RemoveLoginHost,
    ReplaceLoginHost(String),
}

fn change() -> impl Strategy<Value = Change> {
    let host = "[a-z]{1,8}\\.example\\.com";
    prop_oneof![
        Just(Change::Card),
        "[a-z]{4,8}".prop_map(Change::Library),
        Just(Change::Scheme),
        host.prop_map(Change::Host),
        (1_u16..443).prop_map(Change::Port),
        host.prop_map(Change::AddLoginHost),
        Just(Change::RemoveLoginHost),
        host.prop_map(Change::ReplaceLoginHost),
    ]
}

fn changed(card: CardId, library: &Library, change: &Change) -> SealContext {
    let mut library = library.clone();
    let mut card = card;
    match change {
        Change::Card => card = CardId::generate(),
        Change::Library(id) => library.id = id.parse().unwrap(),
        // The port stays the same.
        Change::Scheme => library.base_url = "http://books.example.org:443/".parse().unwrap(),
        Change::Host(host) => library.base_url.set_host(Some(host)).unwrap(),
        Change::Port(port) => library.base_url.set_port(Some(*port)).unwrap(),
        Change::AddLoginHost(host) => library.login_hosts.push(host.clone()),
        Change::RemoveLoginHost => library.login_hosts.clear(),
        Change::ReplaceLoginHost(host) => library.login_hosts = vec![host.clone()],
    }
    SealContext::new(card, &library)
}

proptest! {
    #[test]
    fn envelope_does_not_open_for_another_card_library_or_hosts(change in change()) {
        let keys = PrivateKeys::generate().unwrap();
        let card = CardId::generate();
        let library = sample::library("wpl");
        let sealed = keys
            .public_key()
            .seal(&SealContext::new(card, &library), &secret())
            .unwrap();
        prop_assert!(keys.open(&SealContext::new(card, &library), &sealed).is_ok());
        prop_assert_eq!(
            keys.open(&changed(card, &library, &change), &sealed).unwrap_err(),
            SealError::SealedForOtherHosts
        );
    }

    #[test]
    fn envelope_ignores_other_fields_of_the_library(
        path in "[a-z/]{0,12}",
        name in ".{0,12}",
        format in proptest::option::of("[%a-z]{1,6}"),
    ) {
        let keys = PrivateKeys::generate().unwrap();
        let card = CardId::generate();
        let mut library = sample::library("wpl");
        let sealed = keys
            .public_key()
            .seal(&SealContext::new(card, &library), &secret())
            .unwrap();
        library.base_url.set_path(&path);
        library.name = name;
        library.date_format = format;
        library.options.clear();
        prop_assert!(keys.open(&SealContext::new(card, &library), &sealed).is_ok());
    }
}
