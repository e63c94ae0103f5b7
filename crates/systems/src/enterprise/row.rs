//! What rows of both lists have in common.

use hippo_browser::reading::{Css, element_text, element_text_without, own_id, tidy};
use hippo_core::failure::Failure;
use scraper::ElementRef;

static TITLE: Css = Css::new("a.hideIE");
/// Where the title stands; alone there where the item has no record that it could link to, as one
/// that another library lends.
static PLACE_OF_TITLE: Css =
    Css::new("[id^=checkoutTitleLinkDiv_], [id^=holdTitleLinkDiv_], .no_image_text");
/// The record itself, where the patron has opened it in the list.
static DETAILS: Css = Css::new(".detailPanel");
static AUTHOR: Css = Css::new(".checkouts_author, .holds_author");
/// A paragraph of the author and, on further lines, the item's numbers.
static PARAGRAPH: Css = Css::new(".authBreak");
static WITH_ID: Css = Css::new("[id]");

/// What the lines of an item's numbers begin with: where it has no author, the first of them stands
/// in the author's place.
pub(super) const NUMBERS: [&str; 4] = ["shelf number", "call number", "item barcode", "barcode"];

/// The title, from its link or its place.
pub(super) fn title(row: ElementRef<'_>) -> Result<String, Failure> {
    let linked = TITLE.first(row).map(element_text);
    let plain = || {
        PLACE_OF_TITLE
            .first(row)
            .map(|place| element_text_without(place, |part| DETAILS.matches(part)))
    };
    linked
        .or_else(plain)
        .map(|title| tidy(&title))
        .filter(|title| !title.is_empty())
        .ok_or_else(|| Failure::page_changed("a row without a title"))
}

/// The author, from an element of its own, or what stands before the first line break or inner
/// element of its paragraph.
pub(super) fn author(row: ElementRef<'_>) -> Option<String> {
    let author = match AUTHOR.first(row) {
        Some(own) if !PARAGRAPH.matches(own) => first_line(own, &["br"]),
        _ => first_line(PARAGRAPH.first(row)?, &["br", "span"]),
    };
    let lower = author.to_lowercase();
    let is_number = NUMBERS.iter().any(|label| lower.starts_with(label));
    (!author.is_empty() && !is_number).then_some(author)
}

/// The words of an element before the first of these elements in it.
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

/// The item's own number, which ids in its row end with.
pub(super) fn id_after(row: ElementRef<'_>, prefixes: &[&str]) -> Option<String> {
    prefixes.iter().find_map(|prefix| {
        WITH_ID
            .all(row)
            .filter_map(|element| element.attr("id")?.strip_prefix(prefix))
            .find(|id| !id.is_empty())
            .map(own_id)
    })
}
