//! The words of Enterprise sites that a recording for a bug report keeps.

use crate::recording::KeptWords::{self, Address, Anywhere, Beginning, Script};

/// Beside these, what the site says of a refused login, and of a list that is empty.
pub(super) fn kept(said: &[&[&'static str]]) -> Vec<KeptWords> {
    let said = said.iter().copied().flatten().map(|words| Anywhere(words));
    KEPT.iter().copied().chain(said).collect()
}

const KEPT: &[KeptWords] = &[
    Beginning("pickup by"),
    Beginning("pick up by"),
    Beginning("ready"),
    Beginning("available"),
    Beginning("suspended"),
    Beginning("in transit"),
    Beginning("in-transit"),
    Beginning("pending"),
    Beginning("waiting"),
    Anywhere("total items checked out"),
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
