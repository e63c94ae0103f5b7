//! Extracts and cleans the text of a page.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use hippo_core::text::clean;
use scraper::node::Element;
use scraper::{ElementRef, Node};

use super::work;

/// The visible text of an element: spaces folded, control characters dropped, entities decoded.
///
/// Line breaks and blocks separate words. Scripts and styles are skipped.
pub fn element_text(element: ElementRef<'_>) -> String {
    element_text_without(element, |_| false)
}

/// The text of an element, if it has some; see [`element_text`].
pub fn non_empty_text(element: ElementRef<'_>) -> Option<String> {
    Some(element_text(element)).filter(|text| !text.is_empty())
}

/// Like [`element_text`], without the elements that `is_left_out` matches.
pub fn element_text_without(
    element: ElementRef<'_>,
    is_left_out: impl Fn(ElementRef<'_>) -> bool,
) -> String {
    let mut text = String::new();
    // How many of the next nodes are inside the skipped element.
    let mut nodes_to_skip = 0_usize;
    for node in element.descendants() {
        work::count(1);
        if nodes_to_skip > 0 {
            nodes_to_skip -= 1;
            continue;
        }
        if ElementRef::wrap(node).is_some_and(&is_left_out) {
            text.push(' ');
            nodes_to_skip = node.descendants().count().saturating_sub(1);
            continue;
        }
        let after_block = node
            .prev_sibling()
            .and_then(|sibling| sibling.value().as_element().map(separates))
            .unwrap_or(false);
        let opens_block = node.value().as_element().is_some_and(separates);
        if after_block || opens_block {
            text.push(' ');
        }
        if let Some(words) = node.value().as_text()
            && !is_in_invisible(node)
        {
            work::count(words.len());
            text.push_str(words);
        }
    }
    clean(&text)
}

/// The lines of an element's visible text that are not empty: a line break or a block ends a line.
pub fn element_lines(element: ElementRef<'_>) -> Vec<String> {
    element_lines_without(element, |_| false)
}

/// Like [`element_lines`], without the elements that `is_left_out` matches.
pub fn element_lines_without(
    element: ElementRef<'_>,
    is_left_out: impl Fn(ElementRef<'_>) -> bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut end_line = |line: &mut String| {
        let text = clean(line);
        if !text.is_empty() {
            lines.push(text);
        }
        line.clear();
    };
    let mut left_out = None;
    for edge in element.traverse() {
        work::count(1);
        let (node, is_open) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        if left_out.is_some() {
            left_out = left_out.filter(|id| is_open || *id != node.id());
            continue;
        }
        if is_open && ElementRef::wrap(node).is_some_and(&is_left_out) {
            if node.value().as_element().is_some_and(separates) {
                end_line(&mut line);
            }
            left_out = Some(node.id());
            continue;
        }
        if node.value().as_element().is_some_and(separates) {
            end_line(&mut line);
        }
        if is_open
            && let Some(words) = node.value().as_text()
            && !is_in_invisible(node)
        {
            work::count(words.len());
            line.push_str(words);
        }
    }
    end_line(&mut line);
    lines
}

/// Cleans a title or an author, and removes a catalogue's trailing ` /`, `:`, `;` and `,`.
///
/// Full stops stay.
pub fn tidy(text: &str) -> String {
    let text = clean(text);
    let mut rest = text.as_str();
    loop {
        let shorter = rest.trim_end_matches([':', ';', ',']).trim_end();
        let shorter = match shorter.strip_suffix('/') {
            Some("") => "",
            Some(before) if before.ends_with(' ') => before.trim_end(),
            _ => shorter,
        };
        if shorter.len() == rest.len() {
            return rest.to_owned();
        }
        rest = shorter;
    }
}

/// `Title: Subtitle`, both tidied, or the title alone.
pub fn join_title(title: &str, subtitle: &str) -> String {
    let title = tidy(title);
    let subtitle = tidy(subtitle);
    let subtitle = subtitle.trim_start_matches([':', ' ']);
    match (title.is_empty(), subtitle.is_empty()) {
        (_, true) => title,
        (true, false) => subtitle.to_owned(),
        (false, false) => format!("{title}: {subtitle}"),
    }
}

/// Whether an element separates the words before and after it.
fn separates(element: &Element) -> bool {
    matches!(
        element.name(),
        "br" | "p"
            | "div"
            | "li"
            | "ul"
            | "ol"
            | "dt"
            | "dd"
            | "tr"
            | "td"
            | "th"
            | "table"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "section"
            | "option"
            | "select"
    )
}

fn is_in_invisible(node: NodeRef<'_, Node>) -> bool {
    let parent = node.parent();
    let parent = parent
        .as_ref()
        .and_then(|parent| parent.value().as_element());
    parent.is_some_and(|parent| matches!(parent.name(), "script" | "style" | "template"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    #[rstest]
    #[case("<b>Fish &amp; <i>chips</i>\n again</b>", "Fish & chips again")]
    #[case("one<br>two<div>three</div>four", "one two three four")]
    #[case("a<script>b</script><style>c</style>d", "ad")]
    #[case("<i>un</i>broken", "unbroken")]
    #[case("x\u{1b}[2Jy", "x[2Jy")]
    fn text_is_extracted_as_shown_on_screen(#[case] html: &str, #[case] expected: &str) {
        assert_eq!(
            element_text(Html::parse_document(html).root_element()),
            expected
        );
    }

    #[rstest]
    #[case("<b>Tides</b><br>Stone, Ada<br/> 17 <i>/</i> x", &["Tides", "Stone, Ada", "17 / x"])]
    #[case("<p>a</p><p> </p>b<div>c<br></div>", &["a", "b", "c"])]
    #[case("<script>a</script>", &[])]
    fn lines_end_at_breaks_and_blocks(#[case] html: &str, #[case] expected: &[&str]) {
        assert_eq!(
            element_lines(Html::parse_document(html).root_element()),
            expected
        );
    }

    #[test]
    fn deeply_nested_page_is_read() {
        let html = "<b>".repeat(20_000) + "deep";
        assert_eq!(
            element_text(Html::parse_document(&html).root_element()),
            "deep"
        );
    }

    #[rstest]
    #[case("The Tide Clock /", "The Tide Clock")]
    #[case("The Wanderers, ", "The Wanderers")]
    #[case("Stone, Ada.", "Stone, Ada.")]
    #[case("A tale : ;", "A tale")]
    #[case("A tale : /", "A tale")]
    #[case("either/or", "either/or")]
    #[case("either/", "either/")]
    #[case("/", "")]
    #[case("", "")]
    fn trailing_punctuation_is_dropped_except_full_stops(
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(tidy(text), expected);
    }

    #[rstest]
    #[case("Tides :", "a history /", "Tides: a history")]
    #[case("Tides", "", "Tides")]
    #[case("Tides", ": a history", "Tides: a history")]
    #[case("", "a history", "a history")]
    fn subtitle_is_joined_with_a_colon(
        #[case] title: &str,
        #[case] subtitle: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(join_title(title, subtitle), expected);
    }
}
