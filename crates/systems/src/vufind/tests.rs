use chrono_tz::Tz;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use url::Url;

use super::VuFind;
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
    VuFind.read(&[page], &context)
}

fn page(template: &str, content: &str, menu: &str) -> String {
    format!(
        "<body class=template-name-{template}><div id=content>{content}<div class=sidebar><div class=list-group>\
         <a class=list-group-item>{menu}</a><a href=/MyResearch/Logout>x</a></div></div></div></body>"
    )
}

#[test]
fn rows_of_both_layouts_are_read() {
    let rows = "<div id=recordX.1 class=result><input type=checkbox name='renewSelectedIDS[]' value=77>\
                <a class=title href=/Record/X.1>Nebel : Roman</a><br>by: <a href='/Author/Home?a=1'>Moor, Ada</a><br>\
                <span class=format>Roman</span><br><strong>Renewed:</strong> 1 / 2<br><strong>Due date: 20.02.2026</strong></div>\
                <div id=record class='row result'><div><strong>Bis morgen</strong> [Moor, Bo ]<br><strong>Medientyp :</strong> eBook,\
                <strong>Bis 21.02.2026</strong></div></div>";
    let account = read(&page("checkedout", rows, "Ausgeliehene Medien : 2")).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(
        (loans[0].id.as_str(), loans[0].title.as_str()),
        ("77", "Nebel : Roman")
    );
    assert_eq!(
        (loans[0].renewals, loans[0].renewable),
        (Some(1), Some(true))
    );
    assert_eq!(loans[1].title, "Bis morgen");
    assert_eq!(loans[1].author.as_deref(), Some("Moor, Bo"));
    assert_eq!(loans[1].due, Some("2026-02-21".parse().unwrap()));
    assert_eq!((loans[0].digital, loans[1].digital), (false, true));
}

#[test]
fn link_to_renew_says_that_a_loan_can_be_renewed() {
    let row = "<div class=result><a class=title>Tau</a><br>Bis 20.02.2026 <a href='/MyResearch/Renew?id=7'>x</a></div>";
    let account = read(&page("checkedout", row, "x")).unwrap();
    assert_eq!(account.loans.unwrap()[0].renewable, Some(true));
}

#[rstest]
#[case("1 / 3", Some(1))]
#[case("2", Some(2))]
#[case("/ 3", None)]
fn most_possible_renewals_are_not_those_made(#[case] words: &str, #[case] expected: Option<u32>) {
    let row = format!(
        "<div class=result><a class=title>Tau</a><br>Renewed: {words}<br>Bis 20.02.2026</div>"
    );
    let account = read(&page("checkedout", &row, "x")).unwrap();
    assert_eq!(account.loans.unwrap()[0].renewals, expected);
}

#[rstest]
#[case("Verl&auml;ngerbar bis 01.02.2026<br>Leihfristende: 20.02.2026")]
#[case("Bis 01.02.2026 ausgestellt<br>F&auml;llig am 20.02.2026")]
#[case("Verl&auml;ngert bis 01.02.2026<br>Bis 20.02.2026")]
#[case("Due date: February 20, 2026")]
fn due_date_is_behind_its_own_label(#[case] lines: &str) {
    let row = format!("<div class=result><a class=title>Tau</a><br>{lines}</div>");
    let account = read(&page("checkedout", &row, "x")).unwrap();
    let due = account.loans.unwrap()[0].due;
    assert_eq!(due, Some("2026-02-20".parse().unwrap()));
}

#[rstest]
#[case("Available for pickup until 09.03.2026", HoldState::Ready)]
#[case("In transit to pickup location", HoldState::InTransit)]
#[case("Queue position: 3", HoldState::Waiting)]
#[case("Vorgemerkt", HoldState::Waiting)]
#[case("Wir melden uns", HoldState::Other)]
fn hold_has_the_state_of_its_words(#[case] words: &str, #[case] state: HoldState) {
    let row = format!(
        "<div class=result><a class=title>Tau</a><br><strong>Pickup location:</strong> S&uuml;d<br>{words}<br>\
         Created: 01.02.2026 | Expires: 05.06.2026</div>"
    );
    let account = read(&page("holds", &row, "Holds : 1")).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!(
        (hold.state, hold.pickup_branch.as_deref()),
        (state, Some("Süd"))
    );
    assert_eq!(hold.expires, Some("2026-06-05".parse().unwrap()));
    assert_eq!(hold.position, words.contains("position: 3").then_some(3));
}

