//! Reads the library's messages above the lists.

use hippo_browser::reading::{Css, Messages, element_text};
use hippo_core::failure::Failure;
use scraper::ElementRef;

/// The boxes with messages: blocks, restrictions, warnings and notes of the staff.
static ALERTS: Css = Css::new(".alert, #warnexpired, #warndeparture, #blockedonfines");
/// The messages of a box. Newer pages list a card's restrictions below their heading.
static ENTRIES: Css = Css::new("li:not(:scope li li)");
static VIEWS: Css = Css::new("#opac-user-views");
/// Boxes without a message: a visit's savings, and an empty one for the page's script.
static EMPTY: Css = Css::new("#notesaved, #savings");

/// The maximum number of message boxes of a page.
const MAX_ALERTS: usize = 1_000;

/// Collects the messages to a patron, each once.
pub(super) fn collect_messages(details: ElementRef<'_>) -> Result<Vec<String>, Failure> {
    let mut messages = Messages::default();
    for alert in find_alerts(details, &ALERTS)? {
        let is_in_a_list = VIEWS.closest_around(alert).is_some();
        if is_in_a_list || is_hidden(alert) || messages.is_full() {
            continue;
        }
        let mut entries = ENTRIES.all(alert).peekable();
        if entries.peek().is_none() {
            messages.add(&element_text(alert));
        }
        for entry in entries {
            if messages.is_full() {
                break;
            }
            messages.add(&element_text(entry));
        }
    }
    Ok(messages.into_vec())
}

/// Finds the message boxes within an element. Fails with `page_changed` for more than [`MAX_ALERTS`].
pub(super) fn find_alerts<'a>(
    within: ElementRef<'a>,
    alerts: &'static Css,
) -> Result<Vec<ElementRef<'a>>, Failure> {
    let alerts: Vec<_> = alerts.all(within).take(MAX_ALERTS + 1).collect();
    if alerts.len() > MAX_ALERTS {
        return Err(Failure::page_changed(format!(
            "a page with more than {MAX_ALERTS} alerts"
        )));
    }
    Ok(alerts)
}

/// Whether a box shows no message.
pub(super) fn is_hidden(alert: ElementRef<'_>) -> bool {
    let style = alert.attr("style").unwrap_or_default();
    let style: String = style.split_whitespace().collect();
    EMPTY.matches(alert) || style.to_ascii_lowercase().contains("display:none")
}
