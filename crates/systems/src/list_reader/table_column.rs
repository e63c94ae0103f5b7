//! Finds a table's columns: by marked cells, or else by headers and contents.

use hippo_browser::reading::{Css, Element, element_text};

use super::date::has_date;
use super::stems::Stems;
use super::table::{Header, cells, find_columns, own_rows};

/// A column of a table. In a table without marked cells, the header identifies the column, or else its cells do. An
/// ambiguous column isn't found.
pub(crate) struct TableColumn {
    /// What marks its cells, in a table that marks them.
    pub(super) marked: Css,
    /// The beginnings of the words above it.
    pub(super) headers: Stems,
    cells: CellTest,
}

/// What identifies a column by its cells.
pub(crate) enum CellTest {
    /// Nothing: only its header does.
    None,
    /// Each has a date in digits and no words, such as `10/27/2011` or `2011-10-27 23:59`.
    AllDates,
    /// Each has such an element with words.
    AllWithText(Css),
    /// One or more of them have such an element.
    SomeMatch(Css),
}

impl TableColumn {
    /// A column that is identified by its header if no cell is marked.
    pub(crate) const fn new(marked: &'static str, headers: &'static str) -> Self {
        Self::with_cells(marked, headers, CellTest::None)
    }

    /// A column that its cells identify if no cell is marked. Unless the test is `SomeMatch`, a matching header alone isn't
    /// enough: the cells must match, too.
    pub(crate) const fn with_cells(
        marked: &'static str,
        headers: &'static str,
        cells: CellTest,
    ) -> Self {
        Self {
            marked: Css::new(marked),
            headers: Stems(headers),
            cells,
        }
    }

    /// Whether a table has cells of this column, or its words above them.
    pub(crate) fn is_in(&'static self, table: Element<'_>) -> bool {
        let mut cells = own_rows(table).flat_map(cells);
        cells.any(|cell| {
            let is_header = cell.value().name() == "th";
            self.marked.matches(cell)
                || (is_header && self.headers.matches_start_of(&element_text(cell)))
        })
    }

