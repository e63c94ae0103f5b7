//! Reads what the columns of a row can't say.

use hippo_browser::reading::{Child, Element, element_text, text_after_words, tidy};

use crate::list_reader::text_after_beginning;

/// The labels of an item's numbers. Without an author, the first number is in the author's
/// place.
pub(super) const NUMBER_LABELS: [&str; 4] =
    ["shelf number", "call number", "item barcode", "barcode"];

/// Words of a column or cell that counts the remaining renewals, not the renewals that were made.
pub(super) const REMAINING: [&str; 5] =
    ["remaining", "left", "restants", "restantes", "verbleibende"];

/// Reads the author from a paragraph that goes on, in other elements, with the item's numbers.
pub(super) fn read_author(paragraph: Element<'_>) -> Option<String> {
    let Some(Child::Text(author)) = paragraph.children().next() else {
        return None;
    };
    let author = tidy(author);
    let number = text_after_beginning(&author, &NUMBER_LABELS);
    number.is_none().then_some(author)
}

/// Returns the item's own number, with which an id in its row ends.
pub(super) fn read_number(element: Element<'_>) -> Option<String> {
    let (_, number) = element.attr("id")?.split_once('_')?;
    Some(number.to_owned())
}

/// Returns a mark if a header or a cell counts the renewals that remain.
pub(super) fn mark_remaining(cell: Element<'_>) -> Option<String> {
    let counts = text_after_words(&element_text(cell), &REMAINING).is_some();
    counts.then(|| "remaining".to_owned())
}
