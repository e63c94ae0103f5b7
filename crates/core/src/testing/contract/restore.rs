//! Restoring cards that another store held.

use futures::future::join_all;
use uuid::Uuid;

use super::Store;
use super::sample::{account, add_card, card_pause, card, failed, family, library, mark, sealed, time};
use crate::card::{Card, CardRecord, CardState, LastCheck, StoredAccount};
use crate::failure::{Failure, FailureKind, Remedy};
use crate::ids::CardId;
use crate::store::{CardConflict, CardCopy, RestoreOutcome, Scope, StoreError, WriteMode};

const UNCHANGED: RestoreOutcome = RestoreOutcome::Unchanged;
const COMPLETED: RestoreOutcome = RestoreOutcome::Completed;

async fn restore(store: &dyn Store, copy: &CardCopy) -> RestoreOutcome {
    store.restore_card(copy, WriteMode::Write).await.unwrap()
}

/// What the store holds of a card.
async fn stored(store: &dyn Store, card: CardId) -> Option<CardCopy> {
    let record = store.card(card).await.unwrap()?;
    let (_, secret) = store.secrets(&[card]).await.unwrap().pop()?;
    let accounts = store.family_accounts(&record.card.family).await.unwrap();
    Some(CardCopy {
        record,
        secret,
        account: accounts
            .into_iter()
            .find(|(id, _)| *id == card)
            .map(|(_, account)| account),
    })
}

#[track_caller]
fn assert_same(one: Option<CardCopy>, other: &CardCopy) {
    let one = one.unwrap();
    assert_eq!(one.record, other.record);
    assert_eq!(one.account, other.account);
    assert_eq!(one.secret, other.secret);
}

fn last_check(started: &str, failure: Option<Failure>) -> Option<LastCheck> {
    Some(LastCheck {
        started_at: time(started),
        finished_at: time("23:00:00"),
        failure,
    })
}

fn failure(kind: FailureKind) -> Option<Failure> {
    failed(kind).err()
}

/// A card that was read at a time.
fn read_at(card: Card, started: &str, cents: i64) -> CardCopy {
    CardCopy {
        secret: sealed(card.id),
        record: CardRecord {
            card,
            state: CardState {
                last_check: last_check(started, None),
                last_success_at: Some(time(started)),
                ..CardState::default()
            },
        },
        account: Some(StoredAccount {
            read_at: time(started),
            account: account(cents),
        }),
    }
}

/// A card that was read, then refused, with an open login and paused.
fn with_everything() -> CardCopy {
    let mut copy = read_at(card("conrad", "wpl", "f1"), "06:00:00", 5);
    let state = &mut copy.record.state;
    let refused = failure(FailureKind::WrongCredentials);
    state.last_check = last_check("07:00:00", refused.map(|it| it.with_remedy(Remedy::SetPin)));
    state.refused_since = Some(time("07:00:00"));
    state.login_mark = Some(mark(Uuid::new_v4(), "2026-11-21"));
    copy.record.card.pause = Some(card_pause(Some("2026-11-22")));
    copy
}

async fn owners(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    store.add_library(&library("wpl")).await.unwrap();
}

async fn restored(store: &dyn Store) -> CardCopy {
    owners(store).await;
    let copy = read_at(card("conrad", "wpl", "f1"), "06:00:00", 5);
    assert_eq!(restore(store, &copy).await, RestoreOutcome::Added);
    copy
}

pub(super) async fn restored_card_is_as_its_copy(store: &dyn Store) {
    owners(store).await;
    let (waiting, fresh) = (
        with_everything(),
        read_at(card("conrad", "wpl", "f2"), "06:00:00", 6),
    );
    for copy in [&waiting, &fresh] {
        assert_eq!(restore(store, copy).await, RestoreOutcome::Added);
        assert_same(stored(store, copy.record.card.id).await, copy);
        assert_eq!(restore(store, copy).await, UNCHANGED);
        assert_same(stored(store, copy.record.card.id).await, copy);
    }
    for (scope, expected) in [
        (Scope::All, vec![&fresh.record]),
        (Scope::Failed, vec![]),
        (Scope::Waiting, vec![&waiting.record]),
    ] {
        let listed = store.cards_to_check(scope, None, 10).await.unwrap();
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{scope}");
    }
    let conrad = &fresh.record.card.family;
    store.remove_card(waiting.record.card.id).await.unwrap();
    store.remove_family(conrad).await.unwrap();
    assert_eq!(store.cards_with_secrets().await.unwrap(), []);
    store.remove_library(&fresh.record.card.library).await.unwrap();
}

