//! Reading whole accounts from pages of our own; [`super::examples`] has the pages.

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
    let bodies: Vec<String> = pages.iter().map(Example::print).collect();
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

pub(super) fn changed(pages: &[Example]) -> String {
    let failure = read(pages).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    failure.detail
}

pub(super) fn loans_page() -> Example {
    Example::at("/v2/checkedout")
        .totals(2, &[])
        .loans(0..2, 1, 2)
}

fn suspended_page() -> Example {
    Example::at("/v2/holds/suspended")
        .totals(2, &[("SUSPENDED", 3)])
        .holds("SUSPENDED", 10..13, 1, 3)
}

#[test]
fn a_page_says_what_is_out_and_that_nothing_is_on_hold() {
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
fn a_hold_says_its_state_place_branch_and_dates() {
    let ready = Example::at("/v2/holds/ready_for_pickup")
        .totals(0, &[("READY_FOR_PICKUP", 1)])
        .holds("READY_FOR_PICKUP", 7..8, 1, 1)
        .with("/entities/holds/7/holdsPosition", json!(-1));
    let mut ready = ready;
    ready.0["entities"]["holds"]["7"]["pickupByDate"] = json!("2026-11-25");
    let account = read(&[ready]).unwrap();
    assert_eq!(account.loans, Some(Vec::new()));
    let holds = account.holds.unwrap();
    let hold = holds.first().unwrap();
    assert_eq!(hold.state, HoldState::Ready);
    assert_eq!(hold.position, None, "-1 is no place");
    assert_eq!(hold.pickup_by, Some("2026-11-25".parse().unwrap()));
    assert_eq!(hold.expires, Some("2027-02-01".parse().unwrap()));
    assert_eq!(hold.pickup_branch.as_deref(), Some("Mill Street"));

    let waiting = Example::at("/v2/holds/not_yet_available")
        .totals(0, &[("NOT_YET_AVAILABLE", 1)])
        .holds("NOT_YET_AVAILABLE", 7..8, 1, 1);
    let holds = read(&[waiting]).unwrap().holds.unwrap();
    let hold = holds.first().unwrap();
    assert_eq!((hold.position, hold.queue_length), (Some(2), Some(9)));
}

#[test]
fn holds_are_unknown_while_a_page_of_a_state_is_missing() {
    let totals = [("SUSPENDED", 3), ("IN_TRANSIT", 1)];
    let first = || suspended_page().totals(2, &totals);
    let second = || {
        Example::at("/v2/holds/in_transit")
            .totals(2, &totals)
            .holds("IN_TRANSIT", 20..21, 1, 1)
    };
    let account = read(&[first()]).unwrap();
    assert_eq!(account.holds, None);
    assert_eq!(account.loans, None, "2 are out, and no page has them");
    assert_eq!(account.declared.holds, Some(4));
    assert_eq!(account.declared.loans, Some(2));
    let account = read(&[second(), first()]).unwrap();
    assert_eq!(account.holds.unwrap().len(), 4);
}

#[test]
fn without_totals_each_state_must_have_been_looked_at() {
    let states = [
        "ready_for_pickup",
        "in_transit",
        "not_yet_available",
        "suspended",
    ];
    let empty = |state: &str| Example::at(&format!("/v2/holds/{state}")).holds("", 0..0, 1, 0);
    let pages: Vec<Example> = states.iter().map(|state| empty(state)).collect();
    let account = read(&pages).unwrap();
    assert_eq!(account.holds, Some(Vec::new()));
    assert_eq!(account.loans, None);
    assert_eq!(account.declared.holds, None);
    let three = pages.into_iter().skip(1).collect::<Vec<_>>();
    assert_eq!(read(&three).unwrap().holds, None);

    let loans = Example::at("/v2/checkedout").loans(0..2, 1, 2);
    assert_eq!(read(&[loans]).unwrap().loans.unwrap().len(), 2);
}

fn eighty(pages: &[usize]) -> Vec<Example> {
    pages
        .iter()
        .map(|page| {
            let first = (page - 1) * 25;
            Example::at("/v2/checkedout?page=2").totals(80, &[]).loans(
                first..(first + 25).min(80),
                *page,
                80,
            )
        })
        .collect()
}

#[test]
fn a_list_of_eighty_is_known_when_all_its_pages_are_given() {
    let account = read(&eighty(&[3, 1, 4, 2])).unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    let account = read(&eighty(&[1, 2, 4])).unwrap();
    assert_eq!(account.loans, None);
    assert_eq!(account.declared.loans, Some(80));
}

#[test]
fn the_same_page_twice_counts_once() {
    let account = read(&eighty(&[1, 1, 2, 3, 4])).unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(read(&eighty(&[1, 1, 2, 2])).unwrap().loans, None);
}

#[test]
fn an_entry_that_moved_to_the_next_page_is_noticed() {
    let mut pages = eighty(&[1, 2, 3]);
    // The list moved by one while it was fetched: number 74 stands on the last page again.
    pages.push(
        Example::at("/v2/checkedout")
            .totals(80, &[])
            .loans(74..79, 4, 80),
    );
    assert!(changed(&pages).contains("80 loans, but 79 were read"));
}

#[test]
fn rows_that_differ_from_the_counts_are_a_changed_page() {
    let fewer = loans_page().with("/borrowing/checkedout/items", json!(["0"]));
    assert!(changed(&[fewer]).contains("page 1 of 2 loans, 25 a page, has 1"));
    let more = suspended_page().totals(2, &[("SUSPENDED", 6)]);
    assert!(changed(&[more]).contains("6 holds of a state, its list 3"));
    let none = Example::at("/v2/checkedout")
        .totals(3, &[])
        .loans(0..0, 1, 0);
    assert!(changed(&[none]).contains("3 loans, its list 0"));
    let twice = loans_page().with("/borrowing/checkedout/items", json!(["0", "0"]));
    changed(&[twice]);
    let strange = Example::at("/v2/holds/suspended")
        .totals(0, &[])
        .holds("SUSPENDED", 1..2, 1, 1);
    changed(&[strange]);
}

#[test]
fn totals_that_change_between_two_pages_are_a_changed_page() {
    let pages = [
        loans_page().totals(2, &[("SUSPENDED", 2)]),
        suspended_page(),
    ];
    assert!(changed(&pages).contains("two totals of the holds differ"));
}

#[test]
fn an_unknown_status_is_another_state_with_a_note() {
    let page = Example::at("/v2/holds/at_the_binder")
        .totals(0, &[("AT_THE_BINDER", 1)])
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
fn an_item_without_a_record_has_the_title_of_its_entry() {
    let page = loans_page().without("/entities/bibs/S9C0");
    let loans = read(&[page]).unwrap().loans.unwrap();
    let loan = loans.first().unwrap();
    assert_eq!(loan.title, "Own title");
    assert_eq!((&loan.author, &loan.format), (&None, &None));
}

#[test]
fn a_file_goes_back_by_itself_and_its_edition_is_no_note() {
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
fn a_key_that_has_another_name_is_a_changed_page(#[case] key: &str) {
    changed(&[loans_page().without(key)]);
}

#[rstest]
#[case("/entities/checkouts/1/dueDate", json!("tomorrow"))]
#[case("/entities/checkouts/1/dueDate", json!(null))]
#[case("/entities/checkouts/1", json!([]))]
#[case("/entities/accounts/502/expiryDate", json!("31/05/2027"))]
#[case("/borrowing/checkedout/pagination/count", json!("two"))]
#[case("/borrowing/checkedout/pagination/page", json!(0))]
#[case("/borrowing/checkedout/pagination/limit", json!(0))]
fn a_value_of_another_shape_is_a_changed_page(#[case] key: &str, #[case] value: serde_json::Value) {
    changed(&[loans_page().with(key, value)]);
}

#[test]
fn a_page_with_neither_list_nor_totals_is_a_changed_page() {
    changed(&[Example::at("/v2/somewhere")]);
    changed(&[]);
}

#[test]
fn a_page_that_is_cut_off_is_a_changed_page() {
    let body = loans_page().print();
    for part in [1, 2, 3] {
        let half = body.get(..body.len() * part / 4).unwrap().to_owned();
        let failure = read_bodies(&[half], None).unwrap_err();
        assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
    }
}

#[test]
fn a_page_that_is_nested_without_end_is_a_changed_page() {
    let body = "user_pin".to_owned() + &"<div>".repeat(1_600_000);
    let failure = read_bodies(&[body], None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged, "{failure}");
}

#[test]
fn nobodys_page_is_no_empty_account() {
    let page = Example::at("/v2/checkedout").with("/auth/currentUserId", json!(null));
    assert!(changed(&[page]).contains("nobody"));
    let refused = Example::at("/user/login")
        .with("/auth/currentUserId", json!(null))
        .with("/auth/loginError", json!({"message": "Wrong PIN."}));
    assert_eq!(
        read(&[refused]).unwrap_err().kind,
        FailureKind::WrongCredentials
    );
}

#[test]
fn a_site_that_cannot_reach_its_catalogue_is_down() {
    let page = Example::at("/v2/checkedout").with("/errors/libraryError", json!({"status": 503}));
    assert_eq!(read(&[page]).unwrap_err().kind, FailureKind::SiteDown);
}

#[test]
fn pages_of_two_users_are_never_mixed() {
    let other = suspended_page().with("/auth/currentUserId", json!(601));
    let loans = loans_page().totals(2, &[("SUSPENDED", 3)]);
    assert!(changed(&[loans, other]).contains("two accounts"));
}

#[rstest]
#[case("21000000000017", true)]
#[case(" 2 1000 0000 00017 ", true)]
#[case("1000000000017", true)]
#[case("21000000000018", false)]
#[case("reader17", true)]
#[case("12345", true)]
fn the_account_must_be_the_cards_own(#[case] number: &str, #[case] own: bool) {
    let read = read_as(&[loans_page()], Some(number));
    assert_eq!(read.is_ok(), own);
    if let Err(failure) = read {
        assert_eq!(failure.detail, "the account is another card's");
        assert!(!failure.to_string().contains(number));
    }
}

#[test]
fn a_masked_barcode_cannot_be_compared() {
    let page = loans_page().with("/entities/accounts/502/barcode", json!("**********0099"));
    assert!(read_as(&[page], Some("21000000000017")).is_ok());
}

#[test]
fn what_the_library_tells_the_patron_is_kept_once() {
    let said = json!({
        "1": {"type": "BLOCK", "message": "Your card is <b>blocked</b>: see the desk."},
        "2": {"text": "Your card is blocked: see the desk."},
        "3": {"id": 3},
    });
    let page = loans_page().with("/entities/systemMessages", said);
    assert_eq!(
        read(&[page]).unwrap().messages,
        ["Your card is blocked: see the desk."]
    );
}

#[test]
fn a_record_number_that_is_none_makes_no_link() {
    let page = loans_page().with("/entities/checkouts/0/metadataId", json!("../../x?y"));
    let loans = read(&[page]).unwrap().loans.unwrap();
    assert_eq!(loans.first().unwrap().url, None);
}

#[test]
fn a_failure_never_quotes_the_page() {
    let page = loans_page().with("/entities/checkouts/0/timesRenewed", json!("Secret Title"));
    let failure = read(&[page]).unwrap_err();
    assert!(!failure.to_string().contains("Secret"), "{failure}");
    assert!(failure.detail.starts_with("saved.html: "), "{failure}");
}
