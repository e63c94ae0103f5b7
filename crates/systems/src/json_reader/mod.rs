//! Reads accounts from JSON, as a description says: from a programming interface's answers, or from the state that a
//! page has in a script.
//!
//! A [`RecordDescription`] is a value of a system: where the patron's record has its lists, what each entry says at
//! which path, and what the interface's codes mean. A [`PagedListDescription`] is the same for a list that goes on on
//! further pages. This module keeps the rules for all of them: a list that is missing is unknown, each entry must be
//! the patron's own and be there once, the entries must match every total, a value of another type than expected is a
//! changed page, and so is a refusal that nobody knows.

mod answer;
mod bills;
mod decode;
mod description;
mod entry;
mod moment;
mod paged_list;
mod phrases;
mod record;
mod script;
mod value;

pub(crate) use self::answer::{Answer, LoggedIn, failure_of, parse_answer};
pub(crate) use self::decode::is_object;
pub(crate) use self::description::{
    BillsDescription, Codes, EntriesDescription, LoginAnswer, PagedListDescription,
    RecordDescription, Refusal, RefusalsDescription,
};
pub(crate) use self::entry::make_readable;
pub(crate) use self::paged_list::{
    ListPage, ListPart, ListTotals, join_list_pages, read_list_page,
};
pub(crate) use self::phrases::phrases;
pub(crate) use self::record::{AccountRecord, join_records, make_account, read_saved_answer};
pub(crate) use self::script::decode_script;
pub(crate) use self::value::{JsonObject, Path, References};
