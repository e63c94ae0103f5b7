use super::*;
use crate::card::CardKey;
use crate::clock::Clock as _;
use crate::ids::CardId;
use crate::jobs::check_cards::visit::{DOWN_ALERT_AFTER, VisitOptions};
use crate::store::CardStore as _;
use crate::testing::contract::sample;
use crate::testing::world::{NO_DELAY, World, account};

fn outcomes(work: &WorkItem) -> Vec<String> {
    let outcomes = work.results.iter().map(|result| result.outcome.to_string());
    let mut outcomes: Vec<String> = outcomes.collect();
    outcomes.sort();
    outcomes
}

/// Checks a card whose library answers nothing, and returns the alerts.
async fn alerts_of_down_library(world: &World, card: CardId) -> Vec<Alert> {
    world.site.answer("1", Err(Failure::site_down("no answer")));
    let visit = world.visit("wpl", &[card]).await;
    world.check_visit(&visit, NO_DELAY).await.alerts
}

#[tokio::test]
async fn repeated_visit_reports_one_item_with_every_card() {
    let world = World::new().await;
    let first = world.add_card("conrad", "wpl", ("1", "p")).await;
    let second = world.add_card("conrad", "wpl", ("2", "p")).await;
    let paused = world.add_card("conrad", "wpl", ("3", "p")).await;
    let refused = Failure::wrong_credentials("no");
    world.site.answer("2", Err(refused));
    let mut visit = world.visit("wpl", &[first, second, paused]).await;
    let pause = sample::card_pause(None);
    world.store.set_pause(paused, Some(&pause)).await.unwrap();
    visit.cards.push(CardKey {
        card: CardId::generate(),
        ..visit.cards[0].clone()
    });
    world.clock.advance(chrono::Duration::seconds(1));
    let is_checked = std::sync::atomic::AtomicBool::new(false);
    let options = VisitOptions {
        stop: &|| is_checked.load(std::sync::atomic::Ordering::SeqCst),
        on_checked: Some(&|_| is_checked.store(true, std::sync::atomic::Ordering::SeqCst)),
        ..NO_DELAY
    };
    let mut report = world.check_visit(&visit, options).await;
    let stopped = report.work_item(&visit);
    let interrupted = "left_out:interrupted";
    assert_eq!(
        outcomes(&stopped),
        ["done", interrupted, interrupted, "left_out:paused"]
    );
    report.ending = Err(JobError::Panicked);
    let failed = report.work_item(&visit);
    assert_eq!(outcomes(&failed), ["done", "left_out:paused"]);

    let whole = world.check_visit(&visit, NO_DELAY).await.work_item(&visit);
    let again = world.check_visit(&visit, NO_DELAY).await.work_item(&visit);
    assert_eq!(
        outcomes(&whole),
        [
            "done",
            "left_out:paused",
            "left_out:removed",
            "wrong_credentials"
        ]
    );
    assert_eq!(again, whole);
    assert_eq!(failed.item_id, whole.item_id);
}

#[tokio::test]
async fn library_down_for_a_day_raises_an_alert_until_it_is_up() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let since = world.clock.now();
    for hours in [0, 8, 16] {
        let alerts = alerts_of_down_library(&world, card).await;
        assert_eq!(alerts, [], "after {hours} hours");
        world.clock.advance(DOWN_ALERT_AFTER / 3);
    }
    let down = Alert::LibraryDown {
        library: "wpl".parse().unwrap(),
        since,
    };
    for _ in 0..2 {
        let alerts = alerts_of_down_library(&world, card).await;
        assert_eq!(alerts, std::slice::from_ref(&down));
        world.clock.advance(DOWN_ALERT_AFTER / 3);
    }
    world.site.answer("1", Ok(account(&[])));
    let visit = world.visit("wpl", &[card]).await;
    world.check_visit(&visit, NO_DELAY).await;
    world.clock.advance(DOWN_ALERT_AFTER / 3);
    assert_eq!(alerts_of_down_library(&world, card).await, []);
}

#[tokio::test]
async fn changed_pages_of_a_library_are_one_alert() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2"] {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
        let changed = Failure::page_changed("no table");
        world.site.answer(number, Err(changed));
    }
    let visit = world.visit("wpl", &cards).await;
    let alerts = world.check_visit(&visit, NO_DELAY).await.alerts;
    let keys: Vec<_> = alerts.iter().map(Alert::key).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    assert!(keys[0].as_str().starts_with("page-changed/wpl"), "{keys:?}");
}
