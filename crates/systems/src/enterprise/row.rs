//! What rows of both lists have in common.

use hippo_core::failure::Failure;
use scraper::ElementRef;

use crate::reading::{Css, element_text, own_id, tidy};

static TITLE: Css = Css::new("a.hideIE");
static AUTHOR: Css = Css::new(".checkouts_author, .holds_author, .authBreak");
static WITH_ID: Css = Css::new("[id]");

/// The title, from its link.
pub(super) fn title(row: ElementRef<'_>) -> Result<String, Failure> {
    TITLE
        .first(row)
        .map(|link| tidy(&element_text(link)))
        .filter(|title| !title.is_empty())
        .ok_or_else(|| Failure::page_changed("a row without a title"))
}

/// The author: what stands before the first line break or inner element of its paragraph.
pub(super) fn author(row: ElementRef<'_>) -> Option<String> {
    let paragraph = AUTHOR.first(row)?;
    let words: String = paragraph
        .children()
        .take_while(|node| {
            !node
                .value()
                .as_element()
                .is_some_and(|element| matches!(element.name(), "br" | "span"))
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
    Some(tidy(&words)).filter(|author| !author.is_empty())
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
