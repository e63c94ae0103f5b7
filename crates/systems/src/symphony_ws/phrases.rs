//! The phrases of Symphony Web Services that a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Address, Whole};

use super::{answer, patron, records};

pub(super) fn phrases() -> Vec<Phrase> {
    let codes = answer::SESSION_OVER
        .iter()
        .chain(&[answer::UNABLE_TO_LOG_IN, answer::RECORD_IN_USE]);
    let states = patron::BLOCKED_STANDINGS
        .iter()
        .chain(&records::IN_TRANSIT)
        .chain(&[
            records::INACTIVE,
            records::BEING_HELD,
            records::PLACED,
            records::SUSPENDED,
            "ACTIVE",
            "DELINQUENT",
            "OK",
        ]);
    codes
        .chain(states)
        .map(|words| Whole(words))
        .chain(ADDRESSES.iter().map(|part| Address(part)))
        .collect()
}

/// The parts of the interface's paths.
const ADDRESSES: &[&str] = &[
    "user",
    "patron",
    "key",
    "login",
    "logout",
    "circulation",
    "circRecord",
    "holdRecord",
    "block",
    "catalog",
    "item",
    "bib",
    "policy",
    "library",
    "patronStanding",
    "symws",
    "ilsws",
];
