//! What a page may print of the card itself is masked.

use super::*;

const NUMBER: &str = "29000000001234";
/// Letters that no id of ours has: a random one may hold any four digits.
const PIN: &str = "K4711W";

/// What a page may print: the number in two ways, and the PIN.
const ECHO: &str = "Card 29000000001234 (2 9000-0000 01234), PIN K4711W, is blocked.";
const MASKED: &str = "Card ••••1234 (••••1234), PIN ••••, is blocked.";

#[tokio::test]
async fn own_number_and_pin_are_masked_before_anything_is_stored() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", (NUMBER, PIN)).await;
    let echoed = Account {
        messages: vec![ECHO.to_owned()],
        ..account(&[("Emma", "2026-11-24")])
    };
    world.site.answer(NUMBER, Ok(echoed));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    let accounts = world.store.family_accounts(&world.conrad()).await.unwrap();
    assert_eq!(accounts[0].1.account.messages, [MASKED]);

    world.clock.advance(chrono::Duration::hours(7));
    world.site.answer(NUMBER, Err(Failure::page_changed(ECHO)));
    let visit = world.visit("wpl", &[card]).await;
    let report = world.check_visit(&visit, NO_DELAY).await;
    assert_eq!((report.checked.len(), report.alerts.len()), (1, 1));
    let printed = format!("{report:?}");
    assert!(printed.contains(MASKED), "{printed}");
    assert!(
        !printed.contains(NUMBER) && !printed.contains(PIN),
        "{printed}"
    );
    assert_eq!(last_failure(&world, card).await.detail, MASKED);
}

#[tokio::test]
async fn failure_of_a_second_login_is_masked_too() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", (NUMBER, PIN)).await;
    for _ in 0..2 {
        let expired = Failure::new(FailureKind::SessionExpired, ECHO);
        world.site.answer(NUMBER, Err(expired));
    }
    world.check_all().await;
    assert_eq!(last_failure(&world, card).await.detail, MASKED);
}