#[rstest]
#[case("checkedout", "You do not have any items checked out")]
#[case("checkedout", "Sie haben zur Zeit keine Medien ausgeliehen")]
#[case("holds", "You do not have any holds or recalls placed")]
#[case("holds", "Sie haben keine Vormerkungen")]
fn empty_list_is_said_in_its_place(#[case] template: &str, #[case] words: &str) {
    let account = read(&page(template, words, "x")).unwrap();
    assert_eq!(account.loans.is_some(), template == "checkedout");
    assert_eq!(account.holds.is_some(), template == "holds");
}

#[rstest]
#[case::no_word(page("checkedout", "", "x"))]
#[case::words_beside_an_entry(page(
    "checkedout",
    "<p>You do not have any items checked out</p><div class=entry><a href='/Record/9'>Tau</a></div>",
    "x"
))]
#[case::words_of_another_sentence(page("holds", "No holds can be placed on new items.", "x"))]
#[case::other_count(page(
    "checkedout",
    "<div class=result><a class=title>Tau</a><br>Bis 20.02.2026</div>",
    "Ausgeliehene Medien : 2"
))]
#[case::no_due_date(page("checkedout", "<div class=result><a class=title>Tau</a></div>", "x"))]
#[case::breaks_off("<body class=template-name-checkedout><div id=content><div class=result><a class=title>T</a><br>Bis 20.02.2026</div>".to_owned())]
fn list_that_cannot_be_trusted_is_a_changed_page(#[case] page: String) {
    let failure = read(&page).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[rstest]
#[case::branch(
    "<strong>Abholung in Bibliothek:</strong> B&uuml;cherbus Unterwegs<br>Position in der Warteschlange: 4"
)]
#[case::ready_branch(
    "<strong>Abholort:</strong> Regal Bereit<br><strong>Position in der Warteschlange:</strong> 4"
)]
#[case::patron("Angefragt f&uuml;r: Bereit, Ute<br>Position in der Warteschlange: 4")]
#[case::volume("Band: Ready<br>Position in der Warteschlange: 4")]
#[case::alert("<div class=alert>Bereits abholbereit</div>Position in der Warteschlange: 4")]
#[case::link("<a href='/x'>Abholbereit?</a><br>Position in der Warteschlange: 4")]
#[case::author(
    "von: <a href='/Author/Home?a=1'>Bereit, Ute</a><br>Position in der Warteschlange: 4"
)]
fn state_is_in_no_name(#[case] lines: &str) {
    let row =
        format!("<div class=result><a class=title href=x>Immer<br>bereit</a><br>{lines}</div>");
    let account = read(&page("holds", &row, "x")).unwrap();
    let hold = &account.holds.unwrap()[0];
    assert_eq!((hold.state, hold.position), (HoldState::Waiting, Some(4)));
}

#[test]
fn note_of_a_hold_has_no_labels_of_other_values() {
    let lines =
        "<strong>Abholort:</strong> S&uuml;d<br>Erstellt: 28.11.2026 | Band: 2<br>Wir melden uns";
    let row = format!("<div class=result><a class=title href=x>Tau</a><br>{lines}</div>");
    let account = read(&page("holds", &row, "x")).unwrap();
    assert_eq!(
        account.holds.unwrap()[0].note.as_deref(),
        Some("Wir melden uns")
    );
}

