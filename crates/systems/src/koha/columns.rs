//! Names the columns of tables whose cells have no classes, as Koha printed them until 2012.
//!
//! A column is named by what its cells hold, and by the words above it only where that isn't enough. A column that
//! stays unclear has no name, so that a list that needs it is refused.

use hippo_browser::reading::{Css, element_text};
use scraper::ElementRef;

use super::addresses::record_number;

static LINK: Css = Css::new("a[href]");
/// The parts that only the cell of a renewal has.
static RENEWAL: Css = Css::new(
    "input[name=item], input[name=issue], a[href*='opac-renew.pl'], form[action*='opac-renew.pl'], .renewals",
);

/// The classes that name the cells of newer tables.
const CLASSES: [&str; 10] = [
    "author",
    "barcode",
    "branch",
    "date_due",
    "expirationdate",
    "itype",
    "renew",
    "reservedate",
    "status",
    "title",
];

/// The beginnings of the words above a column, in the languages of the older templates.
const DUE: [&str; 6] = [
    "due",
    "date due",
    "fällig",
    "date de retour",
    "vence",
    "scadenza",
];
const RENEW: [&str; 5] = ["renew", "verlänger", "renouvel", "renov", "rinnov"];
const BARCODE: [&str; 5] = [
    "barcode",
    "strichcode",
    "code à barres",
    "código de barras",
    "codice a barre",
];
const EXPIRES: [&str; 5] = ["expires", "läuft ab", "expire le", "caduca", "scade"];
const BRANCH: [&str; 7] = [
    "pick up",
    "pickup",
    "pick-up",
    "abholort",
    "lieu de retrait",
    "lugar de recogida",
    "ritiro",
];
const PRIORITY: [&str; 5] = ["priority", "priorität", "priorité", "prioridad", "priorità"];
const STATUS: [&str; 4] = ["status", "statut", "estado", "stato"];

/// All of them.
pub(super) const HEADERS: [&[&str]; 7] = [
    &DUE, &RENEW, &BARCODE, &EXPIRES, &BRANCH, &PRIORITY, &STATUS,
];

/// A table without classes: the words above its columns, and the cells of its rows.
pub(super) struct Unnamed<'t, 'a> {
    headers: &'t [String],
    rows: &'t [Vec<ElementRef<'a>>],
}

type Names = Vec<Option<&'static str>>;

