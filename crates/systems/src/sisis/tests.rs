use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::Sisis;
use crate::offline::OfflineReader as _;

fn read(pages: &[String]) -> Result<Account, Failure> {
    let base_url = Url::parse("https://books.test/webOPACClient").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: Some("%d.%m.%Y"),
        timezone: Tz::Europe__Berlin,
        card_number: None,
    };
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|body| SavedPage {
            name: "page".to_owned(),
            body: body.clone(),
        })
        .collect();
    Sisis.read(&pages, &context)
}

/// A page of a list, with the counts of all.
fn page(heading: &str, last: &str, counts: [u32; 3], rows: &str) -> String {
    let [loans, orders, reservations] = counts;
    format!(
        "<form id=UserAccountForm></form><div id=label1>Ausleihen ({loans})</div><div id=label6>Bestellungen ({orders})</div>\
         <div id=label7>Vormerkungen ({reservations})</div><div id=label8>Geb&uuml;hren (1,50 EUR)</div>\
         <div id=tab-content><h2>{heading}</h2><table class=data><tr><th>Nr.<th>Titel, Verfasser<th>{last}</tr>{rows}</table></div>"
    )
}

fn loans(counts: [u32; 3], rows: &str) -> String {
    page("Ausleihen", "Leihfrist", counts, rows)
}

const LOAN: &str = "<tr><th scope=row>1.<td><strong>Nebel</strong><br>Moor, Ada<br>00012345X / Regal<br>\
                    <span class=textrot>Nicht verl&auml;ngerbar.</span><td>01.02.2026 - 20.02.2026<br>S&uuml;d</tr>";
const NONE: &str = "<tr><td colspan=3>Keine Daten</tr>";

#[test]
fn lists_are_joined_from_their_pages() {
    let counts = [1, 1, 2];
    let hold = |title: &str, state: &str| {
        format!(
            "<tr><th scope=row>1.<td><strong>&not;{title}</strong><br>Moor, Ada<br>99{}123 / R<td>{state}<br>x<br>S&uuml;d</tr>",
            title.len()
        )
    };
    let orders = page(
        "Bestellungen",
        "Stand",
        counts,
        &hold("Tau", "abholbereit bis 09.03.2026"),
    );
    let rows = hold("Hagel", "vorgemerkt") + &hold("Regen", "nach Anruf");
    let reservations = page("Vormerkungen", "Stand", counts, &rows);
    let account = read(&[loans(counts, LOAN), orders, reservations]).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(
        (loan.title.as_str(), loan.id.as_str()),
        ("Nebel", "00012345X")
    );
    assert_eq!(loan.due, Some("2026-02-20".parse().unwrap()));
    assert_eq!(loan.renewable, Some(false));
    assert_eq!(
        loan.renewable_reason.as_deref(),
        Some("Nicht verlängerbar.")
    );
    let holds = account.holds.unwrap();
    let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [HoldState::Ready, HoldState::Waiting, HoldState::Other]
    );
    assert_eq!(holds[0].title, "Tau");
    assert_eq!(holds[0].pickup_by, Some("2026-03-09".parse().unwrap()));
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Süd"));
    assert_eq!(holds[2].note.as_deref(), Some("nach Anruf x"));
    assert_eq!(account.fines, Some("1.50".parse().unwrap()));
}

#[test]
fn list_without_its_page_is_unknown() {
    let account = read(&[loans([0, 0, 0], NONE)]).unwrap();
    assert_eq!(account.loans, Some(vec![]));
    assert_eq!((account.holds, account.declared.holds), (None, Some(0)));
}

#[rstest]
#[case("<div>Nr.</div><div>Titel</div><div>Leihfrist</div>")]
#[case("<div><strong>Nr.</strong></div><div><strong>Titel</strong></div>")]
fn newer_layout_has_no_table(#[case] headers: &str) {
    let rows = "<div class=row><div>1.</div><div><span class=d-block><strong>Nebel</strong></span>\
                <span class=d-block>Moor, Ada</span><span class=d-block>00012345 / R</span></div><div>20.02.2026<br>S</div></div>";
    let page = format!(
        "<form id=UserAccountForm></form><div id=label1>Ausleihen (1)</div><div id=tab-content><h2>Ausleihen</h2>\
         <div class=container-fluid><div class='row d-none'>{headers}</div>{rows}</div></div>"
    );
    let loan = &read(&[page]).unwrap().loans.unwrap()[0];
    assert_eq!(loan.author.as_deref(), Some("Moor, Ada"));
    assert_eq!(loan.id, "00012345");
}

