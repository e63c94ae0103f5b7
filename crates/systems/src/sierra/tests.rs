//! The reading rules, on invented pages.

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, Hold, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Sierra;
use crate::offline::OfflineReader as _;

const SUMMARY: &str = r#"<html><body>
<div class="patNameAddress"><strong>DOE, JO.</strong><br/>1 Pier Road<br/>EXP DATE:03-31-2027<br/>
<a href="/patroninfo~S1/1000007/holds">1 request (hold).</a>
<a href="/patroninfo~S1/1000007/items">2 Items currently checked out</a>
<a href="/patroninfo~S1/1000007/overdues">$1,002.50 in unpaid fines and bills</a></div>
<div class="patMessage">Please call the desk.</div>
</body></html>"#;

const ITEMS: &str = r#"<html><body><table class="patFunc">
<tr class="patFuncTitle"><th colspan="5" class="patFuncTitle">2 ITEMS CHECKED OUT</th></tr>
<tr class="patFuncHeaders"><th>RENEW</th><th>TITLE</th><th>BARCODE</th><th>STATUS</th><th>CALL NUMBER</th></tr>
<tr class="patFuncEntry"><td class="patFuncMark"><input type="checkbox" name="renew0" value="i71"/></td>
<td class="patFuncTitle"><a href="/record=b71~S1"> Harbour &amp; Hill : / Ada Stone.</a></td>
<td class="patFuncBarcode"> 30000000000071 </td>
<td class="patFuncStatus"> DUE 02-03-27 +1 HOLD <span>Renewed 2 times</span></td><td class="patFuncCallNo">X 1</td></tr>
<tr class="patFuncEntry"><td class="patFuncMark"></td>
<td class="patFuncTitle"><a href="/patroninfo~S1/1000007/item&72">Knots</a></td>
<td class="patFuncBarcode"></td>
<td class="patFuncStatus"> DUE 02-01-27 <em>TOO MANY RENEWALS</em></td><td class="patFuncCallNo">X 2</td></tr>
</table></body></html>"#;

const HOLDS: &str = r#"<table class="patFunc">
<tr class="patFuncTitle"><th colspan="6" class="patFuncTitle">1 HOLD</th></tr>
<tr class="patFuncHeaders"><th>CANCEL</th><th>TITLE</th><th>STATUS</th><th>PICKUP LOCATION</th><th>CANCEL IF NOT FILLED BY</th><th>FREEZE</th></tr>
<tr class="patFuncEntry"><td class="patFuncMark"><input type="checkbox" name="cancelb81x00"/></td>
<td class="patFuncTitle"><a href="/record=b81">Lamps / Bo Reed</a></td><td class="patFuncStatus"> 9 of 83 holds </td>
<td class="patFuncPickup"><select name="locb81"><option>Pier</option><option selected="selected">Dune</option></select></td>
<td class="patFuncCancel">12-31-27</td><td class="patFuncFreeze"><input type="checkbox" name="freezeb81" checked/></td></tr>
</table>"#;

fn read_with(pages: &[&str], date_format: Option<&str>) -> Result<Account, Failure> {
    let base_url = Url::parse("https://library.test").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format,
        timezone: chrono_tz::Europe::Vienna,
        card_number: None,
    };
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|body| SavedPage {
            name: "saved.html".to_owned(),
            body: (*body).to_owned(),
        })
        .collect();
    Sierra.read(&pages, &context)
}

fn read(pages: &[&str]) -> Result<Account, Failure> {
    read_with(pages, Some("%m-%d-%y"))
}

