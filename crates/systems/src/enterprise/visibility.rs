//! Distinguishes visible from hidden parts of a page: the site keeps templates and messages hidden in it.

use hippo_browser::reading::Css;
use scraper::ElementRef;

static HIDDEN: Css = Css::new(
    ".t-invisible, .hidden, [hidden], [style*='display:none' i], [style*='display: none' i], \
     script, style, template",
);

/// Whether an element or one of its ancestors is hidden.
pub(super) fn is_hidden(element: ElementRef<'_>) -> bool {
    HIDDEN.matches(element) || HIDDEN.closest_around(element).is_some()
}

/// Whether an element is within an element whose id contains one of these words.
pub(super) fn is_within(element: ElementRef<'_>, parts: &[&str]) -> bool {
    let is_match = |element: ElementRef<'_>| {
        element
            .attr("id")
            .map(str::to_ascii_lowercase)
            .is_some_and(|id| parts.iter().any(|part| id.contains(part)))
    };
    is_match(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(is_match)
}

/// Whether any part of an element is hidden.
pub(super) fn has_hidden_part(element: ElementRef<'_>) -> bool {
    HIDDEN.is_in(element)
}

/// Returns the visible text of an element, in lower case.
pub(super) fn visible_text(element: ElementRef<'_>) -> String {
    let mut words = String::new();
    for node in element.descendants() {
        if let Some(text) = node.value().as_text()
            && let Some(parent) = node.parent().and_then(ElementRef::wrap)
            && !is_hidden(parent)
        {
            words.extend(text.split_whitespace().flat_map(|word| [word, " "]));
        }
    }
    words.to_lowercase()
}
