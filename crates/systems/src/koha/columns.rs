//! Finds the columns of tables whose cells have no classes, as Koha printed them until 2012.
//!
//! A column is found by what its cells hold, and by the words above it only where that isn't enough. A column that
//! stays unclear isn't found, so that a list that needs it is refused.

use hippo_browser::reading::{Css, element_text};
use scraper::ElementRef;

use super::phrases::{self, Words};
use super::work::find_record_links;
use crate::list_reader::{Header, cells, find_columns, has_date};

/// Finds a column by the headers and the rows.
pub(super) type Find = fn(&[Header<'_>], &[ElementRef<'_>]) -> Option<usize>;

/// The parts that only the cell of a renewal has.
static RENEWAL: Css = Css::new(
    "input[name=item], input[name=issue], a[href*='opac-renew.pl'], form[action*='opac-renew.pl'], .renewals",
);

/// Finds the column of the links to the catalogue's records, if all rows agree. The link of a cover has no words.
pub(super) fn find_title(_: &[Header<'_>], rows: &[ElementRef<'_>]) -> Option<usize> {
    let has_title = |cell| find_record_links(cell).any(|link| !element_text(link).is_empty());
    let mut columns = rows
        .iter()
        .filter_map(|row| cells(*row).position(has_title));
    let first = columns.next()?;
    columns.all(|column| column == first).then_some(first)
}

/// Finds the column of due dates. Known words above a column count more than dates in another.
pub(super) fn find_due(headers: &[Header<'_>], rows: &[ElementRef<'_>]) -> Option<usize> {
    let dates = find_columns(rows, is_numeric_date, |found| found == rows.len());
    match below(headers, phrases::DUE).as_slice() {
        [due] => dates.contains(due).then_some(*due),
        [] => only(dates),
        _ => None,
    }
}

/// Finds the column with the means of renewals, if any row has some.
pub(super) fn find_renewal(headers: &[Header<'_>], rows: &[ElementRef<'_>]) -> Option<usize> {
    let found = find_columns(rows, |cell| RENEWAL.is_in(cell), |found| found > 0);
    only(if found.is_empty() {
        below(headers, phrases::RENEW)
    } else {
        found
    })
}

pub(super) const FIND_BARCODE: Find = |headers, _| only(below(headers, phrases::BARCODE));
pub(super) const FIND_EXPIRY: Find = |headers, _| only(below(headers, phrases::EXPIRES));
pub(super) const FIND_BRANCH: Find = |headers, _| only(below(headers, phrases::BRANCH));
pub(super) const FIND_PRIORITY: Find = |headers, _| only(below(headers, phrases::PRIORITY));
pub(super) const FIND_STATUS: Find = |headers, _| only(below(headers, phrases::STATUS));

/// Lists the columns below words with one of these beginnings.
fn below(headers: &[Header<'_>], beginnings: Words) -> Vec<usize> {
    let found = headers
        .iter()
        .filter(|header| beginnings.begin(&header.words));
    found.map(|header| header.column).collect()
}

fn only(columns: Vec<usize>) -> Option<usize> {
    match columns.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Whether a cell has a date in digits and no words, such as `10/27/2011` or `2011-10-27 23:59`.
fn is_numeric_date(cell: ElementRef<'_>) -> bool {
    let words = element_text(cell);
    has_date(&words) && !words.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    const LOANS: [(&str, Find); 4] = [
        ("title", find_title),
        ("date_due", find_due),
        ("renew", find_renewal),
        ("barcode", FIND_BARCODE),
    ];
    const HOLDS: [(&str, Find); 5] = [
        ("title", find_title),
        ("expirationdate", FIND_EXPIRY),
        ("branch", FIND_BRANCH),
        ("priority", FIND_PRIORITY),
        ("status", FIND_STATUS),
    ];

    /// Names the columns that are found.
    fn names(
        headers: &[&str],
        rows: &[&[&str]],
        columns: &[(&'static str, Find)],
    ) -> Vec<(&'static str, usize)> {
        static ROW: Css = Css::new("tr");
        let cells = |row: &&[&str]| format!("<tr><td>{}</tr>", row.join("<td>"));
        let rows: String = [headers].iter().chain(rows).map(cells).collect();
        let page = Html::parse_document(&format!("<table>{rows}</table>"));
        let rows: Vec<ElementRef<'_>> = ROW.all(page.root_element()).collect();
        let headers = super::cells(rows[0]).enumerate();
        let headers = headers.map(|(column, cell)| Header {
            column,
            words: element_text(cell).to_lowercase(),
            cell,
        });
        let headers: Vec<Header<'_>> = headers.collect();
        let found = columns.iter().filter_map(|(name, find)| {
            let column = find(&headers, &rows[1..])?;
            Some((*name, column))
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(_, column)| *column);
        found
    }

    const TITLE: &str = "<a href='?biblionumber=3'>Tides</a>";
    const COVER: &str = "<a href='?biblionumber=3'><img></a>";

    #[rstest]
    #[case(&["", "Title", "Due", "Renew"], &["x", TITLE, "10/27/2011", "No"], &[("title", 1), ("date_due", 2), ("renew", 3)])]
    #[case(&["Ttl", "", "X"], &[COVER, TITLE, "2011-10-27 23:59"], &[("title", 1), ("date_due", 2)])]
    #[case(&["Due", "Title", "Out since"], &["1/2/2011", TITLE, "1/1/2011"], &[("date_due", 0), ("title", 1)])]
    #[case(&["Due", "Title", "Out since"], &["soon", TITLE, "1/1/2011"], &[("title", 1)])]
    #[case(&["One", "Title", "Other"], &["1/2/2011", TITLE, "1/1/2011"], &[("title", 1)])]
    #[case(&["Title", "Call no.", "Retour"], &[TITLE, "PB 12/08", "27.10.2011"], &[("title", 0), ("date_due", 2)])]
    #[case(&["Title", "?", "Due"], &[TITLE, "<span class=renewals>(1 of 2)</span>", "27.10.2011"], &[("title", 0), ("renew", 1), ("date_due", 2)])]
    #[case(&["Title", "Due"], &[TITLE, "soon"], &[("title", 0)])]
    fn columns_of_loans_are_named_by_their_cells(
        #[case] headers: &[&str],
        #[case] row: &[&str],
        #[case] expected: &[(&str, usize)],
    ) {
        assert_eq!(names(headers, &[row], &LOANS), expected);
        assert_eq!(names(headers, &[row, row], &LOANS), expected);
    }

    #[test]
    fn rows_that_disagree_name_no_column() {
        let rows: &[&[&str]] = &[&[TITLE, "10/27/2011"], &["10/27/2011", TITLE]];
        assert_eq!(names(&["Title", "Due"], rows, &LOANS), []);
    }

    #[test]
    fn columns_of_holds_are_named_by_their_headers() {
        let headers = [
            "Titel",
            "Vorgemerkt am",
            "Läuft ab am",
            "Abholort",
            "Priorität",
            "Status",
        ];
        let row: &[&str] = &[TITLE, "27.10.2011", "27.10.2012", "Pier", "2", "Ausstehend"];
        let expected = [
            ("title", 0),
            ("expirationdate", 2),
            ("branch", 3),
            ("priority", 4),
            ("status", 5),
        ];
        assert_eq!(names(&headers, &[row], &HOLDS), expected);
    }
}
