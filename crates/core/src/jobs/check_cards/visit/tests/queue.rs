//! What may have changed while a visit waited for its library.

use futures::FutureExt as _;

use super::*;

/// A queue in which `meanwhile` happens while one waits.
struct LongQueue<'a>(&'a (dyn Fn() + Send + Sync));

#[async_trait]
impl ConcurrencyLimit for LongQueue<'_> {
    async fn acquire_permit(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        (self.0)();
        Ok(Box::new(()))
    }
}

/// Checks one card of `wpl` after a queue of 40 seconds.
async fn check_after_queue(
    world: &World,
    card: CardId,
    deadline: Option<DateTime<Utc>>,
    meanwhile: &(dyn Fn() + Send + Sync),
) -> Vec<CheckedCard> {
    let visit = world.visit("wpl", &[card]).await;
    let wait = || {
        world.clock.advance(chrono::Duration::seconds(40));
        meanwhile();
    };
    let options = VisitOptions {
        deadline,
        ..NO_DELAY
    };
    let report = world.with_visit_ports(async |ports| {
        let ports = VisitPorts {
            concurrency_limit: &LongQueue(&wait),
            ..*ports
        };
        check_visit(&ports, &visit, options).await
    });
    report.await.checked
}

#[tokio::test]
async fn library_found_down_while_waiting_is_not_tried() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let checked = check_after_queue(&world, card, None, &|| {
        let until = world.clock.now() + MIN_BACK_OFF;
        let library = "wpl".parse().unwrap();
        let backing_off = world.store.back_off(&library, until, until);
        backing_off.now_or_never().unwrap().unwrap();
    })
    .await;
    assert_eq!(kinds(&checked), ["not_tried"]);
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn pin_replaced_while_waiting_is_not_sent() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "old")).await;
    let checked = check_after_queue(&world, card, None, &|| {
        world.set_pin_now(card, ("1", "new"));
    })
    .await;
    assert!(checked.is_empty());
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn deadline_passed_while_waiting_starts_no_card() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let deadline = world.clock.now() + chrono::Duration::seconds(30);
    let checked = check_after_queue(&world, card, Some(deadline), &|| {}).await;
    assert_eq!(kinds(&checked), ["not_tried"]);
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn check_starts_when_its_turn_comes() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let asked = world.clock.now();
    let checked = check_after_queue(&world, card, None, &|| {}).await;
    assert_eq!(kinds(&checked), ["ok"]);
    let began = checked[0].check.started_at;
    assert_eq!(began, asked + chrono::Duration::seconds(40));
}
