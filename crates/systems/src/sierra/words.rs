//! The words of Sierra's sites that a recording for a bug report keeps.

use crate::recording::KeptWords::{self, Address, Anywhere, Beginning, OfPerson, Whole};

/// Beside these, what a list says that is empty.
pub(super) fn kept(no_loans: &[&'static str], no_holds: &[&'static str]) -> Vec<KeptWords> {
    let said = no_loans.iter().chain(no_holds).map(|words| Anywhere(words));
    KEPT.iter().copied().chain(said).collect()
}

const KEPT: &[KeptWords] = &[
    Whole("renew"),
    Whole("cancel"),
    Whole("title"),
    Whole("barcode"),
    Whole("status"),
    Whole("call number"),
    Whole("freeze"),
    Whole("submit"),
    OfPerson("exp date"),
    Beginning("ready"),
    Beginning("cancel if"),
    Anywhere("holdshelf"),
    Anywhere("hold shelf"),
    Anywhere("in transit"),
    Anywhere("in-transit"),
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
