//! Reads an item's work from the cell with its title.

use hippo_browser::reading::{Css, element_text, element_text_without, join_title, tidy};
use scraper::{ElementRef, Node};

use super::addresses::record_number;

static LINK: Css = Css::new("a[href]");
static LABEL: Css = Css::new(".tdlabel");
/// An element that may hold the title of a deleted record, which has no page. A box, a break or a remark may not. Neither
/// may the author, whom older pages print next to the title.
static TITLE: Css = Css::new(
    "a:not(.item-details), span:not(.item-details), b:not(.item-details), strong:not(.item-details)",
);
/// The parts of a title that are never the first.
static LATER_PART: Css = Css::new(".biblio-medium, .subtitle, .part-number, .part-name");

/// The maximum number of parts of a title.
const MAX_TITLE_PARTS: usize = 16;

/// Finds the links to the catalogue's records. The stars for the patron's rating are links as well.
pub(super) fn find_record_links(cell: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    LINK.all(cell)
        .filter(|link| link.attr("href").and_then(record_number).is_some())
}

/// Reads the number of the catalogue's record, which never changes.
pub(super) fn read_record(cell: ElementRef<'_>) -> Option<String> {
    read_href(cell).and_then(|href| record_number(&href).map(str::to_owned))
}

/// Reads the address of the record's page.
pub(super) fn read_href(cell: ElementRef<'_>) -> Option<String> {
    find_record_links(cell)
        .next()?
        .attr("href")
        .map(str::to_owned)
}

/// Reads the title and subtitle as `Title: Subtitle`.
///
/// Older pages print both in one text, with or without ` : ` between them. Newer pages use one span each, title
/// first. Words in brackets (`[DVD]`) belong to the title.
pub(super) fn read_title(cell: ElementRef<'_>) -> Option<String> {
    let link = find_record_links(cell).next();
    let element = link.or_else(|| cell.child_elements().next().filter(|e| TITLE.matches(*e)))?;
    let first = element.child_elements().next();
    if first.is_some_and(|first| LATER_PART.matches(first)) && direct_text(element).is_none() {
        return None;
    }
    let parts = element.children().filter_map(|node| match node.value() {
        Node::Text(text) => Some(tidy(text)),
        Node::Element(_) => ElementRef::wrap(node).map(|element| tidy(&element_text(element))),
        _ => None,
    });
    let mut title = String::new();
    for part in parts.filter(|part| !part.is_empty()).take(MAX_TITLE_PARTS) {
        title = if title.is_empty() || part.starts_with('[') {
            tidy(&format!("{title} {part}"))
        } else {
            join_title(&title, &part)
        };
    }
    Some(title.replace(" : ", ": ")).filter(|title| !title.is_empty())
}

/// Reads the title with the volume of a multi-part work, or the number of a magazine: the lines after it.
pub(super) fn read_title_with_volume(cell: ElementRef<'_>) -> Option<String> {
    join_volume(cell, &lines(cell))
}

/// Reads the title of a hold. The last line after it is the author; newer pages have the volume in the line before.
pub(super) fn read_title_before_author(cell: ElementRef<'_>) -> Option<String> {
    let lines = lines(cell);
    let volume = lines.split_last().map_or(&[][..], |(_, volume)| volume);
    join_volume(cell, volume)
}

/// Reads the last line after the title.
pub(super) fn read_last_line(cell: ElementRef<'_>) -> Option<String> {
    lines(cell).pop()
}

fn join_volume(cell: ElementRef<'_>, volume: &[String]) -> Option<String> {
    let parts = std::iter::once(read_title(cell)?).chain(volume.iter().cloned());
    Some(parts.collect::<Vec<_>>().join(" "))
}

/// Returns the text of an element outside of its child elements: labels, buttons, hidden dialogs.
pub(super) fn direct_text(element: ElementRef<'_>) -> Option<String> {
    let texts: Vec<&str> = direct_texts(element).collect();
    Some(tidy(&texts.join(" "))).filter(|text| !text.is_empty())
}

/// Like [`direct_text`], line by line, because templates print one value per line.
fn lines(element: ElementRef<'_>) -> Vec<String> {
    let lines = direct_texts(element).flat_map(|text| text.split('\n'));
    let lines = lines.map(tidy).filter(|line| !line.is_empty());
    lines.collect()
}

fn direct_texts(element: ElementRef<'_>) -> impl Iterator<Item = &str> {
    let nodes = element.children();
    nodes.filter_map(|node| node.value().as_text().map(|text| &**text))
}

/// Returns the text of a cell without the label that narrow screens show instead of the header.
pub(super) fn text_without_label(cell: ElementRef<'_>) -> String {
    element_text_without(cell, |inner| LABEL.matches(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    fn title(cell: &str) -> Option<String> {
        static CELL: Css = Css::new("td");
        let page = Html::parse_document(&format!("<table><tr><td class=title>{cell}</table>"));
        read_title(CELL.first(page.root_element()).unwrap())
    }

    #[rstest]
    #[case("<a href=x>Tides </a>", "Tides")]
    #[case("<a href=x>Tides : a history /</a>", "Tides: a history")]
    #[case("<a href=x>Tides :  a history</a> v. 2", "Tides: a history")]
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
    #[case(
        "<a href='#' class=cover></a><a href='/x?biblionumber=3'>Tides</a>",
        "Tides"
    )]
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
}