#[rstest]
#[case::other_count(vec![loans([2, 0, 0], LOAN)])]
#[case::no_word(vec![loans([0, 0, 0], "<tr><td colspan=3>Fragen Sie uns</tr>")])]
#[case::same_page_twice(vec![loans([2, 0, 0], LOAN), loans([2, 0, 0], LOAN)])]
#[case::other_counts(vec![loans([1, 0, 0], LOAN), page("Bestellungen", "Stand", [1, 1, 0], NONE)])]
#[case::no_title(vec![loans([1, 0, 0], "<tr><th>1.<td><strong></strong><td>20.02.2026</tr>")])]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] pages: Vec<String>) {
    let failure = read(&pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case(
    "Benutzernummer oder Passwort stimmt nicht.",
    FailureKind::WrongCredentials
)]
#[case("Ihr Ausweis ist gesperrt.", FailureKind::CardBlocked)]
#[case("Das Bibliothekssystem ist nicht erreichbar.", FailureKind::SiteDown)]
fn login_page_has_the_failure_of_its_words(#[case] message: &str, #[case] kind: FailureKind) {
    let form = "<form><input name=username><input name=password type=password></form>";
    let failure = read(&[format!("<div class=error>{message}</div>{form}")]).unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
}

#[rstest]
#[case(
    "<span class=textrot>Die maximale Anzahl an Verl&auml;ngerungen ist erreicht.</span>",
    Some(false)
)]
#[case("<span class=textrot>Das Medium ist vorgemerkt.</span>", Some(false))]
#[case(
    "<a href='?methodToCall=renewalPossible'><span class=textgruen>Verl&auml;ngern</span></a>",
    Some(true)
)]
#[case(
    "<input type=checkbox name=Listentries1><span class=textrot>Bereits gemahnt</span>",
    Some(true)
)]
#[case("<span>Bereits gemahnt</span>", None)]
#[case(
    "<span class=textgruen>Eine Verl&auml;ngerung ist m&ouml;glich.</span>",
    None
)]
#[case(
    "<span class=textrot>Leihfrist&uuml;berschreitung: 05.11.2026</span>",
    None
)]
#[case(
    "<a href='perma.do?q=1'>Link</a><span class=textrot>Das Medium ist vorgemerkt.</span>",
    Some(false)
)]
#[case(
    "<a href='?methodToCall=renewalPossible'>x</a><span>Verl&auml;ngerbar, nicht vorgemerkt</span>",
    Some(true)
)]
#[case(
    "<span>Keine Verl&auml;ngerung m&ouml;glich, Medium wurde vorgemerkt</span>",
    Some(false)
)]
fn coloured_remark_in_place_of_a_link_is_a_refusal(
    #[case] remark: &str,
    #[case] renewable: Option<bool>,
) {
    let row = format!(
        "<tr><th>1.<td><strong>Tau</strong><br>Moor, Ada<br>033254719 / R 4<br>{remark}<td>20.02.2026</tr>"
    );
    let account = read(&[loans([1, 0, 0], &row)]).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.renewable, renewable);
    assert_eq!(loan.renewable_reason.is_some(), renewable == Some(false));
}

#[test]
fn loans_from_other_libraries_are_a_message() {
    let tab = |count: u32| format!("<div id=label5><a>Fernleihen ({count})</a></div>");
    let account = read(&[loans([1, 0, 0], LOAN) + &tab(2)]).unwrap();
    assert_eq!(
        account.messages,
        ["Fernleihen (2): see the library's page."]
    );
    let account = read(&[loans([1, 0, 0], LOAN) + &tab(0)]).unwrap();
    assert_eq!(account.messages, Vec::<String>::new());
}

#[test]
fn link_that_cancels_a_hold_is_no_title_and_no_author() {
    let cancel =
        "<a href='userAccount.do?methodToCall=cancel'><strong>Vormerkung l&ouml;schen</strong></a>";
    let rows = format!(
        "<tr><th>1.<td>{cancel}<br><strong>Tau</strong><br>Moor, Ada<td>bereit bis 20.02.2026<br>x<br>S&uuml;d</tr>\
         <tr><th>2.<td><strong>Reif</strong><br>{cancel}<td>vorgemerkt</tr>"
    );
    let page = page("Vormerkungen", "Stand", [0, 0, 2], &rows);
    let holds = read(&[page]).unwrap().holds.unwrap();
    let titles: Vec<_> = holds
        .iter()
        .map(|hold| (hold.title.as_str(), hold.author.as_deref()))
        .collect();
    assert_eq!(titles, [("Tau", Some("Moor, Ada")), ("Reif", None)]);
}

#[rstest]
#[case("eBook", "<img src=e.gif>", true)]
#[case("R 4", "<img src=e.gif title=eAudio>", true)]
#[case("R 4", "<img src=e.gif title=Buch>", false)]
fn digital_loan_says_so(#[case] mark: &str, #[case] icon: &str, #[case] expected: bool) {
    let row = format!(
        "<tr><th>1.{icon}<td><strong>Tau</strong><br>Moor, Ada<br>033254719 / {mark}<td>20.02.2026</tr>"
    );
    let loan = &read(&[loans([1, 0, 0], &row)]).unwrap().loans.unwrap()[0];
    assert_eq!(loan.digital, expected);
}

