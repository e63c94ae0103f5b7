//! Invented pages that show how installations of both generations differ: options, names and
//! languages.

use hippo_core::account::{HoldState, Loan};
use hippo_core::failure::FailureKind;
use rstest::rstest;
use serde_json::json;

use super::tests::{classify, read, read_with};
use crate::list_reader::PageKind;

/// Builds the table of loans with these words as the header of the renewals.
fn loans_table(renewals: &str, rows: &str) -> String {
    format!(
        "<table id=myCheckouts_checkoutslistnonmobile_table class='checkoutsList sortable'><thead>\
         <tr class=checkoutsHeader><th class=checkoutsAlert></th><th class='checkoutsBookInfo sorttable_alpha'>\
         <a href=#>Work <span>Click to sort</span></a></th><th class='checkoutsRenewCountHeader sorttable_numeric'>\
         <div class=myAccountHeader_div>{renewals}</div></th><th class=checkoutsDueDateHeader>Due</th></tr></thead>\
         <tbody>{rows}</tbody></table>"
    )
}

/// Builds a row of loans with this title cell, this count of renewals and this due date.
fn loan_row(work: &str, renewals: &str, due: &str) -> String {
    format!(
        "<tr class='checkoutsLine'><td class=checkoutsAlert></td><td class=checkoutsCoverArt>\
         <input type=checkbox class=checkoutsCheckbox></td><td class=checkoutsBookInfo>{work}</td>\
         <td class=checkoutsRenewCount>{renewals}</td><td class='checkoutsDueDate overdue'>{due}</td></tr>"
    )
}

const LINKED: &str = "<div id=checkoutTitleLinkDiv_51><a class=hideIE href='/client/en_US/x/search/detailnonmodal/ent:\
    $002f$002fSD_ILS$002f0?'>Ferries</a></div>";

fn only_loan(work: &str, renewals: &str, due: &str) -> Loan {
    let page = loans_table("Times Renewed", &loan_row(work, renewals, due));
    let mut loans = read(&[&page]).unwrap().loans.unwrap();
    assert_eq!(loans.len(), 1);
    loans.remove(0)
}

fn holds_table(id: &str, rows: &str) -> String {
    format!(
        "<table id={id} class='holdsList sortable'><thead><tr class=holdsHeader><td class=holdsID>Work</td>\
         <td class=holdsStatus>State</td></tr></thead><tbody>{rows}</tbody></table>"
    )
}

/// Builds a row of holds: the class of its checkbox, its number, status and rank.
fn hold_row(mark: &str, number: u32, status: &str, rank: &str) -> String {
    format!(
        "<tr class=pickupHoldsLine><td class=holdsCoverArt><input type=checkbox class={mark}></td>\
         <td class=holdsID><div id=holdTitleLinkDiv_{number}><a class=hideIE href=#>Fog {number}</a></div>\
         <p class=authBreak>Ash, Pip.<br><span>7{number}</span></p></td><td class=holdsStatus>{status}</td>\
         <td class=holdsPickup>Oak Park</td><td class=holdsDate>NEVER</td><td class=holdsRank>{rank}</td></tr>"
    )
}

#[test]
fn newer_pages_have_elements_for_author_and_item_numbers() {
    let numbers = "<br><span class=checkouts_callNumber>Shelf Number: F ASH</span><br>\
         <span class=checkouts_itemId>51</span>";
    for work in [
        format!(
            "{LINKED}<p class=authBreak><span class=checkouts_author>Ash, Pip.</span>{numbers}</p>"
        ),
        format!("{LINKED}<p class='authBreak checkouts_author'>Ash, Pip.{numbers}</p>"),
        format!(
            "{LINKED}<div class=checkouts_author><b>Ash,</b> Pip.</div><p class=authBreak>Shelf Number: F</p>"
        ),
    ] {
        let loan = only_loan(&work, "1", "11/21/26");
        assert_eq!(loan.author.as_deref(), Some("Ash, Pip."), "{work}");
        assert_eq!((loan.id.as_str(), loan.renewals), ("51", Some(1)));
    }
}

#[rstest]
#[case("<p class=authBreak>Shelf Number: F ASH<br>Item Barcode: 51</p>")]
#[case("<p class=authBreak><br><span>51</span></p>")]
#[case("<p class=authBreak><span class=checkouts_author></span><br>Item Barcode: 51</p>")]
fn item_number_is_no_author(#[case] paragraph: &str) {
    let loan = only_loan(&format!("{LINKED}{paragraph}"), "0", "11/21/26");
    assert_eq!(loan.author, None);
}

