//! Reads a title that is in several parts.

use hippo_browser::reading::{Child, Css, Element, element_text, join_title, tidy};

/// The maximum number of parts of a title.
const MAX_TITLE_PARTS: usize = 16;

/// A title whose subtitle is in the same text or in an element of its own, and whose volume is in the lines behind it.
pub(crate) struct TitleParts {
    /// The link to the work. Its first match has the title.
    pub(crate) link: Css,
    /// The cell's first element, if it may have the title of a work that has no link.
    pub(crate) unlinked: Css,
    /// The parts of a title that are never the first.
    pub(crate) later: Css,
    /// How many of the last lines behind the title aren't the volume, but something else, such as the author.
    pub(crate) other_lines: usize,
}

impl TitleParts {
    /// Reads `Title: Subtitle 2`. Words in brackets (`[DVD]`) belong to the title.
    pub(super) fn read(&'static self, cell: Element<'_>) -> Option<String> {
        let element = self.link.first(cell).or_else(|| {
            let first = cell.child_elements().next();
            first.filter(|first| self.unlinked.matches(*first))
        })?;
        let first = element.child_elements().next();
        if first.is_some_and(|first| self.later.matches(first)) && own_text(element).is_none() {
            return None;
        }
        let parts = element.children().map(|part| match part {
            Child::Text(text) => tidy(text),
            Child::Element(part) => tidy(&element_text(part)),
        });
        let mut title = String::new();
        for part in parts.filter(|part| !part.is_empty()).take(MAX_TITLE_PARTS) {
            title = if title.is_empty() || part.starts_with('[') {
                tidy(&format!("{title} {part}"))
            } else {
                join_title(&title, &part)
            };
        }
        if title.is_empty() {
            return None;
        }
        let mut lines = own_lines(cell);
        if !is_volume_alone(&lines) {
            lines.truncate(lines.len().saturating_sub(self.other_lines));
        }
        lines.insert(0, title.replace(" : ", ": "));
        Some(lines.join(" "))
    }
}

/// Returns an element's text outside of the elements in it: no labels, buttons, hidden dialogs.
pub(super) fn own_text(element: Element<'_>) -> Option<String> {
    let texts: Vec<&str> = own_texts(element).collect();
    Some(tidy(&texts.join(" "))).filter(|text| !text.is_empty())
}

/// Returns the lines of that text that aren't empty. A template prints one value per line.
pub(super) fn own_lines(element: Element<'_>) -> Vec<String> {
    let lines = own_texts(element).flat_map(|text| text.split('\n'));
    let lines = lines.map(tidy).filter(|line| !line.is_empty());
    lines.collect()
}

/// Returns the last line of that text, unless it is a volume, and the author is missing.
pub(super) fn last_own_line(element: Element<'_>) -> Option<String> {
    let mut lines = own_lines(element);
    let is_volume = is_volume_alone(&lines);
    lines.pop().filter(|_| !is_volume)
}

/// Whether the only line is a volume or an issue, such as `Bd. 3` or `2026 Nov 21`, and not an author: `Stone, Ada,
/// 1950-`.
fn is_volume_alone(lines: &[String]) -> bool {
    let [line] = lines else { return false };
    let has_digit = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    let mut parts = line.split(',').skip(1);
    let is_name = parts
        .next()
        .is_some_and(|name| name.trim_start().starts_with(char::is_alphabetic) && !has_digit(name));
    has_digit(line) && !is_name
}

fn own_texts(element: Element<'_>) -> impl Iterator<Item = &str> {
    element.children().filter_map(|part| match part {
        Child::Text(text) => Some(text),
        Child::Element(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    static CELL: Css = Css::new("td");

    static PARTS: TitleParts = TitleParts {
        link: Css::new("a[href*='record=']"),
        unlinked: Css::new(":is(a, span):not(.item-details)"),
        later: Css::new(".biblio-medium, .subtitle, .part-number"),
        other_lines: 1,
    };

    fn title(cell: &str) -> Option<String> {
        let page = parse_page(&format!("<table><tr><td class=title>{cell}</table>")).unwrap();
        PARTS.read(CELL.first(page.root_element()).unwrap())
    }

    #[rstest]
    #[case("<a href=x>Tides </a>", "Tides")]
    #[case("<a href=x>Tides : a history /</a>", "Tides: a history")]
    #[case("<a href=x>Tides :  a history</a> Ada Stone", "Tides: a history")]
    #[case(
        "<a href=x><span class=biblio-title>Tides /</span><span class=subtitle>a history</span></a>",
        "Tides: a history"
    )]
    #[case(
        "<a href=x><span class=biblio-title>Tides</span> <span class=biblio-medium>[DVD]</span>,<span class=subtitle> a history :</span></a>",
        "Tides [DVD]: a history"
    )]
    #[case(
        "<a href=x><span>Tides</span><span class=part-number>2</span></a>",
        "Tides: 2"
    )]
    #[case("<span class=biblio-no-record>No record</span>", "No record")]
    #[case(
        "<span class=biblio-no-record>No record</span><div class=ratings><a href='#'></a><a href='#'>x</a></div>",
        "No record"
    )]
    #[case("<a href='#' class=cover></a><a href='/x?record=3'>Tides</a>", "Tides")]
    fn title_and_subtitle_are_joined(#[case] cell: &str, #[case] expected: &str) {
        assert_eq!(title(cell).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("")]
    #[case("Ada Stone")]
    #[case("<a href=x> </a>")]
    #[case("<a href=x><span class=subtitle>a history</span></a>")]
    #[case("<a href=x></a> Ada Stone")]
    #[case("<div class=ratings><a href='#'>5 stars</a></div>")]
    #[case("<em>In the house only</em>")]
    #[case("<span class=item-details>Ada Stone</span>")]
    fn cell_without_a_title_has_none(#[case] cell: &str) {
        assert_eq!(title(cell), None);
    }

    #[rstest]
    #[case("2026 Nov 21", true)]
    #[case("no. 3", true)]
    #[case("Bd. 3, Teil 2", true)]
    #[case("Stone, Ada", false)]
    #[case("Stone, Ada, 1950-", false)]
    #[case("[31mStone, Ada", false)]
    #[case("The Reeds", false)]
    fn line_alone_is_a_volume_or_the_author(#[case] line: &str, #[case] is_volume: bool) {
        let cell = format!("<a href=x>Tides</a>\n {line}\n<p>Item: 77</p>");
        let (with_line, author) = (format!("Tides {line}"), line.to_owned());
        let expected = if is_volume {
            (with_line, None)
        } else {
            ("Tides".to_owned(), Some(author))
        };
        let page = parse_page(&format!("<table><tr><td>{cell}</table>")).unwrap();
        let last = last_own_line(CELL.first(page.root_element()).unwrap());
        assert_eq!((title(&cell).unwrap(), last), expected);
    }

    #[rstest]
    #[case(
        "<a href=x>Tides</a>\n no. 3\n Stone, Ada",
        "Tides no. 3",
        "Stone, Ada"
    )]
    #[case(
        "<a href=x>Tides</a>\n Stone, Ada\n<p>Item: 77</p>",
        "Tides",
        "Stone, Ada"
    )]
    fn lines_behind_the_title_are_its_volume_and_the_author(
        #[case] cell: &str,
        #[case] expected: &str,
        #[case] last: &str,
    ) {
        assert_eq!(title(cell).as_deref(), Some(expected));
        let page = parse_page(&format!("<table><tr><td>{cell}</table>")).unwrap();
        let lines = own_lines(CELL.first(page.root_element()).unwrap());
        assert_eq!(lines.last().map(String::as_str), Some(last));
    }
}
