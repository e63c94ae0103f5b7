//! Extracts and cleans the text of a page.

use hippo_core::text::clean;
use html5ever::local_name;
use scraper::node;

use super::parsed_page::{Element, Step};
use super::work;

/// The visible text of an element: spaces folded, control characters dropped, entities decoded.
///
/// Line breaks and blocks separate words. Scripts and styles are skipped.
pub fn element_text(element: Element<'_>) -> String {
    element_text_without(element, |_| false)
}

/// The text of an element, if it has some; see [`element_text`].
pub fn non_empty_text(element: Element<'_>) -> Option<String> {
    Some(element_text(element)).filter(|text| !text.is_empty())
}

/// Like [`element_text`], without the elements that `is_left_out` matches.
pub fn element_text_without(
    element: Element<'_>,
    is_left_out: impl Fn(Element<'_>) -> bool,
) -> String {
    let mut text = String::new();
    element.walk(|step| match step {
        Step::Open(part) => {
            let is_read = !is_left_out(part);
            if !is_read || separates(part.value()) {
                text.push(' ');
            }
            is_read && !is_invisible(part.value())
        }
        Step::Text(words) => {
            work::count(words.len());
            text.push_str(words);
            true
        }
        Step::Close(part) => {
            if separates(part) {
                text.push(' ');
            }
            true
        }
    });
    clean(&text)
}

/// The lines of an element's visible text that are not empty: a line break or a block ends a line.
pub fn element_lines(element: Element<'_>) -> Vec<String> {
    element_lines_without(element, |_| false)
}

/// Like [`element_lines`], without the elements that `is_left_out` matches.
pub fn element_lines_without(
    element: Element<'_>,
    is_left_out: impl Fn(Element<'_>) -> bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut end_line = |line: &mut String| {
        if !line.trim_ascii().is_empty() {
            lines.extend(Some(clean(line)).filter(|line| !line.is_empty()));
        }
        line.clear();
    };
    element.walk(|step| match step {
        Step::Open(part) if is_invisible(part.value()) => false,
        Step::Open(part) => {
            if separates(part.value()) {
                end_line(&mut line);
            }
            !is_left_out(part)
        }
        Step::Text(words) => {
            work::count(words.len());
            line.push_str(words);
            true
        }
        Step::Close(part) => {
            if separates(part) {
                end_line(&mut line);
            }
            true
        }
    });
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
fn separates(element: &node::Element) -> bool {
    matches!(
        element.name.local,
        local_name!("br")
            | local_name!("p")
            | local_name!("div")
            | local_name!("li")
            | local_name!("ul")
            | local_name!("ol")
            | local_name!("dt")
            | local_name!("dd")
            | local_name!("tr")
            | local_name!("td")
            | local_name!("th")
            | local_name!("table")
            | local_name!("h1")
            | local_name!("h2")
            | local_name!("h3")
            | local_name!("h4")
            | local_name!("h5")
            | local_name!("h6")
            | local_name!("hr")
            | local_name!("section")
            | local_name!("option")
            | local_name!("select")
    )
}

/// Whether an element's text isn't shown.
fn is_invisible(element: &node::Element) -> bool {
    matches!(
        element.name.local,
        local_name!("script") | local_name!("style") | local_name!("template")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::parse_page;
    use rstest::rstest;

    #[rstest]
    #[case("<b>Fish &amp; <i>chips</i>\n again</b>", "Fish & chips again")]
    #[case("one<br>two<div>three</div>four", "one two three four")]
    #[case("a<script>b</script><style>c</style>d", "ad")]
    #[case("<i>un</i>broken", "unbroken")]
    #[case("x\u{1b}[2Jy", "x[2Jy")]
    fn text_is_extracted_as_shown_on_screen(#[case] html: &str, #[case] expected: &str) {
        assert_eq!(
            element_text(parse_page(html).unwrap().root_element()),
            expected
        );
    }

    #[rstest]
    #[case("<b>Tides</b><br>Stone, Ada<br/> 17 <i>/</i> x", &["Tides", "Stone, Ada", "17 / x"])]
    #[case("<p>a</p><p> </p>b<div>c<br></div>", &["a", "b", "c"])]
    #[case("<script>a</script>", &[])]
    fn lines_end_at_breaks_and_blocks(#[case] html: &str, #[case] expected: &[&str]) {
        assert_eq!(
            element_lines(parse_page(html).unwrap().root_element()),
            expected
        );
    }

    #[test]
    fn deeply_nested_page_is_read() {
        let html = "<b>".repeat(500) + "deep";
        assert_eq!(
            element_text(parse_page(&html).unwrap().root_element()),
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