#[rstest]
#[case("Abholbereit<br>Widerrufen: 30.11.2026", HoldState::Other)]
#[case("Bestellung storniert (bestellt am 01.11.2026)", HoldState::Other)]
#[case("Status: bereit", HoldState::Ready)]
#[case("Zur Abholung bereit bis am 05.12.2026, 18:00 Uhr", HoldState::Ready)]
#[case("Bereit ab 03.12.2026", HoldState::Other)]
fn hold_that_is_over_or_not_yet_ready_is_not_ready(#[case] lines: &str, #[case] state: HoldState) {
    let row = format!("<div class=result><a class=title href=x>Tau</a><br>{lines}</div>");
    let hold = read(&page("holds", &row, "x"))
        .unwrap()
        .holds
        .unwrap()
        .remove(0);
    assert_eq!(hold.state, state);
    assert_eq!(hold.note.is_some(), state == HoldState::Other);
}

#[rstest]
#[case::alert("<div class=alert>H&ouml;chste Leihfrist bis 01.03.2027</div>")]
#[case::alert_about_a_renewal(
    "<div class=alert>Leihfrist zuletzt verl&auml;ngert am 28.11.2026</div>"
)]
#[case::alert_that_begins_with_a_label(
    "<div class=alert>Leihfrist bis 01.03.2027 m&ouml;glich</div>"
)]
#[case::volume("Jahrgang: Due 01.02.2003")]
#[case::same_day_twice("R&uuml;ckgabedatum: 05.12.2026 05.12.2026 23:59")]
fn values_are_behind_labels_that_begin_a_line(#[case] line: &str) {
    let row = format!(
        "<div class=result><a class=title href=x>Tau</a><br>{line}<br><strong>R&uuml;ckgabedatum: 05.12.2026</strong></div>"
    );
    let loan = read(&page("checkedout", &row, "x"))
        .unwrap()
        .loans
        .unwrap()
        .remove(0);
    assert_eq!(loan.due, Some("2026-12-05".parse().unwrap()));
    assert_eq!((loan.renewals, loan.renewable), (None, None));
}

#[rstest]
#[case("Automatische Verl&auml;ngerung", Some(true))]
#[case(
    "Titel wird automatisch verl&auml;ngert (sofern er nicht anderweitig vorbestellt wird)",
    Some(true)
)]
#[case("Will auto-renew", Some(true))]
#[case("Verl&auml;ngerung erfolgreich", Some(true))]
#[case(
    "Titel wurde anderweitig vorbestellt: F&auml;lligkeitsdatum aktualisiert",
    Some(false)
)]
#[case("Die nicht beglichenen Geb&uuml;hren sind zu hoch", Some(false))]
#[case("Item has been recalled", Some(false))]
fn alert_forbids_a_renewal_only_by_its_own_words(
    #[case] alert: &str,
    #[case] renewable: Option<bool>,
) {
    let row = format!(
        "<div class=result><input type=checkbox name='renewSelectedIDS[]' value=7><a class=title href=x>Tau</a><br>\
         R&uuml;ckgabedatum: 05.12.2026<div class='alert alert-info'>{alert}</div></div>"
    );
    let loan = read(&page("checkedout", &row, "x"))
        .unwrap()
        .loans
        .unwrap()
        .remove(0);
    assert_eq!(loan.renewable, renewable);
}

#[rstest]
#[case("<div class=media-body>Das Moor<br>", Some("Das Moor"))]
#[case(
    "<div class=media-body>Das Moor <b class=caret></b><br>",
    Some("Das Moor")
)]
#[case(
    "<div class=record-number>1</div><h2>Kein Titel verf&uuml;gbar</h2>",
    Some("Kein Titel verfügbar")
)]
#[case("<strong>Verl&auml;ngert:</strong> 0<br>", None)]
#[case("<span class=format>Buch</span><br>", None)]
fn title_may_have_no_link(#[case] beginning: &str, #[case] title: Option<&str>) {
    let row = format!(
        "<div class=result>{beginning}<strong>R&uuml;ckgabedatum: 05.12.2026</strong></div>"
    );
    let loans = read(&page("checkedout", &row, "x")).map(|account| account.loans.unwrap());
    assert_eq!(
        loans.ok().map(|loans| loans[0].title.clone()).as_deref(),
        title
    );
}

