use super::*;
use crate::card::Card;
use crate::failure::FailureKind;
use crate::ids::CardId;
use crate::store::CheckStore as _;
use crate::testing::contract::sample;
use crate::testing::memory::MemoryStore;
use crate::testing::world::run_key;

/// A store with this many cards of `conrad` at `wpl`, in the order of their numbers.
async fn store_with(count: usize) -> (MemoryStore, Vec<Card>) {
    let store = MemoryStore::default();
    let mut cards = vec![sample::one_card(&store).await];
    for number in 1..count {
        let card = sample::card("conrad", "wpl", &format!("f1-{number:04}"));
        cards.push(sample::add_card(&store, card).await);
    }
    (store, cards)
}

async fn pause(store: &MemoryStore, card: &Card, until: &str) {
    let pause = sample::card_pause(Some(until));
    store.set_pause(card.id, Some(&pause)).await.unwrap();
}

async fn planned(store: &MemoryStore, scope: Scope) -> Vec<CardId> {
    let input = CheckCardsInput {
        scope,
        ..CheckCardsInput::default()
    };
    let run = run_key();
    let planner = VisitPlanner::new(store, &input, &run, sample::time("05:10:00"), 10);
    let visits = planner.plan_all().await.unwrap();
    let keys = visits.into_iter().flat_map(|visit| visit.cards);
    keys.map(|key| key.card).collect()
}

#[tokio::test]
async fn card_is_planned_again_from_the_end_of_its_pause() {
    let (store, cards) = store_with(5).await;
    let [usual, resumed, paused, good, refused] = &*cards else {
        unreachable!("there are five cards");
    };
    let read = sample::check(good, "04:00:00", Ok(sample::account(0)));
    store.save_check(&read).await.unwrap();
    let wrong = sample::failed(FailureKind::WrongCredentials);
    let wrong = sample::check(refused, "04:00:00", wrong);
    store.save_check(&wrong).await.unwrap();
    pause(&store, paused, "2026-11-22").await;
    for card in [resumed, good, refused] {
        pause(&store, card, "2026-11-21").await;
    }
    let all = planned(&store, Scope::All).await;
    assert_eq!(all, [usual.id, resumed.id, good.id]);
    assert_eq!(planned(&store, Scope::Failed).await, [usual.id, resumed.id]);
}

#[tokio::test]
async fn resumed_cards_are_planned_in_their_order() {
    let (store, cards) = store_with(3 * PAGE_SIZE).await;
    for card in cards.iter().step_by(2) {
        pause(&store, card, "2026-11-21").await;
    }
    let expected: Vec<CardId> = cards.iter().map(|card| card.id).collect();
    assert_eq!(planned(&store, Scope::All).await, expected);
}
