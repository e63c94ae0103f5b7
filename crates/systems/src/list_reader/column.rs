//! What each entry of a list says, and where.

use hippo_browser::reading::{Css, Element};

use super::table_column::TableColumn;
use super::title::TitleParts;
use super::title_text::TitleText;

/// One thing that each entry says.
pub(crate) struct Column {
    pub(crate) field: Field,
    pub(crate) place: Place,
    pub(crate) part: Part,
}

impl Column {
    fn new(field: Field, place: Place, part: Part) -> Self {
        Self { field, place, part }
    }

    /// The text below the header that has one of these words.
    pub(crate) fn below(field: Field, headers: &'static [&'static str]) -> Self {
        Self::part_below(field, headers, Part::Text)
    }

    /// A part of the cell below the header that has one of these words.
    pub(crate) fn part_below(field: Field, headers: &'static [&'static str], part: Part) -> Self {
        Self::new(field, Place::Header(headers), part)
    }

    /// A part of the cell below the header that has such an element.
    pub(crate) fn below_element(field: Field, css: &'static str, part: Part) -> Self {
        Self::new(field, Place::HeaderWith(Css::new(css)), part)
    }

    /// The text of the first match within the row.
    pub(crate) fn at(field: Field, css: &'static str) -> Self {
        Self::part_at(field, css, Part::Text)
    }

    /// A part of the cell that matches, or else of the cell below the header that has one of these words.
    pub(crate) fn cell(
        field: Field,
        css: &'static str,
        headers: &'static [&'static str],
        part: Part,
    ) -> Self {
        Self::new(field, Place::Cell(Css::new(css), headers), part)
    }

    /// The text of the first visible match within the row.
    pub(crate) fn at_visible(field: Field, css: &'static str) -> Self {
        Self::new(field, Place::Element(Css::visible(css)), Part::Text)
    }

    /// A part of the first header that has such an element, and the part. It is the same for all rows.
    pub(crate) fn in_headers(field: Field, css: &'static str, part: Part) -> Self {
        Self::new(field, Place::InHeaders(Css::new(css)), part)
    }

    /// A part of the cell of a column.
    pub(crate) fn of(field: Field, column: &'static TableColumn, part: Part) -> Self {
        Self::new(field, Place::Column(column), part)
    }

    /// The texts of all matches within the row.
    pub(crate) fn all(field: Field, css: &'static str) -> Self {
        Self::new(field, Place::Row, Part::Texts(Css::new(css)))
    }

    /// What a function finds in the row.
    pub(crate) fn read(field: Field, read: fn(Element<'_>) -> Option<String>) -> Self {
        Self::new(field, Place::Row, Part::Read(read))
    }

    /// The rest of the row's first line that has one of these words, after them.
    pub(crate) fn line_after(field: Field, words: &'static [&'static str]) -> Self {
        Self::new(field, Place::Row, Part::LineAfter(words))
    }

    /// The number right after one of the first words in the row, or right before one of the others.
    pub(crate) fn count(
        field: Field,
        after: &'static [&'static str],
        before: &'static [&'static str],
    ) -> Self {
        Self::new(field, Place::Row, Part::Count { after, before })
    }

    /// Whether the row has a match.
    pub(crate) fn presence(field: Field, css: &'static str) -> Self {
        Self::part_at(field, css, Part::Presence)
    }

    /// Whether the row itself matches.
    pub(crate) fn marked_row(field: Field, css: &'static str) -> Self {
        Self::new(field, Place::Row, Part::Is(Css::new(css)))
    }

    /// The text of the first match within the next row.
    pub(crate) fn detail(field: Field, css: &'static str) -> Self {
        Self::new(field, Place::Detail(Css::new(css)), Part::Text)
    }

    /// A part of the first match within the row.
    pub(crate) fn part_at(field: Field, css: &'static str, part: Part) -> Self {
        Self::new(field, Place::Element(Css::new(css)), part)
    }
}

