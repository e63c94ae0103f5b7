//! The description of an account's pages.
//!
//! All words are in lower case, and match whole words of a text with spaces folded.

use std::collections::BTreeSet;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use super::balance::Balance;
use super::column::{Column, Field};
use super::date_setting::DateSetting;
use super::loan_status::StatusWords;
use super::overview::Overview;
use super::part::AccountPart;
use super::renewal::RenewalCell;
use super::row::Row;
use super::state_signs::StateSign;
use super::stems::Stems;
use super::words::LOAN_EVENTS;

/// The pages of a system's accounts.
pub(crate) struct AccountDescription {
    /// The keys of JSON whose values are the page's HTML, in answers to a script. With none, every page is HTML itself.
    pub(crate) fragments: &'static [&'static str],
    /// An element that every account page has, and no other page.
    pub(crate) account_marker: Css,
    /// Whether a page has what else only account pages have.
    pub(crate) has_account: fn(Element<'_>) -> bool,
    /// An element that the site's own error page has.
    pub(crate) error_page_marker: Css,
    /// Whether every page but a fragment has its end tag; one without it breaks off, and so does a fragment that ends
    /// within a table. Otherwise, only a list can break off.
    pub(crate) has_end_tag: bool,
    /// What a page has that is shown in place of any other until the patron agrees to something.
    pub(crate) agreement: Css,
    /// The tabs above the lists. Without them, the lists may be anywhere.
    pub(crate) tabs: Option<Tabs>,
    /// The lists of loans. Several on one page are parts of one list.
    pub(crate) loans: Vec<ListDescription<Loan>>,
    /// The lists of holds.
    pub(crate) holds: Vec<ListDescription<Hold>>,
    /// Whether a list may continue on further pages. Its totals are then checked when all pages are joined.
    pub(crate) has_several_pages: bool,
    /// Whether the first page's fines and totals count, since another page may state those of another time. Otherwise,
    /// all pages must agree.
    pub(crate) first_page_counts: bool,
    /// The totals of the loans. Each must match the rows.
    pub(crate) loan_counts: Vec<Count>,
    /// The totals of the holds.
    pub(crate) hold_counts: Vec<Count>,
    /// The totals of lists that aren't read. One that isn't 0 becomes a message.
    pub(crate) unread: Vec<Fact>,
    /// The date format that a page's script states. It counts more than the library's.
    pub(crate) date_format: DateSetting,
    /// The sum that the patron owes. The first that the page has counts.
    pub(crate) fines: Vec<Fact>,
    /// The card's last day. The first that the page has counts.
    pub(crate) card_expires: Vec<Fact>,
    /// The card's number, which must be the visited card's.
    pub(crate) number: Vec<Fact>,
    /// How an overview says that a list is empty, if an empty list has no page of its own.
    pub(crate) overview: Option<Overview>,
    /// The library's messages to the patron.
    pub(crate) messages: Option<Css>,
    /// The site's own numbers of the patrons whom a page names. All pages must name the same one.
    pub(crate) patrons: fn(Element<'_>) -> BTreeSet<String>,
    /// Adds what the rest of the description can't say.
    pub(crate) complete: fn(&mut AccountPart, Element<'_>, &ReadContext<'_>) -> Result<(), Failure>,
}

/// An account of which nothing is said, to fill in with `..`: no page is one of it.
impl Default for AccountDescription {
    fn default() -> Self {
        Self {
            fragments: &[],
            account_marker: Css::default(),
            has_account: |_| false,
            error_page_marker: Css::default(),
            has_end_tag: true,
            agreement: Css::default(),
            tabs: None,
            loans: Vec::new(),
            holds: Vec::new(),
            has_several_pages: false,
            first_page_counts: false,
            loan_counts: Vec::new(),
            hold_counts: Vec::new(),
            unread: Vec::new(),
            date_format: DateSetting::default(),
            fines: Vec::new(),
            card_expires: Vec::new(),
            number: Vec::new(),
            overview: None,
            messages: None,
            patrons: |_| BTreeSet::new(),
            complete: |_, _, _| Ok(()),
        }
    }
}

/// The tabs of a page. Each leads to its panel.
pub(crate) struct Tabs {
    /// The part of the page with the tabs and their panels. A page without it has no list.
    pub(crate) place: Css,
    /// The list of the tabs; without it, the page is a changed one.
    pub(crate) list: Css,
    /// What is before the name of a tab in its address: `#account-` in `#account-holds`.
    pub(crate) before_name: &'static str,
    /// What may be behind it.
    pub(crate) after_name: &'static str,
    /// The names of the known tabs, of lists and of other things.
    pub(crate) names: Stems,
    /// The sum that is owed, or a credit.
    pub(crate) balance: Balance,
}

/// The tab of a list, and the list that it may have.
pub(crate) struct ListTab {
    /// The name of the tab.
    pub(crate) name: &'static str,
    /// Whether the tab may count a group of entries as one. The caption counts each, and no row is there twice.
    pub(crate) counts_groups: bool,
    /// The table of the overdue loans, which must all be in the list, and the parameters of a link with their numbers.
    pub(crate) overdues: Option<(Css, &'static [&'static str])>,
    /// When the list is empty if it isn't there.
    pub(crate) missing: MissingList,
}