#[rstest]
#[case::lent_by_another_library("<div id=checkoutTitleLinkDiv_51>Ferries /</div>")]
#[case::cover_text("<div class=no_image_text title=Cover>Ferries</div><p>On loan from afar</p>")]
#[case::opened(
    "<div id=checkoutTitleLinkDiv_51><div class=detailPanel><h2>All about it</h2></div>Ferries</div>"
)]
fn title_without_a_link_is_read(#[case] work: &str) {
    assert_eq!(only_loan(work, "0", "11/21/26").title, "Ferries");
}

#[rstest]
#[case("<a class=detailLink href=# title=x>Ferries [DVD] /</a>")]
#[case("Ferries [DVD]")]
fn title_of_the_oldest_pages_is_beside_the_panel(#[case] title: &str) {
    let work = format!(
        "<div><div class=detailPanel id=detailPanel2><div class=t-zone>All about it</div></div>{title}</div>\
         <p class=authBreak>Ash, Pip, 1969-<br /><span class=checkoutsError>Renewal limit reached</span></p>"
    );
    let loan = only_loan(&work, "0", "11/21/26");
    assert_eq!(loan.title, "Ferries [DVD]");
    assert_eq!(loan.author.as_deref(), Some("Ash, Pip, 1969-"));
    assert_eq!(
        loan.renewable_reason.as_deref(),
        Some("Renewal limit reached")
    );
}

#[rstest]
#[case("Claims Returned", None, Some("Claims Returned"))]
#[case("6 déc. 2026", Some("2026-12-06"), None)]
#[case("6 de diciembre de 2026", Some("2026-12-06"), None)]
fn due_cell_has_a_month_in_words_or_an_event(
    #[case] words: &str,
    #[case] due: Option<&str>,
    #[case] note: Option<&str>,
) {
    let loan = only_loan(LINKED, "0", words);
    assert_eq!(loan.due, due.map(|due| due.parse().unwrap()));
    assert_eq!(loan.note.as_deref(), note);
}

#[test]
fn row_without_a_title_is_a_changed_page() {
    let page = loans_table("Renewals", &loan_row("<p>51</p>", "0", "11/21/26"));
    let failure = read(&[&page]).unwrap_err();
    assert!(failure.detail.contains("unknown row"), "{failure}");
}

#[rstest]
#[case("Times Renewed", "2", Some(2))]
#[case("Renewals Remaining", "2", None)]
#[case("Renouvellements restants", "2", None)]
#[case("Renewals", "2 left", None)]
#[case("Renewals", "2 of 3", Some(2))]
#[case("Renewals", "Unlimited", None)]
fn remaining_renewals_are_not_counted_as_made(
    #[case] head: &str,
    #[case] count: &str,
    #[case] expected: Option<u32>,
) {
    let page = loans_table(head, &loan_row(LINKED, count, "11/21/26"));
    let loans = read(&[&page]).unwrap().loans.unwrap();
    assert_eq!(loans[0].renewals, expected);
}

#[test]
fn remaining_renewals_are_identified_by_any_row_of_headers() {
    let page = loans_table("Renewals Remaining", &loan_row(LINKED, "2", "11/21/26"));
    let first = "<thead><tr><th colspan=4><input type=button value=Renew></th></tr>";
    let page = page.replacen("<thead>", first, 1);
    assert!(page.contains(first));
    assert_eq!(read(&[&page]).unwrap().loans.unwrap()[0].renewals, None);
}

#[test]
fn hidden_refusal_is_ignored() {
    let work_with_refusal = |class: &str| {
        format!(
            "{LINKED}<p class=authBreak>Ash<br><span class='checkoutsError {class}'>Asked for by another.</span></p>"
        )
    };
    let loan = only_loan(&work_with_refusal("t-invisible"), "0", "11/21/26");
    assert_eq!((loan.renewable, loan.renewable_reason), (Some(true), None));
    let loan = only_loan(&work_with_refusal(""), "0", "11/21/26");
    assert_eq!(loan.renewable, Some(false));
}

#[rstest]
#[case("11/21/26", "%m/%d/%y")]
#[case("11/21/26 23:59", "%m/%d/%y")]
#[case("11/21/26, 11:59 PM", "%m/%d/%y")]
#[case("Overdue: 21/11/2026", "%d/%m/%y")]
#[case("26-11-21", "%y-%m-%d")]
#[case("21.11.26", "%d.%m.%y")]
fn due_date_is_read_in_the_librarys_format(#[case] due: &str, #[case] format: &str) {
    let page = loans_table("Renewals", &loan_row(LINKED, "0", due));
    let loans = read_with(&[&page], Some(format)).unwrap().loans.unwrap();
    assert_eq!(loans[0].due, Some("2026-11-21".parse().unwrap()));
    let failure = read_with(&[&page], None).unwrap_err();
    assert!(failure.detail.contains("date format"), "{failure}");
}

