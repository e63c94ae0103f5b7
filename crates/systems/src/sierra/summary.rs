//! Reads the patron's summary: the card's expiry, and what is owed.
//!
//! Most libraries print it in a box. Others have their own template without that box; their pages are recognised by the
//! template's comment or classes, and their links to the parts of the patron's record.

use hippo_browser::reading::{Css, Element, element_text_without, text_around_words};
use scraper::Node;

use super::addresses::part_at;

/// The patron's box. Bookings are no list that is read, but the patron's, too.
pub(super) const BOX: &str = ".patNameAddress";
static PATRON: Css = Css::new(".patNameAddress, .patFuncBookDate");
static ACCOUNT_LINKS: Css = Css::new("a[href*='/patroninfo']");
/// Classes of the parts that the catalogue itself writes into a patron's page.
static PATRON_PARTS: Css = Css::new("[class^=patFunc], [class*=' patFunc']");
/// Elements whose words aren't the library's statements about the patron.
pub(super) const NO_STATEMENTS: &str =
    "table.patFunc, tr.patFuncEntry, select, textarea, script, style, title, noscript, a";
static ELSEWHERE: Css = Css::new(NO_STATEMENTS);

/// The words after an amount that is owed: `$10.00 in unpaid fines and bills`.
pub(super) const UNPAID: &str = "in unpaid fines";
/// The name of the patron's template, in the comment that the catalogue adds to it.
const TEMPLATE: &str = "patronview_web";

/// Whether a page has a patron's summary. Only account pages link to the parts of a patron's record; every page links to
/// the record itself (`top`) while somebody is logged in.
pub(super) fn has_summary(root: Element<'_>) -> bool {
    let links = ACCOUNT_LINKS.all(root);
    let mut parts = links.filter_map(|link| part_at(link.attr("href")?));
    let mut comments = root.tree().values().filter_map(Node::as_comment);
    let mut is_of_patron =
        || PATRON_PARTS.is_in(root) || comments.any(|comment| comment.contains(TEMPLATE));
    PATRON.is_in(root) || (parts.any(|part| !matches!(part, "" | "top")) && is_of_patron())
}

/// Reads the last words before [`UNPAID`] on a page without a link to the fines: the amount, with its currency.
pub(super) fn read_unpaid(page: Element<'_>) -> Option<String> {
    let text = element_text_without(page, |part| ELSEWHERE.matches(part));
    let (before, _) = text_around_words(&text, &[UNPAID])?;
    let words: Vec<&str> = before.split_whitespace().collect();
    let amount = words.last_chunk::<2>().map(|words| words.join(" "));
    Some(amount.unwrap_or_else(|| before.to_owned()))
}