/// When a list that isn't there is empty. Its tab must not state another total than 0.
pub(crate) enum MissingList {
    /// In any case, because few sites have it.
    Optional,
    /// If this panel is there, no such part of an entry is, and the tab states 0. A tab without a number needs a panel
    /// with nothing but a sentence that there is nothing.
    WithPanel(Css, Css),
    /// If no such part of an entry is there, and no unknown tab states a total.
    WithoutTrace(Css),
}

/// What a page is.
#[derive(Debug, Clone)]
pub(crate) enum PageKind {
    /// One of the account.
    Account,
    /// The login form, without a word about a failure.
    Login,
    /// The login page with a message, or the message in its place, and the failure that it means.
    Failed(Failure),
    /// The site's own error page.
    Broken,
    /// Another page.
    Unknown,
}

impl PageKind {
    /// Returns the failure of such a page in place of one of the account.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Broken => Failure::site_down("the site's own error page"),
            Self::Login => Failure::page_changed("the login form: nobody is logged in"),
            Self::Account | Self::Unknown => {
                Failure::page_changed("neither a page of the account nor the login form")
            }
        }
    }
}

/// A list on a page.
pub(crate) struct ListDescription<E: 'static> {
    /// The elements that may be the list.
    pub(crate) list: Css,
    /// The tab above the list, on a page with tabs.
    pub(crate) tab: Option<ListTab>,
    /// What identifies the list among those that `list` matches. One mark is enough; with none, each match is the list.
    pub(crate) identified_by: Vec<ListMark>,
    /// Its rows. A row belongs to the list that is closest around it.
    pub(crate) rows: Css,
    /// By how many cells a row may differ from the header. A row that differs by more is a changed page, since its cells
    /// may be shifted. Without it, only the columns that have a header need their cells.
    pub(crate) row_tolerance: Option<usize>,
    /// Whether the same row may be there twice, because the page states a total: two copies of one work.
    pub(crate) may_repeat_rows: bool,
    /// What marks a row of headers whose cells are no `th`: the row itself, or an element right within a cell.
    pub(crate) header_row: Option<Css>,
    /// Whether only that marks a row of headers. Another row of `th` is an entry then.
    pub(crate) has_marked_headers: bool,
    /// Rows that say nothing about the list, such as the headings of groups.
    pub(crate) ignored_rows: Option<Css>,
    /// Rows that may be other words if the list's own total matches the entries, and the words have no date.
    pub(crate) remarks: Option<Css>,
    /// Rows that are entries, even if they are empty or have one cell only. Then another row with one or two cells is
    /// a remark.
    pub(crate) entry_rows: Option<Css>,
    /// Rows that are entries in that sense if they have any words.
    pub(crate) worded_entry_rows: Option<Css>,
    /// What each entry says, and where.
    pub(crate) columns: Vec<Column>,
    /// Whether the first date of a text counts. Otherwise another one behind it is the end of a span, or a changed page.
    pub(crate) takes_first_date: bool,
    /// What every entry has. A row without it is no entry.
    pub(crate) needed: &'static [Field],
    /// The words before the total in a row of its own: `Anzahl: 3`. A row with nothing but a number is the total, too.
    pub(crate) total: &'static [&'static str],
    /// Where the list's total is the first number. A row of it is no entry.
    pub(crate) total_at: Option<Css>,
    /// The words for “there are none”, in a row, or in place of the list.
    pub(crate) none: &'static [&'static str],
    /// Where else than in a row the words for “there are none” may be; without it, anywhere in the list.
    pub(crate) none_at: Option<Css>,
    /// Rows that say that there are none, whatever their words.
    pub(crate) none_rows: Option<Css>,
    /// What tells the list from others so surely that it is empty if it has no row.
    pub(crate) empty_with: Option<Css>,
    /// A page without the list, if it may say that the list is empty. Then `none` has whole sentences: `no holds` stands
    /// for `You have no holds.`, too.
    pub(crate) blank_page: Option<BlankPage>,
    /// Words for an event of a loan that may stand in the place of its due date, which is unknown then.
    pub(crate) due_events: &'static [&'static str],
    /// The words of the text with all that the site says of a loan, if there is one.
    pub(crate) status: Option<StatusWords>,
    /// The words for a hold's states. The first that match count; other words are [`HoldState::Other`]. `=available`
    /// is all that is said.
    pub(crate) states: &'static [(HoldState, &'static [&'static str])],
    /// The words for the same states in other languages, if none of `states` matches.
    pub(crate) other_states: &'static [(HoldState, &'static [&'static str])],
    /// Whether the words for a state begin the text about it.
    pub(crate) states_begin: bool,
    /// What tells a hold's state before its words do. The first that a row has counts.
    pub(crate) state_signs: Vec<(HoldState, StateSign)>,
    /// The controls of which each hold has one that waits or is suspended, if the list has any. A hold without one may
    /// not wait.
    pub(crate) controls: Vec<Css>,
    /// The cell of [`Field::Renewal`].
    pub(crate) renewal: Option<RenewalCell>,
    /// Adds what the columns can't say.
    pub(crate) complete: fn(&mut E, &Row<'_>, &ReadContext<'_>) -> Result<(), Failure>,
}

impl<E> ListDescription<E> {
    /// A table of which nothing else is said, to fill in with `..`.
    pub(crate) fn table() -> Self {
        Self {
            list: Css::new("table"),
            tab: None,
            identified_by: Vec::new(),
            rows: Css::new("tr"),
            row_tolerance: None,
            may_repeat_rows: false,
            header_row: None,
            has_marked_headers: false,
            ignored_rows: None,
            remarks: None,
            entry_rows: None,
            worded_entry_rows: None,
            columns: Vec::new(),
            takes_first_date: false,
            needed: &[],
            total: &[],
            total_at: None,
            none: &[],
            none_at: None,
            none_rows: None,
            empty_with: None,
            blank_page: None,
            due_events: LOAN_EVENTS,
            status: None,
            states: &[],
            other_states: &[],
            states_begin: false,
            state_signs: Vec::new(),
            controls: Vec::new(),
            renewal: None,
            complete: |_, _, _| Ok(()),
        }
    }

    /// Whether a column says what a field is. Otherwise, [`Self::complete`] does.
    pub(super) fn has_column(&self, field: Field) -> bool {
        self.columns.iter().any(|column| column.field == field)
    }
}

/// A page without a list. It says that the list is empty by a sentence, or by a total of 0.
pub(crate) struct BlankPage {
    /// What could be a part of an entry. A page that has it says nothing.
    pub(crate) entry: Css,
    /// The parts of the page that are about something else.
    pub(crate) elsewhere: Css,
}

/// What identifies a list.
pub(crate) enum ListMark {
    /// Its header has the columns of all that is needed, and one of these words, if there are any.
    Header(&'static [&'static str]),
    /// Its header has the columns of all that is needed, and such an element.
    HeaderWith(Css),
    /// The last heading or bold text before it has one of these words.
    Heading(&'static [&'static str]),
    /// A test of the element.
    Test(fn(Element<'_>) -> bool),
    /// A test of the page, which must also hold where [`ListDescription::none_at`] says that there are none.
    Page(fn(Element<'_>) -> bool),
}

/// One statement of a list's total: the sum of the numbers at these places. It counts only if all are there.
pub(crate) struct Count(pub(crate) Vec<Fact>);

/// A value outside of the lists.
pub(crate) struct Fact {
    /// The elements that may have it.
    pub(crate) place: Css,
    /// The words that tell the element from others. With none, it is the first.
    pub(crate) words: &'static [&'static str],
    /// The value.
    pub(super) part: FactPart,
}

/// The part of an element that is a value.
pub(super) enum FactPart {
    /// The whole text.
    Text,
    /// The text after the words.
    After,
    /// The same, if the words begin the text.
    Beginning,
    /// The words after a label.
    Labelled,
    /// The words after a label with a colon, on the page itself instead of at the place.
    Stated,
    /// What a function finds.
    Read(fn(Element<'_>) -> Option<String>),
    /// The number right behind the words in the element's own text or, with nothing there, alone in what is next to it.
    NumberBeside,
}

impl Fact {
    fn new(place: Css, words: &'static [&'static str], part: FactPart) -> Self {
        Self { place, words, part }
    }

    /// The text of the first match.
    pub(crate) fn at(css: &'static str) -> Self {
        Self::with(css, &[])
    }

    /// The text of the first match that has one of these words.
    pub(crate) fn with(css: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(Css::new(css), words, FactPart::Text)
    }

    /// What a function finds in the first match that has it.
    pub(crate) fn read(css: &'static str, read: fn(Element<'_>) -> Option<String>) -> Self {
        Self::new(Css::new(css), &[], FactPart::Read(read))
    }

    /// The text after one of these words, in the first match that has them.
    pub(crate) fn after(css: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(Css::new(css), words, FactPart::After)
    }

    /// The text after one of these words, in the first match that begins with them.
    pub(crate) fn beginning(css: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(Css::new(css), words, FactPart::Beginning)
    }

    /// The few words with a number behind one of these labels, in the first match that has them.
    pub(crate) fn labelled(css: &'static str, labels: &'static [&'static str]) -> Self {
        Self {
            place: Css::new(css),
            words: labels,
            part: FactPart::Labelled,
        }
    }

    /// The few words with a number behind one of these labels and a colon, anywhere but in what matches.
    pub(crate) fn stated(elsewhere: &'static str, labels: &'static [&'static str]) -> Self {
        Self {
            place: Css::new(elsewhere),
            words: labels,
            part: FactPart::Stated,
        }
    }

    /// The number beside one of these words, wherever they are visible.
    pub(crate) fn beside(words: &'static [&'static str]) -> Self {
        Self::new(Css::visible("*"), words, FactPart::NumberBeside)
    }
}
