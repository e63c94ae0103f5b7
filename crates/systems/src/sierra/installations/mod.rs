//! Invented pages that show how installations differ: releases, languages, and what a library renames, adds or
//! switches off.

mod lists;
mod logins;
mod templates;

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Sierra;
use crate::offline::OfflineReader as _;

fn read_with_date_format(page: &str, date_format: Option<&str>) -> Result<Account, Failure> {
    let page = SavedPage {
        name: "saved.html".to_owned(),
        body: page.to_owned(),
    };
    let base_url = Url::parse("https://library.test").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format,
        timezone: chrono_tz::America::Chicago,
        card_number: None,
    };
    Sierra.read(&[page], &context)
}

fn read(page: &str) -> Result<Account, Failure> {
    read_with_date_format(page, Some("%m-%d-%y"))
}

fn kind(page: &str) -> FailureKind {
    read(page).unwrap_err().kind
}

/// Builds an account page with a library's own header and footer, this text in the patron's box, and this content.
fn account(patron_text: &str, below: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=en><head><title>Pier County Library</title></head><body>\
         <div id=top><form method=post action=/patroninfo><label>Quick log in <input name=code></label>\
         <input type=password name=pin></form><table><tr><td><a href=/search~S1>Search</a></td></tr></table></div>\
         <table><tr><td class=patNameAddress><strong>DOE, JO</strong><br/>1 Pier Road<br/>{patron_text}</td>\
         <td class=patActionsLinks><a href=/patroninfo~S1*eng/1000007/getpsearches>Preferred searches</a>\
         <a href='/patroninfo~S1*eng/1000007/mylists'>My lists</a></td></tr></table>\
         <div class=patFuncArea>{below}</div><div class=botlogo>Closed for system maintenance on Sunday night.</div>\
         </body></html>"
    )
}

fn link(page: &str, words: &str) -> String {
    format!(
        "<div id=patBut><div class=patButton><a href='/patroninfo~S1*eng/1000007/{page}' target=_self>{words}</a>\
         </div></div>"
    )
}

#[rstest]
#[case("EXP DATE:11-30-2026<br/>P TYPE:4", Some("2026-11-30"))]
#[case("Exp Date: 11-30-2026", Some("2026-11-30"))]
#[case("Expires: 11-30-26<br/>TELEPHONE:555-0100", Some("2026-11-30"))]
#[case(
    "<table><tr><td>Expiration date</td><td>11-30-2026</td></tr></table>",
    Some("2026-11-30")
)]
#[case("有效日期:11-30-2026<br>", Some("2026-11-30"))]
#[case("EXP DATE:  -  -  <br/>P TYPE:4", None)]
#[case("", None)]
fn card_expiry_is_read_after_many_labels(
    #[case] patron_text: &str,
    #[case] expected: Option<&str>,
) {
    let expected = expected.map(|day| day.parse().unwrap());
    assert_eq!(
        read(&account(patron_text, "")).unwrap().card_expires,
        expected
    );
}

#[rstest]
#[case("MONEY OWED:$0.00", "", Some("0.00"))]
#[case("MONEY OWED: $12.30<br/>", "", Some("12.30"))]
#[case("MONEY OWED:", "", None)]
#[case("", "$12.30 in unpaid fines and bills", Some("12.30"))]
#[case("", "Il reste 12,30 $ d'amendes", Some("12.30"))]
#[case("", "Pay fines", None)]
fn fines_come_from_the_link_or_the_record(
    #[case] patron_text: &str,
    #[case] link_words: &str,
    #[case] expected: Option<&str>,
) {
    let links = if link_words.is_empty() {
        String::new()
    } else {
        link("overdues", link_words)
    };
    let fines = read(&account(&format!("{patron_text}{links}"), ""))
        .unwrap()
        .fines;
    assert_eq!(fines, expected.map(|sum| sum.parse().unwrap()));
}

#[rstest]
#[case("3 requests (holds). 2 ready for pickup.", Some(3))]
#[case("1 request (hold).", Some(1))]
#[case("Réservations (3)", Some(3))]
#[case("My holds", None)]
fn link_count_is_read_in_many_spellings(#[case] words: &str, #[case] expected: Option<u32>) {
    let page = account(&link("holds", words), "");
    assert_eq!(read(&page).unwrap().declared.holds, expected);
}

#[test]
fn small_login_form_on_an_account_is_no_login_page() {
    let words = "<p>You have no items checked out.</p>";
    let read = read(&account(&link("holds", "2 requests"), words)).unwrap();
    assert_eq!(read.loans, Some(Vec::new()));
    assert_eq!((read.holds, read.declared.holds), (None, Some(2)));
}
