//! Reads the messages that a page has in boxes.

use hippo_browser::reading::{Css, non_empty_text};
use hippo_core::failure::Failure;
use scraper::ElementRef;

/// The maximum number of message boxes of a page.
const MAX_ALERTS: usize = 1_000;

/// Reads the messages in these boxes. Fails with `page_changed` for more than [`MAX_ALERTS`] boxes.
pub(crate) fn read_alerts(
    alerts: &'static Css,
    root: ElementRef<'_>,
) -> Result<Vec<String>, Failure> {
    let alerts: Vec<_> = alerts.all(root).take(MAX_ALERTS + 1).collect();
    if alerts.len() > MAX_ALERTS {
        return Err(Failure::page_changed(format!(
            "a page with more than {MAX_ALERTS} alerts"
        )));
    }
    Ok(alerts.into_iter().filter_map(non_empty_text).collect())
}
