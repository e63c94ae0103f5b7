//! The reading rules, on pages that we invented.

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use rstest::rstest;
use url::Url;

use super::addresses::folder;
use super::pages::PageKind;
use super::{Enterprise, answer, pages};
use crate::offline::OfflineReader as _;
use crate::system::System as _;

const LOANS_HEAD: &str = "<thead><tr class='checkoutsHeader'><th class='checkoutsAlert'></th>\
    <th class='checkoutsBookInfo'>Work</th><th class='checkoutsRenewCountHeader'>Renewals</th>\
    <th class='checkoutsDueDateHeader'>Due</th></tr></thead>";

const LOANS: &str = r##"<table id="myCheckouts_checkoutslist_table" class="checkoutsList sortable">HEAD
<tr class="checkoutsLine"><td class="checkoutsAlert"><input type="checkbox"></td>
<td class="checkoutsBookInfo"><div id="checkoutTitleLinkDiv_371"><a href="#" class="hideIE">Harbour &amp; Hill [DVD] /</a></div>
<p class="authBreak"> Stone, Ada. <br/><span>371</span><br/><span class="checkoutsRenewed"></span></p></td>
<td class="checkoutsRenewCount">2</td><td class="checkoutsDueDate">2/3/27</td></tr>
<tr class="checkoutsLine"><td class="checkoutsAlert"><input type="checkbox" disabled="true"></td>
<td class="checkoutsBookInfo"><a href="#" class="hideIE">Knots</a>
<p class="authBreak"><br/><span>372</span><br/><span class="checkoutsError">Reserved by another.</span></p></td>
<td class="checkoutsRenewCount"></td><td class="checkoutsDueDate">12/31/26</td></tr>
</table>"##;

const HOLDS: &str = r##"<table id="myHolds_holdslistnonmobile_table"><thead><tr class="holdsHeader"><td class="holdsStatus">State</td></tr></thead>
<tr><td class="holdsAlert"></td><td class="holdsID"><div id="holdTitleLinkDiv_81"><a href="#" class="hideIE">Lamps</a></div>
<p class="authBreak">The Reeds,<br/><span id="holdItemIdSpan_81">981</span></p></td>
<td class="holdsStatus">STATUS</td><td class="holdsPickup">Dune</td><td class="holdsDate">12/31/27</td><td class="holdsRank">15</td></tr>
</table>"##;

fn loans() -> String {
    LOANS.replace("HEAD", LOANS_HEAD)
}

fn holds(status: &str) -> String {
    HOLDS.replace("STATUS", status)
}

pub(super) fn read_with(pages: &[&str], date_format: Option<&str>) -> Result<Account, Failure> {
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
    Enterprise.read(&pages, &context)
}

pub(super) fn read(pages: &[&str]) -> Result<Account, Failure> {
    read_with(pages, Some("%m/%d/%y"))
}

fn detail_of_change(pages: &[&str]) -> String {
    let failure = read(pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

#[test]
fn both_lists_are_read_and_what_they_do_not_say_is_unknown() {
    let account = read(&[&holds("Pending"), &loans()]).unwrap();
    assert_eq!((account.fines, account.card_expires), (None, None));
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].id, "371");
    assert_eq!(loans[0].title, "Harbour & Hill [DVD]");
    assert_eq!(loans[0].author.as_deref(), Some("Stone, Ada."));
    assert_eq!(loans[0].due, Some("2027-02-03".parse().unwrap()));
    assert_eq!(loans[0].renewals, Some(2));
    assert_eq!(loans[0].renewable, Some(true));
    assert_eq!(loans[0].url, None);
    assert_eq!(loans[1].author, None);
    assert_eq!(loans[1].renewals, None);
    assert_eq!(loans[1].renewable, Some(false));
    assert_eq!(
        loans[1].renewable_reason.as_deref(),
        Some("Reserved by another.")
    );
    let hold = &account.holds.unwrap()[0];
    assert_eq!(hold.id, "81");
    assert_eq!(hold.author.as_deref(), Some("The Reeds"));
    assert_eq!(hold.state, HoldState::Waiting);
    assert_eq!(hold.position, Some(15));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Dune"));
    assert_eq!(hold.expires, Some("2027-12-31".parse().unwrap()));
}

