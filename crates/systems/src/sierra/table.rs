//! Reads the tables of class `patFunc`: the list that each is, and the columns of its cells.

use std::collections::HashSet;

use hippo_browser::reading::{
    Css, element_text, first_number, non_empty_text, reject_duplicate_rows, tidy, web_link,
};
use hippo_core::failure::Failure;
use scraper::{ElementRef, Html};
use url::Url;

use crate::list_reader::cells;

static HEADERS: Css = Css::new("tr.patFuncHeaders");
static LIST_MARKERS: Css = Css::new("tr.patFuncHeaders, tr.patFuncNoEntries");
static LOAN_CELLS: Css = Css::new(".patFuncBarcode, .patFuncCallNo");
static HOLD_CELLS: Css = Css::new(".patFuncPickup, .patFuncCancel, .patFuncFreeze");
static FORM: Css = Css::new("form");
static TABLE: Css = Css::new("table");
static ROWS: Css = Css::new("tr");
static ENTRY: Css = Css::new("tr.patFuncEntry");
static NO_ENTRIES: Css = Css::new("tr.patFuncNoEntries");
static TITLE_ROW: Css = Css::new("tr.patFuncTitle, th.patFuncTitle[colspan]");
static TITLE_MAIN: Css = Css::new(".patFuncTitleMain");
static LINKS: Css = Css::new("a[href]");
static LABELS: Css = Css::new("label");
static VOLUME: Css = Css::new(".patFuncVol");

/// Phrases that state an empty list.
pub(super) const NO_LOANS: [&str; 7] = [
    "no items checked out",
    "no items currently checked out",
    "not have any items checked out",
    "no checkouts",
    "no current checkouts",
    "no loans",
    "nothing checked out",
];
pub(super) const NO_HOLDS: [&str; 4] = [
    "no holds",
    "no requests",
    "not have any holds",
    "not have any requests",
];

/// The list that a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Loans,
    Holds,
}

/// The meaning of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The checkbox to renew.
    Renew,
    /// The checkbox to cancel.
    Cancel,
    Title,
    Barcode,
    Status,
    CallNumber,
    Pickup,
    /// The day on which a request lapses: `CANCEL IF NOT FILLED BY`.
    Lapses,
    Freeze,
    Other,
}

/// One list of an account page.
pub(super) struct Table<'a> {
    pub(super) kind: Kind,
    /// The number in its title row: `14 HOLDS`.
    pub(super) declared: Option<u32>,
    pub(super) rows: Vec<Row<'a>>,
    /// Rows that are no entry, such as a statement that there are none.
    pub(super) remarks: Vec<Remark>,
}

/// A row of a list without a title.
pub(super) struct Remark {
    pub(super) words: String,
    /// Whether the page marks it as an entry: the list has something that we can't read.
    pub(super) is_entry: bool,
    /// Whether the page marks it as the row of an empty list, in any language.
    pub(super) states_none: bool,
}

/// One entry of a list.
pub(super) struct Row<'a> {
    cells: Vec<(Column, ElementRef<'a>)>,
}

impl<'a> Row<'a> {
    pub(super) fn cell(&self, column: Column) -> Option<ElementRef<'a>> {
        self.cells
            .iter()
            .find_map(|(kind, cell)| (*kind == column).then_some(*cell))
    }

    /// Returns the text of a cell; `None` if the cell is missing or empty.
    pub(super) fn text(&self, column: Column) -> Option<String> {
        self.cell(column).and_then(non_empty_text)
    }

    /// Reads title, author and public page from the cell `Title / Author`.
    pub(super) fn read_work(&self, base: &Url) -> Result<Work, Failure> {
        let cell = self
            .cell(Column::Title)
            .ok_or_else(|| Failure::page_changed("a row without a title cell"))?;
        let work = Work::from_cell(cell, base);
        if work.title.is_empty() {
            return Err(Failure::page_changed("a row without a title"));
        }
        Ok(work)
    }
}

/// An item's work.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) title: String,
    pub(super) author: Option<String>,
    pub(super) url: Option<String>,
}

impl Work {
    fn from_cell(cell: ElementRef<'_>, base: &Url) -> Self {
        // The first link may contain only a picture.
        let has_words = |part: &ElementRef<'_>| !element_text(*part).is_empty();
        let words = TITLE_MAIN
            .all(cell)
            .find(has_words)
            .or_else(|| LINKS.all(cell).find(has_words))
            .or_else(|| LABELS.all(cell).find(has_words))
            .unwrap_or(cell);
        let whole = element_text(words);
        let volume = VOLUME.first(cell).map(element_text).unwrap_or_default();
        // The volume belongs to the title, although it follows the author.
        let bare = match whole.strip_suffix(volume.as_str()) {
            Some(before) if !volume.is_empty() => before.trim_end(),
            _ => whole.as_str(),
        };
        // The catalogue writes a slash within a title without spaces; a later “ / ” separates authors.
        let (title, author) = match bare.split_once(" / ") {
            Some((title, author)) => (title, author),
            None => (bare, ""),
        };
        let (title, author) = match author.strip_suffix("--") {
            Some(author) if !volume.is_empty() => (format!("{} --", tidy(title)), tidy(author)),
            _ => (tidy(title), tidy(author)),
        };
        let title = if volume.is_empty() {
            title
        } else {
            tidy(&format!("{title} {volume}"))
        };
        // Other links lead to the patron's own pages.
        let url = LINKS
            .all(cell)
            .filter_map(|link| link.attr("href"))
            .find(|href| href.contains("/record="))
            .and_then(|href| web_link(href, base))
            .map(String::from);
        Self {
            title,
            author: Some(author).filter(|author| !author.is_empty()),
            url,
        }
    }
}