#[test]
fn form_for_a_new_password_says_that_one_is_needed() {
    let form = "<form id=CommitPasswordBean><p>Bitte w&auml;hlen<input type=password name=password></form>";
    let failure = read(&[form.to_owned()]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials);
    assert!(failure.detail.contains("new PIN"), "{failure}");
}

#[rstest]
#[case::branch("abholbereit<br>x<br>S&uuml;d", Some("Süd"), None, HoldState::Ready)]
#[case::position(
    "01.11.2026<br>vorgemerkt<br>Vormerkposition: 2",
    None,
    Some(2),
    HoldState::Waiting
)]
#[case::day(
    "x<br>vorgemerkt<br>g&uuml;ltig bis 01.05.2027",
    None,
    None,
    HoldState::Waiting
)]
#[case::link(
    "01.11.2026<br>vorgemerkt<br><a href='?methodToCall=cancel'>Vormerkung l&ouml;schen</a>",
    None,
    None,
    HoldState::Waiting
)]
#[case::count("vorgemerkt<br>x<br>2 Vormerkungen", None, None, HoldState::Waiting)]
#[case::below_a_span(
    "14.11.2026 - 12.12.2026<br>B&uuml;cherei Bereit",
    Some("Bücherei Bereit"),
    None,
    HoldState::Other
)]
#[case::over("vorgemerkt, abgelaufen am 28.11.2026", None, None, HoldState::Other)]
#[case::was("war abholbereit bis 28.11.2026", None, None, HoldState::Other)]
#[case::later(
    "in Bereitstellung (bereit ab 03.12.2026)",
    None,
    None,
    HoldState::Waiting
)]
fn lines_of_a_hold_are_told_apart(
    #[case] lines: &str,
    #[case] branch: Option<&str>,
    #[case] position: Option<u32>,
    #[case] state: HoldState,
) {
    let row = format!("<tr><th>1.<td><strong>Tau</strong><br>Moor, Ada<td>{lines}</tr>");
    let page = page("Vormerkungen", "Stand", [0, 0, 1], &row);
    let hold = read(&[page]).unwrap().holds.unwrap().remove(0);
    assert_eq!(
        (hold.pickup_branch.as_deref(), hold.position, hold.state),
        (branch, position, state)
    );
}

#[rstest]
#[case("M 55 123456 / Roman", "M 55 123456")]
#[case("3D 53405 / 3D 53405", "3D 53405")]
#[case("4711 / Roman", "4711")]
#[case("ILL:00012345 / Fernleihe", "ILL:00012345")]
fn number_in_groups_is_no_author(#[case] line: &str, #[case] id: &str) {
    let row = format!("<tr><th>1.<td><strong>Nebel</strong><br>{line}<td>20.02.2026</tr>");
    let loan = read(&[loans([1, 0, 0], &row)])
        .unwrap()
        .loans
        .unwrap()
        .remove(0);
    assert_eq!((loan.author.as_deref(), loan.id.as_str()), (None, id));
}

#[rstest]
#[case("<strong>Ausweis g&uuml;ltig bis</strong> 06.01.2027", true)]
#[case("Weihnachten: &Ouml;ffnungszeiten g&uuml;ltig bis 06.01.2027", false)]
fn card_expires_where_the_box_begins_with_it(#[case] words: &str, #[case] expires: bool) {
    let page = loans([1, 0, 0], LOAN) + &format!("<div class=box3-content>{words}</div>");
    assert_eq!(read(&[page]).unwrap().card_expires.is_some(), expires);
}

#[test]
fn day_of_a_renewal_is_not_the_due_day() {
    let row = "<tr><th>1.<td><strong>Nebel</strong><td>05.12.2026<br>S&uuml;d<br>verl&auml;ngert am 28.11.2026</tr>";
    let account = read(&[page("Ausleihen", "Stand", [1, 0, 0], row)]).unwrap();
    assert_eq!(
        account.loans.unwrap()[0].due,
        Some("2026-12-05".parse().unwrap())
    );
}

#[rstest]
#[case("Geb&uuml;hren (1,50 EUR)", Some("1.50"))]
#[case("Guthaben (5,00 EUR)", None)]
#[case("Geb&uuml;hren (Stand 30.11.): 1,50 EUR", Some("1.50"))]
fn sum_is_what_is_owed(#[case] words: &str, #[case] expected: Option<&str>) {
    let page = loans([1, 0, 0], LOAN).replace("Geb&uuml;hren (1,50 EUR)", words);
    let fines = read(&[page]).unwrap().fines.map(|sum| sum.to_string());
    assert_eq!(fines.as_deref(), expected);
}