#[rstest]
#[case("Pickup by: 4/4/27", HoldState::Ready, None, Some("2027-04-04"), None)]
#[case("In Transit", HoldState::InTransit, None, None, None)]
#[case("Suspended until 4/4/27", HoldState::Suspended, Some(15), None, None)]
#[case(
    "Lost by a whale",
    HoldState::Other,
    None,
    None,
    Some("Lost by a whale")
)]
fn a_holds_state_decides_what_else_it_has(
    #[case] status: &str,
    #[case] state: HoldState,
    #[case] position: Option<u32>,
    #[case] pickup_by: Option<&str>,
    #[case] note: Option<&str>,
) {
    let hold = read(&[&holds(status)]).unwrap().holds.unwrap().remove(0);
    assert_eq!((hold.state, hold.position), (state, position));
    assert_eq!(hold.pickup_by, pickup_by.map(|day| day.parse().unwrap()));
    assert_eq!(hold.note.as_deref(), note);
}

#[rstest]
#[case("content")]
#[case("zones")]
fn an_answer_to_script_is_read_as_the_page_that_it_becomes(#[case] key: &str) {
    let html = if key == "zones" {
        serde_json::json!({ "zone": loans() })
    } else {
        serde_json::json!(loans())
    };
    let body = serde_json::json!({ key: html, "inits": [] }).to_string();
    assert_eq!(read(&[&body]).unwrap(), read(&[&loans()]).unwrap());
    detail_of_change(&[&body[..body.len() / 2]]);
}

#[test]
fn a_total_that_differs_from_the_rows_is_a_changed_page() {
    let with_total = |total| format!("<p>Total Items Checked Out: {total}</p>{}", loans());
    let account = read(&[&with_total(2)]).unwrap();
    assert_eq!(account.declared.loans, Some(2));
    assert!(detail_of_change(&[&with_total(80)]).contains("80 loans, but 2"));
}

#[test]
fn a_list_counts_as_empty_only_where_the_page_says_so() {
    let no_rows = format!("<table class='checkoutsList'>{LOANS_HEAD}</table>");
    assert_eq!(read(&[&no_rows]).unwrap().loans, Some(Vec::new()));
    let words = r#"{"content":"<p>You have no items checked out.</p>"}"#;
    let account = read(&[words]).unwrap();
    assert_eq!((account.loans, account.holds), (Some(Vec::new()), None));
    assert!(detail_of_change(&["<table class='checkoutsList'></table>"]).contains("header"));
    assert!(
        detail_of_change(&[&format!(
            "Total Items Checked Out: 3 <table class='checkoutsList'>{LOANS_HEAD}</table>"
        )])
        .contains("3 loans, but 0")
    );
    let remark =
        format!("<table class='checkoutsList'>{LOANS_HEAD}<tr><td>Try later.</td></tr></table>");
    assert!(detail_of_change(&[&remark]).contains("no row"));
}

#[rstest]
#[case("")]
#[case("<html><body>Welcome</body></html>")]
#[case("{}")]
#[case("{\"content\":\"\"}")]
#[case(&"<div>".repeat(1_600_000))]
#[case("<table class='lentGrid'><tr class='lentRow'><td>x</td></tr></table>")]
fn a_page_that_is_not_recognised_is_a_changed_page(#[case] page: &str) {
    detail_of_change(&[page]);
}

#[test]
fn a_list_that_breaks_off_is_a_changed_page() {
    let page = loans();
    let half = page.split_once("<tr class=\"checkoutsLine\"><td class=\"checkoutsAlert\"><input type=\"checkbox\" disabled").unwrap().0;
    assert!(detail_of_change(&[half]).contains("ends within"));
}

#[test]
fn a_row_that_lacks_a_title_or_a_day_is_a_changed_page() {
    detail_of_change(&[&loans().replace("hideIE", "workLink")]);
    detail_of_change(&[&loans().replace("\"checkoutsDueDate\"", "\"until\"")]);
    detail_of_change(&[&loans().replace("2/3/27", "soon")]);
}

#[test]
fn a_visible_date_needs_the_declared_format() {
    let failure = read_with(&[&loans()], None).unwrap_err();
    assert!(failure.detail.contains("date format"), "{failure}");
}

#[rstest]
#[case("<form id=loginPageForm></form>", FailureKind::PageChanged)]
#[case(
    "<div class=t-error>Login failed</div><form id=loginPageForm></form>",
    FailureKind::WrongCredentials
)]
#[case("<div id=exceptionblock>System Error</div>", FailureKind::SiteDown)]
#[case("{\"redirectURL\":\"/client/account?\"}", FailureKind::PageChanged)]
fn a_page_without_an_account_says_why(#[case] page: &str, #[case] kind: FailureKind) {
    assert_eq!(read(&[page]).unwrap_err().kind, kind);
}