fn failure_detail(pages: &[&str]) -> String {
    let failure = read(pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

#[test]
fn account_is_read_from_pages_in_any_order() {
    let account = read(&[SUMMARY, ITEMS, HOLDS]).unwrap();
    assert_eq!(account, read(&[HOLDS, SUMMARY, ITEMS]).unwrap());
    assert_eq!(account.declared.loans, Some(2));
    assert_eq!(account.declared.holds, Some(1));
    assert_eq!(account.fines, Some("1002.50".parse().unwrap()));
    assert_eq!(account.card_expires, Some("2027-03-31".parse().unwrap()));
    assert_eq!(account.messages, ["Please call the desk."]);

    let loans = account.loans.unwrap();
    assert_eq!(loans[0].id, "30000000000071");
    assert_eq!(loans[0].title, "Harbour & Hill");
    assert_eq!(loans[0].author.as_deref(), Some("Ada Stone."));
    assert_eq!(loans[0].renewals, Some(2));
    assert_eq!(loans[0].renewable, None, "a checkbox proves nothing");
    assert_eq!(loans[0].note.as_deref(), Some("+1 HOLD"));
    assert_eq!(
        loans[0].url.as_deref(),
        Some("https://library.test/record=b71~S1")
    );
    assert_eq!(loans[1].renewals, None);
    assert_eq!(loans[1].renewable, Some(false));
    assert_eq!(
        loans[1].renewable_reason.as_deref(),
        Some("TOO MANY RENEWALS")
    );
    assert_eq!(loans[1].note, None);
    assert_eq!(loans[1].url, None, "not a public page");
    assert!(loans[1].id.starts_with('h'), "no number, so a hash");

    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.id, "b81x00");
    assert_eq!(hold.state, HoldState::Suspended);
    assert_eq!((hold.position, hold.queue_length), (Some(9), Some(83)));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Dune"));
    assert_eq!(hold.expires, Some("2027-12-31".parse().unwrap()));
}

#[test]
fn values_that_no_page_states_are_unknown() {
    let account = read(&[HOLDS]).unwrap();
    assert_eq!(account.loans, None);
    assert_eq!(account.fines, None);
    assert_eq!(account.card_expires, None);
    let no_fines = SUMMARY.replace("/overdues", "/elsewhere");
    assert_eq!(read(&[&no_fines]).unwrap().fines, None);
}

#[test]
fn summary_without_links_leaves_lists_unknown() {
    let silent = SUMMARY.replace("/items", "/x").replace("/holds", "/y");
    let account = read(&[&silent]).unwrap();
    assert_eq!((account.loans, account.holds), (None, None));
}

#[test]
fn list_is_empty_only_if_the_page_states_it() {
    let (start, rest) = ITEMS.split_once("<tr class=\"patFuncEntry\">").unwrap();
    let (_, end) = rest.rsplit_once("</tr>").unwrap();
    let none = format!("{start}{end}").replace("2 ITEMS CHECKED OUT", "0 ITEMS CHECKED OUT");
    assert_eq!(read(&[&none]).unwrap().loans, Some(Vec::new()));
    let words = none.replace(
        "</table>",
        "<tr><td colspan=5>You have no items checked out.</td></tr></table>",
    );
    assert_eq!(read(&[&words]).unwrap().loans, Some(Vec::new()));
    let other = none.replace(
        "</table>",
        "<tr><td colspan=5>Try again later.</td></tr></table>",
    );
    assert!(failure_detail(&[&other]).contains("unknown words"));
}

#[rstest]
#[case::an_entry("patFuncEntry", "From another library: Whales", true)]
#[case::a_date("note", "From another library: Whales DUE 02-05-27", true)]
#[case::a_date_in_another_format("note", "Whales, due 2027-02-05", true)]
#[case::words("note", "You may renew three times.", false)]
fn row_without_a_title_is_a_changed_page(
    #[case] class: &str,
    #[case] words: &str,
    #[case] is_counted: bool,
) {
    let row = format!("<tr class={class}><td colspan=5>{words}</td></tr></table>");
    let page = ITEMS.replace("</table>", &row);
    if is_counted {
        assert!(failure_detail(&[&page]).contains("without a title"));
    } else {
        assert_eq!(read(&[&page]).unwrap().loans.unwrap().len(), 2);
    }
    // Without the site's own count, nothing proves that the row is no loan.
    let uncounted = page.replace("2 ITEMS CHECKED OUT", "ITEMS CHECKED OUT");
    assert!(failure_detail(&[&uncounted]).contains("without a title"));
}

#[test]
fn unknown_row_is_a_changed_page_despite_the_empty_phrase() {
    let (start, rest) = ITEMS.split_once("<tr class=\"patFuncEntry\">").unwrap();
    let (_, end) = rest.rsplit_once("</tr>").unwrap();
    let rows = "<tr class=patFuncEntry><td colspan=5>Whales DUE 02-05-27</td></tr>\
                <tr><td colspan=5>You have no items checked out.</td></tr>";
    let page = format!("{start}{rows}{end}").replace("2 ITEMS", "ITEMS");
    assert!(failure_detail(&[&page]).contains("without a title"));
}

#[rstest]
#[case("")]
#[case(&"<div>".repeat(1_600_000))]
#[case("<html><body><h1>Welcome</h1></body></html>")]
#[case("\u{0}\u{1}\u{fffd}\u{fffd}PNG")]
#[case(
    "<table class=patFunc><tr class=patFuncHeaders><th>AUTHOR</th></tr><tr><td>x</td></tr></table>"
)]
fn unrecognised_page_is_a_changed_page(#[case] page: &str) {
    failure_detail(&[page]);
    assert!(failure_detail(&[page, SUMMARY]).starts_with("saved.html: "));
}