#[test]
fn block_beside_the_list_is_a_message() {
    let main = "<div class='alert alert-danger'>Ihr Ausweis ist gesperrt.</div><div class=result>\
                <a class=title href=x>Tau</a><br>R&uuml;ckgabedatum: 05.12.2026\
                <div class='alert alert-danger'>&Uuml;berf&auml;llig</div></div>";
    let account = read(&page("checkedout", main, "x")).unwrap();
    assert_eq!(account.messages, ["Ihr Ausweis ist gesperrt."]);
}

/// A page of the newest theme: what its templates write, without the counts that a script adds later.
fn themed(classes: &str, main: &str, menu: &str) -> String {
    format!(
        "<body class='{classes}'><div role=main class=main><div id=content class=container><div class=mainbody>{main}</div>\
         <div class=sidebar id=myresearch-sidebar><nav class=myresearch-menu><ul class=account-menu>\
         <li><a href='/MyResearch/CheckedOut' class='checkedout nav-link icon-link'><span class=icon-link__label>\
         Ausgeliehene Medien</span><span class='checkedout-status status hidden'><i></i></span></a>{menu}\
         <li><a href='/MyResearch/Logout' class=logout>Log out</a></ul></nav></div></div></div></body>"
    )
}

fn themed_holds(rows: &str) -> String {
    let list = format!(
        "<h2>Ihre offenen Bestellungen und Vormerkungen</h2><ul class=record-list>{rows}</ul>"
    );
    themed("template-dir-holds template-name-list", &list, "")
}

fn themed_hold(title: &str, lines: &str) -> String {
    format!(
        "<li class=result><input type=hidden name='cancelAllIDS[]' value='{title}-7'><div class=checkbox><label>\
         <input type=checkbox name='selectedIDS[]' value='{title}-7'></label></div><div class=record-number>1</div>\
         <div class=media><div class=media-body><h2><a href='/Record/0.2' class=title>{title}</a></h2>{lines}</div></div></li>"
    )
}

#[test]
fn loans_of_the_newest_theme_are_read() {
    let rows = "<ul class=record-list><li id='record0.1' class=result><div class=checkbox><label> </label></div>\
                <div class=media><div class=media-body><h2><a href='/Record/0.1' class=title>Nebel</a>\
                <span class=authors>von: <a href='/Author/Home?author=Moor'>Moor, Ada</a><br></span></h2>\
                <span class='format ebook'>E-Book</span><br>\
                <strong>Strichcode:</strong> 300012<br><strong>Ausleihstelle:</strong> S&uuml;d<br>\
                <strong>Verl&auml;ngert:</strong> 1 / 3<br><strong>R&uuml;ckgabedatum: 20.02.2026 20:00</strong>\
                <div class='alert alert-danger'>R&uuml;ckgabe &uuml;berf&auml;llig</div>\
                <div class='alert alert-info'>Dieses Medium wurde von einem anderen Benutzer vorgemerkt</div></div></div></li></ul>";
    let page = themed("template-dir-myresearch template-name-checkedout", rows, "");
    let account = read(&page).unwrap();
    let loan = &account.loans.unwrap()[0];
    assert_eq!((loan.id.as_str(), loan.title.as_str()), ("300012", "Nebel"));
    assert_eq!(loan.author.as_deref(), Some("Moor, Ada"));
    assert_eq!(loan.due, Some("2026-02-20".parse().unwrap()));
    assert_eq!((loan.renewals, loan.renewable), (Some(1), Some(false)));
    assert!(loan.digital);
    let reason = loan.renewable_reason.as_deref().unwrap_or_default();
    assert!(reason.ends_with("vorgemerkt"), "{reason}");
    assert_eq!(account.declared.loans, None, "the menu has no total");
}

