//! What the library tells the patron above the lists, and until when the card is good.

use chrono::NaiveDate;
use hippo_browser::reading::{Css, Messages, element_text};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::dates::Dates;
use super::table::has_class;

static ENTRIES: Css = Css::new("li");

/// Boxes that speak of no trouble: what a visit saved, and an empty one for the page's script.
const IDLE: [&str; 2] = ["notesaved", "savings"];

/// Blocks, restrictions, warnings and notes of the desk, each once.
pub(super) fn messages(alerts: &[ElementRef<'_>]) -> Vec<String> {
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

/// The last day of the card: Koha tells it only once it is near or over.
pub(super) fn card_expires(
    expiry: Option<ElementRef<'_>>,
    dates: &Dates<'_>,
) -> Result<Option<NaiveDate>, Failure> {
    match expiry {
        Some(words) => dates.visible(&element_text(words)),
        None => Ok(None),
    }
}

/// A page has at most so many boxes that speak to the patron.
const MAX_ALERTS: usize = 1_000;

/// `page_changed` for a page with more than [`MAX_ALERTS`].
pub(super) fn check_alert_count(alerts: usize) -> Result<(), Failure> {
    if alerts > MAX_ALERTS {
        return Err(Failure::page_changed(format!(
            "a page with more than {MAX_ALERTS} alerts"
        )));
    }
    Ok(())
}

/// Whether it is a box that speaks to the patron.
pub(super) fn is_alert(element: ElementRef<'_>) -> bool {
    let is_named = matches!(
        element.attr("id"),
        Some("warnexpired" | "warndeparture" | "blockedonfines")
    );
    is_named || has_class(element, "alert")
}

pub(super) fn is_hidden(element: ElementRef<'_>) -> bool {
    let is_idle = element.attr("id").is_some_and(|id| IDLE.contains(&id));
    let style = element.attr("style").unwrap_or_default();
    let style: String = style.split_whitespace().collect();
    is_idle || style.to_ascii_lowercase().contains("display:none")
}

/// Whether an entry of a box is a part of another: newer pages list the restrictions of a card below their head.
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
