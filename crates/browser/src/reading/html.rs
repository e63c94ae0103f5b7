//! Checks the rows and the end of a page, and resolves its links.

use std::collections::{HashMap, HashSet};

use hippo_core::failure::Failure;
use url::Url;

use super::css::Css;
use super::parsed_page::Element;
use super::work;

/// Refuses a list with two identical rows, because the site printed one twice.
///
/// Only rows with ids or names count. Others may be equal: two copies of one work.
pub fn reject_duplicate_rows<'a>(
    rows: impl Iterator<Item = Element<'a>>,
    what: &str,
) -> Result<(), Failure> {
    static IDENTIFIED: Css = Css::new("[id], [name], [for]");
    let mut seen: HashMap<_, Vec<Element<'_>>> = HashMap::new();
    for row in rows {
        let Some(first) = IDENTIFIED.first(row) else {
            continue;
        };
        // Nearly all rows differ in what this element has, so that few are compared as a whole.
        let first: Vec<_> = first.value().attrs().collect();
        seen.entry(first).or_default().push(row);
    }
    for alike in seen.into_values().filter(|alike| alike.len() > 1) {
        let mut seen = HashSet::new();
        for row in alike {
            let html = row.inner_html();
            work::count(html.len());
            if !seen.insert(html) {
                return Err(Failure::page_changed(format!(
                    "the same row twice in the list of {what}"
                )));
            }
        }
    }
    Ok(())
}

/// Resolves a link. `None` if it isn't http(s), or leads within the page.
pub fn web_link(href: &str, base: &Url) -> Option<Url> {
    let href = href.trim();
    if href.is_empty() || href.starts_with('#') {
        return None;
    }
    base.join(href)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether a page ends within a table, so that rows are missing.
///
/// Searches the text, because parsers close open elements. A script may have parts of tables in its texts.
pub fn is_cut_short(html: &str) -> bool {
    let mut is_in_table = false;
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        rest = tag;
        match tag.as_bytes() {
            [b't' | b'T', ..] => is_in_table |= is_tag(tag, "tr"),
            [b'/', ..] => is_in_table &= after_prefix(tag, "/table").is_none(),
            [b'!', b'-', b'-', ..] => {
                rest = tag.split_once("-->").map_or("", |(_, after)| after);
            }
            [b's' | b'S', ..] if is_tag(tag, "script") => {
                let mut ends = tag.match_indices("</");
                let end = ends.find_map(|(at, _)| after_prefix(tag.get(at..)?, "</script"));
                rest = end.unwrap_or_default();
            }
            _ => {}
        }
    }
    is_in_table
}

/// Whether a page has such a tag, in any case: `html`, `/html`. It's looked for from the end.
pub fn has_tag(html: &str, name: &str) -> bool {
    let mut tags = html.rmatch_indices('<');
    tags.any(|(at, _)| html.get(at + 1..).is_some_and(|tag| is_tag(tag, name)))
}

/// Whether the text of a tag begins with this name, and not with a longer one.
fn is_tag(tag: &str, name: &str) -> bool {
    let after = after_prefix(tag, name);
    after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// What follows a prefix in any case.
fn after_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, after) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/record=b7~S3", Some("https://library.test/record=b7~S3"))]
    #[case("http://other.test/x", Some("http://other.test/x"))]
    #[case("#", None)]
    #[case("", None)]
    #[case("javascript:alert(1)", None)]
    #[case("mailto:desk@library.test", None)]
    #[case("data:text/html,x", None)]
    fn only_web_links_are_kept(#[case] href: &str, #[case] expected: Option<&str>) {
        let base = Url::parse("https://library.test/patroninfo/7/items").unwrap();
        assert_eq!(web_link(href, &base).as_ref().map(Url::as_str), expected);
    }

    #[rstest]
    #[case("<table><TR><td>a</TABLE>", false)]
    #[case("<table><tr><td>a</table><!-- <tr> --> <p>", false)]
    #[case("<table><tr><td>a<tr><td", true)]
    #[case("<table><tr><td>a<!-- </table>", true)]
    #[case("<table><tr><td>a<tr", true)]
    #[case("<table><tr><td>a</table><video><track></video>", false)]
    #[case(
        "<table><tr><td>a</table><script>row = '<tr><td>' + x;</script>",
        false
    )]
    #[case("<table><tr><td>a<script>end = '</table>'", true)]
    #[case("<p>no table", false)]
    fn page_that_ends_within_a_table_is_cut_short(#[case] html: &str, #[case] expected: bool) {
        assert_eq!(is_cut_short(html), expected);
    }
}
