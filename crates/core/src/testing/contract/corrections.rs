use super::Store;
use super::sample::{add_card, card, check, failed, family, library, sealed};
use crate::card::{Card, CardState};
use crate::failure::FailureKind;
use crate::store::{NewSecret, Saved, Scope};

async fn two_owners(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    store.add_library(&library("wpl")).await.unwrap();
}

async fn state(store: &dyn Store, card: &Card) -> CardState {
    store.card(card.id).await.unwrap().unwrap().state
}

/// Saves a check that failed.
async fn fail(store: &dyn Store, card: &Card, started: &str, kind: FailureKind) {
    let check = check(card, started, failed(kind));
    assert_eq!(store.save_check(&check).await.unwrap(), Saved::Stored);
}

/// Seals a card's number and PIN again, as for another key or another host.
async fn seal_anew(store: &dyn Store, card: &Card) {
    let resealed = NewSecret::resealed(card, sealed(card.id));
    let replaced = store.replace_secret(card.id, card.secret_id, &resealed);
    assert!(replaced.await.unwrap());
}

/// The kind of failure that is known of a card.
fn known_failure(state: &CardState) -> Option<FailureKind> {
    state.explaining_failure().map(|(_, failure)| failure.kind)
}

/// Adds a card whose check failed, and after it perhaps one that wasn't tried; then a person acts. Returns what is
/// known then, and what is known after one more check that isn't tried.
async fn known_after(
    store: &dyn Store,
    number: &str,
    kind: FailureKind,
    is_untried: bool,
    act: impl AsyncFn(&Card),
) -> [Option<FailureKind>; 2] {
    let card = add_card(store, card("conrad", "wpl", &format!("{number}-{is_untried}"))).await;
    fail(store, &card, "05:10:00", kind).await;
    if is_untried {
        fail(store, &card, "05:20:00", FailureKind::NotTried).await;
    }
    let before = state(store, &card).await;
    act(&card).await;
    let after = state(store, &card).await;
    assert_eq!(after.last_check, before.last_check, "{kind}");
    let failing = store.cards_to_check(Scope::Failed, None, 100).await.unwrap();
    let waits = after.refused_since.is_some();
    assert_eq!(failing.iter().any(|record| record.card.id == card.id), !waits, "{kind}");
    fail(store, &card, "05:30:00", FailureKind::NotTried).await;
    let later = state(store, &card).await;
    assert!(!later.is_corrected);
    [after, later].map(|state| known_failure(&state))
}

pub(super) async fn retry_forgets_a_failure_that_only_a_person_ends(store: &dyn Store) {
    two_owners(store).await;
    let not_tried = Some(FailureKind::NotTried);
    for (number, kind) in [
        ("f1", FailureKind::WrongCredentials),
        ("f2", FailureKind::SealedForOtherHosts),
    ] {
        for (is_untried, expected) in [(false, None), (true, not_tried)] {
            let allow = async |card: &Card| store.allow_retry(card.id).await.unwrap();
            let known = known_after(store, number, kind, is_untried, allow).await;
            assert_eq!(known, [expected, not_tried], "{kind}");
        }
    }
}

pub(super) async fn new_seal_forgets_that_the_old_one_was_for_other_hosts(store: &dyn Store) {
    two_owners(store).await;
    let not_tried = Some(FailureKind::NotTried);
    let kind = FailureKind::SealedForOtherHosts;
    for (is_untried, expected) in [(false, None), (true, not_tried)] {
        let seal = async |card: &Card| seal_anew(store, card).await;
        let known = known_after(store, "f1", kind, is_untried, seal).await;
        assert_eq!(known, [expected, not_tried]);
    }
}

pub(super) async fn retry_and_new_seal_keep_other_failures(store: &dyn Store) {
    two_owners(store).await;
    for is_untried in [false, true] {
        let kind = FailureKind::PageChanged;
        let allow = async |card: &Card| store.allow_retry(card.id).await.unwrap();
        let known = known_after(store, "f1", kind, is_untried, allow).await;
        assert_eq!(known, [Some(kind); 2]);
        // When the key is rotated, a rejected PIN stays rejected.
        let kind = FailureKind::WrongCredentials;
        let seal = async |card: &Card| seal_anew(store, card).await;
        let known = known_after(store, "f2", kind, is_untried, seal).await;
        assert_eq!(known, [Some(kind); 2]);
    }
}
