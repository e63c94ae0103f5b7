//! Ends the alert of a changed page once the library's pages can be read again.

use std::collections::BTreeSet;

use super::CheckedCard;
use crate::alerts::end_page_change;
use crate::clock::Clock;
use crate::failure::FailureKind;
use crate::store::AlertStore;

/// Ends the page-change alert of each library whose pages were read and had not changed.
///
/// `checked` are the cards of one visit, or of all visits of a run.
pub async fn end_page_changes(checked: &[CheckedCard], alerts: &dyn AlertStore, clock: &dyn Clock) {
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
        if let Err(error) = end_page_change(alerts, library, clock.now()).await {
            tracing::error!(library.id = %library, %error, "The end of a page change couldn't be recorded.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Alert;
    use crate::failure::Failure;
    use crate::testing::world::World;

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
        end_page_changes(&checked, &world.store, &world.clock).await;
        for (alert, is_kept) in alerts.iter().zip([true, false]) {
            let stored = world.store.alert(&alert.key()).await.unwrap();
            assert_eq!(stored.is_some(), is_kept, "{alert:?}");
        }
    }
}
