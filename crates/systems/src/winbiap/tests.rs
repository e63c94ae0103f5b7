use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::WinBiap;
use crate::offline::OfflineReader as _;

fn read(body: &str) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/").unwrap();
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
    WinBiap.read(&[page], &context)
}

fn label(words: &str) -> String {
    format!("<span id=m_LabelAccountTableResult>{words}</span>")
}

fn loans(list: &str, title: &str, tick: &str, details: &str) -> String {
    format!(
        "<table id=m_BorrowDetailList{list} class=detailTable><tr><th>Autor<th>Titel<th>F</tr>\
         <tr class=group-header><td colspan=3>Januar</tr><tr id=rowBorrow><td><span class=autor>Moor, Ada</span>{tick}\
         <td><span class=title>{title}</span><td><span class=matureDate>20.02.2026</span></tr>\
         <tr class=rowDetails><td colspan=3>{details}<table><tr><td>0 Sterne</table></tr></table>"
    )
}

#[test]
fn tables_are_parts_of_one_list() {
    let tick = "<input type=checkbox name=r$chkSelect>";
    let details = "<span id=m_labelMediennrHeader>Nr</span><span id=m_labelMediennr>77</span><span id=m_labelCountRenew>3</span>\
                   <span id=m_labelNotRenewableReason>Schon zu oft</span>";
    let page = label("Medien entliehen: 2")
        + &loans("Extendable", "Nebel", tick, "")
        + &loans("NoProlongation", "Tau", "", details);
    let loans = read(&page).unwrap().loans.unwrap();
    assert_eq!(
        (loans[0].renewable, loans[1].renewable),
        (Some(true), Some(false))
    );
    assert_eq!((loans[1].id.as_str(), loans[1].renewals), ("77", Some(3)));
    assert_eq!(loans[1].renewable_reason.as_deref(), Some("Schon zu oft"));
}

#[test]
fn cells_without_ids_are_identified_by_their_headers() {
    let rows = "<tr class=toggleDetails><td>Tau<td>02.01.2030</tr><tr class=rowDetails><td colspan=2>x</tr>\
                <tr class=toggleDetails><td>Reif<td>03.01.2030</tr>";
    let page = label("Sie haben derzeit 2 Medien entliehen!")
        + &format!(
            "<table class=detailTable><thead><tr><th>Titel<th>Leihfrist</thead>{rows}</table>"
        );
    let account = read(&page).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Tau");
    assert_eq!(loans[1].due, Some("2030-01-03".parse().unwrap()));
    assert_eq!(account.holds, None);
    let rows = "<tr><td>Tau<td>Moor, Ada<td>Abholbereit<td>30.12.2026</tr>\
                <tr><td>Reif<td>Moor, Ada<td>Vorgemerkt<td></tr>";
    let page = label("Sie haben derzeit 2 Medien vorbestellt!")
        + &format!(
            "<table id=m_GridViewReservations><tr><th>Titel<th>Autor<th>Status<th>Abholfrist</tr>{rows}</table>"
        );
    let holds = read(&page).unwrap().holds.unwrap();
    assert_eq!(holds[0].author.as_deref(), Some("Moor, Ada"));
    assert_eq!(
        (holds[0].state, holds[1].state),
        (HoldState::Ready, HoldState::Waiting)
    );
    assert_eq!(holds[0].pickup_by, Some("2026-12-30".parse().unwrap()));
}

#[test]
fn charge_in_the_toolbar_is_read_too() {
    let page = label("Medien entliehen: 0")
        + "<span id=m_LabelToolbarTotalCharge>Offene Geb&uuml;hren: 3,50 €</span>";
    assert_eq!(read(&page).unwrap().fines, Some("3.50".parse().unwrap()));
}

#[test]
fn table_of_loans_that_cannot_be_renewed_needs_no_reason() {
    let page = label("Medien entliehen: 1") + &loans("NoProlongation", "Tau", "", "");
    assert_eq!(
        read(&page).unwrap().loans.unwrap()[0].renewable,
        Some(false)
    );
}

#[rstest]
#[case("Abholbereit bis 28.11.2026 (abgelaufen)", HoldState::Other)]
#[case("War abholbereit bis 28.11.2026", HoldState::Other)]
#[case("Bestellung storniert", HoldState::Other)]
#[case("Gesperrt, bitte Ausleihe fragen", HoldState::Other)]
fn hold_that_is_over_has_no_state_and_no_day(#[case] words: &str, #[case] state: HoldState) {
    let page = label("Sie haben derzeit 1 Medium vorbestellt!")
        + &format!(
            "<table id=m_GridViewReservation><tr><th>Titel<th>Ort</tr><tr><td class=Borrowline colspan=9>{words}</tr>\
             <tr><td><span id=m_LabelTitle>Tau</span><td></tr></table>"
        );
    let hold = read(&page).unwrap().holds.unwrap().remove(0);
    assert_eq!((hold.state, hold.pickup_by), (state, None));
    assert_eq!(hold.note.as_deref(), Some(words));
}