pub(super) async fn newer_copy_completes_a_card(store: &dyn Store) {
    let mut copy = restored(store).await;
    let check = Uuid::new_v4();
    let mut login = mark(check, "2026-11-21");
    login.at = time("09:00:00");
    for change in [
        read_at(copy.record.card.clone(), "08:00:00", 7).record.state,
        CardState {
            last_check: last_check("08:30:00", failure(FailureKind::WrongCredentials)),
            last_success_at: Some(time("08:00:00")),
            refused_since: Some(time("08:30:00")),
            ..CardState::default()
        },
        CardState {
            last_check: last_check("08:40:00", failure(FailureKind::NotTried)),
            earlier_failure: last_check("08:35:00", failure(FailureKind::PageChanged)),
            last_success_at: Some(time("08:00:00")),
            refused_since: Some(time("08:30:00")),
            ..CardState::default()
        },
        CardState {
            last_check: last_check("08:45:00", failure(FailureKind::SealedForOtherHosts)),
            last_success_at: Some(time("08:00:00")),
            is_corrected: true,
            ..CardState::default()
        },
        CardState {
            last_check: last_check("08:50:00", failure(FailureKind::WrongCredentials)),
            last_success_at: Some(time("08:00:00")),
            login_mark: Some(login),
            ..CardState::default()
        },
    ] {
        copy.record.state = change;
        copy.account = Some(StoredAccount {
            read_at: time("08:00:00"),
            account: account(7),
        });
        assert_eq!(restore(store, &copy).await, COMPLETED);
        assert_same(stored(store, copy.record.card.id).await, &copy);
    }
}

pub(super) async fn older_copy_changes_nothing(store: &dyn Store) {
    let newer = restored(store).await;
    let mut older = read_at(newer.record.card.clone(), "05:30:00", 9);
    older.secret = newer.secret.clone();
    assert_eq!(restore(store, &older).await, UNCHANGED);
    older.record.state.refused_since = Some(time("05:40:00"));
    assert_eq!(restore(store, &older).await, UNCHANGED);
    assert_same(stored(store, newer.record.card.id).await, &newer);
    let mut refused = newer.clone();
    refused.record.state.refused_since = Some(time("07:00:00"));
    refused.record.state.last_check =
        last_check("07:00:00", failure(FailureKind::WrongCredentials));
    assert_eq!(restore(store, &refused).await, COMPLETED);
    assert_eq!(restore(store, &newer).await, UNCHANGED);
    assert_same(stored(store, newer.record.card.id).await, &refused);

    // A check that did not try knows nothing new.
    let mut untried = refused;
    untried.record.state = CardState {
        last_check: last_check("05:00:00", failure(FailureKind::NotTried)),
        ..untried.record.state
    };
    assert_eq!(restore(store, &untried).await, UNCHANGED);
}

pub(super) async fn later_account_survives_a_newer_copy(store: &dyn Store) {
    let here = restored(store).await;
    let mut copy = read_at(here.record.card.clone(), "05:30:00", 9);
    copy.secret = here.secret.clone();
    copy.record.state.refused_since = Some(time("05:40:00"));
    copy.record.state.last_check = last_check("08:00:00", failure(FailureKind::SiteDown));
    assert_eq!(restore(store, &copy).await, COMPLETED);
    let mut expected = here.clone();
    expected.record.state.last_check = copy.record.state.last_check.clone();
    assert_same(stored(store, here.record.card.id).await, &expected);

    // A refusal after that account counts.
    copy.record.state.refused_since = Some(time("07:00:00"));
    expected.record.state.refused_since = Some(time("07:00:00"));
    copy.record.state.last_check = last_check("09:00:00", failure(FailureKind::SiteDown));
    expected.record.state.last_check = copy.record.state.last_check.clone();
    assert_eq!(restore(store, &copy).await, COMPLETED);
    assert_same(stored(store, here.record.card.id).await, &expected);
}

