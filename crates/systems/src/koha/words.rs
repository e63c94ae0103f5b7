//! The words of Koha's sites that a recording for a bug report keeps.

use crate::recording::KeptWords::{self, Address, Script, Stem, Whole};

/// Beside these, words that tell a debt from a credit, and that a hold sleeps: in any language a word
/// that begins so.
pub(super) fn kept(stems: &[&[&'static str]]) -> Vec<KeptWords> {
    let stems = stems.iter().copied().flatten().map(|stem| Stem(stem));
    KEPT.iter().copied().chain(stems).collect()
}

const KEPT: &[KeptWords] = &[
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