#[test]
fn holds_of_the_newest_theme_are_read() {
    let branch = "<strong>Abholung in Bibliothek:</strong> S&uuml;d<br><strong>Erstellt:</strong> 01.11.2025 | \
                  <strong>Ablaufdatum:</strong> 01.05.2026<br>";
    let queue = "<p><strong>Position in der Warteschlange:</strong> 3</p>";
    let frozen = "<p><strong>Gesperrt (vor&uuml;bergehend deaktiviert)";
    let rows = [
        themed_hold(
            "Tau",
            &format!("{branch}{queue}{frozen} bis 01.04.2026</strong></p>"),
        ),
        themed_hold("Reif", &format!("{branch}{queue}{frozen}</strong></p>")),
        themed_hold(
            "Fog",
            &format!(
                "{queue}<p><strong>Frozen (temporarily suspended) through 01.04.2026</strong></p>"
            ),
        ),
        themed_hold(
            "Hagel",
            "<div class=text-success>Zur Abholung bereit bis am 05.12.2025</div>",
        ),
        themed_hold(
            "Wolke",
            "<div class=text-success>Unterwegs zum Abholort: S&uuml;d</div>",
        ),
        themed_hold("Wind", &format!("{branch}{queue}")),
        themed_hold("Luft", "<p>Widerrufen</p>"),
    ];
    let holds = read(&themed_holds(&rows.concat())).unwrap().holds.unwrap();
    let states: Vec<_> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [
            HoldState::Suspended,
            HoldState::Suspended,
            HoldState::Suspended,
            HoldState::Ready,
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Other,
        ]
    );
    let until = Some("2026-04-01".parse().unwrap());
    let suspended: Vec<_> = holds.iter().map(|hold| hold.suspended_until).collect();
    assert_eq!(suspended, [until, None, until, None, None, None, None]);
    assert_eq!(holds[0].id, "Tau-7");
    assert_eq!(holds[0].pickup_branch.as_deref(), Some("Süd"));
    assert_eq!(holds[0].expires, Some("2026-05-01".parse().unwrap()));
    assert_eq!(
        (holds[5].position, holds[5].note.as_deref()),
        (Some(3), None)
    );
    assert_eq!(holds[3].pickup_by, Some("2025-12-05".parse().unwrap()));
    assert_eq!(holds[6].note.as_deref(), Some("Widerrufen"));
}

#[rstest]
#[case("storageretrievalrequests", "Abholbereit")]
#[case("illrequests", "Abholbereit")]
fn other_requests_are_holds(#[case] template: &str, #[case] words: &str) {
    let row = themed_hold("Tau", &format!("<div class=text-success>{words}</div>"));
    let classes = format!("template-dir-myresearch template-name-{template}");
    let menu = "<li><a href='/MyResearch/ILLRequests'>Fernleihanfragen</a>";
    let account = read(&themed(&classes, &format!("<ul>{row}</ul>"), menu)).unwrap();
    assert_eq!(account.holds.unwrap()[0].state, HoldState::Ready);
}

#[test]
fn menu_that_links_to_other_requests_has_no_total_of_all() {
    let row = "<div class=result><a class=title>Tau</a><br>Vorgemerkt</div>";
    let page = page("holds", row, "Vormerkungen : 5");
    assert!(read(&page).is_err(), "the total is of the holds");
    let link = "<a href='/MyResearch/StorageRetrievalRequests'>x</a></body>";
    let account = read(&page.replace("</body>", link)).unwrap();
    assert_eq!(account.declared.holds, None);
}

#[rstest]
#[case(
    "template-dir-myresearch template-name-checkedout",
    "Sie haben nichts von uns ausgeliehen."
)]
#[case(
    "template-dir-holds template-name-list",
    "Es liegen keine Vormerkungen oder Bestellungen vor."
)]
#[case(
    "template-name-storageretrievalrequests",
    "Sie haben keine offenen Magazinbestellungen."
)]
#[case(
    "template-name-illrequests",
    "Sie haben keine offenen Fernleihanfragen."
)]
fn empty_list_has_the_words_of_the_language_file(#[case] classes: &str, #[case] words: &str) {
    let account = read(&themed(classes, words, "")).unwrap();
    let of_loans = classes.ends_with("checkedout");
    assert_eq!(account.loans.is_some(), of_loans);
    assert_eq!(account.holds.is_some(), !of_loans);
}