#[test]
fn totals_that_differ_from_the_rows_are_a_changed_page() {
    let more = ITEMS.replace("2 ITEMS CHECKED OUT", "5 ITEMS CHECKED OUT");
    assert!(failure_detail(&[&more]).contains("5 loans, but 2"));
    let summary = SUMMARY.replace("2 Items", "3 Items");
    assert!(failure_detail(&[&summary, ITEMS]).contains("3 loans, but 2"));
    let summary = SUMMARY.replace("1 request", "14 requests");
    assert!(failure_detail(&[&summary, HOLDS]).contains("14 holds, but 1"));
}

#[rstest]
#[case::box_in_its_class(" class=\"patFuncMark\"", "RENEW", Some(false))]
#[case::box_below_its_header("", "RENEW", Some(false))]
#[case::class_below_another_header(" class=\"patFuncMark\"", "?", Some(false))]
#[case::other_header("", "RENEW BY", None)]
#[case::question("", "CAN RENEW?", None)]
fn renewal_is_refused_only_without_a_box_in_its_place(
    #[case] class: &str,
    #[case] header: &str,
    #[case] refused: Option<bool>,
) {
    let page = ITEMS
        .replace(" class=\"patFuncMark\"", class)
        .replace("<th>RENEW</th>", &format!("<th>{header}</th>"));
    let loans = read(&[&page]).unwrap().loans.unwrap();
    assert_eq!((loans[0].renewable, loans[1].renewable), (None, refused));
}

#[rstest]
#[case("12-31-27 (was 11-30-27)")]
#[case("12-31-27 - 01-31-28")]
fn first_day_of_an_expiry_counts(#[case] words: &str) {
    let page = HOLDS.replace("12-31-27", words);
    let hold = read(&[&page]).unwrap().holds.unwrap().remove(0);
    assert_eq!(hold.expires, Some("2027-12-31".parse().unwrap()));
}

#[test]
fn fines_of_the_first_page_count() {
    let owed = "<body><div class=patNameAddress>DOE, JO<br>MONEY OWED: $2.50</div>";
    let items = ITEMS.replace("<body>", owed);
    let fines = |pages: &[&str]| read(pages).unwrap().fines;
    assert_eq!(fines(&[&items]), Some("2.50".parse().unwrap()));
    assert_eq!(fines(&[SUMMARY, &items]), Some("1002.50".parse().unwrap()));
}

#[test]
fn pages_of_two_patrons_are_a_changed_page() {
    let other = SUMMARY.replace("1000007", "1000008");
    assert!(failure_detail(&[&other, ITEMS]).contains("more than one patron"));
}

#[test]
fn same_list_given_twice_is_a_changed_page() {
    assert!(failure_detail(&[HOLDS, HOLDS]).contains("twice"));
}

#[test]
fn truncated_list_is_a_changed_page() {
    let headless = ITEMS.replace("2 ITEMS CHECKED OUT", "");
    assert!(read(&[&headless]).is_ok());
    let half = headless
        .split_once("<td class=\"patFuncMark\"></td>")
        .unwrap()
        .0;
    assert!(failure_detail(&[half]).contains("ends within"));
}

#[test]
fn visible_date_needs_the_declared_format() {
    for page in [SUMMARY, ITEMS, HOLDS] {
        let failure = read_with(&[page], None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged);
        assert!(failure.detail.contains("date format"), "{failure}");
    }
}

#[rstest]
#[case("", FailureKind::PageChanged)]
#[case("<div id=status class=errors> </div>", FailureKind::PageChanged)]
#[case(
    "<div id=status class=errors>Not valid.</div>",
    FailureKind::WrongCredentials
)]
fn login_page_refuses_only_with_an_error(#[case] status: &str, #[case] kind: FailureKind) {
    let page = format!("<form id=fm1 method=post>{status}<input name=code><input name=pin></form>");
    assert_eq!(read(&[&page]).unwrap_err().kind, kind);
}

#[test]
fn page_titles_are_stored_without_markup_or_escapes() {
    let page = HOLDS.replace(
        "Lamps / Bo Reed",
        "&lt;script&gt;x&lt;/script&gt; \u{1b}[31m\u{202e}Lamps",
    );
    let holds = read(&[&page]).unwrap().holds.unwrap();
    assert_eq!(holds[0].title, "<script>x</script> [31mLamps");
}

#[test]
fn repeated_headers_are_no_second_list() {
    let header = ITEMS.lines().nth(2).unwrap();
    let page = ITEMS.replacen("</table>", &format!("{header}</table>"), 1);
    assert_eq!(read(&[&page]).unwrap().loans.unwrap().len(), 2);
}

