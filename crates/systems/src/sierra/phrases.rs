//! The phrases of Sierra sites that a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Address, Anywhere, Beginning, OfPerson, Whole};
use hippo_browser::reading::{
    NEVER_PHRASES, WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE,
};

use super::{holds, loans, login, summary, table};

pub(super) fn phrases() -> Vec<Phrase> {
    let anywhere = table::NO_LOANS
        .iter()
        .chain(&table::NO_HOLDS)
        .chain(&loans::EVENTS)
        .chain(&WORDS_NEGATING_READY_BEFORE)
        .chain(&WORDS_NEGATING_READY_AFTER)
        .chain(&holds::OF_WORDS)
        .chain(&NEVER_PHRASES)
        .chain(&login::REFUSALS)
        .chain(&login::TOO_MANY_ATTEMPTS)
        .chain(&login::OUTAGES)
        .chain(&login::EXPIRED)
        .chain(&[login::IN_USE, login::BLOCKED, summary::UNPAID]);
    let labels = summary::EXPIRY.iter().chain(&[summary::OWED]);
    PHRASES
        .iter()
        .copied()
        .chain(anywhere.map(|words| Anywhere(words)))
        .chain(labels.map(|label| OfPerson(label)))
        .collect()
}

const PHRASES: &[Phrase] = &[
    Whole("renew"),
    Whole("cancel"),
    Whole("title"),
    Whole("barcode"),
    Whole("status"),
    Whole("call number"),
    Whole("freeze"),
    Whole("submit"),
    Anywhere("ready"),
    Beginning("frozen"),
    Beginning("cancel if"),
    Anywhere("holdshelf"),
    Anywhere("hold shelf"),
    Anywhere("transit"),
    Anywhere("of"),
    Anywhere("hold"),
    Anywhere("holds"),
    Anywhere("due"),
    Anywhere("renewed"),
    Anywhere("time"),
    Anywhere("times"),
    Anywhere("checked out"),
    Anywhere("pickup"),
    Anywhere("item"),
    Anywhere("items"),
    Anywhere("request"),
    Anywhere("requests"),
    Address("patroninfo"),
    Address("iii"),
    Address("cas"),
    Address("iiiticket"),
    Address("items"),
    Address("holds"),
    Address("overdues"),
    Address("top"),
    Address("mylists"),
    Address("modpinfo"),
    Address("record"),
    Address("search"),
    Address("getpatroninfo"),
    Address("readinghistory"),
    Address("patronInfo"),
];
