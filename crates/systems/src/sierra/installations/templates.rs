//! Libraries with a template of their own, without the patron's box.

use hippo_core::failure::FailureKind;
use rstest::rstest;

use super::{kind, read};

/// Builds an account page without the patron's box: these links, this text beside them, and this content.
fn page(links: &str, text: &str, content: &str) -> String {
    format!(
        "<html><head><title>Pier Library</title></head><body><table><tr><td><b>DOE, JO</b><br>{text}<br></td>\
         <td><a href=/patroninfo~S1/1000007/searchcatalog>Search</a> {links}</td></tr></table>\
         <p>Expiration dates and fines: <a href=/faq>questions</a></p>{content}</body></html>\n\
         <!--this is customized <screens/patronview_web.html>-->"
    )
}

fn link(part: &str, words: &str) -> String {
    format!("<a href='/patroninfo~S1/1000007/{part}' target=_self>{words}</a>")
}

/// A list of one loan, with the stars of a rating; `rating` is their cell.
fn one_loan(rating: &str) -> String {
    format!(
        "<form name=process_form_2><table class=patFunc><tr class=patFuncTitle><th colspan=6 class=patFuncTitle>\
         1 ITEM CHECKED OUT</th></tr><tr class=patFuncHeaders><th>RENEW<th>TITLE<th>Ratings<th>BARCODE<th>STATUS\
         <th>CALL NUMBER</tr><tr class=patFuncEntry><td class=patFuncMark><input type=checkbox name=renew0 value=i7>\
         <td class=patFuncTitle><a href='/patroninfo~S1/1000007/item&7'>Tides / Ada Stone. </a>{rating}\
         <td class=patFuncBarcode>3000<td class=patFuncStatus>DUE 02-03-27<td class=patFuncCallNo>X 1</tr></table></form>"
    )
}

#[test]
fn page_without_the_box_is_read_by_its_links() {
    let links =
        link("holds", "3 requests (holds).") + &link("overdues", "$4.40 in unpaid fines and bills");
    let read = read(&page(
        &links,
        "EXP DATE:11-30-2026",
        &one_loan("<td class=patFuncRating><img>"),
    ))
    .unwrap();
    assert_eq!(read.loans.unwrap()[0].title, "Tides");
    assert_eq!(
        (read.declared.loans, read.declared.holds),
        (Some(1), Some(3))
    );
    assert_eq!(read.fines, Some("4.40".parse().unwrap()));
    assert_eq!(read.card_expires, Some("2026-11-30".parse().unwrap()));
}

#[test]
fn overview_without_lists_has_the_totals() {
    let links =
        link("items", "19 Items currently checked out") + &link("holds", "9 requests (holds).");
    let read = read(&page(&links, "Expiration Date:11-30-2026", "")).unwrap();
    assert_eq!(
        (read.declared.loans, read.declared.holds),
        (Some(19), Some(9))
    );
    assert_eq!((read.loans, read.holds, read.fines), (None, None, None));
    assert_eq!(read.card_expires, Some("2026-11-30".parse().unwrap()));
}

#[rstest]
#[case("No checkouts found", true)]
#[case("No Items currently checked out<br>", true)]
#[case("No requests found", false)]
#[case("NO HOLDS", false)]
fn row_for_no_entries_states_which_list_is_empty(#[case] words: &str, #[case] is_loans: bool) {
    let empty = format!(
        "<table border class=patFunc><tr class=patFuncNoEntries><td class=patFuncNoEntries>{words}</td></tr></table>"
    );
    let links = if is_loans {
        link("holds", "1 request (hold).")
    } else {
        link("items", "2 Items currently checked out")
    };
    let read = read(&page(&links, "", &empty)).unwrap();
    assert_eq!(read.loans.is_some(), is_loans);
    assert_eq!(read.holds.is_some(), !is_loans);
}

#[rstest]
#[case::other_words("No fines found")]
#[case::both("No checkouts, no holds")]
fn row_for_no_entries_of_an_unknown_list_is_ignored(#[case] words: &str) {
    let empty =
        format!("<table class=patFunc><tr class=patFuncNoEntries><td>{words}</td></tr></table>");
    let read = read(&page("", "", &empty)).unwrap();
    assert_eq!((read.loans, read.holds), (None, None));
}

#[rstest]
#[case::label_without_a_colon("Expires 11-30-2026", None)]
#[case::two_dates("EXP DATE:11-30-2026<br>Expires: 12-30-2026", None)]
#[case::in_spanish("Fecha de vencimiento: 11-30-2026", Some("2026-11-30"))]
#[case::never("Expiration date: 12-31-2399", None)]
#[case::once_more("EXP DATE:11-30-2026<br>EXP DATE:11-30-2026", Some("2026-11-30"))]
fn expiry_outside_the_box_needs_its_label(#[case] text: &str, #[case] expected: Option<&str>) {
    let read = read(&page("", text, "")).unwrap();
    assert_eq!(read.card_expires, expected.map(|day| day.parse().unwrap()));
}

#[rstest]
#[case("You have $10.00 in unpaid fines and bills.", Some("10.00"))]
#[case("$1,204.50 in unpaid fines", Some("1204.50"))]
#[case("You owe 10,00 € in unpaid fines", Some("10.00"))]
#[case("MONEY OWED: $2.00", Some("2.00"))]
#[case("Click there for unpaid fines and bills.", None)]
#[case("Pay $5.00 at the desk if you are in unpaid fines", None)]
fn fines_are_read_from_words_without_a_link(#[case] text: &str, #[case] expected: Option<&str>) {
    let fines = read(&page("", text, "")).unwrap().fines;
    assert_eq!(fines, expected.map(|sum| sum.parse().unwrap()));
}

#[test]
fn row_may_lack_only_a_cell_that_is_not_read() {
    assert!(read(&page("", "", &one_loan(""))).is_ok());
    let without_barcode =
        one_loan("<td class=patFuncRating>").replace("<td class=patFuncBarcode>3000", "");
    let unclassed = one_loan("").replace("<td class=patFuncBarcode>", "<td>");
    for short in [without_barcode, unclassed] {
        assert_eq!(kind(&page("", "", &short)), FailureKind::PageChanged);
    }
}

#[test]
fn page_of_another_template_is_no_account_page() {
    let other = page(&link("holds", "1 request (hold)."), "", "").replace("patronview", "x");
    assert_eq!(kind(&other), FailureKind::PageChanged);
}

#[test]
fn link_to_the_record_alone_makes_no_account_page() {
    let page = "<html><body><a href=/patroninfo~S1/1000007/top>Your record</a><p>Books</p>\
        <!-- patronview_web --></body></html>";
    assert_eq!(kind(page), FailureKind::PageChanged);
}