#[test]
fn expiry_of_several_words_is_read() {
    let page = SUMMARY
        .replace("03-31-2027<", "31 Mar 2027<")
        .replace("&", "");
    let account = read_with(&[&page], Some("%d %b %Y")).unwrap();
    assert_eq!(account.card_expires, Some("2027-03-31".parse().unwrap()));
}

#[test]
fn unprintable_id_is_kept_as_a_hash() {
    let disguised = |page: &str, id: &str| page.replace(id, &format!("{id}\u{202e}"));
    let items = disguised(ITEMS, "i71").replace(" 30000000000071 ", "");
    let account = read(&[SUMMARY, &items, &disguised(HOLDS, "cancelb81x00")]).unwrap();
    let loans = account.loans.unwrap();
    let holds = account.holds.unwrap();
    for id in [&loans[0].id, &holds[0].id] {
        assert!(id.starts_with('h') && id.len() == 25, "{id}");
    }
}

/// Reads a hold with this status, which isn't frozen.
fn hold_with_status(words: &str, date_format: Option<&str>) -> Result<Hold, Failure> {
    let page = HOLDS
        .replace(" 9 of 83 holds ", words)
        .replace("12-31-27", "")
        .replace("checked", "");
    Ok(read_with(&[&page], date_format)?.holds.unwrap().remove(0))
}

#[rstest]
#[case("Ready.", HoldState::Ready, None)]
#[case("READY.", HoldState::Ready, None)]
#[case("Ready. Must be picked up by 07-23-09", HoldState::Ready, None)]
#[case("ON HOLDSHELF", HoldState::Ready, None)]
#[case("IN TRANSIT", HoldState::InTransit, None)]
#[case("9 of 83 holds", HoldState::Waiting, Some(9))]
#[case("Available ", HoldState::Ready, None)]
#[case("AVAILABLE.", HoldState::Ready, None)]
#[case("Hold Being Shelved", HoldState::Ready, None)]
#[case("Available soon", HoldState::Other, None)]
#[case("CHECK SHELVES", HoldState::Other, None)]
#[case("TRACE", HoldState::Other, None)]
#[case("Ready soon", HoldState::Other, None)]
#[case("NOT READY FOR PICKUP", HoldState::Other, None)]
#[case("2 of 3 copies available", HoldState::Other, None)]
#[case("You will be told when ready", HoldState::Other, None)]
#[case(
    "Ready. If not taken by 07-23-09 it will go back",
    HoldState::Ready,
    None
)]
#[case("Item is ready for pickup", HoldState::Ready, None)]
#[case("READY.MUST BE PICKED UP BY 07-23-09", HoldState::Ready, None)]
#[case("TRANSIT", HoldState::InTransit, None)]
#[case("In transit to the holdshelf", HoldState::InTransit, None)]
#[case(
    "2 of 12 holds on first copy returned of 4",
    HoldState::Waiting,
    Some(2)
)]
#[case("2 de 12 réservations", HoldState::Waiting, Some(2))]
#[case("12 of 2 holds", HoldState::Other, None)]
#[case("NOT ON HOLDSHELF", HoldState::Other, None)]
#[case("Ready to be sent", HoldState::Other, None)]
#[case("No longer on hold shelf", HoldState::Other, None)]
#[case(
    "3 of 9 holds. We will write to you when it is ready",
    HoldState::Waiting,
    Some(3)
)]
#[case("Recv'd on 07-20-09", HoldState::Other, None)]
fn status_has_its_state(
    #[case] words: &str,
    #[case] state: HoldState,
    #[case] position: Option<u32>,
) {
    let hold = hold_with_status(words, Some("%m-%d-%y")).unwrap();
    assert_eq!((hold.state, hold.position), (state, position));
    assert_eq!(hold.note.is_some(), state == HoldState::Other);
    assert_eq!(
        hold.pickup_by.is_some(),
        words.contains("07-23-09"),
        "{words}"
    );
}

