//! The headers, rows and cells of tables.

use hippo_browser::reading::{Css, Element};

static CELLS: Css = Css::new("td, th");

/// A header of a table.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    /// The first of its columns, from 0.
    pub(crate) column: usize,
    /// Its words, in lower case.
    pub(crate) words: String,
    pub(crate) cell: Element<'a>,
}

/// Returns the rows of a table itself: not those of a table within it.
pub(crate) fn own_rows(table: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    let bodies = table.child_elements();
    bodies.flat_map(|body| body.child_elements())
}

/// Returns the cells of a table's row.
pub(super) fn cells(row: Element<'_>) -> impl Iterator<Item = Element<'_>> {
    row.child_elements().filter(|cell| CELLS.matches(*cell))
}

/// Returns the number of columns that a row's cells cover.
pub(super) fn width(row: Element<'_>) -> usize {
    cells(row).map(column_span).sum()
}

/// Lists the columns with such a number of cells that match. Visits each cell once, because a row may have very many.
pub(super) fn find_columns(
    rows: &[Element<'_>],
    is_match: impl Fn(Element<'_>) -> bool,
    is_enough: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let width = rows.first().map_or(0, |row| cells(*row).count());
    let mut matches = vec![0; width];
    for row in rows {
        let mut columns = matches.iter_mut();
        for cell in cells(*row).take(width) {
            let found = usize::from(is_match(cell));
            let covered = columns.by_ref().take(column_span(cell));
            covered.for_each(|matches| *matches += found);
        }
    }
    let columns = matches.into_iter().enumerate();
    let found = columns.filter(|(_, matches)| is_enough(*matches));
    found.map(|(column, _)| column).collect()
}

/// Returns the cell that covers a column.
pub(super) fn cell_at(row: Element<'_>, column: usize) -> Option<Element<'_>> {
    let mut end = 0;
    cells(row).find(|cell| {
        end += column_span(*cell);
        column < end
    })
}

/// Returns the number of columns that a cell covers; HTML allows 1,000.
pub(super) fn column_span(cell: Element<'_>) -> usize {
    let span = cell
        .attr("colspan")
        .and_then(|span| span.trim().parse().ok());
    span.unwrap_or(1).clamp(1, 1_000)
}
