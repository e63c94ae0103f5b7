//! The header above a column.

use scraper::ElementRef;

/// A header of a table.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    /// The first of its columns, from 0.
    pub(crate) column: usize,
    /// Its words, in lower case.
    pub(crate) words: String,
    pub(crate) cell: ElementRef<'a>,
}