#[rstest]
#[case(
    "<table class='table fines-table'><tr><th>Nebel<td>3,00 €<td>2,50 €<tfoot><tr><th colspan=2>Offener Gesamtbetrag\
        <td class=fines-total>2,50 €</table>",
    Some("2.50")
)]
#[case("<table><tr><th>Total offener Betrag<th>2,50 €</table>", Some("2.50"))]
#[case("Es sind keine Geb&uuml;hren auf Ihrem Bibliothekskonto", Some("0.00"))]
#[case("You do not have any fines", Some("0.00"))]
#[case("<p>Geb&uuml;hren zahlen Sie in der Bibliothek</p>", None)]
#[case("You do not have any fines <table><tr><td>Nebel</table>", None)]
fn fines_page_has_a_total_or_says_that_there_are_none(
    #[case] main: &str,
    #[case] expected: Option<&str>,
) {
    let page = themed("template-dir-myresearch template-name-fines", main, "");
    let fines = read(&page).unwrap().fines.map(|fines| fines.to_string());
    assert_eq!(fines.as_deref(), expected);
}

#[test]
fn rows_of_the_oldest_theme_are_read() {
    let page = "<body><div role=main class='main template-dir-myresearch template-name-checkedout'><div class=container>\
                <div class=row><div class=col-sm-9><h2>Ihre ausgeliehenen Exemplare</h2><hr>\
                <div id='record0.1' class=row><input class=pull-left type=checkbox name='renewSelectedIDS[]' value=12>\
                <div class=col-sm-9><a href='/Record/0.1' class=title>Nebel</a><br>von: <a href='/Author/Home?author=x'>Moor, Ada</a><br>\
                <strong>R&uuml;ckgabedatum: 20.02.2026</strong></div></div></div><div class=col-sm-3><h4>Ihr Konto</h4><div class=list-group>\
                <a href='/MyResearch/Logout' class=list-group-item>Log out</a></div></div></div></div></div></body>";
    let loan = &read(page).unwrap().loans.unwrap()[0];
    assert_eq!((loan.id.as_str(), loan.title.as_str()), ("12", "Nebel"));
    assert_eq!(loan.renewable, Some(true));
    let row = page.find("<hr>").unwrap()..page.find("<div class=col-sm-3>").unwrap();
    let mut empty = page.to_owned();
    empty.replace_range(row, "Sie haben nichts von uns ausgeliehen.</div>");
    assert_eq!(read(&empty).unwrap().loans, Some(vec![]));
}

#[rstest]
#[case(
    "Ung&uuml;ltige Loginangaben -- Bitte versuchen Sie es erneut.",
    FailureKind::WrongCredentials
)]
#[case("Ung&uuml;ltige Angaben! Kein Zugang.", FailureKind::WrongCredentials)]
#[case(
    "Die Loginangaben d&uuml;rfen nicht leer sein.",
    FailureKind::PageChanged
)]
#[case("Der Anmeldezeitraum ist abgelaufen.", FailureKind::PageChanged)]
#[case(
    "Sie k&ouml;nnen sich momentan nicht einloggen. Bitten Sie den Systemadministrator um Hilfe.",
    FailureKind::SiteDown
)]
#[case(
    "Login steht momentan nicht zur Verf&uuml;gung.",
    FailureKind::SiteDown
)]
#[case("Ihr Bibliotheksausweis ist abgelaufen.", FailureKind::CardBlocked)]
fn login_page_has_the_failure_of_its_words(#[case] words: &str, #[case] kind: FailureKind) {
    let page = format!(
        "<body class=template-name-login><div id=content><div class='alert alert-danger'>{words}</div>\
         <form name=loginForm method=post><input name=username><input name=password type=password></form></div></body>"
    );
    let failure = read(&page).unwrap_err();
    assert_eq!(failure.kind, kind, "{failure}");
}
