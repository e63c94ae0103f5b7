//! Reads the library's messages above the lists, and the card's expiry.

use chrono::NaiveDate;
use hippo_browser::reading::{Css, Messages, element_text};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::has_class;

static ENTRIES: Css = Css::new("li");

/// Boxes without a message: a visit's savings, and an empty one for the page's script.
const BOXES_WITHOUT_MESSAGE: [&str; 2] = ["notesaved", "savings"];

/// Collects blocks, restrictions, warnings and notes of the staff, each once.
pub(super) fn collect_messages(alerts: &[ElementRef<'_>]) -> Vec<String> {
    let mut messages = Messages::default();
    for alert in alerts.iter().copied() {
        if is_hidden(alert) || is_in_a_list(alert) {
            continue;
        }
        let mut entries = ENTRIES
            .all(alert)
            .filter(|entry| !is_within_another(*entry, alert))
            .peekable();
        if entries.peek().is_none() {
            messages.add(&element_text(alert));
        }
        for entry in entries {
            messages.add(&element_text(entry));
            if messages.is_full() {
                break;
            }
        }
        if messages.is_full() {
            break;
        }
    }
    messages.into_vec()
}

/// Reads the card's expiry, which Koha shows only when it is near or past.
pub(super) fn read_card_expiry(
    expiry: Option<ElementRef<'_>>,
    dates: &Dates<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    match expiry {
        Some(words) => dates.first_date(&element_text(words)),
        None => Ok(None),
    }
}

/// The maximum number of message boxes of a page.
const MAX_ALERTS: usize = 1_000;

/// Fails with `page_changed` for a page with more than [`MAX_ALERTS`].
pub(super) fn check_alert_count(alerts: usize) -> Result<(), Failure> {
    if alerts > MAX_ALERTS {
        return Err(Failure::page_changed(format!(
            "a page with more than {MAX_ALERTS} alerts"
        )));
    }
    Ok(())
}

/// Whether an element is a box with a message to the patron.
pub(super) fn is_alert(element: ElementRef<'_>) -> bool {
    let is_named = matches!(
        element.attr("id"),
        Some("warnexpired" | "warndeparture" | "blockedonfines")
    );
    is_named || has_class(element, "alert")
}

pub(super) fn is_hidden(element: ElementRef<'_>) -> bool {
    let has_no_message = element
        .attr("id")
        .is_some_and(|id| BOXES_WITHOUT_MESSAGE.contains(&id));
    let style = element.attr("style").unwrap_or_default();
    let style: String = style.split_whitespace().collect();
    has_no_message || style.to_ascii_lowercase().contains("display:none")
}

/// Whether an entry is part of another: newer pages list a card's restrictions below their heading.
fn is_within_another(entry: ElementRef<'_>, alert: ElementRef<'_>) -> bool {
    entry
        .ancestors()
        .take_while(|around| around.id() != alert.id())
        .filter_map(ElementRef::wrap)
        .any(|around| around.value().name() == "li")
}

fn is_in_a_list(element: ElementRef<'_>) -> bool {
    element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .any(|around| around.attr("id") == Some("opac-user-views"))
}
