//! Reads the title cell of an entry: a table with a line for the title, the author, and whatever the library shows.

use hippo_browser::reading::{Css, Element, element_text};
use url::Url;

use crate::list_reader::{line_beginning, text_after_beginning};

static WORDS: Css = Css::new("a:not(.boldRedFont1)");
static ROWS: Css = Css::new("tr");
static NAME: Css = Css::new("a.normalBlackFont2");

/// The words before an author.
pub(super) const AUTHOR_WORDS: &[&str] = &["by", "author:", "par", "por"];

/// The words before a barcode.
const BARCODE_WORDS: &[&str] = &["barcode", "item", "item barcode"];

/// The parameters of an address that belong to one visit.
const VISIT_PARAMETERS: [&str; 2] = ["session", "ts"];

/// Reads a title without a link of its own: the first words that aren't red.
pub(super) fn read_title(cell: Element<'_>) -> Option<String> {
    let title = WORDS.first(cell).map(element_text)?;
    let is_other = [AUTHOR_WORDS, BARCODE_WORDS]
        .iter()
        .any(|words| text_after_beginning(&title, words).is_some());
    (!is_other).then_some(title)
}

/// Reads an author without words before it: a name like `Stone, Ada` in the row below the title.
pub(super) fn read_name(cell: Element<'_>) -> Option<String> {
    ROWS.all(cell)
        .nth(1)
        .map(element_text)
        .filter(|line| is_name(line))
}

/// Reads an author in the font that lists of holds have for it, wherever it is below the title.
pub(super) fn read_marked_name(cell: Element<'_>) -> Option<String> {
    NAME.first(cell)
        .map(element_text)
        .filter(|line| is_name(line))
}

fn is_name(line: &str) -> bool {
    line.split_once(", ")
        .is_some_and(|(last_name, first_name)| {
            !last_name.contains(|c: char| c.is_ascii_digit() || c == ':')
                && first_name.starts_with(char::is_alphabetic)
        })
}

/// Reads a barcode that the library prints. The box to renew a loan has it too, but not every loan has a box.
pub(super) fn read_barcode(cell: Element<'_>) -> Option<String> {
    let barcode = line_beginning(cell, BARCODE_WORDS)?;
    let is_barcode = barcode.chars().any(|c| c.is_ascii_digit())
        && barcode.chars().all(|c| c.is_ascii_alphanumeric());
    is_barcode.then_some(barcode)
}

/// Returns the id of the record in a box: `124` of `124:567`.
pub(super) fn read_request_id(tick: Element<'_>) -> Option<String> {
    let id = tick.attr("value")?.split(':').next()?;
    Some(id.to_owned())
}

/// Returns the number of the record from a link: `1585721` of `uri=full=3100001~!1585721~!0`.
pub(super) fn read_record_number(link: Element<'_>) -> Option<String> {
    let url = address_of(link)?;
    let (_, record) = url.query_pairs().find(|(name, _)| name == "uri")?;
    let number = record
        .split(['~', '@', '!'])
        .filter(|part| !part.is_empty());
    let number = number
        .skip(1)
        .find(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(str::to_owned)
}

/// Returns a link's address without the parameters of the visit: a mail must not have the session in it.
pub(super) fn read_link(link: Element<'_>) -> Option<String> {
    let mut url = address_of(link)?;
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !VISIT_PARAMETERS.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    Some(url.into())
}

/// Returns a link's whole address; none is relative on any known page.
fn address_of(link: Element<'_>) -> Option<Url> {
    let url = Url::parse(link.attr("href")?.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}
