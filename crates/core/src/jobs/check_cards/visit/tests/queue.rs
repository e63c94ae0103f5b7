//! What may have changed while a visit waited for its library.

use futures::FutureExt as _;

use super::*;

/// A queue in which `meanwhile` happens while one waits.
struct LongQueue<'a>(&'a (dyn Fn() + Send + Sync));

#[async_trait]
impl ConcurrencyLimit for LongQueue<'_> {
    async fn enter(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        (self.0)();
        Ok(Box::new(()))
    }
}

async fn after_a_queue(
    world: &World,
    card: CardId,
    deadline: Option<DateTime<Utc>>,
    meanwhile: &(dyn Fn() + Send + Sync),
) -> Vec<CheckedCard> {
    let visit = world.visit("wpl", &[card]).await;
    let checked = std::sync::Mutex::new(Vec::new());
    world
        .with_visit_ports(async |ports| {
            let ports = VisitPorts {
                concurrency_limit: &LongQueue(meanwhile),
                ..*ports
            };
            let options = VisitOptions {
                deadline,
                ..NO_PAUSE
            };
            check_visit(&ports, &visit, options, &|news| {
                if let VisitNews::Checked(card) = news {
                    checked.lock().unwrap().push(card.clone());
                }
            })
            .await
            .unwrap();
        })
        .await;
    checked.into_inner().unwrap()
}

#[tokio::test]
async fn who_waited_for_a_library_that_was_found_down_does_not_ask_it_too() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let checked = after_a_queue(&world, card, None, &|| {
        world.clock.advance(chrono::Duration::seconds(40));
        let until = world.clock.now() + BACK_OFF;
        let library = "wpl".parse().unwrap();
        let backing_off = world.store.back_off(&library, until, until);
        backing_off.now_or_never().unwrap().unwrap();
    })
    .await;
    assert_eq!(kinds(&checked), ["not_tried"]);
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn a_pin_that_was_set_anew_while_its_check_waited_is_not_sent_as_it_was() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "old")).await;
    let checked = after_a_queue(&world, card, None, &|| {
        world.clock.advance(chrono::Duration::seconds(40));
        world.set_pin_now(card, ("1", "new"));
    })
    .await;
    assert!(checked.is_empty());
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn a_visit_whose_time_ended_while_it_waited_begins_no_card() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let deadline = world.clock.now() + chrono::Duration::seconds(30);
    let checked = after_a_queue(&world, card, Some(deadline), &|| {
        world.clock.advance(chrono::Duration::seconds(40));
    })
    .await;
    assert_eq!(kinds(&checked), ["not_tried"]);
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn a_check_begins_when_its_turn_comes() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let asked = world.clock.now();
    let checked = after_a_queue(&world, card, None, &|| {
        world.clock.advance(chrono::Duration::seconds(40));
    })
    .await;
    assert_eq!(kinds(&checked), ["ok"]);
    let began = checked[0].check.started_at;
    assert_eq!(began, asked + chrono::Duration::seconds(40));
}
