//! Finds elements of a page.

use std::sync::OnceLock;

pub(super) use self::marks::Marks;
use self::quick::QuickSelector;
use super::parsed_page::Element;
use super::text::element_text_without;

mod marks;
mod quick;

/// A CSS selector that is parsed once, at its first use.
///
/// A malformed one matches nothing, so that the page isn't recognised. In debug builds its first use
/// panics, so that a test finds it.
#[derive(Debug)]
pub struct Css {
    text: &'static str,
    is_visible_only: bool,
    selector: OnceLock<Option<QuickSelector>>,
}

/// What a page hides, until its script perhaps shows it.
static HIDDEN: Css = Css::new(
    ".t-invisible, .hidden, [hidden], [style*='display:none' i], [style*='display: none' i], \
     script, style, template",
);

/// Whether an element or one around it is hidden, by its own attributes or a usual class.
pub fn is_hidden(element: Element<'_>) -> bool {
    HIDDEN.matches(element) || HIDDEN.closest_around(element).is_some()
}

/// The text of an element without its hidden parts; see [`element_text`](super::element_text).
pub fn visible_text(element: Element<'_>) -> String {
    element_text_without(element, |part| HIDDEN.matches(part))
}

/// A selector that matches nothing.
impl Default for Css {
    fn default() -> Self {
        Self {
            selector: OnceLock::from(None),
            ..Self::new(":not(*)")
        }
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
    pub fn closest_around<'a>(&'static self, element: Element<'a>) -> Option<Element<'a>> {
        element.ancestors().find(|around| self.matches(*around))
    }

    /// All matches within `scope`, in page order.
    pub fn all<'a>(&'static self, scope: Element<'a>) -> impl Iterator<Item = Element<'a>> {
        self.selector().into_iter().flat_map(move |selector| {
            let found = selector.all(scope);
            found.filter(|element| self.may_match(*element))
        })
    }

    /// The first match within `scope`.
    pub fn first<'a>(&'static self, scope: Element<'a>) -> Option<Element<'a>> {
        self.all(scope).next()
    }

    /// Whether there is a match within `scope`.
    pub fn is_in(&'static self, scope: Element<'_>) -> bool {
        self.first(scope).is_some()
    }

    /// Whether this element matches.
    pub fn matches(&'static self, element: Element<'_>) -> bool {
        self.selector()
            .is_some_and(|selector| selector.matches(element))
            && self.may_match(element)
    }

    fn may_match(&self, element: Element<'_>) -> bool {
        !self.is_visible_only || !is_hidden(element)
    }

    fn selector(&self) -> Option<&QuickSelector> {
        self.selector
            .get_or_init(|| {
                let selector = QuickSelector::parse(self.text);
                debug_assert!(selector.is_some(), "malformed selector {:?}", self.text);
                selector
            })
            .as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::parse_page;

    static ROW: Css = Css::new("tr.row");
    static BROKEN: Css = Css::new("tr[");

    #[test]
    fn elements_are_found_in_page_order() {
        let page = parse_page("<table><tr class=row id=a><tr id=b><tr class=row id=c>").unwrap();
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
        let page = parse_page(html).unwrap();
        let visible: Vec<_> = VISIBLE.all(page.root_element()).collect();
        assert_eq!(visible.len(), 1);
        assert_eq!(visible_text(page.root_element()), "One");
        let all = page.root_element().elements();
        let matches: Vec<_> = all.filter(|element| VISIBLE.matches(*element)).collect();
        assert_eq!(matches, visible);
    }

    #[test]
    #[should_panic(expected = "malformed selector")]
    fn malformed_selector_panics_in_debug() {
        BROKEN.is_in(parse_page("").unwrap().root_element());
    }
}
