//! Finds elements and links of a page.

use std::collections::HashSet;
use std::sync::OnceLock;

use hippo_core::failure::Failure;
use scraper::{ElementRef, Selector};
use url::Url;

use super::text::element_text_without;
use super::work;

/// A CSS selector that is parsed once, at its first use.
///
/// A malformed one matches nothing, so that the page isn't recognised. In debug builds its first use
/// panics, so that a test finds it.
#[derive(Debug)]
pub struct Css {
    text: &'static str,
    is_visible_only: bool,
    selector: OnceLock<Option<Selector>>,
}

/// What a page hides, until its script perhaps shows it.
static HIDDEN: Css = Css::new(
    ".t-invisible, .hidden, [hidden], [style*='display:none' i], [style*='display: none' i], \
     script, style, template",
);

/// Whether an element or one around it is hidden, by its own attributes or a usual class.
pub fn is_hidden(element: ElementRef<'_>) -> bool {
    HIDDEN.matches(element) || HIDDEN.closest_around(element).is_some()
}

/// The text of an element without its hidden parts; see [`element_text`](super::element_text).
pub fn visible_text(element: ElementRef<'_>) -> String {
    element_text_without(element, |part| HIDDEN.matches(part))
}

/// A selector that matches nothing.
impl Default for Css {
    fn default() -> Self {
        Self::new(":not(*)")
    }
}

impl Css {
    /// A selector for a `static`.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            is_visible_only: false,
            selector: OnceLock::new(),
        }
    }

    /// A selector that matches only what isn't hidden; see [`is_hidden`].
    pub const fn visible(text: &'static str) -> Self {
        Self {
            text,
            is_visible_only: true,
            selector: OnceLock::new(),
        }
    }

    /// The selector as it's written.
    pub const fn as_str(&self) -> &'static str {
        self.text
    }

    /// The closest element around another that matches.
    pub fn closest_around<'a>(&'static self, element: ElementRef<'a>) -> Option<ElementRef<'a>> {
        element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .find(|around| self.matches(*around))
    }

    /// All matches within `scope`, in page order.
    pub fn all<'a>(&'static self, scope: ElementRef<'a>) -> impl Iterator<Item = ElementRef<'a>> {
        self.selector().into_iter().flat_map(move |selector| {
            scope
                .descendants()
                .skip(1)
                .inspect(|_| work::count(1))
                .filter_map(ElementRef::wrap)
                .filter(move |element| selector.matches_with_scope(element, Some(scope)))
                .filter(|element| self.may_match(*element))
        })
    }

    /// The first match within `scope`.
    pub fn first<'a>(&'static self, scope: ElementRef<'a>) -> Option<ElementRef<'a>> {
        self.all(scope).next()
    }

    /// Whether there is a match within `scope`.
    pub fn is_in(&'static self, scope: ElementRef<'_>) -> bool {
        self.first(scope).is_some()
    }

    /// Whether this element matches.
    pub fn matches(&'static self, element: ElementRef<'_>) -> bool {
        work::count(1);
        self.selector()
            .is_some_and(|selector| selector.matches(&element))
            && self.may_match(element)
    }

    fn may_match(&self, element: ElementRef<'_>) -> bool {
        !self.is_visible_only || !is_hidden(element)
    }

    fn selector(&self) -> Option<&Selector> {
        self.selector
            .get_or_init(|| {
                let selector = Selector::parse(self.text).ok();
                debug_assert!(selector.is_some(), "malformed selector {:?}", self.text);
                selector
            })
            .as_ref()
    }
}

/// Refuses a list with two identical rows, because the site printed one twice.
///
/// Only rows with ids or names count. Others may be equal: two copies of one work.
pub fn reject_duplicate_rows<'a>(
    rows: impl Iterator<Item = ElementRef<'a>>,
    what: &str,
) -> Result<(), Failure> {
    static IDENTIFIED: Css = Css::new("[id], [name], [for]");
    let mut seen = HashSet::new();
    for row in rows {
        if !IDENTIFIED.is_in(row) {
            continue;
        }
        let html = row.inner_html();
        work::count(html.len());
        if !seen.insert(html) {
            return Err(Failure::page_changed(format!(
                "the same row twice in the list of {what}"
            )));
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
    let html = html.to_ascii_lowercase();
    let mut is_in_table = false;
    let mut rest = html.as_str();
    while let Some((_, tag)) = rest.split_once('<') {
        let end = match tag {
            _ if tag.starts_with("!--") => "-->",
            _ if is_tag(tag, "script") => "</script",
            _ => "",
        };
        is_in_table = is_tag(tag, "tr") || (is_in_table && !tag.starts_with("/table"));
        rest = tag.split_once(end).map_or("", |(_, after)| after);
    }
    is_in_table
}

/// Whether the text of a tag begins with this name, and not with a longer one.
fn is_tag(tag: &str, name: &str) -> bool {
    let after = tag.strip_prefix(name);
    after.is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    static ROW: Css = Css::new("tr.row");
    static BROKEN: Css = Css::new("tr[");

    #[test]
    fn elements_are_found_in_page_order() {
        let page = Html::parse_document("<table><tr class=row id=a><tr id=b><tr class=row id=c>");
        let ids: Vec<_> = ROW
            .all(page.root_element())
            .filter_map(|row| row.attr("id"))
            .collect();
        assert_eq!(ids, ["a", "c"]);
        assert!(ROW.matches(ROW.first(page.root_element()).unwrap()));
    }

    #[test]
    fn hidden_parts_are_left_out() {
        static VISIBLE: Css = Css::visible("p");
        let html = "<p id=a>One <i hidden>two</i> <b style='color: red; Display:None'>three</b></p>\
                    <div class='hidden x'><p id=b>four</p></div><p class=t-invisible id=c>five</p>";
        let page = Html::parse_document(html);
        let visible: Vec<_> = VISIBLE.all(page.root_element()).collect();
        assert_eq!(visible.len(), 1);
        assert_eq!(visible_text(page.root_element()), "One");
        let all = page
            .root_element()
            .descendants()
            .filter_map(ElementRef::wrap);
        let matches: Vec<_> = all.filter(|element| VISIBLE.matches(*element)).collect();
        assert_eq!(matches, visible);
    }

    #[test]
    #[should_panic(expected = "malformed selector")]
    fn malformed_selector_panics_in_debug() {
        BROKEN.is_in(Html::parse_document("").root_element());
    }

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
