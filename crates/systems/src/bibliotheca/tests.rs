use chrono_tz::Tz;
use hippo_browser::reading::parse_page;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, Hold, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Bibliotheca;
use crate::fingerprint::{Detector as _, FetchedPage};
use crate::offline::OfflineReader as _;

fn read(main: &str) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/webopac").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: Tz::Europe__Berlin,
        card_number: None,
    };
    let page = SavedPage {
        name: "page".to_owned(),
        body: format!("<html><body>{main}</body></html>"),
    };
    Bibliotheca.read(&[page], &context)
}

fn table(headers: &[&str], rows: &str, total: &str) -> String {
    let width = headers.len();
    let headers: String = headers
        .iter()
        .map(|header| format!("<th class=tabHeaderKonto>{header}"))
        .collect();
    format!("<table><tr>{headers}</tr>{rows}<tr><td colspan={width}>{total}</table>")
}

const LOANS: [&str; 5] = ["Zweigstelle", "Verfasser", "Titel", "Rückgabe", ""];
const HOLDS: [&str; 3] = ["Verfasser", "Titel", "Bereit"];

const LOAN: &str =
    "<tr><td>Süd<td>Moor, Ada<td>Nebel<td>02.05.2026<td><a href='?target=verl_1'>v</a>";

fn no_holds() -> String {
    table(&HOLDS, "", "Anzahl: 0")
}

#[test]
fn account_is_one_page() {
    let head = "<div class=kontotitelzeile>Konto für Ausweis Nr: 4711</div>\
                <div class=kontozeile_center>Ausstehende Gebühren: 1.204,50 €</div>\
                <div class=kontozeile_center>Ihr Ausweis ist gültig bis: Freitag, 31. Dezember 2027</div>";
    let other =
        "<tr><td>Süd<td><td>Ohne Verfasser<td>07.05.2026<td><a href='?target=vermsg_2'>i</a>";
    let holds = "<tr><td>Moor, Ada<td>Wolken<td>&nbsp;</tr><tr><td>Moor, Ada<td>Hagel<td>ja</tr>\
                 <tr><td>Moor, Ada<td>Tau<td>nach Anruf</tr>";
    let page = head.to_owned()
        + &table(&LOANS, &format!("{LOAN}{other}"), "Anzahl: 2")
        + &table(&HOLDS, holds, "Anzahl: 3");
    let account = read(&page).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Nebel");
    assert_eq!(loans[0].author.as_deref(), Some("Moor, Ada"));
    assert_eq!(loans[0].due, Some("2026-05-02".parse().unwrap()));
    assert_eq!(
        (loans[0].renewable, loans[1].renewable),
        (Some(true), Some(false))
    );
    assert_eq!(loans[1].author, None);
    let states: Vec<_> = account
        .holds
        .iter()
        .flatten()
        .map(|hold| hold.state)
        .collect();
    assert_eq!(
        states,
        [HoldState::Waiting, HoldState::Ready, HoldState::Other]
    );
    assert_eq!(account.fines, Some("1204.50".parse().unwrap()));
    assert_eq!(account.currency.as_deref(), Some("EUR"));
    assert_eq!(account.card_expires, Some("2027-12-31".parse().unwrap()));
    assert_eq!(
        (account.declared.loans, account.declared.holds),
        (Some(2), Some(3))
    );
}

#[rstest]
#[case("Leihfristende")]
#[case("R&uuml;ckgabedatum")]
#[case("F&auml;llig am")]
#[case("Ausleihe bis")]
#[case("Frist")]
fn due_date_has_many_headers(#[case] header: &str) {
    let row = "<tr><td>Nebel<td>02.05.2026";
    let page = table(&["Titel", header], row, "Anzahl: 1") + &no_holds();
    let loan = &read(&page).unwrap().loans.unwrap()[0];
    assert_eq!(loan.due, Some("2026-05-02".parse().unwrap()));
}

#[test]
fn hold_has_its_branch_and_its_days() {
    let headers = ["Titel", "Bereit", "Vorgemerkt bis", "Zweigstelle"];
    let rows = "<tr><td>Tau<td>abholbereit bis 05.12.2026<td><td>S&uuml;d</tr>\
                <tr><td>Reif<td>Ja, bis 06.12.2026<td><td>Nord</tr>\
                <tr><td>Hagel<td>Ja, seit 01.12.2026<td><td></tr>\
                <tr><td>Fog<td>&nbsp;<td>01.05.2027<td>S&uuml;d</tr>";
    let page = table(&LOANS, "", "Anzahl: 0") + &table(&headers, rows, "Anzahl: 4");
    let holds = read(&page).unwrap().holds.unwrap();
    let days: Vec<_> = holds.iter().map(|hold| hold.pickup_by).collect();
    let day = |day: &str| Some(day.parse().unwrap());
    assert_eq!(days, [day("2026-12-05"), day("2026-12-06"), None, None]);
    let ready = |hold: &&Hold| hold.state == HoldState::Ready;
    assert_eq!(holds.iter().filter(ready).count(), 3);
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Süd"));
    assert_eq!(holds[2].note.as_deref(), Some("Ja, seit 01.12.2026"));
    assert_eq!(
        (holds[3].state, holds[3].expires),
        (HoldState::Waiting, day("2027-05-01"))
    );
}

