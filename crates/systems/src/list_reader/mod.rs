//! Reads accounts from lists and tables, as a description says.
//!
//! An [`AccountDescription`] is a value of a system: where its lists are, how their columns are found, what the site's
//! words mean, and which totals it states. This module keeps the rules for all of them: a list is empty only if the
//! page says so, the rows must match every total, an unknown row is a changed page, and what no page says is unknown.
//! [`LoginDescription`] is the same for login forms.

mod account;
mod alerts;
mod balance;
mod beside;
mod column;
mod count;
mod date;
mod date_setting;
mod description;
mod entry;
mod expiry;
mod labels;
mod list;
mod loan_status;
mod login;
mod login_answer;
mod login_words;
mod overview;
mod page;
mod part;
mod phrases;
mod renewal;
mod row;
mod script_answer;
mod sentence;
mod state_signs;
mod states;
mod stems;
mod system;
mod table;
mod table_column;
mod tabs;
mod title;
mod title_text;
mod visit;
mod words;

pub(crate) use self::balance::Balance;
pub(crate) use self::column::{Column, Field, Part, Place};
pub(crate) use self::date::{has_date, read_end};
pub(crate) use self::date_setting::DateSetting;
pub(crate) use self::description::{
    AccountDescription, BlankPage, Count, Fact, ListDescription, ListMark, ListTab, MissingList,
    PageKind, Tabs,
};
pub(crate) use self::expiry::CARD_EXPIRY;
pub(crate) use self::labels::{line_beginning, line_parts, text_after_beginning};
pub(crate) use self::loan_status::StatusWords;
pub(crate) use self::login::{LoginDescription, most_specific};
pub(crate) use self::overview::Overview;
pub(crate) use self::page::classify_page;
pub(crate) use self::part::AccountPart;
pub(crate) use self::phrases::login_phrases;
pub(crate) use self::renewal::RenewalCell;
pub(crate) use self::row::Row;
pub(crate) use self::script_answer::ScriptAnswer;
pub(crate) use self::state_signs::StateSign;
pub(crate) use self::states::{HOLD_IS_OVER, HOLD_STATES, OTHER_HOLD_STATES, words_of_state};
pub(crate) use self::stems::Stems;
pub(crate) use self::system::DescribedSystem;
pub(crate) use self::table::own_rows;
pub(crate) use self::table_column::{CellTest, TableColumn};
pub(crate) use self::title::TitleParts;
pub(crate) use self::title_text::TitleText;
pub(crate) use self::visit::{AccountVisit, FurtherPages};
pub(crate) use self::words::{
    CARD_BLOCKED, CARD_EXPIRES_WORDS, CARD_NUMBER_WORDS, DUE_WORDS, EXPIRES_WORDS,
    INTER_LIBRARY_LOANS, LOAN_EVENTS, NAMES_OF_FEES, NAMES_OF_LOANS, NAMES_OF_ORDERS,
    NAMES_OF_RESERVATIONS, NO_ENTRIES, NO_HOLDS, NO_LOANS, NO_REQUESTS, OF_WORDS, PAST_DAY_WORDS,
    PICKUP_BRANCH_WORDS, PICKUP_BY_WORDS, forbids_renewal, is_digital_kind, is_number_in_groups,
    is_remark, is_reminder,
};

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod cell_tests;
#[cfg(test)]
mod tests;