#[test]
fn iso_date_needs_no_format() {
    let page = loans_table("Renewals", &loan_row(LINKED, "0", "2026-11-21 23:59"));
    for format in [Some("%Y-%m-%d"), None] {
        let loans = read_with(&[&page], format).unwrap().loans.unwrap();
        assert_eq!(loans[0].due, Some("2026-11-21".parse().unwrap()));
    }
}

#[rstest]
#[case("15 of 30", Some(15), Some(30))]
#[case("15", Some(15), None)]
#[case("0", None, None)]
#[case("N/A", None, None)]
#[case("3 of 2", Some(3), None)]
fn position_may_include_the_queue_length(
    #[case] rank: &str,
    #[case] position: Option<u32>,
    #[case] length: Option<u32>,
) {
    let rows = hold_row("holdsCheckbox", 61, "Pending", rank);
    let page = holds_table("myHolds_holdslist_table", &rows);
    let hold = read(&[&page]).unwrap().holds.unwrap().remove(0);
    assert_eq!((hold.position, hold.queue_length), (position, length));
    assert_eq!(hold.expires, None, "“NEVER” is no date");
}

#[test]
fn ready_hold_is_recognised_in_any_language() {
    let rows = hold_row("readyHoldsCheckbox", 61, "Noudettavissa 4/4/27", "1")
        + &hold_row("holdsCheckbox", 62, "Jonossa", "4")
        + &hold_row("holdsCheckbox", 63, "En attente", "5");
    let page = holds_table("myHolds_holdslistnonmobile_table", &rows);
    let holds = read(&[&page]).unwrap().holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [HoldState::Ready, HoldState::Other, HoldState::Waiting]
    );
    assert_eq!(
        holds[0].pickup_by, None,
        "the page doesn't call it the last day"
    );
    assert_eq!(holds[0].note.as_deref(), Some("Noudettavissa 4/4/27"));
}

#[test]
fn lists_of_a_groups_other_cards_are_ignored() {
    let own = holds_table(
        "myHolds_holdslist_table",
        &hold_row("holdsCheckbox", 61, "Pending", "1"),
    );
    let rows = hold_row("holdsCheckbox", 62, "Pending", "2");
    let by_id = holds_table("groupHolds_holdslist_table", &rows);
    let by_place = format!(
        "<div class=t-zone id=libraryGroupHoldsZone>{}</div>",
        holds_table("holds_9", &rows)
    );
    for group in [by_id, by_place] {
        let holds = read(&[&format!("{own}{group}")]).unwrap().holds.unwrap();
        assert_eq!(holds.len(), 1);
        assert_eq!(holds[0].id, "61");
        let failure = read(&[&group]).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    }
}

#[rstest]
#[case("<p>You do not have any checkouts.</p>", true)]
#[case("<p>You currently have no items checked out at this time.</p>", true)]
#[case(
    "<div id=digitalCheckoutsZone><p>You have no checkouts.</p></div>",
    false
)]
#[case("<div id=groupCheckouts><p>You have no checkouts.</p></div>", false)]
#[case("<p>Vous n'avez aucun document.</p>", false)]
#[case("<div class=myAccountLoadingHolder>Loading…</div>", false)]
fn only_the_librarys_own_list_can_be_stated_empty(#[case] html: &str, #[case] is_empty: bool) {
    let body = json!({ "content": html }).to_string();
    match read(&[&body]) {
        Ok(account) => assert_eq!((account.loans, is_empty), (Some(Vec::new()), true)),
        Err(failure) => {
            assert_eq!((failure.kind, is_empty), (FailureKind::PageChanged, false));
        }
    }
}

#[test]
fn header_row_is_no_loan_and_unknown_row_is_a_changed_page() {
    let names = "<tr><th></th><th>Work</th><th>Renewals</th><th>Due</th></tr>";
    let row = loan_row(LINKED, "0", "11/21/26");
    let page = loans_table("Renewals", &format!("{names}{row}"));
    assert_eq!(read(&[&page]).unwrap().loans.unwrap().len(), 1);
    for blank in ["", " ", "&nbsp;", "<img>"] {
        let blank = format!("<tr><th colspan=4>{blank}</th></tr>");
        let page = loans_table("Renewals", &format!("{row}{blank}"));
        assert_eq!(read(&[&page]).unwrap().loans.unwrap().len(), 1, "{blank}");
    }
    for words in [
        "<tr><th colspan=4>Oak Park</th></tr>",
        "<tr><td colspan=4>1 of 80 are shown</td></tr>",
    ] {
        let page = loans_table("Renewals", &format!("{row}{words}"));
        let failure = read(&[&page]).unwrap_err();
        assert!(failure.detail.contains("unknown row"), "{failure}");
    }
}