impl<'t, 'a> Unnamed<'t, 'a> {
    /// Returns the table, unless a cell has a class that names its column.
    pub(super) fn from_parts(
        headers: &'t [String],
        rows: &'t [Vec<ElementRef<'a>>],
    ) -> Option<Self> {
        let is_named = rows.iter().flatten().any(|cell| {
            let mut classes = cell.value().classes();
            classes.any(|class| CLASSES.contains(&class))
        });
        (!is_named).then_some(Self { headers, rows })
    }

    /// Names the columns of loans.
    pub(super) fn name_loans(&self) -> Names {
        let dates = self.columns_of_dates();
        // Known words above a column count more than dates in another.
        let due = match (self.all_below(&DUE).as_slice(), dates.as_slice()) {
            ([due], _) => dates.contains(due).then_some(*due),
            ([], [only]) => Some(*only),
            _ => None,
        };
        let renewals = self.columns_with(is_renewal);
        let renew = match renewals.as_slice() {
            [only] => Some(*only),
            [] => self.below(&RENEW),
            _ => None,
        };
        self.name([
            ("title", self.title()),
            ("date_due", due),
            ("renew", renew),
            ("barcode", self.below(&BARCODE)),
        ])
    }

    /// Names the columns of holds.
    pub(super) fn name_holds(&self) -> Names {
        let expires = self.below(&EXPIRES);
        let mut dates = self.columns_of_dates().into_iter();
        let placed = dates.find(|column| Some(*column) != expires);
        self.name([
            ("title", self.title()),
            ("reservedate", placed),
            ("expirationdate", expires),
            ("branch", self.below(&BRANCH)),
            ("priority", self.below(&PRIORITY)),
            ("status", self.below(&STATUS)),
        ])
    }

    /// Writes the names above their columns; a second name for a column is ignored.
    fn name<const N: usize>(&self, found: [(&'static str, Option<usize>); N]) -> Names {
        let mut names = vec![None; self.headers.len()];
        for (name, column) in found {
            if let Some(slot) = column.and_then(|column| names.get_mut(column)) {
                slot.get_or_insert(name);
            }
        }
        names
    }

    /// Returns the only column below words with one of these beginnings.
    fn below(&self, beginnings: &[&str]) -> Option<usize> {
        match self.all_below(beginnings).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    fn all_below(&self, beginnings: &[&str]) -> Vec<usize> {
        let is_match = |words: &String| beginnings.iter().any(|start| words.starts_with(start));
        let columns = self.headers.iter().enumerate();
        columns
            .filter(|(_, words)| is_match(words))
            .map(|(column, _)| column)
            .collect()
    }

    /// Returns the column of the links to the catalogue's records, if all rows agree.
    fn title(&self) -> Option<usize> {
        let mut columns = self
            .rows
            .iter()
            .filter_map(|row| row.iter().position(|cell| names_record(*cell)));
        let first = columns.next()?;
        columns.all(|column| column == first).then_some(first)
    }

    /// Lists the columns that have a date, and nothing else, in each row.
    fn columns_of_dates(&self) -> Vec<usize> {
        let is_date = |cell: &ElementRef<'_>| is_numeric_date(&element_text(*cell));
        let is_date_in_all = |column: &usize| {
            let mut rows = self.rows.iter();
            rows.all(|row| row.get(*column).is_some_and(is_date))
        };
        let columns = 0..self.headers.len();
        columns
            .filter(|column| !self.rows.is_empty() && is_date_in_all(column))
            .collect()
    }

    fn columns_with(&self, is_such: fn(ElementRef<'_>) -> bool) -> Vec<usize> {
        let is_in_any = |column: &usize| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.get(*column).is_some_and(|cell| is_such(*cell)))
        };
        (0..self.headers.len()).filter(is_in_any).collect()
    }
}

fn is_renewal(cell: ElementRef<'_>) -> bool {
    RENEWAL.is_in(cell)
}

/// Whether a cell links to a record by its title: the link of a cover has no words.
fn names_record(cell: ElementRef<'_>) -> bool {
    LINK.all(cell).any(|link| {
        link.attr("href").and_then(record_number).is_some() && !element_text(link).is_empty()
    })
}

/// Whether a text is a date in digits, such as `10/27/2011` or `2011-10-27 23:59`.
fn is_numeric_date(words: &str) -> bool {
    let mut parts = words.split_whitespace();
    let date = parts.next().unwrap_or_default();
    let is_date = ['/', '-', '.'].iter().any(|sign| {
        let groups: Vec<&str> = date.split(*sign).collect();
        let is_number = |group: &&str| {
            matches!(group.len(), 1 | 2 | 4) && group.bytes().all(|byte| byte.is_ascii_digit())
        };
        groups.len() == 3 && groups.iter().all(is_number)
    });
    let is_time = |part: &str| {
        part.contains(':')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    is_date && parts.all(is_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    fn loans(headers: &[&str], rows: &[&[&str]]) -> Vec<(&'static str, usize)> {
        names(headers, rows, |table| table.name_loans())
    }

    fn names(
        headers: &[&str],
        rows: &[&[&str]],
        name: impl Fn(&Unnamed<'_, '_>) -> Names,
    ) -> Vec<(&'static str, usize)> {
        static ROW: Css = Css::new("tr");
        static CELL: Css = Css::new("td");
        let rows: String = rows
            .iter()
            .map(|row| format!("<tr><td>{}</tr>", row.join("<td>")))
            .collect();
        let page = Html::parse_document(&format!("<table>{rows}</table>"));
        let rows: Vec<Vec<ElementRef<'_>>> = ROW
            .all(page.root_element())
            .map(|row| CELL.all(row).collect())
            .collect();
        let headers: Vec<String> = headers.iter().map(|words| words.to_lowercase()).collect();
        let names = name(&Unnamed::from_parts(&headers, &rows).unwrap());
        let named = names.into_iter().enumerate();
        named
            .filter_map(|(column, name)| Some((name?, column)))
            .collect()
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
        assert_eq!(loans(headers, &[row]), expected);
        assert_eq!(loans(headers, &[row, row]), expected);
    }

    #[test]
    fn rows_that_disagree_name_no_column() {
        let rows: &[&[&str]] = &[&[TITLE, "10/27/2011"], &["10/27/2011", TITLE]];
        assert_eq!(loans(&["Title", "Due"], rows), []);
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
            ("reservedate", 1),
            ("expirationdate", 2),
            ("branch", 3),
            ("priority", 4),
            ("status", 5),
        ];
        assert_eq!(
            names(&headers, &[row], |table| table.name_holds()),
            expected
        );
    }
}
