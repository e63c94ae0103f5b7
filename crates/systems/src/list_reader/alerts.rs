//! Finds the messages that a page has in boxes.

use hippo_browser::reading::{Css, Element};
use hippo_core::failure::Failure;

/// The maximum number of message boxes of a page.
const MAX_ALERTS: usize = 1_000;

/// Finds the boxes with messages. Fails with `page_changed` for more than [`MAX_ALERTS`].
pub(crate) fn find_alerts<'a>(
    alerts: &'static Css,
    root: Element<'a>,
) -> Result<Vec<Element<'a>>, Failure> {
    let alerts: Vec<_> = alerts.all(root).take(MAX_ALERTS + 1).collect();
    if alerts.len() > MAX_ALERTS {
        return Err(Failure::page_changed(format!(
            "a page with more than {MAX_ALERTS} alerts"
        )));
    }
    Ok(alerts)
}
