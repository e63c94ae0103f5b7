//! Finds the values of a row.

use std::cell::OnceCell;

use hippo_browser::reading::{
    Css, Element, element_lines, element_text, element_text_without, non_empty_text,
    text_after_words, tidy,
};

use super::column::{Column, Field, Part, Place, WHOLE};
use super::date::date_text;
use super::labels::{count_beside, line_beginning};
use super::table::{Header, cell_at, cells, column_span, width};
use super::title::{last_own_line, own_text};
use crate::links::linked_numbers;

/// The headers of a list, and the columns that they give the values of its rows.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    headers: Vec<Header<'a>>,
    /// The place of each described column, if a header tells it.
    places: Vec<Option<usize>>,
    /// The value of each described column, if a header itself has it.
    values: Vec<Option<String>>,
    /// The number of columns.
    pub(super) width: usize,
}

impl<'a> Headers<'a> {
    /// Reads the first of a list's rows of headers. `None` if there is no such row.
    pub(super) fn from_rows(
        header_rows: &[Element<'a>],
        rows: &[Element<'a>],
        columns: &'static [Column],
    ) -> Option<Self> {
        let row = *header_rows.first()?;
        let mut headers = Self::default();
        for cell in cells(row) {
            headers.headers.push(Header {
                column: headers.width,
                words: element_text(cell).to_lowercase(),
                cell,
            });
            headers.width += column_span(cell);
        }
        let others = rows.iter().copied().filter(|other| *other != row);
        let others: Vec<_> = others.collect();
        let has_marks = columns.iter().any(|column| match column.place {
            Place::Column(column) => column.is_marked_in(&others),
            _ => false,
        });
        let place = |column: &'static Column| match &column.place {
            Place::Header(words) | Place::Cell(_, words) => headers.column(words),
            Place::HeaderWith(css) => headers.column_with(css),
            Place::Column(column) if !has_marks => column.find(&headers.headers, &others),
            _ => None,
        };
        headers.places = columns.iter().map(place).collect();
        let value = |column: &'static Column| {
            let Place::InHeaders(css) = &column.place else {
                return None;
            };
            let cells = header_rows.iter().flat_map(|row| cells(*row));
            let mut found = cells.filter(|cell| css.matches(*cell) || css.is_in(*cell));
            found.find_map(|cell| read_part(&column.part, cell))
        };
        headers.values = columns.iter().map(value).collect();
        Some(headers)
    }

    /// Whether a column has a header, or needs none.
    pub(super) fn has(&self, index: usize, column: &Column) -> bool {
        !column.place.is_below_header() || self.place(index).is_some()
    }

    /// Returns the column of the first header that has, or is, one of these words.
    pub(super) fn column(&self, words: &[&str]) -> Option<usize> {
        words.iter().find_map(|words| {
            let has_words = |header: &&Header<'_>| match words.strip_prefix(WHOLE) {
                Some(whole) => header.words == whole,
                None => text_after_words(&header.words, &[words]).is_some(),
            };
            Some(self.headers.iter().find(has_words)?.column)
        })
    }

    /// Returns the column of the first header that has such an element.
    pub(super) fn column_with(&self, css: &'static Css) -> Option<usize> {
        let mut headers = self.headers.iter();
        let header = headers.find(|header| css.is_in(header.cell))?;
        Some(header.column)
    }

    fn place(&self, index: usize) -> Option<usize> {
        self.places.get(index).copied().flatten()
    }

    fn value(&self, index: usize) -> Option<String> {
        self.values.get(index).cloned().flatten()
    }
}

