use futures::future::join_all;

use super::Store;
use super::sample::{family_id, time};
use crate::sign_in::limit::count_attempt;
use crate::sign_in::{
    ADDRESS_LIMITS, Grant, PersonId, RateKey, RateLog, Session, SignInAttempt, SignInCode,
    SignInMethod, SignInUse, Token,
};

fn person(address: &str) -> PersonId {
    PersonId::from_address(&address.parse().unwrap())
}

fn session(address: &str) -> Session {
    let grant = Grant {
        person: person(address),
        families: vec![family_id("conrad"), family_id("lee")],
        is_operator: false,
    };
    Session::begin(&Token::generate().unwrap(), grant, SignInMethod::Identity, time("06:00:00"))
}

async fn stored(store: &dyn Store, session: &Session) -> Option<Session> {
    store.session(&session.hash).await.unwrap()
}

pub(super) async fn session_is_found_by_its_hash_and_replaced(store: &dyn Store) {
    let (one, other) = (session("zoe@example.org"), session("zoe@example.org"));
    assert_eq!(stored(store, &one).await, None);
    store.add_session(&one).await.unwrap();
    assert_eq!(stored(store, &one).await.as_ref(), Some(&one));
    assert_eq!(stored(store, &other).await, None);
    let chosen = one.with_family(&family_id("lee")).unwrap();
    assert!(store.replace_session(&chosen).await.unwrap());
    assert_eq!(stored(store, &one).await, Some(chosen));
}

pub(super) async fn removed_session_is_not_revived(store: &dyn Store) {
    let (one, other) = (session("zoe@example.org"), session("zoe@example.org"));
    for session in [&one, &other] {
        store.add_session(session).await.unwrap();
    }
    store.remove_session(&one).await.unwrap();
    store.remove_session(&one).await.unwrap();
    assert!(!store.replace_session(&one).await.unwrap());
    assert_eq!(stored(store, &one).await, None);
    assert_eq!(stored(store, &other).await, Some(other));
}

pub(super) async fn every_session_of_a_person_is_removed(store: &dyn Store) {
    let of_zoe: Vec<Session> = (0..30).map(|_| session("zoe@example.org")).collect();
    let of_abe = session("abe@example.org");
    store.add_session(&of_abe).await.unwrap();
    for session in &of_zoe {
        store.add_session(session).await.unwrap();
    }
    store
        .remove_sessions(&person("ZOE@example.org"))
        .await
        .unwrap();
    for session in &of_zoe {
        assert_eq!(stored(store, session).await, None);
        assert!(!store.replace_session(session).await.unwrap());
    }
    assert_eq!(stored(store, &of_abe).await, Some(of_abe));
}

pub(super) async fn attempt_is_replaced_only_at_the_expected_revision(store: &dyn Store) {
    let now = time("06:00:00");
    let browser = Token::generate().unwrap();
    let attempt = SignInAttempt::begin(&browser, now);
    assert_eq!(store.attempt(attempt.id).await.unwrap(), None);
    assert!(!store.replace_attempt(0, &attempt).await.unwrap());
    store.add_attempt(&attempt).await.unwrap();
    assert_eq!(
        store.attempt(attempt.id).await.unwrap().as_ref(),
        Some(&attempt)
    );
    let grant = Grant {
        person: person("zoe@example.org"),
        families: vec![family_id("conrad")],
        is_operator: true,
    };
    let (link, code) = (Token::generate().unwrap(), SignInCode::generate().unwrap());
    let granted = attempt.grant(grant, &link, &code, now).unwrap();
    assert!(!store.replace_attempt(1, &granted).await.unwrap());
    assert!(store.replace_attempt(0, &granted).await.unwrap());
    assert!(!store.replace_attempt(0, &attempt).await.unwrap());
    assert_eq!(store.attempt(attempt.id).await.unwrap(), Some(granted));
}

pub(super) async fn only_one_concurrent_use_of_a_link_wins(store: &dyn Store) {
    let now = time("06:00:00");
    let link = Token::generate().unwrap();
    let attempt = SignInAttempt::for_operator(&link, now);
    store.add_attempt(&attempt).await.unwrap();
    let uses = (0..8).map(|_| async {
        let stored = store.attempt(attempt.id).await.unwrap().unwrap();
        match stored.use_link(&link, now) {
            SignInUse::Accepted(used, _) => {
                store.replace_attempt(stored.revision, &used).await.unwrap()
            }
            SignInUse::Wrong(_) | SignInUse::UsedBefore(_) | SignInUse::Over => false,
        }
    });
    let won = join_all(uses).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}

pub(super) async fn replacing_a_rate_log_fails_if_it_changed(store: &dyn Store) {
    let key = RateKey::address(&person("zoe@example.org"));
    let log = |clock: &str| RateLog {
        key: key.clone(),
        times: vec![time(clock)],
        expires_at: time("23:00:00"),
    };
    let (first, second) = (log("06:00:00"), log("06:10:00"));
    assert_eq!(store.rate_log(&key).await.unwrap(), None);
    assert!(!store.replace_rate_log(Some(&first), &second).await.unwrap());
    assert!(store.replace_rate_log(None, &first).await.unwrap());
    assert!(!store.replace_rate_log(None, &second).await.unwrap());
    assert!(store.replace_rate_log(Some(&first), &second).await.unwrap());
    assert!(!store.replace_rate_log(Some(&first), &first).await.unwrap());
    assert_eq!(store.rate_log(&key).await.unwrap(), Some(second));
    let other = RateKey::network("203.0.113.0".parse().unwrap());
    assert_eq!(store.rate_log(&other).await.unwrap(), None);
}

pub(super) async fn limit_holds_for_many_concurrent_requests(store: &dyn Store) {
    let key = RateKey::address(&person("zoe@example.org"));
    let (first, second) = (time("06:00:00"), time("06:10:00"));
    // Each request has a time of its own, as concurrent requests have.
    let requests = (0..8).map(|number| {
        let now = first + chrono::Duration::microseconds(number);
        let key = &key;
        async move { count_attempt(store, key, &ADDRESS_LIMITS, now).await.unwrap() }
    });
    let given = join_all(requests).await;
    assert_eq!(given.into_iter().filter(|given| *given).count(), 3);
    let again = count_attempt(store, &key, &ADDRESS_LIMITS, second);
    assert!(!again.await.unwrap());
}
