//! Reads the tables of an account: the classes of cells name their columns.

use hippo_browser::reading::{Css, element_text, join_title, numbers, tidy, web_link};
use hippo_core::failure::Failure;
use scraper::{ElementRef, Node};
use url::Url;

use super::addresses::record_number;
use super::columns::Unnamed;
use crate::list_reader::{cells, column_span};

static CAPTION: Css = Css::new("caption");
static LINK: Css = Css::new("a[href]");

/// The maximum number of columns below one header.
const MAX_COLUMNS: usize = 8;

/// The maximum number of parts of a title.
const MAX_TITLE_PARTS: usize = 16;

/// Classes that are never the first part of a title.
const LATER_PARTS: [&str; 4] = ["biblio-medium", "subtitle", "part-number", "part-name"];

/// A list of an account.
pub(super) struct Table<'a> {
    /// The total in its caption: `6 Item(s) checked out`.
    pub(super) declared: Option<u32>,
    pub(super) rows: Vec<Row<'a>>,
}

/// One entry of a list.
pub(super) struct Row<'a> {
    pub(super) element: ElementRef<'a>,
    cells: Vec<Cell<'a>>,
}

struct Cell<'a> {
    element: ElementRef<'a>,
    /// The name of its column in a table without classes.
    name: Option<&'static str>,
}

/// An item's work.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// The number of its catalogue record, which never changes.
    pub(super) record: Option<String>,
    pub(super) title: String,
    /// The text in the cell after the title, outside of any element, line by line.
    pub(super) text_after_title: Vec<String>,
    pub(super) url: Option<String>,
}

impl<'a> Table<'a> {
    /// Reads a table. Fails with `page_changed` if a row has fewer or more cells than the header, because its cells
    /// may be shifted.
    pub(super) fn from_element(table: ElementRef<'a>) -> Result<Self, Failure> {
        Self::read(table, |cells, columns| cells == columns)
    }

    /// Reads a table of recalls, whose template closes rows in the wrong place: the last row has one cell more
    /// than the header, or all others have one less.
    pub(super) fn from_recalls(table: ElementRef<'a>) -> Result<Self, Failure> {
        Self::read(table, |cells, columns| cells.abs_diff(columns) <= 1)
    }

    fn read(table: ElementRef<'a>, fits: impl Fn(usize, usize) -> bool) -> Result<Self, Failure> {
        let mut headers = Vec::new();
        let mut rows = Vec::new();
        for part in table.child_elements() {
            match part.value().name() {
                "thead" => {
                    headers = part
                        .child_elements()
                        .next()
                        .map_or_else(Vec::new, headers_of)
                }
                "tbody" => rows.extend(part.child_elements()),
                _ => {}
            }
        }
        let columns = headers.len();
        if columns == 0 {
            return Err(Failure::page_changed("a table without a header"));
        }
        let cells: Vec<Vec<_>> = rows.iter().map(|row| cells(*row).collect()).collect();
        if let Some(other) = cells.iter().find(|cells| !fits(cells.len(), columns)) {
            return Err(Failure::page_changed(format!(
                "a row of {} cells in a table of {columns} columns",
                other.len()
            )));
        }
        let names = match (Unnamed::from_parts(&headers, &cells), table.attr("id")) {
            (Some(unnamed), Some("checkoutst")) => unnamed.name_loans(),
            (Some(unnamed), Some("holdst")) => unnamed.name_holds(),
            _ => Vec::new(),
        };
        let name_cell = |(column, element)| Cell {
            element,
            name: names.get(column).copied().flatten(),
        };
        let rows = rows
            .into_iter()
            .zip(cells)
            .map(|(element, cells)| Row {
                element,
                cells: cells.into_iter().enumerate().map(name_cell).collect(),
            })
            .collect();
        let caption = CAPTION.first(table).map(element_text).unwrap_or_default();
        let declared = match numbers(&caption).as_slice() {
            [count] => Some(*count),
            _ => None,
        };
        Ok(Self { declared, rows })
    }
}

/// Returns the words above each column. A header may span several: its words are above the first.
fn headers_of(head: ElementRef<'_>) -> Vec<String> {
    let mut headers = Vec::new();
    for cell in cells(head) {
        headers.push(element_text(cell).to_lowercase());
        let more = column_span(cell).min(MAX_COLUMNS) - 1;
        headers.extend(std::iter::repeat_n(String::new(), more));
    }
    headers
}

impl<'a> Row<'a> {
    /// Returns the cell with this class, or in an older table in the column of this name.
    pub(super) fn cell(&self, class: &str) -> Option<ElementRef<'a>> {
        self.cells
            .iter()
            .find(|cell| has_class(cell.element, class) || cell.name == Some(class))
            .map(|cell| cell.element)
    }

    /// Whether its table is an older one, without classes.
    pub(super) fn is_older(&self) -> bool {
        self.cells.iter().any(|cell| cell.name.is_some())
    }

    /// Returns a cell that every such row has.
    pub(super) fn require_cell(&self, class: &str) -> Result<ElementRef<'a>, Failure> {
        self.cell(class)
            .ok_or_else(|| Failure::page_changed(format!("a row without its cell “{class}”")))
    }

    /// Returns the text of a cell outside of its elements (labels, buttons, hidden dialogs).
    pub(super) fn direct_text(&self, class: &str) -> Option<String> {
        self.cell(class)
            .map(direct_text)
            .filter(|words| !words.is_empty())
    }

    /// Reads the work from the cell `title`.
    pub(super) fn read_work(&self, base: &Url) -> Result<Work, Failure> {
        Work::from_cell(self.require_cell("title")?, base)
    }
}

