//! Reads the values of a row whose text is not the value.

use hippo_browser::reading::{element_lines, element_text, text_after_words};
use scraper::ElementRef;
use url::Url;

/// The parameters of an address that name an item, a request or a record.
const ID_PARAMETERS: [&str; 5] = ["recid", "reqid", "objid", "itemid", "cn"];

/// Reads a title without a link.
pub(super) fn read_first_line(cell: ElementRef<'_>) -> Option<String> {
    let line = element_lines(cell).into_iter().next()?;
    Some(line).filter(|line| author_of(line).is_none())
}

/// Reads an author from the lines below a title: `by Stone, Ada`.
pub(super) fn read_author_below_title(cell: ElementRef<'_>) -> Option<String> {
    let lines = element_lines(cell);
    lines.iter().skip(1).find_map(|line| author_of(line))
}

/// Returns the rest of a line that begins with “by”.
fn author_of(line: &str) -> Option<String> {
    let (by, author) = line.split_once(' ')?;
    matches!(by.to_lowercase().as_str(), "by" | "por").then(|| author.to_owned())
}

/// Reads an author that has an element of its own.
pub(super) fn read_author(element: ElementRef<'_>) -> Option<String> {
    let words = element_text(element);
    author_of(&words).or(Some(words))
}

/// Returns the id that a link's address has.
pub(super) fn read_id(link: ElementRef<'_>) -> Option<String> {
    // Only the parameters count, so any base will do.
    let base = Url::parse("https://localhost/").ok()?;
    let url = base.join(link.attr("href")?.trim()).ok()?;
    let is_id = |name: &str| ID_PARAMETERS.iter().any(|id| name.eq_ignore_ascii_case(id));
    let (_, id) = url.query_pairs().find(|(name, _)| is_id(name))?;
    Some(id.into_owned())
}

/// Reads a request's state without what is in parentheses: `Held (until tomorrow)`.
pub(super) fn read_state(element: ElementRef<'_>) -> Option<String> {
    let words = element_text(element);
    let state = words.split('(').next()?.trim();
    Some(state.to_owned())
}

/// Returns what follows “until” in a request's state.
pub(super) fn text_after_until(words: &str) -> Option<&str> {
    text_after_words(words, &["until", "hasta"])
}
