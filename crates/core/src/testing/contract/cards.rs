use futures::future::join_all;
use uuid::Uuid;

use super::Store;
use super::sample::{
    account, add_card, card, card_pause, check, failed, family, library, mark, one_card, sealed,
};
use crate::card::{Card, CardPause, CardRecord, CardState};
use crate::failure::FailureKind;
use crate::ids::CardId;
use crate::store::{CardCursor, Saved, Scope, StoreError};

fn ids(cards: &[CardRecord]) -> Vec<CardId> {
    cards.iter().map(|record| record.card.id).collect()
}

async fn to_check(store: &dyn Store, scope: Scope) -> Vec<CardId> {
    ids(&store.cards_to_check(scope, None, 100).await.unwrap())
}

/// Two families, two libraries, and cards added out of order.
async fn six_cards(store: &dyn Store) -> Vec<Card> {
    for id in ["conrad", "other"] {
        store.add_family(&family(id)).await.unwrap();
    }
    for id in ["wpl", "kpl"] {
        store.add_library(&library(id)).await.unwrap();
    }
    let mut cards = Vec::new();
    for (family, library, fingerprint) in [
        ("conrad", "wpl", "f2"),
        ("other", "wpl", "f1"),
        ("conrad", "kpl", "f9"),
        ("other", "kpl", "f3"),
        ("conrad", "wpl", "f1"),
        ("conrad", "kpl", "f3"),
    ] {
        cards.push(add_card(store, card(family, library, fingerprint)).await);
    }
    cards.sort_by_key(|card| (card.library.clone(), card.fingerprint.clone(), card.id));
    cards
}

pub(super) async fn added_card_is_read_back(store: &dyn Store) {
    let first = one_card(store).await;
    let mut paused = card("conrad", "wpl", "f2");
    paused.pause = Some(card_pause(Some("2026-11-22")));
    let paused = add_card(store, paused).await;
    for card in [first, paused] {
        let record = CardRecord {
            card,
            state: CardState::default(),
        };
        assert_eq!(store.card(record.card.id).await.unwrap(), Some(record));
    }
    assert_eq!(store.card(CardId::generate()).await.unwrap(), None);
}

pub(super) async fn card_of_an_unknown_family_or_library_is_rejected(store: &dyn Store) {
    let existing = one_card(store).await;
    for card in [card("nobody", "wpl", "f2"), card("conrad", "nowhere", "f2")] {
        assert!(matches!(
            store.add_card(&card, &sealed(card.id)).await,
            Err(StoreError::NotFound(_))
        ));
        assert_eq!(store.card(card.id).await.unwrap(), None);
    }
    assert_eq!(store.cards_with_secrets().await.unwrap(), [existing.id]);
}

pub(super) async fn duplicate_card_id_is_rejected_and_keeps_the_first(
    store: &dyn Store,
) {
    let first = one_card(store).await;
    let secrets = store.secrets(&[first.id]).await.unwrap();
    let mut second = card("conrad", "wpl", "f2");
    second.id = first.id;
    assert!(matches!(
        store.add_card(&second, &sealed(second.id)).await,
        Err(StoreError::AlreadyExists(_))
    ));
    let record = store.card(first.id).await.unwrap().unwrap();
    assert_eq!(record.card, first);
    assert_eq!(store.secrets(&[first.id]).await.unwrap(), secrets);
}

pub(super) async fn same_number_in_one_family_is_rejected(store: &dyn Store) {
    let first = one_card(store).await;
    let second = card("conrad", "wpl", "f1");
    assert!(matches!(
        store.add_card(&second, &sealed(second.id)).await,
        Err(StoreError::AlreadyExists(_))
    ));
    assert_eq!(
        ids(&store.family_cards(&first.family).await.unwrap()),
        [first.id]
    );
    assert_eq!(store.cards_with_secrets().await.unwrap(), [first.id]);

    // Once the first is gone, the number is free again.
    store.remove_card(first.id).await.unwrap();
    add_card(store, second).await;
}

pub(super) async fn same_number_in_another_family_or_library_is_accepted(
    store: &dyn Store,
) {
    one_card(store).await;
    store.add_family(&family("other")).await.unwrap();
    store.add_library(&library("kpl")).await.unwrap();
    add_card(store, card("other", "wpl", "f1")).await;
    add_card(store, card("conrad", "kpl", "f1")).await;
    assert_eq!(to_check(store, Scope::All).await.len(), 3);
}

