//! Reads whole accounts from the invented pages of [`super::examples`].

use chrono_tz::America::Vancouver;
use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::json;
use url::Url;

use super::Bibliocommons;
use super::examples::Example;
use crate::offline::OfflineReader as _;

pub(super) fn read_as(pages: &[Example], number: Option<&str>) -> Result<Account, Failure> {
    let bodies: Vec<String> = pages.iter().map(Example::to_html).collect();
    read_bodies(&bodies, number)
}

pub(super) fn read_bodies(bodies: &[String], number: Option<&str>) -> Result<Account, Failure> {
    let pages: Vec<SavedPage> = bodies
        .iter()
        .map(|body| SavedPage {
            name: "saved.html".to_owned(),
            body: body.clone(),
        })
        .collect();
    let number = number.map(|number| SecretString::from(number.to_owned()));
    Bibliocommons.read(
        &pages,
        &ReadContext {
            base_url: &Url::parse("https://library.test/opac/").unwrap(),
            date_format: None,
            timezone: Vancouver,
            card_number: number.as_ref(),
        },
    )
}

pub(super) fn read(pages: &[Example]) -> Result<Account, Failure> {
    read_as(pages, None)
}

pub(super) fn failure_detail(pages: &[Example]) -> String {
    let failure = read(pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

pub(super) fn loans_page() -> Example {
    Example::at_path("/v2/checkedout")
        .with_totals(2, &[])
        .loans(0..2, 1, 2)
}

fn suspended_page() -> Example {
    Example::at_path("/v2/holds/suspended")
        .with_totals(2, &[("SUSPENDED", 3)])
        .holds("SUSPENDED", 10..13, 1, 3)
}

#[test]
fn account_page_has_loans_and_an_empty_list_of_holds() {
    let account = read(&[loans_page()]).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans.len(), 2);
    let loan = loans.first().unwrap();
    assert_eq!(loan.id, "0");
    assert_eq!(loan.title, "Tidewater 0: a & b");
    assert_eq!(loan.author.as_deref(), Some("Okafor, Ada"));
    assert_eq!(loan.due, Some("2026-12-01".parse().unwrap()));
    assert_eq!(loan.renewals, Some(1));
    assert_eq!(loan.renewable, Some(true));
    assert_eq!(loan.format.as_deref(), Some("Book"));
    assert_eq!(loan.note, None);
    assert!(!loan.digital);
    assert_eq!(
        loan.url.as_deref(),
        Some("https://library.test/opac/v2/record/S9C0")
    );
    assert_eq!(account.holds, Some(Vec::new()), "a total of 0 is evidence");
    assert_eq!(account.declared.loans, Some(2));
    assert_eq!(account.declared.holds, Some(0));
    assert_eq!(account.fines, Some(Decimal::new(150, 2)));
    assert_eq!(account.card_expires, Some("2027-05-31".parse().unwrap()));
    assert_eq!(account.messages, Vec::<String>::new());
}

#[test]
fn hold_has_state_position_branch_and_dates() {
    let ready = Example::at_path("/v2/holds/ready_for_pickup")
        .with_totals(0, &[("READY_FOR_PICKUP", 1)])
        .holds("READY_FOR_PICKUP", 7..8, 1, 1)
        .with("/entities/holds/7/holdsPosition", json!(-1));
    let mut ready = ready;
    ready.0["entities"]["holds"]["7"]["pickupByDate"] = json!("2026-11-25");
    let account = read(&[ready]).unwrap();
    assert_eq!(account.loans, Some(Vec::new()));
    let holds = account.holds.unwrap();
    let hold = holds.first().unwrap();
    assert_eq!(hold.state, HoldState::Ready);
    assert_eq!(hold.position, None, "-1 is not a position");
    assert_eq!(hold.pickup_by, Some("2026-11-25".parse().unwrap()));
    assert_eq!(hold.expires, Some("2027-02-01".parse().unwrap()));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Mill Street"));

    let waiting = Example::at_path("/v2/holds/not_yet_available")
        .with_totals(0, &[("NOT_YET_AVAILABLE", 1)])
        .holds("NOT_YET_AVAILABLE", 7..8, 1, 1);
    let holds = read(&[waiting]).unwrap().holds.unwrap();
    let hold = holds.first().unwrap();
    assert_eq!((hold.position, hold.queue_length), (Some(2), Some(9)));
}

#[rstest]
#[case("READY_FOR_PICKUP", false)]
#[case("NOT_YET_AVAILABLE", false)]
#[case("SUSPENDED", true)]
fn only_a_suspended_hold_has_the_end_of_its_suspension(#[case] state: &str, #[case] kept: bool) {
    let mut page = Example::at_path("/v2/holds")
        .with_totals(0, &[(state, 1)])
        .holds(state, 7..8, 1, 1);
    page.0["entities"]["holds"]["7"]["suspendEndDate"] = json!("2027-01-05");
    let holds = read(&[page]).unwrap().holds.unwrap();
    assert_eq!(holds[0].suspended_until.is_some(), kept);
}

#[test]
fn holds_are_unknown_without_a_page_of_each_state() {
    let totals = [("SUSPENDED", 3), ("IN_TRANSIT", 1)];
    let first = || suspended_page().with_totals(2, &totals);
    let second = || {
        Example::at_path("/v2/holds/in_transit")
            .with_totals(2, &totals)
            .holds("IN_TRANSIT", 20..21, 1, 1)
    };
    let account = read(&[first()]).unwrap();
    assert_eq!(account.holds, None);
    assert_eq!(
        account.loans, None,
        "the total is 2, but no page lists them"
    );
    assert_eq!(account.declared.holds, Some(4));
    assert_eq!(account.declared.loans, Some(2));
    let account = read(&[second(), first()]).unwrap();
    assert_eq!(account.holds.unwrap().len(), 4);
}

#[test]
fn holds_without_totals_need_a_page_of_each_state() {
    let states = [
        "ready_for_pickup",
        "in_transit",
        "not_yet_available",
        "suspended",
    ];
    let empty = |state: &str| Example::at_path(&format!("/v2/holds/{state}")).holds("", 0..0, 1, 0);
    let pages: Vec<Example> = states.iter().map(|state| empty(state)).collect();
    let account = read(&pages).unwrap();
    assert_eq!(account.holds, Some(Vec::new()));
    assert_eq!(account.loans, None);
    assert_eq!(account.declared.holds, None);
    let three = pages.into_iter().skip(1).collect::<Vec<_>>();
    assert_eq!(read(&three).unwrap().holds, None);

    let loans = Example::at_path("/v2/checkedout").loans(0..2, 1, 2);
    assert_eq!(read(&[loans]).unwrap().loans.unwrap().len(), 2);
}

fn eighty_loans(pages: &[usize]) -> Vec<Example> {
    pages
        .iter()
        .map(|page| {
            let first = (page - 1) * 25;
            Example::at_path("/v2/checkedout?page=2")
                .with_totals(80, &[])
                .loans(first..(first + 25).min(80), *page, 80)
        })
        .collect()
}

#[test]
fn list_is_known_when_all_its_pages_are_given() {
    let account = read(&eighty_loans(&[3, 1, 4, 2])).unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    let account = read(&eighty_loans(&[1, 2, 4])).unwrap();
    assert_eq!(account.loans, None);
    assert_eq!(account.declared.loans, Some(80));
}

#[test]
fn same_page_twice_counts_once() {
    let account = read(&eighty_loans(&[1, 1, 2, 3, 4])).unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(read(&eighty_loans(&[1, 1, 2, 2])).unwrap().loans, None);
}

#[test]
fn entry_that_moved_to_the_next_page_is_detected() {
    let mut pages = eighty_loans(&[1, 2, 3]);
    // The list moved by one while it was fetched: number 74 is on the last page again.
    pages.push(
        Example::at_path("/v2/checkedout")
            .with_totals(80, &[])
            .loans(74..79, 4, 80),
    );
    assert!(failure_detail(&pages).contains("80 loans, but 79 were read"));
}

#[test]
fn rows_that_differ_from_the_counts_are_a_changed_page() {
    let fewer = loans_page().with("/borrowing/checkedout/items", json!(["0"]));
    assert!(failure_detail(&[fewer]).contains("page 1 of 2 loans, 25 a page, has 1"));
    let more = suspended_page().with_totals(2, &[("SUSPENDED", 6)]);
    assert!(failure_detail(&[more]).contains("6 holds of a state, its list has 3"));
    let none = Example::at_path("/v2/checkedout")
        .with_totals(3, &[])
        .loans(0..0, 1, 0);
    assert!(failure_detail(&[none]).contains("3 loans, its list has 0"));
    let twice = loans_page().with("/borrowing/checkedout/items", json!(["0", "0"]));
    failure_detail(&[twice]);
    let strange = Example::at_path("/v2/holds/suspended")
        .with_totals(0, &[])
        .holds("SUSPENDED", 1..2, 1, 1);
    failure_detail(&[strange]);
}

#[test]
fn totals_that_differ_between_pages_are_a_changed_page() {
    let pages = [
        loans_page().with_totals(2, &[("SUSPENDED", 2)]),
        suspended_page(),
    ];
    assert!(failure_detail(&pages).contains("two totals of the holds differ"));
}

#[test]
fn unknown_status_is_state_other_with_a_note() {
    let page = Example::at_path("/v2/holds/at_the_binder")
        .with_totals(0, &[("AT_THE_BINDER", 1)])
        .holds("AT_THE_BINDER", 1..2, 1, 1);
    let holds = read(&[page]).unwrap().holds.unwrap();
    let hold = holds.first().unwrap();
    assert_eq!(hold.state, HoldState::Other);
    assert_eq!(hold.note.as_deref(), Some("At the binder"));

    let lost = loans_page()
        .with("/entities/checkouts/1/status", json!("CLAIMED_RETURNED"))
        .with("/entities/checkouts/1/volume", json!("v. 3"));
    let loans = read(&[lost]).unwrap().loans.unwrap();
    assert_eq!(
        loans.last().unwrap().note.as_deref(),
        Some("Claimed returned; v. 3")
    );
}

#[test]
fn item_without_a_record_has_its_entrys_title() {
    let page = loans_page().without("/entities/bibs/S9C0");
    let loans = read(&[page]).unwrap().loans.unwrap();
    let loan = loans.first().unwrap();
    assert_eq!(loan.title, "Own title");
    assert_eq!((&loan.author, &loan.format), (&None, &None));
}

#[test]
fn digital_loan_is_marked_and_has_no_note() {
    let page = loans_page()
        .with("/entities/checkouts/0/materialType", json!("DIGITAL"))
        .with("/entities/checkouts/0/actions", json!(["checkIn"]))
        .with("/entities/checkouts/0/volume", json!("Abridged"));
    let loans = read(&[page]).unwrap().loans.unwrap();
    let loan = loans.first().unwrap();
    assert!(loan.digital);
    assert_eq!(loan.renewable, Some(false));
    assert_eq!(loan.note, None);
}

#[rstest]
#[case("/auth")]
#[case("/auth/currentUserId")]
#[case("/borrowing")]
#[case("/entities")]
#[case("/entities/checkouts")]
#[case("/entities/checkouts/1")]
#[case("/entities/checkouts/1/dueDate")]
#[case("/entities/checkouts/1/materialType")]
#[case("/borrowing/checkedout/pagination")]
#[case("/borrowing/checkedout/pagination/count")]
#[case("/borrowing/checkedout/items")]
fn renamed_key_is_a_changed_page(#[case] key: &str) {
    failure_detail(&[loans_page().without(key)]);
}

#[rstest]
#[case("/entities/checkouts/1/dueDate", json!("tomorrow"))]
#[case("/entities/checkouts/1/dueDate", json!(null))]
#[case("/entities/checkouts/1", json!([]))]
#[case("/entities/accounts/502/expiryDate", json!("31/05/2027"))]
#[case("/borrowing/checkedout/pagination/count", json!("two"))]
#[case("/borrowing/checkedout/pagination/page", json!(0))]
#[case("/borrowing/checkedout/pagination/limit", json!(0))]
fn value_of_another_shape_is_a_changed_page(#[case] key: &str, #[case] value: serde_json::Value) {
    failure_detail(&[loans_page().with(key, value)]);
}

#[test]
fn page_without_list_and_totals_is_a_changed_page() {
    failure_detail(&[Example::at_path("/v2/somewhere")]);
    failure_detail(&[]);
}

#[test]
fn truncated_page_is_a_changed_page() {
    let body = loans_page().to_html();
    for part in [1, 2, 3] {
        let half = body.get(..body.len() * part / 4).unwrap().to_owned();
        let failure = read_bodies(&[half], None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    }
}

#[test]
fn deeply_nested_page_is_a_changed_page() {
    let body = "user_pin".to_owned() + &"<div>".repeat(1_600_000);
    let failure = read_bodies(&[body], None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[test]
fn anonymous_page_is_no_empty_account() {
    let page = Example::at_path("/v2/checkedout").with("/auth/currentUserId", json!(null));
    assert!(failure_detail(&[page]).contains("logged-in user"));
    let refused = Example::at_path("/user/login")
        .with("/auth/currentUserId", json!(null))
        .with("/auth/loginError", json!({"message": "Wrong PIN."}));
    assert_eq!(
        read(&[refused]).unwrap_err().kind,
        FailureKind::WrongCredentials
    );
}

#[rstest]
#[case(json!({"message": "No such card and PIN."}))]
#[case(json!({"key": "Identifiant refusé."}))]
#[case(json!("Wrong PIN."))]
#[case(json!(true))]
fn login_error_of_the_state_is_a_refusal(#[case] error: serde_json::Value) {
    let page = Example::at_path("/user/login")
        .with("/auth/currentUserId", json!(null))
        .with("/auth/loginError", error);
    let failure = read(&[page]).unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
}

#[test]
fn site_without_its_catalogue_is_down() {
    let page =
        Example::at_path("/v2/checkedout").with("/errors/libraryError", json!({"status": 503}));
    assert_eq!(read(&[page]).unwrap_err().kind, FailureKind::SiteDown);
}

#[test]
fn pages_of_two_users_are_a_changed_page() {
    let other = suspended_page().with("/auth/currentUserId", json!(601));
    let loans = loans_page().with_totals(2, &[("SUSPENDED", 3)]);
    assert!(failure_detail(&[loans, other]).contains("two accounts"));
}

#[rstest]
#[case("21000000000017", true)]
#[case(" 2 1000 0000 00017 ", true)]
#[case("1000000000017", true)]
#[case("21000000000018", false)]
#[case("reader17", true)]
#[case("12345", true)]
fn account_of_another_card_is_a_changed_page(#[case] number: &str, #[case] own: bool) {
    let read = read_as(&[loans_page()], Some(number));
    assert_eq!(read.is_ok(), own);
    if let Err(failure) = read {
        assert_eq!(failure.detail, "the account belongs to another card");
        assert!(!failure.to_string().contains(number));
    }
}

#[rstest]
#[case("**********0017", true)]
#[case("**********0099", false)]
#[case("************99", true)]
fn shown_digits_of_a_masked_barcode_are_compared(#[case] barcode: &str, #[case] own: bool) {
    let page = loans_page().with("/entities/accounts/502/barcode", json!(barcode));
    assert_eq!(read_as(&[page], Some("21000000000017")).is_ok(), own);
}

#[test]
fn repeated_message_is_kept_once() {
    let messages = json!({
        "1": {"type": "BLOCK", "message": "Your card is <b>blocked</b>: see the desk."},
        "2": {"text": "Your card is blocked: see the desk."},
        "3": {"id": 3},
    });
    let page = loans_page().with("/entities/systemMessages", messages);
    assert_eq!(
        read(&[page]).unwrap().messages,
        ["Your card is blocked: see the desk."]
    );
}

#[test]
fn invalid_record_number_gives_no_link() {
    let page = loans_page().with("/entities/checkouts/0/metadataId", json!("../../x?y"));
    let loans = read(&[page]).unwrap().loans.unwrap();
    assert_eq!(loans.first().unwrap().url, None);
}

#[test]
fn failure_never_quotes_the_page() {
    let page = loans_page().with("/entities/checkouts/0/timesRenewed", json!("Secret Title"));
    let failure = read(&[page]).unwrap_err();
    assert!(!failure.to_string().contains("Secret"), "{failure}");
    assert!(failure.detail.starts_with("saved.html: "), "{failure}");
}