/// Reads the lists of loans and holds on a page; other tables are ignored.
pub(super) fn read_tables(page: &Html) -> Result<Vec<Table<'_>>, Failure> {
    let mut tables = Vec::new();
    let mut seen_tables = HashSet::new();
    for mark in LIST_MARKERS.all(page.root_element()) {
        let Some(table) = table_of(mark) else {
            continue;
        };
        // A long list may repeat its headers.
        if !seen_tables.insert(table.id()) {
            continue;
        }
        let own_rows: Vec<_> = ROWS
            .all(table)
            .filter(|row| table_of(*row).is_some_and(|of| of.id() == table.id()))
            .collect();
        let title = TITLE_ROW.first(table).map(element_text);
        // An empty list may have no headers.
        let headers = own_rows.iter().find(|row| HEADERS.matches(**row));
        let columns: Vec<Column> = headers
            .into_iter()
            .flat_map(|header| cells(*header))
            .map(|cell| column_of_header(&element_text(cell)))
            .collect();
        let kind = kind_of(&columns, title.as_deref())?
            .or_else(|| kind_in_any_language(table))
            .or_else(|| kind_of_empty_list(table));
        let Some(kind) = kind else {
            continue;
        };
        let declared = title.as_deref().and_then(first_number);
        let mut rows = Vec::new();
        let mut remarks = Vec::new();
        let entries: Vec<_> = own_rows
            .into_iter()
            .filter(|row| {
                !(HEADERS.matches(*row) || TITLE_ROW.matches(*row) || TITLE_ROW.is_in(*row))
            })
            .collect();
        reject_duplicate_rows(entries.iter().copied(), "entries")?;
        for row in entries {
            let cells: Vec<_> = cells(row)
                .enumerate()
                .map(|(index, cell)| (column_of_cell(cell, index, &columns, kind), cell))
                .collect();
            let states_none = NO_ENTRIES.matches(row);
            let has_title = cells.iter().any(|(column, _)| *column == Column::Title);
            if has_title && !states_none {
                if cells.len() < columns.len() && !has_all_known_columns(&cells, &columns, kind) {
                    return Err(Failure::page_changed("a row with fewer cells than columns"));
                }
                rows.push(Row { cells });
            } else {
                let words = element_text(row);
                let is_hollow = cells.is_empty() && declared.is_none();
                if !words.is_empty() || ENTRY.matches(row) || is_hollow || states_none {
                    remarks.push(Remark {
                        words,
                        is_entry: ENTRY.matches(row),
                        states_none,
                    });
                }
            }
        }
        tables.push(Table {
            kind,
            declared,
            rows,
            remarks,
        });
    }
    Ok(tables)
}