pub(super) async fn cards_of_a_family_are_listed_by_id(store: &dyn Store) {
    let mut own: Vec<CardId> = six_cards(store)
        .await
        .iter()
        .filter(|card| card.family.as_str() == "conrad")
        .map(|card| card.id)
        .collect();
    own.sort();
    let listed = store.family_cards(&"conrad".parse().unwrap()).await.unwrap();
    assert_eq!(ids(&listed), own);
    assert!(
        store
            .family_cards(&"nobody".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
}

pub(super) async fn cards_to_check_are_ordered_by_library_fingerprint_and_id(store: &dyn Store) {
    let cards = six_cards(store).await;
    let listed = store.cards_to_check(Scope::All, None, 100).await.unwrap();
    let listed: Vec<Card> = listed.into_iter().map(|record| record.card).collect();
    assert_eq!(listed, cards);
}

pub(super) async fn paging_lists_every_card_to_check_once(store: &dyn Store) {
    let cards = six_cards(store).await;
    for limit in 1..=7 {
        let mut seen = Vec::new();
        let mut after: Option<CardCursor> = None;
        loop {
            let page = store
                .cards_to_check(Scope::All, after.as_ref(), limit)
                .await
                .unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(CardCursor {
                library: last.card.library.clone(),
                fingerprint: last.card.fingerprint.clone(),
                card: last.card.id,
            });
            seen.extend(page.into_iter().map(|record| record.card));
        }
        assert_eq!(seen, cards, "in pages of {limit}");
    }
}

pub(super) async fn paused_and_refused_cards_are_not_checked(store: &dyn Store) {
    let refused = one_card(store).await;
    let paused = add_card(store, card("conrad", "wpl", "f2")).await;
    let usual = add_card(store, card("conrad", "wpl", "f3")).await;
    let pause = card_pause(None);
    store.set_pause(paused.id, Some(&pause)).await.unwrap();
    let wrong = check(&refused, "05:10:00", failed(FailureKind::WrongCredentials));
    store.save_check(&wrong).await.unwrap();
    for scope in [Scope::All, Scope::Failed] {
        assert_eq!(to_check(store, scope).await, [usual.id]);
    }
    assert_eq!(
        to_check(store, Scope::Waiting).await,
        [refused.id, paused.id]
    );
    store.set_pause(paused.id, None).await.unwrap();
    store.allow_retry(refused.id).await.unwrap();
    for scope in [Scope::All, Scope::Failed] {
        assert_eq!(to_check(store, scope).await.len(), 3);
    }
    assert_eq!(to_check(store, Scope::Waiting).await, []);
}

pub(super) async fn failed_scope_lists_failed_and_never_checked_cards(
    store: &dyn Store,
) {
    let good = one_card(store).await;
    let down = add_card(store, card("conrad", "wpl", "f2")).await;
    let mended = add_card(store, card("conrad", "wpl", "f3")).await;
    let never = add_card(store, card("conrad", "wpl", "f4")).await;
    let not_tried = add_card(store, card("conrad", "wpl", "f5")).await;
    for check in [
        check(&good, "05:10:00", Ok(account(0))),
        check(&down, "05:10:00", Ok(account(0))),
        check(&down, "05:20:00", failed(FailureKind::SiteDown)),
        check(&mended, "05:10:00", failed(FailureKind::PageChanged)),
        check(&mended, "05:20:00", Ok(account(0))),
        check(&not_tried, "05:10:00", failed(FailureKind::NotTried)),
    ] {
        store.save_check(&check).await.unwrap();
    }
    assert_eq!(
        to_check(store, Scope::Failed).await,
        [down.id, never.id, not_tried.id]
    );
    let after = CardCursor {
        library: down.library.clone(),
        fingerprint: down.fingerprint.clone(),
        card: down.id,
    };
    let page = store
        .cards_to_check(Scope::Failed, Some(&after), 1)
        .await
        .unwrap();
    assert_eq!(ids(&page), [never.id]);
    assert_eq!(to_check(store, Scope::All).await.len(), 5);
}

pub(super) async fn card_is_paused_and_resumed(store: &dyn Store) {
    let card = one_card(store).await;
    let (holiday, open) = (card_pause(Some("2026-11-22")), card_pause(None));
    for pause in [Some(holiday), Some(open), None] {
        store.set_pause(card.id, pause.as_ref()).await.unwrap();
        let record = store.card(card.id).await.unwrap().unwrap();
        assert_eq!(
            record.card,
            Card {
                pause,
                ..card.clone()
            }
        );
    }
}

pub(super) async fn replacing_a_card_pause_fails_if_it_changed(store: &dyn Store) {
    let card = one_card(store).await;
    let (holiday, open) = (card_pause(Some("2026-11-22")), card_pause(None));
    let replace = async |before: Option<&CardPause>, after: Option<&CardPause>| {
        store.replace_card_pause(card.id, before, after).await.unwrap()
    };
    let pause_of = async || store.card(card.id).await.unwrap().unwrap().card.pause;
    assert!(!replace(Some(&open), Some(&holiday)).await, "it isn't paused");
    assert!(replace(None, Some(&holiday)).await);
    // Another tab read the card before.
    assert!(!replace(None, Some(&open)).await);
    assert!(!replace(Some(&open), None).await);
    assert_eq!(pause_of().await, Some(holiday.clone()));
    assert_eq!(to_check(store, Scope::Waiting).await, [card.id]);
    assert!(replace(Some(&holiday), None).await);
    assert!(!replace(Some(&holiday), Some(&open)).await, "somebody resumed it");
    assert_eq!(pause_of().await, None);
    assert_eq!(to_check(store, Scope::All).await, [card.id]);
}

pub(super) async fn only_one_concurrent_pause_of_a_card_wins(store: &dyn Store) {
    let card = one_card(store).await;
    let pauses: Vec<CardPause> = (0..8)
        .map(|number| CardPause {
            why: Some(format!("reason {number}")),
            ..card_pause(None)
        })
        .collect();
    let replaced = join_all(
        pauses
            .iter()
            .map(|pause| store.replace_card_pause(card.id, None, Some(pause))),
    )
    .await;
    let replaced: Vec<bool> = replaced.into_iter().map(Result::unwrap).collect();
    assert_eq!(replaced.iter().filter(|replaced| **replaced).count(), 1);
    let winner = replaced.iter().position(|replaced| *replaced).unwrap();
    let stored = store.card(card.id).await.unwrap().unwrap().card.pause;
    assert_eq!(stored.as_ref(), Some(&pauses[winner]));
}

pub(super) async fn ended_pause_lasts_in_the_lists_until_the_next_check(store: &dyn Store) {
    let ended = one_card(store).await;
    let paused = add_card(store, card("conrad", "wpl", "f2")).await;
    let mut pauses = Vec::new();
    // In Toronto, the 21st began at 05:00, and the 22nd begins later.
    for (card, until) in [(&ended, "2026-11-21"), (&paused, "2026-11-22")] {
        let pause = card_pause(Some(until));
        store.set_pause(card.id, Some(&pause)).await.unwrap();
        pauses.push(pause);
    }
    let pause_of = async |card: &Card| store.card(card.id).await.unwrap().unwrap().card.pause;
    // A check that began before the end, and one that another overtook, keep the pause.
    for (started, saved) in [("04:59:59", Saved::Stored), ("04:50:00", Saved::Older)] {
        let early = check(&ended, started, Ok(account(0)));
        assert_eq!(store.save_check(&early).await.unwrap(), saved);
    }
    assert_eq!(to_check(store, Scope::All).await, []);
    assert_eq!(to_check(store, Scope::Waiting).await, [ended.id, paused.id]);
    assert_eq!(pause_of(&ended).await.as_ref(), pauses.first());

    for card in [&ended, &paused] {
        let late = check(card, "05:00:00", failed(FailureKind::SiteDown));
        store.save_check(&late).await.unwrap();
    }
    for scope in [Scope::All, Scope::Failed] {
        assert_eq!(to_check(store, scope).await, [ended.id]);
    }
    assert_eq!(to_check(store, Scope::Waiting).await, [paused.id]);
    assert_eq!(pause_of(&ended).await, None);
    assert_eq!(pause_of(&paused).await.as_ref(), pauses.last());
}

pub(super) async fn retry_clears_the_refusal_and_the_login_mark(store: &dyn Store) {
    let card = one_card(store).await;
    let crashed = mark(Uuid::new_v4(), "2026-11-21");
    assert!(store.begin_login(&card.key(), &crashed).await.unwrap());
    let wrong = check(&card, "05:10:00", failed(FailureKind::WrongCredentials));
    store.save_check(&wrong).await.unwrap();

    store.allow_retry(card.id).await.unwrap();

    let state = store.card(card.id).await.unwrap().unwrap().state;
    assert_eq!(state.refused_since, None);
    assert_eq!(state.login_mark, None);
    assert!(
        state.last_check.is_some(),
        "what was seen is still on record"
    );
    let next = mark(Uuid::new_v4(), "2026-11-21");
    assert!(store.begin_login(&card.key(), &next).await.unwrap());
}

pub(super) async fn removing_a_card_removes_its_secret_and_account(store: &dyn Store) {
    let card = one_card(store).await;
    store
        .save_check(&check(&card, "05:10:00", Ok(account(0))))
        .await
        .unwrap();
    store.remove_card(card.id).await.unwrap();
    assert_eq!(store.card(card.id).await.unwrap(), None);
    assert!(store.family_cards(&card.family).await.unwrap().is_empty());
    assert!(store.secrets(&[card.id]).await.unwrap().is_empty());
    assert!(store.cards_with_secrets().await.unwrap().is_empty());
    assert!(store.family_accounts(&card.family).await.unwrap().is_empty());
    assert!(to_check(store, Scope::All).await.is_empty());
}

pub(super) async fn unknown_card_cannot_be_changed_or_removed(store: &dyn Store) {
    let nobodys = CardId::generate();
    for answer in [
        store.replace_card_pause(nobodys, None, None).await.map(drop),
        store.set_pause(nobodys, None).await,
        store.allow_retry(nobodys).await,
        store.remove_card(nobodys).await,
    ] {
        assert!(matches!(answer, Err(StoreError::NotFound(_))));
    }
    assert_eq!(store.card(nobodys).await.unwrap(), None);
}

pub(super) async fn only_one_concurrent_add_of_a_number_wins(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    store.add_library(&library("wpl")).await.unwrap();
    let answers = join_all((0..8).map(|_| async {
        let card = card("conrad", "wpl", "f1");
        store.add_card(&card, &sealed(card.id)).await
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(to_check(store, Scope::All).await.len(), 1);
    assert_eq!(store.cards_with_secrets().await.unwrap().len(), 1);
}
