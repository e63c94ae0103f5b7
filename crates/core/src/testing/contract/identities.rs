use futures::future::join_all;

use super::Store;
use super::sample::time;
use crate::sign_in::{Identity, IdentityId, IdentityLink, PersonId, Token};

fn identity(subject: &str) -> IdentityId {
    let identity = Identity {
        issuer: "https://id.example.org".to_owned(),
        subject: subject.to_owned(),
    };
    identity.id()
}

fn person(address: &str) -> PersonId {
    PersonId::from_address(&address.parse().unwrap())
}

/// A link that waits, and the same one linked to a person.
fn link(subject: &str, address: &str) -> [IdentityLink; 2] {
    let browser = Token::generate().unwrap();
    let waiting = IdentityLink::begin(identity(subject), &browser, time("06:00:00"));
    let linked = waiting.link(&browser, &person(address), time("06:01:00"));
    [waiting.clone(), linked.unwrap()]
}

async fn replace(store: &dyn Store, before: Option<&IdentityLink>, after: &IdentityLink) -> bool {
    store.replace_identity_link(before, after).await.unwrap()
}

async fn stored(store: &dyn Store, subject: &str) -> Option<IdentityLink> {
    store.identity_link(&identity(subject)).await.unwrap()
}

pub(super) async fn replacing_an_identity_link_fails_if_it_changed(store: &dyn Store) {
    let [waiting, linked] = link("1", "zoe@example.org");
    assert_eq!(stored(store, "1").await, None);
    assert!(!replace(store, Some(&waiting), &linked).await);
    assert!(replace(store, None, &waiting).await);
    assert!(!replace(store, None, &linked).await);
    assert_eq!(stored(store, "1").await.as_ref(), Some(&waiting));
    assert!(replace(store, Some(&waiting), &linked).await);
    assert!(!replace(store, Some(&waiting), &linked).await);
    assert_eq!(stored(store, "1").await, Some(linked));
    assert_eq!(stored(store, "2").await, None);
}

pub(super) async fn identities_of_a_person_are_counted_and_unlinked(store: &dyn Store) {
    let zoe = person("zoe@example.org");
    for subject in ["1", "2", "3"] {
        let address = match subject {
            "3" => "abe@example.org",
            _ => "ZOE@example.org",
        };
        let [waiting, linked] = link(subject, address);
        assert!(replace(store, None, &waiting).await);
        assert_eq!(stored(store, subject).await.as_ref(), Some(&waiting));
        assert!(replace(store, Some(&waiting), &linked).await);
    }
    assert_eq!(store.count_identities(&zoe).await.unwrap(), 2);
    store.unlink_identities(&zoe).await.unwrap();
    assert_eq!(store.count_identities(&zoe).await.unwrap(), 0);
    assert_eq!(stored(store, "1").await, None);
    assert_eq!(stored(store, "2").await, None);
    assert!(stored(store, "3").await.is_some());
    let abe = person("abe@example.org");
    assert_eq!(store.count_identities(&abe).await.unwrap(), 1);
    // Unlinking again succeeds.
    store.unlink_identities(&zoe).await.unwrap();
}

pub(super) async fn identity_of_another_person_is_no_longer_listed(store: &dyn Store) {
    let [waiting, linked] = link("1", "zoe@example.org");
    assert!(replace(store, None, &waiting).await);
    assert!(replace(store, Some(&waiting), &linked).await);
    let [again, moved] = link("1", "abe@example.org");
    assert!(replace(store, Some(&linked), &again).await);
    let (zoe, abe) = (person("zoe@example.org"), person("abe@example.org"));
    assert_eq!(store.count_identities(&zoe).await.unwrap(), 0);
    assert!(replace(store, Some(&again), &moved).await);
    assert_eq!(store.count_identities(&abe).await.unwrap(), 1);
    // What isn't listed isn't unlinked.
    store.unlink_identities(&zoe).await.unwrap();
    assert_eq!(stored(store, "1").await, Some(moved));
}

pub(super) async fn only_one_concurrent_link_of_an_identity_wins(store: &dyn Store) {
    let [waiting, _] = link("1", "zoe@example.org");
    assert!(replace(store, None, &waiting).await);
    let others = (0..6).map(|number| link("1", &format!("r{number}@example.org")));
    let others: Vec<_> = others.map(|[_, linked]| linked).collect();
    let waiting = &waiting;
    let done = join_all(others.iter().map(|linked| async move {
        replace(store, Some(waiting), linked).await
    }));
    let done = done.await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
}
