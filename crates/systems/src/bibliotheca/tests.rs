use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Bibliotheca;
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
