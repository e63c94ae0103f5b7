//! Invented pages that show how libraries and patrons differ.

use hippo_core::account::HoldState;
use hippo_core::failure::FailureKind;
use rstest::rstest;
use serde_json::{Value, json};

use super::description::STATE;
use super::examples::Example;
use super::tests::{loans_page, read, read_as, read_bodies};

/// Builds a page with a second card of the same user, at this library.
fn with_second_card(library: u32) -> Example {
    let mut page = loans_page().with("/entities/users/501/accounts", json!([502, 503]));
    page.0["library"] = json!({"id": 93});
    page.0["entities"]["accounts"]["502"]["libId"] = json!(93);
    page.0["entities"]["accounts"]["503"] =
        json!({"barcode": "29000000000095", "expiryDate": "2026-12-01", "libId": library});
    page
}

#[rstest]
#[case::elsewhere(12, None, Some("2027-05-31"))]
#[case::elsewhere_and_this_card(12, Some("21000000000017"), Some("2027-05-31"))]
#[case::here(93, None, None)]
#[case::here_and_this_card(93, Some("21000000000017"), Some("2027-05-31"))]
#[case::here_and_by_user_name(93, Some("reader17"), None)]
fn card_expiry_comes_from_this_librarys_card(
    #[case] library: u32,
    #[case] number: Option<&str>,
    #[case] expected: Option<&str>,
) {
    let account = read_as(&[with_second_card(library)], number).unwrap();
    assert_eq!(
        account.card_expires,
        expected.map(|day| day.parse().unwrap())
    );
    assert_eq!(account.loans.unwrap().len(), 2);
}

#[test]
fn card_of_another_library_is_not_the_cards_account() {
    let failure = read_as(&[with_second_card(12)], Some("29000000000095")).unwrap_err();
    assert_eq!(failure.detail, "the account belongs to another card");
}

#[rstest]
#[case("/entities/checkouts/0/timesRenewed", json!(-1))]
#[case("/entities/checkouts/0/timesRenewed", json!(null))]
#[case("/entities/checkouts/0/metadataId", json!(null))]
#[case("/entities/checkouts/0/actions", json!(null))]
#[case("/entities/checkouts/0/status", json!(null))]
#[case("/entities/checkouts/0/volume", json!(null))]
#[case("/entities/bibs/S9C0/briefInfo/subtitle", json!(null))]
#[case("/entities/bibs/S9C0/briefInfo/authors", json!([]))]
#[case("/entities/bibs/S9C0/briefInfo/authors", json!(null))]
#[case("/entities/bibs/S9C0/briefInfo/format", json!(null))]
#[case("/entities/bibs/S9C0/availability", json!(null))]
#[case("/entities/accounts/502/expiryDate", json!(null))]
#[case("/entities/accounts/502/barcode", json!(null))]
#[case("/localization", json!(null))]
#[case("/errors", json!(null))]
fn missing_values_are_unknown(#[case] pointer: &str, #[case] value: Value) {
    let account = read(&[loans_page().with(pointer, value)]).unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans.len(), 2);
    if pointer.ends_with("timesRenewed") {
        assert_eq!(loans[0].renewals, None);
    }
    if pointer.ends_with("metadataId") {
        assert_eq!(loans[0].title, "Own title", "lent by another library");
        assert_eq!(loans[0].url, None);
    }
}

#[rstest]
#[case("OVERDUE", None)]
#[case("COMING_DUE", None)]
#[case("RECALLED", Some("Recalled"))]
fn only_unusual_loan_status_is_a_note(#[case] status: &str, #[case] note: Option<&str>) {
    let page = loans_page().with("/entities/checkouts/0/status", json!(status));
    let loans = read(&[page]).unwrap().loans.unwrap();
    assert_eq!(loans[0].note.as_deref(), note);
}

#[rstest]
#[case(json!("2026-12-01T23:59:00"))]
#[case(json!("2026-12-02T07:59:59.000Z"))]
fn due_time_becomes_the_librarys_local_day(#[case] due: Value) {
    let page = loans_page().with("/entities/checkouts/0/dueDate", due);
    let loans = read(&[page]).unwrap().loans.unwrap();
    assert_eq!(loans[0].due, Some("2026-12-01".parse().unwrap()));
}

#[test]
fn ready_digital_hold_has_no_branch() {
    let mut page = Example::at_path("/v2/holds/ready_for_pickup")
        .with_totals(0, &[("READY_FOR_PICKUP", 1)])
        .holds("READY_FOR_PICKUP", 7..8, 1, 1)
        .with("/entities/holds/7/materialType", json!("DIGITAL"))
        .with("/entities/holds/7/pickupLocation", json!(null))
        .with("/entities/holds/7/holdsPosition", json!(null));
    page.0["borrowing"]["fines"]["summaries"]["holds"]["status"] =
        json!({"READY_FOR_PICKUP": {"DIGITAL": 1}});
    page.0["borrowing"]["borrowing"]["summaries"]["holds"]["status"] =
        json!({"READY_FOR_PICKUP": {"DIGITAL": 1}});
    let hold = read(&[page]).unwrap().holds.unwrap().remove(0);
    assert!(hold.digital);
    assert_eq!(hold.state, HoldState::Ready);
    assert_eq!((hold.pickup_branch, hold.position), (None, None));
}

#[rstest]
#[case::first(
    "<h1>Continue to Account Setup</h1><form action=/x method=post></form>",
    FailureKind::CardBlocked
)]
#[case::form(
    "<form action='https://library.test/user/registration?step=2'><input name=user_name></form>",
    FailureKind::CardBlocked
)]
#[case::button(
    "<form><input type=submit value='Complete Account Setup'></form>",
    FailureKind::CardBlocked
)]
#[case::help(
    "<h1>Your library</h1><ul><li><a href=/help>Account setup</a></ul>",
    FailureKind::PageChanged
)]
#[case::link(
    "<p>Nothing here.</p><a href=/user/registration>Register</a>",
    FailureKind::PageChanged
)]
#[case::login(
    "<h2>Account setup</h2><form class=loginForm><input name=name><input name=user_pin></form>",
    FailureKind::PageChanged
)]
#[case::script(
    "<script>words = {setup: 'Account setup'}</script>",
    FailureKind::PageChanged
)]
fn account_setup_page_blocks_the_card(#[case] page: &str, #[case] expected: FailureKind) {
    let failure = read_bodies(&[format!("<html><body>{page}</body></html>")], None).unwrap_err();
    assert_eq!(failure.kind, expected, "{failure}");
}

#[rstest]
#[case("/user/registration", true)]
#[case("/opac/user/registration/terms", true)]
#[case("/user/login", false)]
#[case("/v2/checkedout", false)]
fn account_setup_path_is_recognised(#[case] path: &str, #[case] expected: bool) {
    assert_eq!(STATE.demand.is_at(path), expected);
}
