//! Ends the alerts about a library's pages once all of them can be read again.

use std::collections::BTreeSet;

use super::CheckedCard;
use crate::alerts::{end_page_alert, page_alerts};
use crate::clock::Clock;
use crate::failure::FailureKind;
use crate::ids::LibraryId;
use crate::jobs::check_cards::plan::{PAGE_SIZE, cursor_after};
use crate::store::{AlertStore, CardStore, Scope, StoreResult};

/// Ends the alerts about the pages of each library that was read and of which no card has a changed page.
///
/// `checked` are the cards of one visit, or of all visits of a run. Others may be at the same library.
pub async fn end_resolved_page_alerts(
    checked: &[CheckedCard],
    alerts: &dyn AlertStore,
    cards: &dyn CardStore,
    clock: &dyn Clock,
) {
    let (mut read, mut changed) = (BTreeSet::new(), BTreeSet::new());
    for card in checked {
        let library = &card.check.library;
        match &card.check.outcome {
            Ok(_) => {
                read.insert(library);
            }
            Err(failure) if failure.kind == FailureKind::PageChanged => {
                changed.insert(library);
            }
            Err(_) => {}
        }
    }
    for library in read.difference(&changed) {
        // After an error, the next check that reads the pages tries again.
        if let Err(error) = end_if_resolved(library, alerts, cards, clock).await {
            tracing::error!(library.id = %library, %error, "The end of a page change couldn't be recorded.");
        }
    }
}

async fn end_if_resolved(
    library: &LibraryId,
    alerts: &dyn AlertStore,
    cards: &dyn CardStore,
    clock: &dyn Clock,
) -> StoreResult<()> {
    let now = clock.now();
    let found = page_alerts(alerts, library, now).await?;
    // The cards are listed only where there is an alert, which is rare.
    if found.is_empty() || may_have_changed_page(cards, library).await? {
        return Ok(());
    }
    for stored in found {
        end_page_alert(alerts, &stored, now).await?;
    }
    Ok(())
}

/// Whether a card at this library may still have a changed page: its last check found one, or didn't get as far as the
/// account's pages. Cards that no run checks don't count.
async fn may_have_changed_page(cards: &dyn CardStore, library: &LibraryId) -> StoreResult<bool> {
    let mut cursor = None;
    loop {
        let page = cards
            .cards_to_check(Scope::Failed, cursor.as_ref(), PAGE_SIZE)
            .await?;
        let is_found = page.iter().any(|record| {
            let failure = record.state.explaining_failure();
            record.card.library == *library
                && failure.is_some_and(|(_, failure)| says_nothing_of_pages(failure.kind))
        });
        if is_found || page.len() < PAGE_SIZE {
            return Ok(is_found);
        }
        cursor = page.last().map(cursor_after);
    }
}

/// Whether a failure leaves a page that was changed before as it was.
fn says_nothing_of_pages(kind: FailureKind) -> bool {
    match kind {
        FailureKind::PageChanged
        | FailureKind::SessionExpired
        | FailureKind::SiteRefused
        | FailureKind::SiteDown
        | FailureKind::NotTried => true,
        FailureKind::WrongCredentials
        | FailureKind::CardBlocked
        | FailureKind::SealedForOtherHosts => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Alert;
    use crate::failure::Failure;
    use crate::testing::world::{NO_DELAY, World, account};

    async fn end(world: &World, checked: &[CheckedCard]) {
        end_resolved_page_alerts(checked, &world.store, &world.store, &world.clock).await;
    }

    #[tokio::test]
    async fn alert_ends_once_no_card_of_the_library_has_a_changed_page() {
        let world = World::new().await;
        let broken = world.add_card("conrad", "wpl", ("1", "p")).await;
        let good = world.add_card("diaz", "wpl", ("2", "p")).await;
        let elsewhere = world.add_card("conrad", "kpl", ("3", "p")).await;
        let changed = || Err(Failure::page_changed("no table"));
        world.site.answer("1", changed());
        world.site.answer("3", changed());
        let library = "wpl".parse().unwrap();
        let alert = Alert::PageChanged {
            library,
            day: world.clock.now().date_naive(),
            never_read: false,
            skeleton: None,
        };
        let check = async |library, card| {
            let visit = world.visit(library, &[card]).await;
            world.check_visit(&visit, NO_DELAY).await.checked
        };
        let is_raised = async || world.store.alert(&alert.key()).await.unwrap().is_some();
        check("kpl", elsewhere).await;
        check("wpl", broken).await;
        let now = world.clock.now();
        world
            .store
            .record_alert(&alert.key(), &alert, now)
            .await
            .unwrap();
        // Another visit of the same library reads its cards.
        end(&world, &check("wpl", good).await).await;
        assert!(is_raised().await);
        // The broken card's page isn't seen while the site is down.
        world.site.answer("1", Err(Failure::site_down("no answer")));
        world.clock.advance(chrono::Duration::hours(7));
        check("wpl", broken).await;
        world.clock.advance(chrono::Duration::hours(7));
        end(&world, &check("wpl", good).await).await;
        assert!(is_raised().await);
        world.site.answer("1", Ok(account(&[])));
        world.clock.advance(chrono::Duration::hours(7));
        end(&world, &check("wpl", broken).await).await;
        assert!(!is_raised().await);
    }

    #[tokio::test]
    async fn page_change_ends_only_where_no_page_was_changed() {
        let world = World::new().await;
        world.add_card("conrad", "wpl", ("1", "p")).await;
        world.add_card("conrad", "wpl", ("2", "p")).await;
        world.add_card("conrad", "kpl", ("3", "p")).await;
        let changed = Failure::page_changed("no table");
        world.site.answer("2", Err(changed));
        let now = world.clock.now();
        let alerts = ["wpl", "kpl"].map(|library| Alert::PageChanged {
            library: library.parse().unwrap(),
            day: now.date_naive(),
            never_read: false,
            skeleton: None,
        });
        for alert in &alerts {
            let key = alert.key();
            world.store.record_alert(&key, alert, now).await.unwrap();
        }
        let checked = world.check_all().await;
        end(&world, &checked).await;
        for (alert, is_kept) in alerts.iter().zip([true, false]) {
            let stored = world.store.alert(&alert.key()).await.unwrap();
            assert_eq!(stored.is_some(), is_kept, "{alert:?}");
        }
    }
}