fn library(base_url: &str, options: &[(&str, &str)]) -> Library {
    Library {
        id: "lake".parse().unwrap(),
        name: "Lake".to_owned(),
        system: "enterprise".parse().unwrap(),
        base_url: Url::parse(base_url).unwrap(),
        account_url: None,
        timezone: chrono_tz::Europe::Vienna,
        date_format: None,
        login_hosts: Vec::new(),
        options: options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

#[rstest]
#[case("https://l.test", &[], "https://l.test/client/en_US/default/search/")]
#[case("https://l.test/", &[("profile", "rwl"), ("locale", "fr_CA")], "https://l.test/client/fr_CA/rwl/search/")]
#[case("https://l.test/client/en_GB/kids/", &[], "https://l.test/client/en_GB/kids/search/")]
fn the_addresses_begin_where_base_url_and_options_say(
    #[case] base_url: &str,
    #[case] options: &[(&str, &str)],
    #[case] expected: &str,
) {
    let library = library(base_url, options);
    assert_eq!(folder(&library).unwrap().as_str(), expected);
    assert_eq!(
        Enterprise.account_url(&library).unwrap().as_str(),
        format!("{expected}account?")
    );
}

#[test]
fn an_option_cannot_lead_elsewhere() {
    let library = library("https://l.test", &[("profile", "../../x")]);
    assert!(folder(&library).is_err());
    assert_eq!(Enterprise.account_url(&library), None);
}

#[rstest]
#[case(
    "<form id=loginPageForm><p>Your PIN is incorrect.</p></form>",
    FailureKind::WrongCredentials
)]
#[case(
    "<form id=loginPageForm><p class=loginErrors>No.</p></form>",
    FailureKind::WrongCredentials
)]
#[case(
    "<form id=loginPageForm><p class='error t-invisible'>No.</p></form>",
    FailureKind::PageChanged
)]
fn a_login_is_refused_only_by_what_is_shown(#[case] page: &str, #[case] kind: FailureKind) {
    assert_eq!(read(&[page]).unwrap_err().kind, kind);
}

#[test]
fn words_that_there_is_nothing_do_not_outweigh_entries() {
    let unknown = loans()
        .replace("checkoutsList", "lentGrid")
        .replace("myCheckouts_checkoutslist", "lent");
    for said in [
        "<p>You have no items checked out.</p>",
        "<p>Total Items Checked Out: 0</p>",
        "<p>No holds</p>",
    ] {
        detail_of_change(&[&format!("{said}{unknown}")]);
    }
    detail_of_change(&["<p>There are no holds on the works listed here.</p>"]);
    detail_of_change(&["<p class=hidden>You have no holds.</p>"]);
}

#[rstest]
#[case(
    "<div class=t-error>The system is down for maintenance. Please try again.</div>",
    Some(FailureKind::SiteDown)
)]
#[case("<div class=hidden><p class=t-error>Login failed</p></div>", None)]
#[case("<p>Please prove that you are human, then try again.</p>", None)]
#[case(
    "<p>Invalid number. Please try again.</p>",
    Some(FailureKind::WrongCredentials)
)]
fn the_form_says_of_the_last_login_what_its_words_mean(
    #[case] said: &str,
    #[case] expected: Option<FailureKind>,
) {
    let html = format!("{said}<form id=loginPageForm></form>");
    let kind = |says| match says {
        PageKind::Login(failure) => failure.map(|failure: Failure| failure.kind),
        other => panic!("{other:?}"),
    };
    let answer = answer::unwrap(&html).unwrap();
    assert_eq!(kind(pages::answer_to_login(&answer).unwrap()), expected);
}

#[rstest]
#[case::error("<div id=exceptionBlock>Invalid state. Try again.</div>", "Broken")]
#[case::page("<h1>Sorry</h1><p>Invalid request, try again later.</p>", "Unknown")]
#[case::piece(r#"{"content":"<p>Login failed.</p>"}"#, "Login(Some")]
#[case::outage(
    r#"{"content":"<p>Temporarily unavailable, try again.</p>"}"#,
    "Unknown"
)]
fn without_the_form_only_a_piece_of_a_page_speaks_of_the_login(
    #[case] body: &str,
    #[case] expected: &str,
) {
    let says = pages::answer_to_login(&answer::unwrap(body).unwrap()).unwrap();
    assert!(format!("{says:?}").starts_with(expected), "{says:?}");
}

#[test]
fn of_two_tables_of_one_list_none_is_taken() {
    assert!(detail_of_change(&[&(loans() + &loans())]).contains("more than one"));
    assert!(detail_of_change(&[&loans(), &loans()]).contains("twice"));
}