    /// Whether a table marks its cells of this column.
    pub(super) fn is_marked_in(&'static self, rows: &[Element<'_>]) -> bool {
        let mut cells = rows.iter().flat_map(|row| cells(*row));
        cells.any(|cell| self.marked.matches(cell))
    }

    /// Finds the column in a table without marks.
    pub(super) fn find(
        &'static self,
        headers: &[Header<'_>],
        rows: &[Element<'_>],
    ) -> Option<usize> {
        let matching = headers
            .iter()
            .filter(|header| self.headers.matches_start_of(&header.words));
        let by_header: Vec<usize> = matching.map(|header| header.column).collect();
        let by_cells = match &self.cells {
            CellTest::None => return single(&by_header),
            CellTest::AllDates => find_columns(rows, is_date, |found| found == rows.len()),
            CellTest::AllWithText(css) => {
                let is_worded =
                    |cell: Element<'_>| css.all(cell).any(|part| !element_text(part).is_empty());
                find_columns(rows, is_worded, |found| found == rows.len())
            }
            CellTest::SomeMatch(css) => {
                find_columns(rows, |cell| css.is_in(cell), |found| found > 0)
            }
        };
        match by_header.as_slice() {
            [] => single(&by_cells),
            [column]
                if by_cells.contains(column) || matches!(self.cells, CellTest::SomeMatch(_)) =>
            {
                Some(*column)
            }
            _ => None,
        }
    }
}

fn single(columns: &[usize]) -> Option<usize> {
    match columns {
        [column] => Some(*column),
        _ => None,
    }
}

fn is_date(cell: Element<'_>) -> bool {
    let words = element_text(cell);
    has_date(&words) && !words.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    static TITLE_COLUMN: TableColumn =
        TableColumn::with_cells(".title", "", CellTest::AllWithText(Css::new("a")));
    static DUE: TableColumn = TableColumn::with_cells(".due", "due", CellTest::AllDates);
    static RENEW: TableColumn = TableColumn::with_cells(
        ".renew",
        "renew",
        CellTest::SomeMatch(Css::new(".renewals")),
    );
    static EXPIRES: TableColumn = TableColumn::new(".expires", "läuft ab");
    static STATUS: TableColumn = TableColumn::new(".status", "status");

    const LOANS: [(&str, &TableColumn); 3] =
        [("title", &TITLE_COLUMN), ("due", &DUE), ("renew", &RENEW)];
    const HOLDS: [(&str, &TableColumn); 3] = [
        ("title", &TITLE_COLUMN),
        ("expires", &EXPIRES),
        ("status", &STATUS),
    ];

    /// Names the columns that are found.
    fn names(
        headers: &[&str],
        rows: &[&[&str]],
        columns: &[(&'static str, &'static TableColumn)],
    ) -> Vec<(&'static str, usize)> {
        static ROW: Css = Css::new("tr");
        let cells = |row: &&[&str]| format!("<tr><td>{}</tr>", row.join("<td>"));
        let rows: String = [headers].iter().chain(rows).map(cells).collect();
        let page = parse_page(&format!("<table>{rows}</table>")).unwrap();
        let rows: Vec<Element<'_>> = ROW.all(page.root_element()).collect();
        let headers = super::cells(rows[0]).enumerate();
        let headers = headers.map(|(column, cell)| Header {
            column,
            words: element_text(cell).to_lowercase(),
            cell,
        });
        let headers: Vec<Header<'_>> = headers.collect();
        let found = columns.iter().filter_map(|(name, column)| {
            let column = column.find(&headers, &rows[1..])?;
            Some((*name, column))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(_, column)| *column);
        found
    }

    const TITLE: &str = "<a href='?biblionumber=3'>Tides</a>";
    const COVER: &str = "<a href='?biblionumber=3'><img></a>";

    #[rstest]
    #[case(&["", "Title", "Due", "Renew"], &["x", TITLE, "10/27/2011", "No"], &[("title", 1), ("due", 2), ("renew", 3)])]
    #[case(&["Ttl", "", "X"], &[COVER, TITLE, "2011-10-27 23:59"], &[("title", 1), ("due", 2)])]
    #[case(&["Due", "Title", "Out since"], &["1/2/2011", TITLE, "1/1/2011"], &[("due", 0), ("title", 1)])]
    #[case(&["Due", "Title", "Out since"], &["soon", TITLE, "1/1/2011"], &[("title", 1)])]
    #[case(&["One", "Title", "Other"], &["1/2/2011", TITLE, "1/1/2011"], &[("title", 1)])]
    #[case(&["Title", "Call no.", "Retour"], &[TITLE, "PB 12/08", "27.10.2011"], &[("title", 0), ("due", 2)])]
    #[case(&["Title", "?", "Due"], &[TITLE, "<span class=renewals>(1 of 2)</span>", "27.10.2011"], &[("title", 0), ("renew", 1), ("due", 2)])]
    #[case(&["Title", "Due"], &[TITLE, "soon"], &[("title", 0)])]
    fn columns_are_found_by_their_cells(
        #[case] headers: &[&str],
        #[case] row: &[&str],
        #[case] expected: &[(&str, usize)],
    ) {
        assert_eq!(names(headers, &[row], &LOANS), expected);
        assert_eq!(names(headers, &[row, row], &LOANS), expected);
    }

    #[test]
    fn rows_that_disagree_have_no_column() {
        let rows: &[&[&str]] = &[&[TITLE, "10/27/2011"], &["10/27/2011", TITLE]];
        assert_eq!(names(&["Title", "Due"], rows, &LOANS), []);
    }

    #[test]
    fn columns_are_found_by_their_headers() {
        let headers = [
            "Titel",
            "Vorgemerkt am",
            "Läuft ab am",
            "Abholort",
            "Priorität",
            "Status",
        ];
        let row: &[&str] = &[TITLE, "27.10.2011", "27.10.2012", "Pier", "2", "Ausstehend"];
        let expected = [("title", 0), ("expires", 2), ("status", 5)];
        assert_eq!(names(&headers, &[row], &HOLDS), expected);
    }
}