impl Work {
    fn from_cell(cell: ElementRef<'_>, base: &Url) -> Result<Self, Failure> {
        // The stars for the patron's rating are links as well.
        let link = LINK
            .all(cell)
            .find(|link| link.attr("href").and_then(record_number).is_some());
        // A deleted record has no page: its title is in an element of its own.
        let title = link
            .or_else(|| cell.child_elements().next().filter(may_hold_title))
            .map(read_title)
            .unwrap_or_default();
        if title.is_empty() {
            return Err(Failure::page_changed("a row without a title"));
        }
        let href = link.and_then(|link| link.attr("href"));
        Ok(Self {
            record: href.and_then(record_number).map(str::to_owned),
            title,
            text_after_title: direct_text_lines(cell),
            url: href.and_then(|href| web_link(href, base)).map(String::from),
        })
    }
}

/// Appends the volume of a multi-part work, or the number of a magazine, to a title.
pub(super) fn with_volume(title: String, volume: &[String]) -> String {
    let parts = std::iter::once(title).chain(volume.iter().cloned());
    parts.collect::<Vec<_>>().join(" ")
}

/// Whether an element may hold a title. A box, a break or a remark may not. Neither may the author, whom older
/// pages print next to the title.
fn may_hold_title(element: &ElementRef<'_>) -> bool {
    matches!(element.value().name(), "a" | "span" | "b" | "strong")
        && !has_class(*element, "item-details")
}

/// Reads the title and subtitle as `Title: Subtitle`.
///
/// Older pages print both in one text, with or without ` : ` between them. Newer pages use one span each, title
/// first. Words in brackets (`[DVD]`) belong to the title.
fn read_title(link: ElementRef<'_>) -> String {
    let is_title_missing = link
        .child_elements()
        .next()
        .is_some_and(|first| LATER_PARTS.iter().any(|class| has_class(first, class)));
    if is_title_missing && direct_text(link).is_empty() {
        return String::new();
    }
    let parts = link.children().filter_map(|node| match node.value() {
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
    title.replace(" : ", ": ")
}

/// Returns the text of an element outside of its child elements.
pub(super) fn direct_text(element: ElementRef<'_>) -> String {
    let mut words = String::new();
    for node in element.children() {
        if let Node::Text(text) = node.value() {
            words.push_str(text);
            words.push(' ');
        }
    }
    tidy(&words)
}

/// Like [`direct_text`], line by line, because templates print one value per line.
fn direct_text_lines(element: ElementRef<'_>) -> Vec<String> {
    let texts = element.children().filter_map(|node| node.value().as_text());
    texts
        .flat_map(|text| text.split('\n'))
        .map(tidy)
        .filter(|line| !line.is_empty())
        .collect()
}

pub(super) fn has_class(element: ElementRef<'_>, class: &str) -> bool {
    element
        .attr("class")
        .is_some_and(|classes| classes.split_ascii_whitespace().any(|own| own == class))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    fn work(cell: &str) -> Result<Work, Failure> {
        static CELL: Css = Css::new("td");
        let page = Html::parse_document(&format!("<table><tr><td class=title>{cell}</table>"));
        Work::from_cell(
            CELL.first(page.root_element()).unwrap(),
            &Url::parse("https://library.test/").unwrap(),
        )
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
        assert_eq!(work(cell).unwrap().title, expected);
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
    fn row_without_a_title_is_a_changed_page(#[case] cell: &str) {
        assert!(work(cell).is_err());
    }

    #[rstest]
    #[case("/cgi-bin/koha/opac-detail.pl?biblionumber=3", Some("3"))]
    #[case("/cgi-bin/koha/opac-detail.pl?bib=3&x=y", Some("3"))]
    #[case("/cgi-bin/koha/opac-MARCdetail.pl?a=b;biblionumber=30", Some("30"))]
    #[case("/cgi-bin/koha/opac-renew.pl?item=3", None)]
    #[case("javascript:x?biblionumber=3y", None)]
    fn record_number_is_read_from_a_link(#[case] href: &str, #[case] expected: Option<&str>) {
        assert_eq!(record_number(href), expected);
    }

    #[test]
    fn only_links_to_public_records_are_kept() {
        let url = |href: &str| work(&format!("<a href='{href}'>T</a>")).unwrap().url;
        assert_eq!(
            url("/cgi-bin/koha/opac-detail.pl?biblionumber=3").as_deref(),
            Some("https://library.test/cgi-bin/koha/opac-detail.pl?biblionumber=3")
        );
        assert_eq!(url("javascript:go('?biblionumber=3')"), None);
        assert_eq!(url("/cgi-bin/koha/opac-renew.pl?item=3"), None);
    }

    #[test]
    fn row_with_a_missing_cell_is_a_changed_page() {
        let table = |row: &str| {
            let page = format!(
                "<table><caption>1 thing</caption><thead><tr><th>A<th>B<tbody><tr>{row}</table>"
            );
            static TABLE: Css = Css::new("table");
            let page = Html::parse_document(&page);
            let read = Table::from_element(TABLE.first(page.root_element()).unwrap());
            read.map(|table| (table.declared, table.rows.len()))
        };
        assert_eq!(table("<td>a<td>b").unwrap(), (Some(1), 1));
        for row in ["", "<td>a", "<td>a<td>b<td>c", "<td colspan=2>a"] {
            assert!(table(row).is_err(), "{row}");
        }
    }
}
