//! What a reader sees of a page: the site keeps templates and messages hidden in it.

use hippo_browser::reading::Css;
use scraper::ElementRef;

static HIDDEN: Css = Css::new(
    ".t-invisible, .hidden, [hidden], [style*='display:none' i], [style*='display: none' i], \
     script, style, template",
);

/// Whether an element, or one around it, is not shown.
pub(super) fn is_hidden(element: ElementRef<'_>) -> bool {
    HIDDEN.matches(element)
        || element
            .ancestors()
            .filter_map(ElementRef::wrap)
            .any(|around| HIDDEN.matches(around))
}

/// Whether an element is within a part of the page whose id has one of these words.
pub(super) fn is_within(element: ElementRef<'_>, parts: &[&str]) -> bool {
    let is_one = |element: ElementRef<'_>| {
        element
            .attr("id")
            .map(str::to_ascii_lowercase)
            .is_some_and(|id| parts.iter().any(|part| id.contains(part)))
    };
    is_one(element) || element.ancestors().filter_map(ElementRef::wrap).any(is_one)
}

/// Whether any part of an element is not shown.
pub(super) fn has_hidden_part(element: ElementRef<'_>) -> bool {
    HIDDEN.is_in(element)
}

/// The words of an element that are shown, in lower case.
pub(super) fn shown_words(element: ElementRef<'_>) -> String {
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
