//! The description of an account's pages.
//!
//! All words are in lower case, and match whole words of a text with spaces folded.

use hippo_browser::ReadContext;
use hippo_browser::reading::Css;
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::column::{Column, Field};
use super::row::Row;

/// The pages of a system's accounts.
pub(crate) struct AccountDescription {
    /// An element that every account page has, and no other page.
    pub(crate) is_account: Css,
    /// The lists of loans. Several on one page are parts of one list.
    pub(crate) loans: Vec<ListDescription<Loan>>,
    /// The lists of holds.
    pub(crate) holds: Vec<ListDescription<Hold>>,
    /// Whether a list may continue on further pages. Its totals are then checked when all pages are joined.
    pub(crate) has_several_pages: bool,
    /// The totals of the loans. Each must match the rows.
    pub(crate) loan_counts: Vec<Count>,
    /// The totals of the holds.
    pub(crate) hold_counts: Vec<Count>,
    /// The sum that the patron owes. The first that the page has counts.
    pub(crate) fines: Vec<Fact>,
    /// The card's last day. The first that the page has counts.
    pub(crate) card_expires: Vec<Fact>,
    /// The card's number, which must be the visited card's.
    pub(crate) number: Vec<Fact>,
    /// The library's messages to the patron.
    pub(crate) messages: Option<Css>,
}

/// An account of which nothing is said, to fill in with `..`: no page is one of it.
impl Default for AccountDescription {
    fn default() -> Self {
        Self {
            is_account: Css::new(":not(*)"),
            loans: Vec::new(),
            holds: Vec::new(),
            has_several_pages: false,
            loan_counts: Vec::new(),
            hold_counts: Vec::new(),
            fines: Vec::new(),
            card_expires: Vec::new(),
            number: Vec::new(),
            messages: None,
        }
    }
}

/// A list on a page.
pub(crate) struct ListDescription<E: 'static> {
    /// The elements that may be the list.
    pub(crate) list: Css,
    /// What tells the list from others that `list` matches. One is enough. With none, each match is the list.
    pub(crate) told_by: Vec<ToldBy>,
    /// Its rows. A row belongs to the list that is closest around it.
    pub(crate) rows: Css,
    /// Whether the same row may be there twice, because the page states a total: two copies of one work.
    pub(crate) may_repeat_rows: bool,
    /// What marks a row of headers whose cells are no `th`: the row itself, or an element right within a cell.
    pub(crate) header_row: Option<Css>,
    /// Rows that say nothing about the list, such as the headings of groups.
    pub(crate) ignored_rows: Option<Css>,
    /// What each entry says, and where.
    pub(crate) columns: Vec<Column>,
    /// What every entry has. A row without it is no entry.
    pub(crate) needed: &'static [Field],
    /// The words before the total in a row of its own: `Anzahl: 3`. A row with nothing but a number is the total, too.
    pub(crate) total: &'static [&'static str],
    /// The words for “there are none”, in a row, or in place of the list.
    pub(crate) none: &'static [&'static str],
    /// Where else than in a row the words for “there are none” may be; without it, anywhere in the list.
    pub(crate) none_at: Option<Css>,
    /// The words for a hold's states. The first that match count; other words are [`HoldState::Other`].
    pub(crate) states: &'static [(HoldState, &'static [&'static str])],
    /// Adds what the columns can't say.
    pub(crate) complete: fn(&mut E, &Row<'_>, &ReadContext<'_>) -> Result<(), Failure>,
}

impl<E> ListDescription<E> {
    /// A table of which nothing else is said, to fill in with `..`.
    pub(crate) fn table() -> Self {
        Self {
            list: Css::new("table"),
            told_by: Vec::new(),
            rows: Css::new("tr"),
            may_repeat_rows: false,
            header_row: None,
            ignored_rows: None,
            columns: Vec::new(),
            needed: &[],
            total: &[],
            none: &[],
            none_at: None,
            states: &[],
            complete: |_, _, _| Ok(()),
        }
    }
}

/// What tells a list from others.
pub(crate) enum ToldBy {
    /// Its header has the columns of all that is needed, and one of these words, if there are any.
    Header(&'static [&'static str]),
    /// Its header has the columns of all that is needed, and such an element.
    HeaderWith(Css),
    /// The last heading or bold text before it has one of these words.
    Heading(&'static [&'static str]),
    /// A test of the element.
    Test(fn(ElementRef<'_>) -> bool),
    /// A test of the page, which must also hold where [`ListDescription::none_at`] says that there are none.
    Page(fn(ElementRef<'_>) -> bool),
}

/// One statement of a list's total: the sum of the numbers at these places. It counts only if all are there.
pub(crate) struct Count(pub(crate) Vec<Fact>);

/// A value outside of the lists.
pub(crate) struct Fact {
    /// The elements that may have it.
    pub(crate) place: Css,
    /// The words that tell the element from others. With none, it is the first.
    pub(crate) words: &'static [&'static str],
    /// Whether the value is the text after the words. It is the whole text otherwise.
    pub(crate) is_after: bool,
}

impl Fact {
    /// The text of the first match.
    pub(crate) fn at(css: &'static str) -> Self {
        Self::with(css, &[])
    }

    /// The text of the first match that has one of these words.
    pub(crate) fn with(css: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            place: Css::new(css),
            words,
            is_after: false,
        }
    }

    /// The text after one of these words, in the first match that has them.
    pub(crate) fn after(css: &'static str, words: &'static [&'static str]) -> Self {
        Self {
            place: Css::new(css),
            words,
            is_after: true,
        }
    }
}