#[rstest]
#[case("Abholbereit bis 09.03.2026", HoldState::Ready)]
#[case("Verf&uuml;gbar", HoldState::Ready)]
#[case("Abholbereite Medien", HoldState::Ready)]
#[case("Zur&uuml;ckgelegt bis 09.03.2026", HoldState::Ready)]
#[case("Vorbestellte Medien", HoldState::Waiting)]
#[case("Noch nicht verf&uuml;gbar", HoldState::Waiting)]
#[case("Noch nicht abholbereit", HoldState::Waiting)]
#[case("Unterwegs", HoldState::InTransit)]
#[case("Bitte nachfragen", HoldState::Other)]
fn group_has_the_state(#[case] words: &str, #[case] state: HoldState) {
    let page = label("Sie haben derzeit 1 Medium vorbestellt!")
        + &format!(
            "<table id=m_GridViewReservation><tr><th>Titel<th>Ort</tr><tr><td class=Borrowline colspan=9>{words}</tr>\
             <tr><td><span id=m_LabelTitle>Tau</span><td><span id=m_LabelBranch>S&uuml;d</span><td></tr></table>"
        );
    let account = read(&page).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(
        (hold.state, hold.pickup_branch.as_deref()),
        (state, Some("Süd"))
    );
    assert_eq!(hold.note.is_some(), state == HoldState::Other);
    let is_dated = words.contains("bis");
    assert_eq!(hold.pickup_by.is_some(), is_dated);
}

#[rstest]
#[case("Sie haben derzeit keine Medien entliehen.", true)]
#[case("Medien entliehen: 0", true)]
#[case("Sie haben derzeit 0 Medien vorbestellt!", false)]
fn empty_list_is_said_above_it(#[case] words: &str, #[case] of_loans: bool) {
    let account = read(&label(words)).unwrap();
    assert_eq!(account.loans.is_some(), of_loans);
    assert_eq!(account.holds.is_some(), !of_loans);
}

#[test]
fn other_count_is_a_changed_page() {
    let page = label("Medien entliehen: 7") + &loans("Extendable", "Nebel", "", "");
    let failure = read(&page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[test]
fn refusal_beside_the_form_is_one() {
    let page = "<form><span id=m_LabelloginMessage>Leider stimmen Ihre Anmeldedaten nicht.</span>\
                <input name=a$TextBoxLoginName><input name=a$TextBoxLoginPassword></form>";
    let failure = read(page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
}

#[rstest]
#[case("Kontostand: 12,50 €", None, &["Fines or credit: 12.50, see the library's page."])]
#[case("Kontostand: -12,50 €", None, &["Fines or credit: 12.50, see the library's page."])]
#[case("Kontostand: 0,00 €", Some("0.00"), &[])]
#[case("Kontostand: ausgeglichen", Some("0.00"), &[])]
#[case("Offene Geb&uuml;hren: 12,50 €", Some("12.50"), &[])]
#[case("12,50 € Soll", Some("12.50"), &[])]
#[case("Guthaben: 12,50 €", Some("-12.50"), &[])]
#[case("Kontostand", None, &[])]
fn balance_may_be_a_debt_or_a_credit(
    #[case] words: &str,
    #[case] fines: Option<&str>,
    #[case] messages: &[&str],
) {
    let page = label("Medien entliehen: 0") + &format!("<span id=m_LabelCharges>{words}</span>");
    let account = read(&page).unwrap();
    assert_eq!(account.fines.map(|sum| sum.to_string()).as_deref(), fines);
    assert_eq!(account.messages, messages);
}

const ROW: &str = "<tr id=x_DetailItemMain_0_rowBorrow_0><td><span class=title>Tau</span>\
                   <td><span class=matureDate>20.02.2026</span></tr>";

#[rstest]
#[case("Sie haben derzeit 1 Medium entliehen", true)]
#[case("Sie haben derzeit 1 Medium vorbestellt!", false)]
fn list_with_another_id_is_identified_by_its_total(#[case] words: &str, #[case] of_loans: bool) {
    let page = label(words)
        + &format!("<table id=m_DetailList class=detailTable><tr><th>Titel<th>F</tr>{ROW}</table>");
    let account = read(&page).unwrap();
    assert_eq!(
        account.loans.map(|loans| loans.len()),
        of_loans.then_some(1)
    );
    assert_eq!(
        account.holds.map(|holds| holds.len()),
        (!of_loans).then_some(1)
    );
}
