//! Finds the values of a row.

use hippo_browser::reading::{Css, element_lines, element_text, text_after_words, tidy};
use scraper::ElementRef;

use super::description::{Column, Field, Part, Place};

static CELLS: Css = Css::new("td, th");

/// The headers of a list: the words of each, and its first column.
#[derive(Debug, Default)]
pub(super) struct Headers {
    headers: Vec<(usize, String)>,
    /// The number of columns.
    pub(super) width: usize,
}

impl Headers {
    pub(super) fn from_row(row: ElementRef<'_>) -> Self {
        let mut headers = Self::default();
        for cell in cells(row) {
            headers
                .headers
                .push((headers.width, element_text(cell).to_lowercase()));
            headers.width += column_span(cell);
        }
        headers
    }

    /// Returns the column of the first header that has one of these words.
    pub(super) fn column(&self, words: &[&str]) -> Option<usize> {
        words.iter().find_map(|words| {
            let mut headers = self.headers.iter();
            let (column, _) =
                headers.find(|(_, header)| text_after_words(header, &[words]).is_some())?;
            Some(*column)
        })
    }
}

/// One entry of a list.
pub(crate) struct Row<'a> {
    pub(crate) element: ElementRef<'a>,
    columns: &'static [Column],
    headers: &'a Headers,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        element: ElementRef<'a>,
        columns: &'static [Column],
        headers: &'a Headers,
    ) -> Self {
        Self {
            element,
            columns,
            headers,
        }
    }

    /// Returns the element that has a value: the cell, or the match.
    pub(crate) fn element_of(&self, field: Field) -> Option<ElementRef<'a>> {
        let mut columns = self.columns.iter().filter(|column| column.field == field);
        columns.find_map(|column| self.place_of(column))
    }

    /// Returns a value. `None` if the row does not have it, or it is empty.
    pub(crate) fn value(&self, field: Field) -> Option<String> {
        let mut columns = self.columns.iter().filter(|column| column.field == field);
        columns.find_map(|column| self.value_of(column))
    }

    /// Whether the row has all of these values.
    pub(super) fn has_all(&self, needed: &[Field]) -> bool {
        needed.iter().all(|field| self.value(*field).is_some())
    }

    fn place_of(&self, column: &'static Column) -> Option<ElementRef<'a>> {
        match &column.place {
            Place::Header(words) => cell_at(self.element, self.headers.column(words)?),
            Place::Element(css) => css.first(self.element),
        }
    }

    fn value_of(&self, column: &'static Column) -> Option<String> {
        let element = self.place_of(column)?;
        let text = match &column.part {
            Part::Text => element_text(element),
            Part::Line(line) => element_lines(element).into_iter().nth(*line)?,
            Part::Element(css) => element_text(css.first(element)?),
            Part::After(words) => text_after_words(&element_text(element), words)?.to_owned(),
            Part::Attribute(name) => element.attr(name)?.trim().to_owned(),
            Part::Read(read) => read(element)?,
        };
        let text = match column.field {
            Field::Title | Field::Author => tidy(&text),
            _ => text,
        };
        Some(text).filter(|text| !text.is_empty())
    }
}

/// Returns the cells of a table's row.
pub(super) fn cells(row: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    row.child_elements().filter(|cell| CELLS.matches(*cell))
}

/// Returns the number of columns that a row's cells cover.
pub(super) fn width(row: ElementRef<'_>) -> usize {
    cells(row).map(column_span).sum()
}

/// Returns the cell that covers a column.
fn cell_at(row: ElementRef<'_>, column: usize) -> Option<ElementRef<'_>> {
    let mut end = 0;
    cells(row).find(|cell| {
        end += column_span(*cell);
        column < end
    })
}

/// Returns the number of columns that a cell covers; HTML allows 1,000.
fn column_span(cell: ElementRef<'_>) -> usize {
    let span = cell
        .attr("colspan")
        .and_then(|span| span.trim().parse().ok());
    span.unwrap_or(1).clamp(1, 1_000)
}
