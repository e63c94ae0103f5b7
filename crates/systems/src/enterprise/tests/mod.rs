//! The reading rules, on invented pages.

mod empty_lists;
mod holds;

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use rstest::rstest;
use url::Url;

use super::addresses::site_folder;
use super::{Enterprise, login, pages};
use crate::list_reader::{PageKind, ScriptAnswer};
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

/// Tells what a response to the login is.
pub(super) fn classify(body: &str) -> PageKind {
    let answer = ScriptAnswer::unwrap(body, pages::FRAGMENTS).unwrap();
    login::classify_answer(&answer).unwrap()
}

fn failure_detail(pages: &[&str]) -> String {
    let failure = read(pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

#[test]
fn both_lists_are_read_and_missing_values_are_unknown() {
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
fn hold_fields_depend_on_its_state(
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
fn json_response_is_read_like_its_page(#[case] key: &str) {
    let html = if key == "zones" {
        serde_json::json!({ "zone": loans() })
    } else {
        serde_json::json!(loans())
    };
    let body = serde_json::json!({ key: html, "inits": [] }).to_string();
    assert_eq!(read(&[&body]).unwrap(), read(&[&loans()]).unwrap());
    failure_detail(&[&body[..body.len() / 2]]);
}

#[test]
fn total_that_differs_from_the_rows_is_a_changed_page() {
    let with_total = |total| format!("<p>Total Items Checked Out: {total}</p>{}", loans());
    let account = read(&[&with_total(2)]).unwrap();
    assert_eq!(account.declared.loans, Some(2));
    assert!(failure_detail(&[&with_total(80)]).contains("80 loans, but 2"));
}

#[test]
fn list_is_empty_only_if_the_page_states_it() {
    let no_rows = format!("<table class='checkoutsList'>{LOANS_HEAD}</table>");
    assert_eq!(read(&[&no_rows]).unwrap().loans, Some(Vec::new()));
    let words = r#"{"content":"<p>You have no items checked out.</p>"}"#;
    let account = read(&[words]).unwrap();
    assert_eq!((account.loans, account.holds), (Some(Vec::new()), None));
    assert!(failure_detail(&["<table class='checkoutsList'></table>"]).contains("no word"));
    assert!(
        failure_detail(&[&format!(
            "Total Items Checked Out: 3 <table class='checkoutsList'>{LOANS_HEAD}</table>"
        )])
        .contains("3 loans, but 0")
    );
    let remark =
        format!("<table class='checkoutsList'>{LOANS_HEAD}<tr><td>Try later.</td></tr></table>");
    assert!(failure_detail(&[&remark]).contains("unknown row"));
}

#[rstest]
#[case("")]
#[case("<html><body>Welcome</body></html>")]
#[case("{}")]
#[case("{\"content\":\"\"}")]
#[case(&"<div>".repeat(1_600_000))]
#[case("<table class='lentGrid'><tr class='lentRow'><td>x</td></tr></table>")]
fn unrecognised_page_is_a_changed_page(#[case] page: &str) {
    failure_detail(&[page]);
}

#[test]
fn truncated_list_is_a_changed_page() {
    let page = loans();
    let half = page.split_once("<tr class=\"checkoutsLine\"><td class=\"checkoutsAlert\"><input type=\"checkbox\" disabled").unwrap().0;
    assert!(failure_detail(&[half]).contains("breaks off"));
}

#[test]
fn row_without_title_or_due_date_is_a_changed_page() {
    failure_detail(&[&loans().replace("hideIE", "workLink")]);
    failure_detail(&[&loans().replace("\"checkoutsDueDate\"", "\"until\"")]);
    failure_detail(&[&loans().replace("2/3/27", "soon")]);
}

#[test]
fn visible_date_needs_the_declared_format() {
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
fn page_without_an_account_has_its_failure_kind(#[case] page: &str, #[case] kind: FailureKind) {
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
fn urls_follow_base_url_and_options(
    #[case] base_url: &str,
    #[case] options: &[(&str, &str)],
    #[case] expected: &str,
) {
    let library = library(base_url, options);
    assert_eq!(site_folder(&library).unwrap().as_str(), expected);
    assert_eq!(
        Enterprise.account_url(&library).unwrap().as_str(),
        format!("{expected}account?")
    );
}

#[test]
fn option_cannot_lead_to_another_host() {
    let library = library("https://l.test", &[("profile", "../../x")]);
    assert_eq!(site_folder(&library), None);
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
fn only_visible_text_refuses_a_login(#[case] page: &str, #[case] kind: FailureKind) {
    assert_eq!(read(&[page]).unwrap_err().kind, kind);
}

#[test]
fn list_with_entries_is_not_empty_despite_its_words() {
    let unknown = loans()
        .replace("checkoutsList", "lentGrid")
        .replace("myCheckouts_checkoutslist", "lent");
    for text in [
        "<p>You have no items checked out.</p>",
        "<p>Total Items Checked Out: 0</p>",
        "<p>No holds</p>",
    ] {
        failure_detail(&[&format!("{text}{unknown}")]);
    }
    failure_detail(&["<p>There are no holds on the works listed here.</p>"]);
    failure_detail(&["<p class=hidden>You have no holds.</p>"]);
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
fn login_form_message_has_its_failure_kind(
    #[case] text: &str,
    #[case] expected: Option<FailureKind>,
) {
    let html = format!("{text}<form id=loginPageForm></form>");
    let kind = match classify(&html) {
        PageKind::Login => None,
        PageKind::Failed(failure) => Some(failure.kind),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind, expected);
}

#[rstest]
#[case::error("<div id=exceptionBlock>Invalid state. Try again.</div>", "Broken")]
#[case::page("<h1>Sorry</h1><p>Invalid request, try again later.</p>", "Unknown")]
#[case::piece(
    r#"{"content":"<p>Login failed.</p>"}"#,
    "Failed(Failure { kind: WrongCredentials"
)]
#[case::outage(
    r#"{"content":"<p>Temporarily unavailable, try again.</p>"}"#,
    "Failed(Failure { kind: SiteDown"
)]
fn only_a_fragment_can_refuse_without_the_form(#[case] body: &str, #[case] expected: &str) {
    let kind = classify(body);
    assert!(format!("{kind:?}").starts_with(expected), "{kind:?}");
}

#[test]
fn two_tables_of_one_list_are_a_changed_page() {
    assert!(failure_detail(&[&(loans() + &loans())]).contains("twice"));
    assert!(failure_detail(&[&loans(), &loans()]).contains("twice"));
}
