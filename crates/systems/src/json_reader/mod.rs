//! Reads accounts from the JSON of a programming interface, as a description says.
//!
//! A [`RecordDescription`] is a value of a system: where the patron's record has its lists, what each entry says at
//! which path, and what the interface's codes mean. This module keeps the rules for all of them: a list that is missing
//! is unknown, each entry must be the patron's own and be there once, a value of another type than expected is a changed
//! page, and so is a refusal that nobody knows.

mod answer;
mod bills;
mod decode;
mod description;
mod entry;
mod moment;
mod phrases;
mod record;
mod value;

pub(crate) use self::answer::{Answer, LoggedIn, failure_of, parse_answer};
pub(crate) use self::decode::is_object;
pub(crate) use self::description::{
    BillsDescription, Codes, EntriesDescription, LoginAnswer, RecordDescription, Refusal,
    RefusalsDescription,
};
pub(crate) use self::phrases::phrases;
pub(crate) use self::record::{AccountRecord, join_records, make_account, read_saved_answer};
pub(crate) use self::value::JsonObject;