#[test]
fn only_visible_messages_are_kept() {
    let page = format!(
        "<p class=accountMessage>Your card is blocked.</p><p class='accountMessage hidden'>Your PIN was \
         changed.</p><div style='display: none'><p class=accountMessage>Please log in.</p></div>{}",
        loans_table("Renewals", "")
    );
    assert_eq!(read(&[&page]).unwrap().messages, ["Your card is blocked."]);
}

#[rstest]
#[case("<h3>No hay nada</h3>")]
#[case("")]
fn list_with_only_a_header_is_empty_in_any_language(#[case] text: &str) {
    let page = format!("{text}{}", loans_table("Renovaciones", ""));
    assert_eq!(read(&[&page]).unwrap().loans, Some(Vec::new()));
}

#[test]
fn hidden_dialog_form_is_no_login_page() {
    let dialog = |style: &str| {
        format!(
            "<div id=loginDialog style='{style}'><p class=error>Your session timed out.</p>\
             <form id=loginPageForm><input name=j_username></form></div>"
        )
    };
    let loans = loans_table("Renewals", &loan_row(LINKED, "0", "11/21/26"));
    let account = read(&[&format!("{}{loans}", dialog("display:none"))]).unwrap();
    assert_eq!(account.loans.unwrap().len(), 1);
    assert!(read(&[&format!("{}{loans}", dialog(""))]).is_err());
    let failure = read(&[&dialog("display:none")]).unwrap_err();
    assert!(failure.detail.contains("login form"), "{failure}");
}

#[rstest]
#[case("<a href='/client/x/search/account.logout?'>Leave</a>", false)]
#[case(
    "<script>load('account.checkouts.librarycheckoutsaccordion?')</script>",
    false
)]
#[case(
    "<a class=hidden href='/client/x/search/account.logout?'>Leave</a>",
    true
)]
#[case("<p>Welcome to the catalogue.</p>", true)]
fn hidden_form_on_a_patrons_page_is_no_refused_login(#[case] beside: &str, #[case] is_login: bool) {
    let page = format!("{beside}<div class=hidden><form id=loginPageForm></form></div>");
    let kind = classify(&page);
    assert_eq!(matches!(kind, PageKind::Login), is_login, "{kind:?}");
}

#[rstest]
#[case("The PIN is incorrect.", FailureKind::WrongCredentials)]
#[case("Identifiant ou NIP refusé.", FailureKind::WrongCredentials)]
#[case(
    "Your card number is not recognized. It may have expired.",
    FailureKind::WrongCredentials
)]
#[case("Your PIN has expired.", FailureKind::WrongCredentials)]
#[case(
    "You must change your PIN before you go on.",
    FailureKind::WrongCredentials
)]
#[case(
    "Your library privileges have expired. Ask at the desk.",
    FailureKind::CardBlocked
)]
#[case("This user is BARRED.", FailureKind::CardBlocked)]
#[case("The account is blocked: ask at the desk.", FailureKind::CardBlocked)]
#[case(
    "Invalid user name or PIN. Make sure that cookies are allowed.",
    FailureKind::WrongCredentials
)]
#[case("Your session is invalid.", FailureKind::PageChanged)]
#[case("Your session has expired.", FailureKind::SessionExpired)]
#[case("The page timed out; log in with your card.", FailureKind::PageChanged)]
#[case("The catalogue is temporarily unavailable.", FailureKind::SiteDown)]
#[case("Enter the letters of the CAPTCHA.", FailureKind::SiteRefused)]
fn login_error_has_its_own_failure_kind(#[case] text: &str, #[case] expected: FailureKind) {
    let page =
        format!("<div id=loginErrorDiv class=t-error>{text}</div><form id=loginPageForm></form>");
    let PageKind::Failed(failure) = classify(&page) else {
        panic!("no failure")
    };
    assert_eq!(failure.kind, expected);
}

#[rstest]
#[case("Your library card is suspended.", Some(FailureKind::CardBlocked))]
#[case("Your PIN must be changed.", Some(FailureKind::WrongCredentials))]
#[case("Your session timed out.", Some(FailureKind::SessionExpired))]
#[case("Welcome. Your card expires soon.", None)]
fn fragment_in_place_of_the_form_has_its_failure_kind(
    #[case] text: &str,
    #[case] expected: Option<FailureKind>,
) {
    let body = json!({ "content": format!("<p>{text}</p>") }).to_string();
    let kind = match classify(&body) {
        PageKind::Failed(failure) => Some(failure.kind),
        _ => None,
    };
    assert_eq!(kind, expected);
}
