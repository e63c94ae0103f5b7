//! Reads the parts that rows of both lists share.

use hippo_browser::reading::{Css, element_text, element_text_without, site_id, tidy};
use hippo_core::failure::Failure;
use scraper::ElementRef;

static TITLE: Css = Css::new("a.hideIE");
/// The element with the title. It has no link if the item has no record, as one
/// that another library lends.
static TITLE_CELL: Css =
    Css::new("[id^=checkoutTitleLinkDiv_], [id^=holdTitleLinkDiv_], .no_image_text");
/// The record's details, if the patron has opened them in the list.
static DETAILS: Css = Css::new(".detailPanel");
static AUTHOR: Css = Css::new(".checkouts_author, .holds_author");
/// A paragraph with the author and, on further lines, the item's numbers.
static PARAGRAPH: Css = Css::new(".authBreak");
static WITH_ID: Css = Css::new("[id]");

/// The labels of an item's numbers. Without an author, the first number is in the author's
/// place.
pub(super) const NUMBER_LABELS: [&str; 4] =
    ["shelf number", "call number", "item barcode", "barcode"];

/// Reads the title, from its link or its cell.
pub(super) fn read_title(row: ElementRef<'_>) -> Result<String, Failure> {
    let linked = TITLE.first(row).map(element_text);
    let plain = || {
        TITLE_CELL
            .first(row)
            .map(|place| element_text_without(place, |part| DETAILS.matches(part)))
    };
    linked
        .or_else(plain)
        .map(|title| tidy(&title))
        .filter(|title| !title.is_empty())
        .ok_or_else(|| Failure::page_changed("a row without a title"))
}

/// Reads the author, from its own element, or from the text before the first line break or inner
/// element of its paragraph.
pub(super) fn read_author(row: ElementRef<'_>) -> Option<String> {
    let author = match AUTHOR.first(row) {
        Some(own) if !PARAGRAPH.matches(own) => first_line(own, &["br"]),
        _ => first_line(PARAGRAPH.first(row)?, &["br", "span"]),
    };
    let lower = author.to_lowercase();
    let is_number = NUMBER_LABELS.iter().any(|label| lower.starts_with(label));
    (!author.is_empty() && !is_number).then_some(author)
}

/// Returns the text of an element before the first of these inner elements.
fn first_line(element: ElementRef<'_>, ends: &[&str]) -> String {
    let words: String = element
        .children()
        .take_while(|node| {
            !node
                .value()
                .as_element()
                .is_some_and(|element| ends.contains(&element.name()))
        })
        .map(|node| match ElementRef::wrap(node) {
            Some(element) => element_text(element),
            None => node
                .value()
                .as_text()
                .map(|text| text.to_string())
                .unwrap_or_default(),
        })
        .collect();
    tidy(&words)
}

/// Returns the item's own number, with which ids in its row end.
pub(super) fn id_after(row: ElementRef<'_>, prefixes: &[&str]) -> Option<String> {
    prefixes.iter().find_map(|prefix| {
        WITH_ID
            .all(row)
            .filter_map(|element| element.attr("id")?.strip_prefix(prefix))
            .find(|id| !id.is_empty())
            .map(site_id)
    })
}