/// One entry of a list.
pub(crate) struct Row<'a> {
    pub(crate) element: Element<'a>,
    columns: &'static [Column],
    headers: &'a Headers<'a>,
    /// The heading of its group.
    group: Option<Element<'a>>,
    /// The next row, if it has the details of this one.
    detail: Option<Element<'a>>,
    /// The value of each column that was asked for.
    values: Vec<OnceCell<Option<String>>>,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        element: Element<'a>,
        columns: &'static [Column],
        headers: &'a Headers<'a>,
        group: Option<Element<'a>>,
        detail: Option<Element<'a>>,
    ) -> Self {
        Self {
            element,
            columns,
            headers,
            group,
            detail,
            values: vec![OnceCell::new(); columns.len()],
        }
    }

    /// Returns the element that has a value: the cell, or the match.
    pub(crate) fn element_of(&self, field: Field) -> Option<Element<'a>> {
        self.columns_of(field)
            .find_map(|(index, column)| self.place_of(index, column))
    }

    /// Returns a value. `None` if the row does not have it, or it is empty.
    pub(crate) fn value(&self, field: Field) -> Option<String> {
        self.columns_of(field).find_map(|(index, column)| {
            let value = self.values.get(index)?;
            value.get_or_init(|| self.value_of(index, column)).clone()
        })
    }

    /// Whether the row has all of these values.
    pub(super) fn has_all(&self, needed: &[Field]) -> bool {
        needed.iter().all(|field| self.value(*field).is_some())
    }

    /// Whether the row has an element for each of these values, whatever is in it.
    pub(super) fn has_places(&self, needed: &[Field]) -> bool {
        needed.iter().all(|field| self.element_of(*field).is_some())
    }

    /// Whether the cells of the row are below their headers, or say themselves what they are.
    ///
    /// In a row of another width, the cells may be shifted. A list whose cells say what they are may have more of them
    /// than headers, at the end. Any other width needs that no described cell is missing.
    pub(super) fn fits_headers(&self) -> bool {
        let (expected, own) = (self.headers.width, width(self.element));
        let mut columns = self.columns.iter();
        if expected == 0 || own == expected || !columns.any(|column| column.place.is_below_header())
        {
            return true;
        }
        let columns = self.columns.iter().enumerate();
        let mut told = columns
            .filter_map(|(index, column)| match &column.place {
                Place::Cell(css, _) => Some((self.headers.place(index).is_some(), css)),
                _ => None,
            })
            .peekable();
        let has_more = own > expected && own == cells(self.element).count();
        let is_there = |css: &'static Css| cells(self.element).any(|cell| css.matches(cell));
        told.peek().is_some()
            && (has_more || told.all(|(has_header, css)| !has_header || is_there(css)))
    }

    fn columns_of(&self, field: Field) -> impl Iterator<Item = (usize, &'static Column)> {
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(_, column)| column.field == field)
    }

    fn place_of(&self, index: usize, column: &'static Column) -> Option<Element<'a>> {
        match &column.place {
            Place::Header(_) | Place::HeaderWith(_) => {
                cell_at(self.element, self.headers.place(index)?)
            }
            Place::Column(column) => {
                let marked = cells(self.element).find(|cell| column.marked.matches(*cell));
                marked.or_else(|| cell_at(self.element, self.headers.place(index)?))
            }
            Place::Cell(css, _) => {
                let says_itself = |cell: &Element<'_>| {
                    let mut columns = self.columns.iter();
                    columns.any(|column| match &column.place {
                        Place::Cell(css, _) => css.matches(*cell),
                        _ => false,
                    })
                };
                let own = cells(self.element).find(|cell| css.matches(*cell));
                own.or_else(|| {
                    let below = cell_at(self.element, self.headers.place(index)?);
                    below.filter(|cell| !says_itself(cell))
                })
            }
            Place::InHeaders(_) => None,
            Place::Element(css) => css.first(self.element),
            Place::Row => Some(self.element),
            Place::Detail(css) => css.first(self.detail?),
            Place::Group(_) => self.group,
        }
    }

    fn value_of(&self, index: usize, column: &'static Column) -> Option<String> {
        let text = match &column.place {
            Place::InHeaders(_) => self.headers.value(index)?,
            _ => read_part(&column.part, self.place_of(index, column)?)?,
        };
        let text = match column.field {
            // `¬` is the catalogues' sign for words that don't sort.
            Field::Title | Field::Author => tidy(&text.replace('¬', "")),
            _ => text,
        };
        Some(text).filter(|text| !text.is_empty())
    }
}

/// Reads a part of an element. `None` if the element does not have it.
fn read_part(part: &'static Part, element: Element<'_>) -> Option<String> {
    Some(match part {
        Part::Text => element_text(element),
        Part::Line(line) => element_lines(element).into_iter().nth(*line)?,
        Part::Element(css) => element_text(css.first(element)?),
        Part::After(words) => text_after_words(&element_text(element), words)?.to_owned(),
        Part::LineAfter(words) => {
            let lines = element_lines(element);
            let mut rests = lines
                .iter()
                .filter_map(|line| text_after_words(line, words));
            rests.next()?.to_owned()
        }
        Part::LineBeginning(words) => line_beginning(element, words)?,
        Part::Count { after, before } => {
            count_beside(&element_text(element), after, before)?.to_string()
        }
        Part::Presence => "there".to_owned(),
        Part::Is(css) => css.matches(element).then(|| "there".to_owned())?,
        Part::Has(css) => css.first(element).map(|_| "there".to_owned())?,
        Part::Lacks(css) => (!css.is_in(element)).then(|| "there".to_owned())?,
        Part::Without(css) => element_text_without(element, |part| css.matches(part)),
        Part::Texts(css) => {
            let texts: Vec<_> = css.all(element).filter_map(non_empty_text).collect();
            texts.join(" ")
        }
        Part::OwnText => own_text(element)?,
        Part::LastOwnLine => last_own_line(element)?,
        Part::TitleOfParts(title) => title.read(element)?,
        Part::Date(others) => date_text(element, others),
        Part::LinkParameter(names) => linked_numbers(element, names).next()?.to_owned(),
        Part::Title(text) => text.split(element)?.0,
        Part::Author(text) => text.split(element)?.1,
        Part::Attribute(name) => element.attr(name)?.trim().to_owned(),
        Part::AttributeOf(css, name, beginning) => {
            let value = css.first(element)?.attr(name)?.trim();
            value.strip_prefix(beginning)?.to_owned()
        }
        Part::Read(read) => read(element)?,
    })
}