/// The meaning of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Title,
    /// The rest of the title. Only entries of JSON have one.
    Subtitle,
    Author,
    /// The site's own id of the item or the request.
    Id,
    /// The address of the item's own page.
    Link,
    /// The kind of item.
    Format,
    /// Other words about the item.
    Note,
    /// Something that no entry keeps. Its cells are taken for nothing else.
    Other,
    /// The last day of a loan. Of a span, `01.02.2016 - 20.02.2016`, the second day.
    Due,
    /// How often a loan was renewed.
    Renewals,
    /// What tells that the number counts the renewals that remain, not those that were made. No loan keeps it then.
    RemainingRenewals,
    /// The control that renews a loan, or the words why there is none.
    Renewal,
    /// What only a loan that can't be renewed has. It counts more than [`Field::Renewable`].
    NotRenewable,
    /// What only a loan that can be renewed has.
    Renewable,
    /// The words why a loan can't be renewed. Of another loan, they say nothing.
    RenewalReason,
    /// The words about a hold's state, or all that a list with [`StatusWords`](super::StatusWords) says of a loan.
    State,
    /// What only a suspended hold has. It counts only if the words don't say that the hold is ready or in transit.
    Suspended,
    /// What only a hold that is ready has. It counts only if the words are unknown.
    Ready,
    /// The place in the queue. 0 is none.
    Position,
    /// The length of the queue. One that is shorter than the place is none.
    QueueLength,
    /// The last day to pick a hold up.
    PickupBy,
    /// The words that may have the last day to pick a ready hold up, or of a suspension. Words with another day are kept.
    Until,
    /// The sentence that names days in any language: of a hold that is ready, the day since when it is and the last
    /// one; of a suspended one, the last.
    Days,
    /// The day on which a request lapses.
    Expires,
    /// The same, if it counts only as long as the request waits.
    ExpiresIfWaiting,
    /// The day on which a suspended hold becomes active again.
    SuspendedUntil,
    /// The branch where a hold is picked up.
    PickupBranch,
    /// The branch where a hold is, which is that if the hold is ready.
    Branch,
}

/// The sign before words that are a whole header or name, not a part of it.
pub(super) const WHOLE: char = '=';

/// Where a row has a value.
pub(crate) enum Place {
    /// In the cell below the header that has one of these words. `=due` is the whole header.
    Header(&'static [&'static str]),
    /// In the cell below the header that has such an element.
    HeaderWith(Css),
    /// In the cell that matches, or else in the cell below the header that has one of these words, unless it matches
    /// as another one.
    Cell(Css, &'static [&'static str]),
    /// In the cell of a column, which is marked or found by the headers and all other rows.
    Column(&'static TableColumn),
    /// In the first header, of all rows of headers, that has such an element.
    InHeaders(Css),
    /// In the first element that matches.
    Element(Css),
    /// In the row itself.
    Row,
    /// In the first element that matches in the next row, if it is an ignored one, which has the details.
    Detail(Css),
    /// In the last row before it that matches, the heading of its group. A list has one kind of them.
    Group(Css),
}

impl Place {
    /// Whether it depends on the list's headers.
    pub(super) fn is_below_header(&self) -> bool {
        matches!(
            self,
            Self::Header(_) | Self::HeaderWith(_) | Self::Cell(..) | Self::Column(_)
        )
    }
}

/// The part of an element that is the value.
pub(crate) enum Part {
    /// The whole text.
    Text,
    /// A line, from 0, of the lines that are not empty.
    Line(usize),
    /// The text of the first match within the element.
    Element(Css),
    /// The text after one of these words.
    After(&'static [&'static str]),
    /// The rest of the first line that has one of these words, after them.
    LineAfter(&'static [&'static str]),
    /// The rest of the first line below the title that begins with one of these words, after them.
    LineBeginning(&'static [&'static str]),
    /// The number right after, or right before, one of these words.
    Count {
        after: &'static [&'static str],
        before: &'static [&'static str],
    },
    /// That the element is there.
    Presence,
    /// That the element itself matches.
    Is(Css),
    /// That such an element is within it.
    Has(Css),
    /// That no such element is within it.
    Lacks(Css),
    /// The text without what matches.
    Without(Css),
    /// The texts of all matches.
    Texts(Css),
    /// The text outside of the elements in it.
    OwnText,
    /// The last line of that text, unless it is the volume of a work without an author.
    LastOwnLine,
    /// A title that may be in several parts.
    TitleOfParts(TitleParts),
    /// The machine-readable date in `data-order`, or in a `title` within the element, or else the text without what
    /// matches. A dash in its place is no date.
    Date(Css),
    /// The number that one of these parameters has in the address of the first link with one.
    LinkParameter(&'static [&'static str]),
    /// The title in a text that has the author, too.
    Title(&'static TitleText),
    /// The author in such a text.
    Author(&'static TitleText),
    /// An attribute of the element.
    Attribute(&'static str),
    /// An attribute of the first match within the element, after this beginning.
    AttributeOf(Css, &'static str, &'static str),
    /// Anything else. `None` if the element does not have it.
    Read(fn(Element<'_>) -> Option<String>),
}