#[rstest]
#[case("<input type=hidden name=vkontodb value=glad>", Some("glad"))]
#[case("<input type=hidden name=vkontodb value=''>", None)]
#[case("", None)]
fn login_form_may_name_the_database(#[case] field: &str, #[case] expected: Option<&str>) {
    let form = format!(
        "<form id=webopac>{field}<input name=AUSWEIS><input name=PWD type=password></form>"
    );
    let page = FetchedPage {
        url: &Url::parse("https://books.test/webopac/index.asp?kontofenster=start").unwrap(),
        is_guessed: false,
        html: &parse_page(&form).unwrap(),
    };
    let site = Bibliotheca.locate_site_of_page(&page).unwrap();
    assert_eq!(site.base_url.as_str(), "https://books.test/webopac");
    assert_eq!(site.options.get("db").map(String::as_str), expected);
}

#[rstest]
#[case::other_total(table(&LOANS, LOAN, "Anzahl: 2"))]
#[case::no_total(table(&LOANS, "", ""))]
#[case::number_alone(table(&LOANS, LOAN, "3"))]
#[case::short_row(table(&LOANS, "<tr><td>Moor, Ada<td>Nebel<td>02.05.2026", "Anzahl: 1"))]
#[case::no_date(table(&LOANS, "<tr><td>Süd<td>Moor, Ada<td>Nebel<td>bald<td>", "Anzahl: 1"))]
#[case::two_lists(table(&LOANS, LOAN, "Anzahl: 1") + &table(&LOANS, LOAN, "Anzahl: 1"))]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] loans: String) {
    let failure = read(&(loans + &no_holds())).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case("", FailureKind::PageChanged)]
#[case(
    "<div class=kontomeldung>Das Passwort ist falsch.</div>",
    FailureKind::WrongCredentials
)]
#[case(
    "<div class=kontomeldung>Ihr Konto wurde gesperrt.</div>",
    FailureKind::CardBlocked
)]
#[case(
    "<div class=kontomeldung>Ihre Sitzung ist abgelaufen.</div>",
    FailureKind::SessionExpired
)]
fn login_page_has_the_failure_of_its_words(#[case] message: &str, #[case] kind: FailureKind) {
    let form = "<form id=webopac><input name=AUSWEIS><input name=PWD type=password></form>";
    let failure = read(&format!("{message}{form}")).unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
}

#[rstest]
#[case::inter_library_loans(table(&["Verfasser", "Titel", "Status"], "<tr><td>Moor, Ada<td>Tau<td>bestellt", "Anzahl: 1"))]
#[case::unknown_header(table(&["Kurztitel", "R&uuml;ckgabe"], "<tr><td>Tau<td>02.05.2026", "Anzahl: 1"))]
fn table_that_no_list_is_is_a_changed_page(#[case] other: String) {
    let page = table(&LOANS, LOAN, "Anzahl: 1") + &no_holds();
    assert!(read(&page).is_ok());
    let failure = read(&(page + &other)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case("&nbsp;", HoldState::Waiting)]
#[case("nein", HoldState::Waiting)]
#[case("<img src=ok.gif>", HoldState::Other)]
#[case("abholbereit bis 28.11.2026 (abgelaufen)", HoldState::Other)]
#[case("bereit, storniert am 30.11.2026", HoldState::Other)]
#[case("bereit bis 05.12.2026, wird danach storniert", HoldState::Ready)]
fn cell_says_whether_a_hold_is_ready(#[case] cell: &str, #[case] state: HoldState) {
    let row = format!("<tr><td>Moor, Ada<td>Tau<td>{cell}</tr>");
    let page = table(&LOANS, "", "Anzahl: 0") + &table(&HOLDS, &row, "Anzahl: 1");
    assert_eq!(read(&page).unwrap().holds.unwrap()[0].state, state);
}

#[test]
fn column_of_title_and_author_is_the_title() {
    let headers = ["Titel / Verfasser", "R&uuml;ckgabe"];
    let row = "<tr><td>Nebel / Moor, Ada<td>02.05.2026";
    let page = table(&headers, row, "Anzahl: 1") + &no_holds();
    let loan = &read(&page).unwrap().loans.unwrap()[0];
    assert_eq!(
        (loan.title.as_str(), loan.author.as_deref()),
        ("Nebel / Moor, Ada", None)
    );
}
