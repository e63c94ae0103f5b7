use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::TouchPoint;
use crate::offline::OfflineReader as _;

fn read(body: &str) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/metaopac").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: Tz::Europe__Berlin,
        card_number: None,
    };
    let page = SavedPage {
        name: "page".to_owned(),
        body: body.to_owned(),
    };
    TouchPoint.read(&[page], &context)
}

/// A page whose open tab has this id.
fn page(open: &str, counts: [u32; 3], table: &str) -> String {
    let tab = |id: &str, name: &str, count: u32| {
        if id == open {
            format!("<li id={id}>{name} ({count})</li>")
        } else {
            format!("<li id={id}><a href=x>{name}&nbsp;({count})</a></li>")
        }
    };
    let [loans, orders, reservations] = counts;
    format!(
        "<ul id=account-nav>{}{}{}<li id=fees>Geb&uuml;hren (<span>0&nbsp;</span>)</li></ul>\
         <div id=account-data><div id=account-data>{table}</div></div>",
        tab("loaned", "Ausleihen", loans),
        tab("ordered", "Bestellungen", orders),
        tab("requested", "Vormerkungen", reservations),
    )
}

fn table(last: &str, rows: &str) -> String {
    format!("<table><tr><th colspan=2>Nr.<th>Titel/Verfasser<th>{last}</tr>{rows}</table>")
}

const LOAN: &str = "<tr><td>1.<td><img title=buch01><td><strong>Nebel</strong><br>Moor, Ada<br>A1234567 / R\
                    <td>F&auml;llig: 20.02.2026<br>S&uuml;d<br>Anzahl Verl&auml;ngerungen: 2</tr>";

#[test]
fn loans_and_zero_without_cents_are_read() {
    let account = read(&page("loaned", [1, 2, 0], &table("Leihfristende", LOAN))).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.due, Some("2026-02-20".parse().unwrap()));
    assert_eq!((loan.renewals, loan.renewable), (Some(2), None));
    assert_eq!(loan.format, None);
    assert_eq!(account.fines, Some("0.00".parse().unwrap()));
    assert_eq!((account.holds, account.declared.holds), (None, Some(2)));
}

#[rstest]
#[case("ordered")]
#[case("requested")]
fn open_tab_tells_the_list(#[case] open: &str) {
    let row = "<tr><td>1.<td><td><b>Tau</b><br>Moor, Ada<br>A1234568 / R<td>02.01.2026<br>bestellt<br>S&uuml;d</tr>";
    let account = read(&page(open, [3, 1, 0], &table("", row))).unwrap();
    assert_eq!(account.loans, None);
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Waiting);
    assert_eq!(hold.pickup_branch.as_deref(), Some("Süd"));
}

#[test]
fn words_in_place_of_the_table_are_an_empty_list() {
    let account = read(&page("ordered", [3, 0, 0], "<p>Keine Daten gefunden.</p>")).unwrap();
    assert_eq!((account.loans, account.holds), (None, Some(vec![])));
}

#[test]
fn loans_from_other_libraries_are_a_message() {
    let page = page("ordered", [3, 0, 0], "<p>Keine Daten gefunden.</p>").replace(
        "<li id=fees>",
        "<li id=ills><a>Fernleihen&nbsp;(2)</a></li><li id=fees>",
    );
    let account = read(&page).unwrap();
    assert_eq!(
        account.messages,
        ["Fernleihen (2): see the library's page."]
    );
}

#[test]
fn other_count_is_a_changed_page() {
    let page = page("loaned", [2, 0, 0], &table("Leihfristende", LOAN));
    let failure = read(&page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}
