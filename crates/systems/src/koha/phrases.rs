//! The phrases of Koha sites that a recording for a bug report keeps.

use hippo_browser::Phrase::{self, Address, Beginning, Script, StemIn, Whole};

use super::{columns, fines, holds, loans};

/// The tab of the fines, older and newer, and its panel.
const FINES_PLACES: &[&str] = &[
    "opac-user-fines",
    "opac-user-fines_panel",
    "#opac-user-fines",
    "#opac-user-fines_panel",
];

/// The element with a hold's status.
const HOLDS_PLACES: &[&str] = &["status"];

/// Also returns stems of words that tell a debt from a credit or mark a suspended hold. They are kept only where the
/// readers look for them, because a name may begin with one.
pub(super) fn phrases() -> Vec<Phrase> {
    let of_fines = fines::CREDITS.iter().chain(&fines::CHARGES);
    let of_fines = of_fines.map(|stem| StemIn(stem, FINES_PLACES));
    let of_holds = holds::SUSPENDED
        .iter()
        .map(|stem| StemIn(stem, HOLDS_PLACES));
    let of_recalls = holds::RECALL_READY
        .iter()
        .map(|stem| StemIn(stem, HOLDS_PLACES));
    let of_loans = loans::BARE_REFUSALS
        .iter()
        .chain(&loans::AUTOMATIC_RENEWALS);
    let of_loans = of_loans.map(|words| Whole(words));
    let of_older_tables = columns::HEADERS
        .into_iter()
        .flatten()
        .chain(&holds::PENDING)
        .map(|words| Beginning(words));
    let others = of_fines
        .chain(of_holds)
        .chain(of_recalls)
        .chain(of_loans)
        .chain(of_older_tables);
    PHRASES.iter().copied().chain(others).collect()
}

const PHRASES: &[Phrase] = &[
    Whole("cud-suspend"),
    Whole("cud-unsuspend"),
    Whole("cud-renew"),
    Whole("cud-login"),
    Whole("cud-cancel"),
    Address("cgi-bin"),
    Address("koha"),
    Address("pl"),
    Address("opac-user"),
    Address("opac-detail"),
    Address("opac-account"),
    Address("opac-renew"),
    Address("opac-modrequest"),
    Address("opac-recall"),
    Address("opac-modrequest-suspend"),
    Address("opac-main"),
    Address("opac-search"),
    Address("opac-auth"),
    Address("opac-reserve"),
    Address("opac-memberentry"),
    Address("opac-passwd"),
    Address("opac-readingrecord"),
    Address("svc"),
    Script("dateformat_pref"),
    Script("dformat"),
    Script("dateFormat"),
    Script("us"),
    Script("metric"),
    Script("dmydot"),
    Script("iso"),
    Script("mm/dd/yy"),
    Script("dd/mm/yy"),
    Script("dd.mm.yy"),
    Script("yy-mm-dd"),
    Script("Y-m-d"),
    Script("d/m/Y"),
    Script("m/d/Y"),
    Script("d.m.Y"),
    Script("logout.x"),
    Script("setDefaults"),
    Script("flatpickr"),
    Script("datepicker"),
];