#[rstest]
#[case("RECEIVED", HoldState::Ready)]
#[case("Request received", HoldState::Other)]
#[case("AVAILABLE FOR PICKUP UNTIL 12-05-26", HoldState::Ready)]
#[case("AVAILABLE UNTIL 12-05-26", HoldState::Ready)]
#[case("LISTO PARA RECOGER", HoldState::Ready)]
#[case("DISPONIBLE HASTA 12-05-26", HoldState::Ready)]
#[case("NO DISPONIBLE", HoldState::Other)]
#[case("PRÊT ENTRE BIBLIOTHÈQUES", HoldState::Other)]
#[case("À RETIRER AVANT LE 12-05-26", HoldState::Ready)]
#[case("EN TRÁNSITO", HoldState::InTransit)]
#[case("EN TRANSIT", HoldState::InTransit)]
#[case("CONGELADA", HoldState::Suspended)]
#[case("NOUDETTAVISSA", HoldState::Ready)]
fn status_is_known_in_other_words(#[case] words: &str, #[case] state: HoldState) {
    let hold = hold_with_status(words, Some("%m-%d-%y")).unwrap();
    assert_eq!(hold.state, state);
    assert_eq!(hold.note.is_some(), state == HoldState::Other);
    let day = words
        .contains("12-05")
        .then(|| "2026-12-05".parse().unwrap());
    assert_eq!(hold.pickup_by, day);
}

#[test]
fn bookings_are_no_holds() {
    let bookings = HOLDS
        .replace("CANCEL IF NOT FILLED BY", "FROM")
        .replace("patFuncCancel", "patFuncBookDate");
    let account = read(&[SUMMARY, &bookings]).unwrap();
    assert_eq!((account.holds, account.declared.holds), (None, Some(1)));
}

#[rstest]
#[case("LOST AND PAID")]
#[case("BILLED")]
#[case("CLAIMED RETURNED")]
fn loan_without_a_day_because_of_an_event_has_no_due_date(#[case] words: &str) {
    let page = ITEMS.replace("DUE 02-01-27 <em>TOO MANY RENEWALS</em>", words);
    let loans = read(&[&page]).unwrap().loans.unwrap();
    assert_eq!(
        (loans[1].due, loans[1].note.as_deref()),
        (None, Some(words))
    );
    assert!(loans[0].due.is_some());
}

#[test]
fn page_of_fines_has_their_total() {
    let fines = "<table class=patFunc><tr class=patFuncFinesTotal><td>TOTAL AMT<td class=patFuncFinesTotalAmt>\
        <em>$2.50</em></table></body>";
    let page = SUMMARY
        .replace("/overdues", "/elsewhere")
        .replace("</body>", fines);
    assert_eq!(read(&[&page]).unwrap().fines, Some("2.50".parse().unwrap()));
}

#[rstest]
#[case("FECHA VENC:03-31-2027")]
#[case("Fecha exp.: 03-31-2027")]
fn cards_expiry_has_a_label_in_spanish(#[case] words: &str) {
    let page = SUMMARY.replace("EXP DATE:03-31-2027", words);
    let expires = read(&[&page]).unwrap().card_expires;
    assert_eq!(expires, Some("2027-03-31".parse().unwrap()));
}

#[rstest]
#[case::box_and_row("checked", "on_ice", " 9 of 83 holds ", HoldState::Suspended)]
#[case::row_alone("", "on_ice", " 9 of 83 holds ", HoldState::Suspended)]
#[case::box_alone("checked", "", " 9 of 83 holds ", HoldState::Suspended)]
#[case::neither("", "", " 9 of 83 holds ", HoldState::Waiting)]
#[case::ready("", "on_ice", "READY.", HoldState::Ready)]
fn frozen_hold_has_a_ticked_box_or_a_marked_row(
    #[case] tick: &str,
    #[case] class: &str,
    #[case] words: &str,
    #[case] state: HoldState,
) {
    let page = HOLDS
        .replace("checked", tick)
        .replace("patFuncEntry", &format!("patFuncEntry {class}"))
        .replace(" 9 of 83 holds ", words);
    let holds = read(&[&page]).unwrap().holds.unwrap();
    assert_eq!(holds[0].state, state);
}

#[test]
fn pickup_date_needs_the_declared_format() {
    assert!(hold_with_status("Ready. Must be picked up by 07-23-09", None).is_err());
    assert!(hold_with_status("9 of 83 holds", None).is_ok());
}

#[rstest]
#[case("/record=b7~S1", Some("https://library.test/record=b7~S1"))]
#[case("/patroninfo~S1/1000001/item&7", None)]
#[case("javascript:'/record=b7'", None)]
#[case(
    "https://encore.test/iii/encore/record/C__Rb7?lang=eng",
    Some("https://encore.test/iii/encore/record/C__Rb7?lang=eng")
)]
fn only_links_to_public_records_are_kept(#[case] href: &str, #[case] expected: Option<&str>) {
    let page = HOLDS.replace("/record=b81", href);
    let holds = read(&[&page]).unwrap().holds.unwrap();
    assert_eq!(holds[0].url.as_deref(), expected);
}
