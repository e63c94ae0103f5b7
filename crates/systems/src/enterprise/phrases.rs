//! The phrases of Enterprise sites that a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Address, Anywhere, Beginning, Script};
use hippo_browser::reading::{WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE};

use super::{empty, holds, loans, login, row};

pub(super) fn phrases() -> Vec<Phrase> {
    let anywhere: [&[&'static str]; 12] = [
        &empty::NO_LOANS,
        &empty::NO_HOLDS,
        &login::REFUSALS,
        &login::SESSION_PHRASES,
        &login::LOGIN_PHRASES,
        &login::BLOCKABLE,
        &login::BLOCKED,
        &login::NEW_PIN,
        &loans::REMAINING,
        &holds::UNTIL,
        &WORDS_NEGATING_READY_BEFORE,
        &WORDS_NEGATING_READY_AFTER,
    ];
    let beginning: [&[&'static str]; 5] = [
        &holds::READY,
        &holds::SUSPENDED,
        &holds::IN_TRANSIT,
        &holds::WAITING,
        &row::NUMBER_LABELS,
    ];
    let flat = |lists: &[&[&'static str]]| lists.concat();
    PHRASES
        .iter()
        .copied()
        .chain(flat(&anywhere).into_iter().map(Anywhere))
        .chain(flat(&beginning).into_iter().map(Beginning))
        .collect()
}

const PHRASES: &[Phrase] = &[
    Anywhere("total items checked out"),
    Anywhere("you currently have"),
    Anywhere("currently"),
    Anywhere("at this time"),
    Address("client"),
    Address("search"),
    Address("default"),
    Address("patronlogin"),
    Address("patronloginform"),
    Address("loginpageform"),
    Address("accountnonmobile"),
    Address("checkouts"),
    Address("holds"),
    Address("librarycheckoutsaccordion"),
    Address("libraryholdsaccordion"),
    Address("finesandblocks"),
    Address("renew"),
    Address("cancel"),
    Address("ent"),
    Address("results"),
    Address("t"),
    Address("submit"),
    Script("__sdcsrf"),
    Script("RedirectAfterLogin"),
    Script("Tapestry"),
    Script("init"),
    Script("linkZone"),
    Script("accordionCheckouts"),
    Script("accordionHolds"),
    Script("accountZones"),
    Script("librarycheckoutsZone"),
    Script("libraryholdsZone"),
];
