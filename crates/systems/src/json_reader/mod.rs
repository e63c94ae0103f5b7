//! Reads accounts from JSON, as a description says: from a programming interface's answers, or from the state that a
//! page has in a script.
//!
//! A [`RecordDescription`] is a value of a system: where the patron's record has its lists, what each entry says at
//! which path, and what the interface's codes mean. A [`StateDescription`] is the same for pages with their state, whose
//! lists may go on on further pages. This module keeps the rules for all of them: a list that is missing is unknown, each entry must be
//! the patron's own and be there once, the entries must match every total, a value of another type than expected is a
//! changed page, and so is a refusal that nobody knows.

mod answer;
mod bills;
mod cards;
mod decode;
mod description;
mod entry;
mod moment;
mod paged_list;
mod phrases;
mod record;
mod script;
mod state;
mod state_visit;
mod totals;
mod value;

pub(crate) use self::answer::{Answer, LoggedIn, failure_of, parse_answer, read_saved_answer};
pub(crate) use self::decode::is_object;
pub(crate) use self::description::{
    BillsDescription, CardsDescription, Codes, DemandDescription, EntriesDescription, LoginAnswer,
    PagedListDescription, RecordDescription, Refusal, RefusalsDescription, StateDescription,
    TotalsDescription,
};
pub(crate) use self::entry::make_readable;
pub(crate) use self::phrases::{phrases, state_phrases};
pub(crate) use self::record::{AccountRecord, join_records, make_account};
pub(crate) use self::state::{AccountState, join_states, read_message, read_saved_state};
pub(crate) use self::state_visit::read_account;
pub(crate) use self::value::JsonObject;