pub(super) async fn conflict_leaves_the_card_unchanged(store: &dyn Store) {
    let here = restored(store).await;
    store.add_family(&family("other")).await.unwrap();
    let other = add_card(store, card("other", "wpl", "f1")).await;
    let newer = read_at(here.record.card.clone(), "08:00:00", 9);
    let newer = CardCopy {
        secret: here.secret.clone(),
        ..newer
    };
    let changed = |change: &dyn Fn(&mut CardCopy)| {
        let mut copy = newer.clone();
        change(&mut copy);
        copy
    };
    let refused = |copy: &mut CardCopy| {
        copy.record.state = here.record.state.clone();
        copy.record.state.refused_since = Some(time("06:30:00"));
    };
    let cases = [
        (
            CardConflict::Taken,
            changed(&|copy| copy.record.card.id = CardId::generate()),
        ),
        (
            CardConflict::Taken,
            changed(&|copy| copy.record.card.id = other.id),
        ),
        (
            CardConflict::OtherCard,
            changed(&|copy| copy.secret = sealed(copy.record.card.id)),
        ),
        (
            CardConflict::OtherCard,
            changed(&|copy| copy.record.card.patron = "Sam".to_owned()),
        ),
        (
            CardConflict::Pause,
            changed(&|copy| copy.record.card.pause = Some(card_pause(None))),
        ),
        (CardConflict::RetryAllowed, changed(&refused)),
        (
            CardConflict::OtherAccount,
            changed(&|copy| copy.account.as_mut().unwrap().read_at = time("06:00:00")),
        ),
    ];
    for (conflict, copy) in cases {
        let outcome = restore(store, &copy).await;
        assert_eq!(outcome, RestoreOutcome::Conflict(conflict));
        assert_same(stored(store, here.record.card.id).await, &here);
    }
    let other_card = store.card(other.id).await.unwrap().unwrap();
    assert_eq!(other_card.card, other);
    assert_eq!(store.cards_with_secrets().await.unwrap().len(), 2);
}

pub(super) async fn dry_run_restores_nothing(store: &dyn Store) {
    let copy = with_everything();
    let dry_run = async |copy: &CardCopy| {
        let outcome = store.restore_card(copy, WriteMode::DryRun).await;
        outcome.unwrap()
    };
    assert_eq!(dry_run(&copy).await, RestoreOutcome::Added);
    let here = restored(store).await;
    let taken = RestoreOutcome::Conflict(CardConflict::Taken);
    assert_eq!(dry_run(&copy).await, taken);
    let newer = read_at(here.record.card.clone(), "08:00:00", 9);
    let newer = CardCopy {
        secret: here.secret.clone(),
        ..newer
    };
    assert_eq!(dry_run(&newer).await, COMPLETED);
    assert_same(stored(store, here.record.card.id).await, &here);
    assert_eq!(store.cards_with_secrets().await.unwrap().len(), 1);
}

pub(super) async fn copy_of_a_missing_family_or_library_is_refused(store: &dyn Store) {
    owners(store).await;
    for card in [card("nobody", "wpl", "f2"), card("conrad", "nowhere", "f2")] {
        let copy = read_at(card, "06:00:00", 5);
        assert!(matches!(
            store.restore_card(&copy, WriteMode::Write).await,
            Err(StoreError::NotFound(_))
        ));
        assert!(stored(store, copy.record.card.id).await.is_none());
    }
}

pub(super) async fn newest_of_many_concurrent_restores_wins(store: &dyn Store) {
    owners(store).await;
    let first = read_at(card("conrad", "wpl", "f1"), "06:00:00", 0);
    let copies: Vec<CardCopy> = (0..8)
        .map(|hour| CardCopy {
            secret: first.secret.clone(),
            ..read_at(
                first.record.card.clone(),
                &format!("1{hour}:00:00"),
                hour,
            )
        })
        .collect();
    let outcomes = join_all(copies.iter().map(|copy| restore(store, copy))).await;
    let added = |outcome: &&RestoreOutcome| **outcome == RestoreOutcome::Added;
    assert_eq!(outcomes.iter().filter(added).count(), 1);
    let newest = copies.last().unwrap();
    assert_same(stored(store, newest.record.card.id).await, newest);
}
