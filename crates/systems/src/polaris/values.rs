//! Reads the values of a row whose text is not the value.

use hippo_browser::reading::{Element, element_lines, element_text};
use url::Url;

use crate::list_reader::text_after_beginning;

/// The words before an author.
pub(super) const AUTHOR_WORDS: &[&str] = &["by", "por", "par"];

/// The parameters of an address that name an item, a request or a record.
const ID_PARAMETERS: [&str; 5] = ["recid", "reqid", "objid", "itemid", "cn"];

/// Reads a title without a link.
pub(super) fn read_first_line(cell: Element<'_>) -> Option<String> {
    let line = element_lines(cell).into_iter().next()?;
    let author = text_after_beginning(&line, AUTHOR_WORDS);
    author.is_none_or(str::is_empty).then_some(line)
}

/// Reads an author that has an element of its own.
pub(super) fn read_author(element: Element<'_>) -> Option<String> {
    let words = element_text(element);
    let author = text_after_beginning(&words, AUTHOR_WORDS);
    Some(author.unwrap_or(&words).to_owned())
}

/// Returns the id that a link's address has. A link to details may have its address in a script.
pub(super) fn read_id(link: Element<'_>) -> Option<String> {
    let href = link.attr("href")?.trim();
    let script = href.strip_prefix("javascript:");
    let in_script = script.and_then(|script| script.split('\'').nth(1));
    let href = in_script.unwrap_or(href);
    // Only the parameters count, so any base will do.
    let base = Url::parse("https://localhost/").ok()?;
    let url = base.join(href).ok()?;
    let is_id = |name: &str| ID_PARAMETERS.iter().any(|id| name.eq_ignore_ascii_case(id));
    let (_, id) = url.query_pairs().find(|(name, _)| is_id(name))?;
    Some(id.into_owned())
}

/// The words of a total of all requests, one of which names them.
const REQUESTS: [&str; 4] = ["request", "requests", "hold", "holds"];
const BESIDE_TOTAL: [&str; 7] = ["you", "have", "my", "your", "total", "item", "items"];

/// Reads the total of all requests. With any other word, it may be of one state: `2 requests ready for pickup`.
pub(super) fn read_request_total(link: Element<'_>) -> Option<String> {
    let text = element_text(link);
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let names_requests = |word: &String| REQUESTS.contains(&word.as_str());
    let may_be_of_all =
        |word: &String| names_requests(word) || BESIDE_TOTAL.contains(&word.as_str());
    let is_total = words.iter().any(names_requests) && words.iter().all(may_be_of_all);
    let has_number = text.contains(|c: char| c.is_ascii_digit());
    (is_total && has_number).then_some(text)
}

/// Reads a request's state without what is in parentheses: `Held (until tomorrow)`.
pub(super) fn read_state(element: Element<'_>) -> Option<String> {
    let words = element_text(element);
    let state = words.split('(').next()?.trim();
    Some(state.to_owned())
}
