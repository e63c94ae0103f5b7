//! Which libraries' pages could be read, and which changed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::VisitNews;
use crate::alerts::end_page_change;
use crate::clock::Clock;
use crate::failure::FailureKind;
use crate::ids::LibraryId;
use crate::store::AlertStore;

/// Collects how the pages of libraries were met, over one visit or over all visits of a run.
#[derive(Debug, Default)]
pub struct PageHealth {
    libraries: Mutex<BTreeMap<LibraryId, Pages>>,
}

#[derive(Debug, Default)]
struct Pages {
    were_read: bool,
    were_changed: bool,
}

impl PageHealth {
    /// Counts one card's check.
    pub fn hear(&self, news: &VisitNews<'_>) {
        let VisitNews::Checked(checked) = news else {
            return;
        };
        let Ok(mut libraries) = self.libraries.lock() else {
            return;
        };
        let pages = libraries.entry(checked.check.library.clone()).or_default();
        match &checked.check.outcome {
            Ok(_) => pages.were_read = true,
            Err(failure) => pages.were_changed |= failure.kind == FailureKind::PageChanged,
        }
    }

    /// Ends the alert of every library whose pages were read, and none of them was changed.
    pub async fn end_page_changes(&self, store: &dyn AlertStore, clock: &dyn Clock) {
        let libraries = self
            .libraries
            .lock()
            .map(|mut libraries| std::mem::take(&mut *libraries))
            .unwrap_or_default();
        for (library, pages) in libraries {
            if pages.were_read && !pages.were_changed {
                let ended = end_page_change(store, &library, clock.now()).await;
                // The next check that reads the pages tries again.
                if let Err(error) = ended {
                    tracing::error!(library.id = %library, %error, "The end of a page change could not be recorded.");
                }
            }
        }
    }
}