fn table_of(element: ElementRef<'_>) -> Option<ElementRef<'_>> {
    TABLE.closest_around(element)
}

fn kind_of(columns: &[Column], title: Option<&str>) -> Result<Option<Kind>, Failure> {
    let title = title.unwrap_or_default().to_ascii_uppercase();
    let has = |kinds: &[Column]| columns.iter().any(|column| kinds.contains(column));
    let holds = has(&[
        Column::Cancel,
        Column::Pickup,
        Column::Lapses,
        Column::Freeze,
    ]) || title.contains("HOLD");
    let loans = has(&[Column::Renew, Column::Barcode]) || title.contains("CHECKED OUT");
    match (loans, holds) {
        (true, true) => Err(Failure::page_changed(
            "a table that may be of loans or of holds",
        )),
        (true, false) => Ok(Some(Kind::Loans)),
        (false, true) => Ok(Some(Kind::Holds)),
        (false, false) => Ok(None),
    }
}

/// Identifies the list by language-independent parts: the form around it, and the classes of its cells.
fn kind_in_any_language(table: ElementRef<'_>) -> Option<Kind> {
    let form = FORM.closest_around(table);
    let name = form.and_then(|form| form.attr("id").or_else(|| form.attr("name")));
    let is_loans = name == Some("checkout_form") || LOAN_CELLS.is_in(table);
    let is_holds = name == Some("hold_form") || HOLD_CELLS.is_in(table);
    match (is_loans, is_holds) {
        (true, false) => Some(Kind::Loans),
        (false, true) => Some(Kind::Holds),
        _ => None,
    }
}

/// Identifies an empty list by the words in the row that states it.
fn kind_of_empty_list(table: ElementRef<'_>) -> Option<Kind> {
    let words = NO_ENTRIES.first(table).map(element_text)?.to_lowercase();
    let states = |known: &[&str]| known.iter().any(|phrase| words.contains(phrase));
    match (states(&NO_LOANS), states(&NO_HOLDS)) {
        (true, false) => Some(Kind::Loans),
        (false, true) => Some(Kind::Holds),
        _ => None,
    }
}

/// Whether a short row lacks only cells that aren't read, such as the stars of a rating.
///
/// A missing cell might have shown more, for example that a hold is frozen. Without its class, a cell may be shifted.
fn has_all_known_columns(
    cells: &[(Column, ElementRef<'_>)],
    columns: &[Column],
    kind: Kind,
) -> bool {
    let by_class: Option<Vec<Column>> = cells
        .iter()
        .map(|(_, cell)| column_by_class(*cell, kind))
        .collect();
    by_class.is_some_and(|own| {
        let mut known = columns.iter().filter(|column| **column != Column::Other);
        known.all(|column| own.contains(column))
    })
}

fn column_of_header(words: &str) -> Column {
    let words = words.to_ascii_uppercase();
    match words.as_str() {
        "RENEW" => Column::Renew,
        "CANCEL" => Column::Cancel,
        "TITLE" => Column::Title,
        "BARCODE" => Column::Barcode,
        "STATUS" => Column::Status,
        "CALL NUMBER" => Column::CallNumber,
        "FREEZE" => Column::Freeze,
        words
            if ["PICKUP", "PICK UP", "PICK-UP"]
                .iter()
                .any(|pickup| words.contains(pickup)) =>
        {
            Column::Pickup
        }
        words if words.starts_with("CANCEL IF") => Column::Lapses,
        _ => Column::Other,
    }
}

/// Returns the column of a cell: by its class, or in older pages without classes by the header above it.
fn column_of_cell(cell: ElementRef<'_>, index: usize, columns: &[Column], kind: Kind) -> Column {
    let by_index = columns.get(index).copied().unwrap_or(Column::Other);
    column_by_class(cell, kind).unwrap_or(by_index)
}

fn column_by_class(cell: ElementRef<'_>, kind: Kind) -> Option<Column> {
    cell.value().classes().find_map(|class| match class {
        "patFuncMark" => Some(match kind {
            Kind::Loans => Column::Renew,
            Kind::Holds => Column::Cancel,
        }),
        "patFuncTitle" | "patFuncBibTitle" => Some(Column::Title),
        "patFuncBarcode" => Some(Column::Barcode),
        "patFuncStatus" => Some(Column::Status),
        "patFuncCallNo" => Some(Column::CallNumber),
        "patFuncPickup" => Some(Column::Pickup),
        "patFuncCancel" => Some(Column::Lapses),
        "patFuncFreeze" => Some(Column::Freeze),
        "patFuncRating" => Some(Column::Other),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn work(cell: &str) -> Work {
        let page = Html::parse_document(&format!("<table><tr><td>{cell}</table>"));
        static CELL: Css = Css::new("td");
        Work::from_cell(
            CELL.first(page.root_element()).unwrap(),
            &Url::parse("https://library.test/").unwrap(),
        )
    }

    #[rstest]
    #[case("<a href=x> Tides / Ada Stone. </a><br>", "Tides", Some("Ada Stone."))]
    #[case(
        "<a href=x>Salt/sweet / Ada Stone</a>",
        "Salt/sweet",
        Some("Ada Stone")
    )]
    #[case(
        "<a href=x>Either/or / Ada Stone / Bo Reed</a>",
        "Either/or",
        Some("Ada Stone / Bo Reed")
    )]
    #[case(
        "<a href=/record=b7><img src=x></a><label><a href=/record=b7>Tides / Ada Stone</a></label>",
        "Tides",
        Some("Ada Stone")
    )]
    #[case("<a href=x>Tides /</a>", "Tides", None)]
    #[case(
        "<a href=x>Tides -- <span class=patFuncVol>v. 2</span></a>",
        "Tides -- v. 2",
        None
    )]
    #[case(
        "<a href=x>Tides / Ada Stone -- <span class=patFuncVol>v. 2</span></a>",
        "Tides -- v. 2",
        Some("Ada Stone")
    )]
    #[case(
        "<a href=x><span class=patFuncTitleMain>Tides / Ada Stone</span></a> <span class=patFuncVol>v. 2</span> late",
        "Tides v. 2",
        Some("Ada Stone")
    )]
    #[case("From another library;DVD;;;", "From another library;DVD", None)]
    fn title_and_author_are_separated(
        #[case] cell: &str,
        #[case] title: &str,
        #[case] author: Option<&str>,
    ) {
        let work = work(cell);
        assert_eq!(
            (work.title.as_str(), work.author.as_deref()),
            (title, author)
        );
    }

    #[rstest]
    #[case("/record=b7~S1", Some("https://library.test/record=b7~S1"))]
    #[case("/patroninfo~S1/1000001/item&7", None)]
    #[case("javascript:'/record=b7'", None)]
    fn only_links_to_public_records_are_kept(#[case] href: &str, #[case] expected: Option<&str>) {
        let work = work(&format!("<a href=\"{href}\">Tides</a>"));
        assert_eq!(work.url.as_deref(), expected);
    }
}
