//! Ends the alert of a changed page once the library's pages can be read again.

use std::collections::BTreeSet;

use super::CheckedCard;
use crate::alerts::end_page_change;
use crate::clock::Clock;
use crate::failure::FailureKind;
use crate::store::AlertStore;

/// Ends the alert of every library that had pages read and none changed.
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
            tracing::error!(library.id = %library, %error, "The end of a page change could not be recorded.");
        }
    }
}
