//! The reading rules, on invented answers.

use hippo_browser::{ReadContext, SavedPage};
use hippo_core::account::{Account, HoldState};
use hippo_core::failure::{Failure, FailureKind};
use rstest::rstest;
use serde_json::{Value, json};
use url::Url;

use super::SymphonyWs;
use crate::offline::OfflineReader as _;

fn read(pages: &[String]) -> Result<Account, Failure> {
    let base_url = Url::parse("https://library.test/town_ilsws").unwrap();
    let context = ReadContext {
        base_url: &base_url,
        date_format: None,
        timezone: chrono_tz::Pacific::Auckland,
        card_number: None,
    };
    let pages: Vec<SavedPage> = pages
        .iter()
        .map(|body| SavedPage {
            name: "patron.json".to_owned(),
            body: body.clone(),
        })
        .collect();
    SymphonyWs.read(&pages, &context)
}

fn kind(page: &str) -> FailureKind {
    read(&[page.to_owned()]).unwrap_err().kind
}

fn me() -> Value {
    json!({"resource": "/user/patron", "key": "700"})
}

fn loan() -> Value {
    json!({"key": "1:1:1:1", "fields": {
        "patron": me(),
        "item": {"key": "1:1:1", "fields": {
            "barcode": "3001",
            "bib": {"fields": {"title": "Tides : a history /", "author": "Stone, Ada, author."}},
        }},
        "dueDate": "2026-12-03T23:59:00-08:00",
        "recallDueDate": null,
        "claimsReturnedDate": null,
        "renewalCount": null,
        "unseenRenewalsRemaining": 2,
        "status": "ACTIVE",
    }})
}

fn hold() -> Value {
    json!({"key": "88", "fields": {
        "patron": me(),
        "bib": {"fields": {"title": "Fog", "author": ""}},
        "item": null,
        "status": "PLACED",
        "queuePosition": 2,
        "queueLength": 5,
        "expirationDate": null,
        "fillByDate": "2027-07-14",
        "suspendBeginDate": null,
        "suspendEndDate": null,
        "pickupLibrary": {"resource": "/policy/library", "key": "MAIN"},
    }})
}

fn bill(amount: &str, currency: &str) -> Value {
    json!({"fields": {
        "patron": me(),
        "owed": {"currencyCode": currency, "amount": amount},
        "comment": null,
    }})
}

fn document(fields: Value) -> String {
    json!({"resource": "/user/patron", "key": "700", "fields": fields}).to_string()
}

fn with_loan(change: impl Fn(&mut Value)) -> String {
    let mut loan = loan();
    change(&mut loan["fields"]);
    document(json!({"circRecordList": [loan]}))
}

fn with_hold(change: impl Fn(&mut Value)) -> String {
    let mut hold = hold();
    change(&mut hold["fields"]);
    document(json!({"holdRecordList": [hold]}))
}

#[test]
fn patron_record_is_an_account() {
    let page = document(json!({
        "privilegeExpiresDate": "2027-03-31",
        "standing": {"key": "DELINQUENT"},
        "circRecordList": [loan()],
        "holdRecordList": [hold()],
        "blockList": [bill("4.00", "USD"), bill("4.50", "USD")],
    }));
    let account = read(&[page]).unwrap();
    assert_eq!(account.card_expires, Some("2027-03-31".parse().unwrap()));
    assert_eq!(account.fines, Some("8.50".parse().unwrap()));
    assert_eq!(account.currency.as_deref(), Some("USD"));
    assert!(account.messages.is_empty(), "a debt is no block");

    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.id, "3001");
    assert_eq!(loan.title, "Tides : a history");
    assert_eq!(loan.author.as_deref(), Some("Stone, Ada, author."));
    assert_eq!(loan.due, Some("2026-12-03".parse().unwrap()), "as written");
    assert_eq!((loan.renewals, loan.renewable), (Some(0), None));

    let hold = &account.holds.unwrap()[0];
    assert_eq!((hold.id.as_str(), hold.author.as_deref()), ("88", None));
    assert_eq!(hold.state, HoldState::Waiting);
    assert_eq!((hold.position, hold.queue_length), (Some(2), Some(5)));
    assert_eq!(hold.expires, Some("2027-07-14".parse().unwrap()));
    assert_eq!(hold.pickup_branch.as_deref(), Some("MAIN"));
}

#[test]
fn list_that_was_not_asked_for_is_unknown() {
    let account = read(&[document(json!({"holdRecordList": []}))]).unwrap();
    assert_eq!((account.loans, account.holds), (None, Some(vec![])));
    assert_eq!(
        (account.fines, account.currency, account.card_expires),
        (None, None, None)
    );
    let page = document(json!({"circRecordList": [], "holdRecordList": [], "blockList": []}));
    let account = read(&[page]).unwrap();
    assert_eq!((account.loans, account.holds), (Some(vec![]), Some(vec![])));
    assert_eq!(
        (account.fines, account.currency),
        (Some("0.00".parse().unwrap()), None)
    );
}

#[test]
fn recalled_loan_that_is_back_is_told_nowhere() {
    let page = with_loan(|loan| {
        loan["recallDueDate"] = json!("2026-11-30T23:59:00-08:00");
        loan["status"] = json!("INACTIVE");
    });
    let account = read(&[page]).unwrap();
    assert!(account.messages.is_empty(), "{:?}", account.messages);
}

#[test]
fn recalled_loan_is_told_in_a_message() {
    let page = with_loan(|loan| loan["recallDueDate"] = json!("2026-11-30T23:59:00-08:00"));
    let account = read(&[page]).unwrap();
    assert_eq!(
        account.messages,
        ["“Tides : a history” was recalled: return it by 2026-11-30."]
    );
    let loan = &account.loans.unwrap()[0];
    assert_eq!(loan.renewable, Some(false));
    assert!(
        loan.renewable_reason
            .as_ref()
            .unwrap()
            .contains("2026-11-30")
    );
}

#[rstest]
#[case("claimsReturnedDate", json!("2026-11-20"), Some("claimed returned"))]
#[case("unseenRenewalsRemaining", json!(0), None)]
fn loan_that_cannot_be_renewed_says_so(
    #[case] field: &str,
    #[case] value: Value,
    #[case] note: Option<&str>,
) {
    let page = with_loan(|loan| loan[field] = value.clone());
    let loan = &read(&[page]).unwrap().loans.unwrap()[0];
    assert_eq!((loan.renewable, loan.note.as_deref()), (Some(false), note));
}

#[test]
fn inactive_loan_is_back_and_a_loan_without_end_has_no_date() {
    let back = with_loan(|loan| loan["status"] = json!("INACTIVE"));
    assert_eq!(read(&[back]).unwrap().loans, Some(Vec::new()));
    let endless = with_loan(|loan| loan["dueDate"] = Value::Null);
    assert_eq!(read(&[endless]).unwrap().loans.unwrap()[0].due, None);
}

#[rstest]
#[case("BEING_HELD", json!("2026-12-01"), HoldState::Ready, Some("2026-12-01"))]
#[case("BEING_HELD", Value::Null, HoldState::Ready, None)]
#[case("INTRANSIT", Value::Null, HoldState::InTransit, None)]
#[case("SUSPENDED", Value::Null, HoldState::Suspended, None)]
#[case("PLACED", Value::Null, HoldState::Waiting, None)]
#[case("EXPIRED", Value::Null, HoldState::Other, None)]
fn hold_has_the_state_of_its_status(
    #[case] status: &str,
    #[case] until: Value,
    #[case] expected: HoldState,
    #[case] pickup_by: Option<&str>,
) {
    let page = with_hold(|hold| {
        hold["status"] = json!(status);
        hold["expirationDate"] = until.clone();
    });
    let hold = &read(&[page]).unwrap().holds.unwrap()[0];
    assert_eq!(hold.state, expected);
    assert_eq!(hold.pickup_by, pickup_by.map(|day| day.parse().unwrap()));
    assert_eq!(hold.note.is_some(), expected == HoldState::Other);
}

#[test]
fn suspended_hold_ends_on_its_day_and_posted_item_is_on_its_way() {
    let suspended = with_hold(|hold| {
        hold["suspendBeginDate"] = json!("2026-11-01");
        hold["suspendEndDate"] = json!("2026-12-24");
    });
    let hold = &read(&[suspended]).unwrap().holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Suspended);
    assert_eq!(hold.suspended_until, Some("2026-12-24".parse().unwrap()));
    let not_suspended = with_hold(|hold| hold["suspendEndDate"] = json!("never"));
    let hold = &read(&[not_suspended]).unwrap().holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::Waiting);
    assert_eq!(hold.suspended_until, None);
    let posted = with_hold(|hold| {
        hold["status"] = json!("BEING_HELD");
        hold["mailFlag"] = json!(true);
    });
    let hold = &read(&[posted]).unwrap().holds.unwrap()[0];
    assert_eq!(hold.state, HoldState::InTransit);
}

#[rstest]
#[case::block("BLOCKED", 1)]
#[case::bar("BARRED", 1)]
#[case::fine("OK", 0)]
fn blocked_standing_is_a_message(#[case] standing: &str, #[case] messages: usize) {
    let mut noted = bill("0.00", "USD");
    noted["fields"]["comment"] = json!("Please call the desk.");
    let page = document(json!({
        "standing": {"key": standing},
        "holdRecordList": [],
        "blockList": [noted],
    }));
    let account = read(&[page]).unwrap();
    assert_eq!(account.messages.len(), messages + 1);
    assert_eq!(account.messages.last().unwrap(), "Please call the desk.");
}

#[test]
fn entry_that_names_no_patron_is_the_records_own() {
    let mut loan = loan();
    loan["fields"].as_object_mut().unwrap().remove("patron");
    let page = document(json!({"circRecordList": [loan], "holdRecordList": []}));
    assert_eq!(read(&[page]).unwrap().loans.unwrap().len(), 1);
}

#[test]
fn lists_of_other_members_of_a_group_are_not_read() {
    let mut theirs = loan();
    theirs["fields"]["patron"]["key"] = json!("701");
    let group = json!({"fields": {"group": {"fields": {"memberList": [
        {"key": "701", "fields": {"circRecordList": [theirs]}},
    ]}}}});
    let page = document(json!({"circRecordList": [loan()], "groupSettings": group}));
    assert_eq!(read(&[page]).unwrap().loans.unwrap().len(), 1);
}

#[rstest]
#[case::of_another_patron(with_loan(|loan| loan["patron"]["key"] = json!("701")))]
#[case::without_a_title(with_loan(|loan| loan["item"]["fields"]["bib"]["fields"]["title"] = json!("")))]
#[case::without_an_item(with_loan(|loan| loan["item"] = Value::Null))]
#[case::without_a_due_date(with_loan(|loan| drop(loan.as_object_mut().unwrap().remove("dueDate"))))]
#[case::with_a_strange_date(with_loan(|loan| loan["dueDate"] = json!("tomorrow")))]
#[case::without_a_status(with_hold(|hold| hold["status"] = Value::Null))]
#[case::not_expanded(document(json!({"circRecordList": [{"key": "1:1:1:1"}]})))]
#[case::twice(document(json!({"circRecordList": [loan(), loan()]})))]
#[case::two_currencies(document(json!({"holdRecordList": [], "blockList": [bill("1.00", "USD"), bill("1.00", "CAD")]})))]
#[case::no_amount(document(json!({"holdRecordList": [], "blockList": [bill("some", "USD")]})))]
#[case::of_something_else(document(json!({"holdRecordList": []})).replace("/user/patron", "/user/staff"))]
#[case::without_lists(document(json!({"barcode": "22000"})))]
#[case::no_object("[]".to_owned())]
#[case::html("<html><body>Welcome</body></html>".to_owned())]
#[case::half(document(json!({"circRecordList": [loan()]}))[..80].to_owned())]
#[case::empty(String::new())]
fn unclear_record_is_a_changed_page(#[case] page: String) {
    assert_eq!(kind(&page), FailureKind::PageChanged);
}

#[rstest]
#[case("unableToLogin", FailureKind::WrongCredentials)]
#[case("hatErrorResponse.116", FailureKind::SiteDown)]
#[case("sessionTimedOut", FailureKind::SessionExpired)]
#[case("unknownClientID", FailureKind::PageChanged)]
#[case("somethingElse", FailureKind::PageChanged)]
fn refusal_has_the_kind_of_its_code(#[case] code: &str, #[case] expected: FailureKind) {
    let page = json!({"messageList": [{"code": code, "message": "Sorry."}]});
    assert_eq!(kind(&page.to_string()), expected);
}

#[test]
fn login_answer_beside_the_record_changes_nothing() {
    let login = json!({"sessionToken": "canary", "patronKey": "700"}).to_string();
    let page = document(json!({"circRecordList": [loan()]}));
    assert_eq!(
        read(&[login.clone(), page.clone()]).unwrap(),
        read(std::slice::from_ref(&page)).unwrap()
    );
    assert_eq!(kind(&login), FailureKind::PageChanged);
    assert!(read(&[page.clone(), page]).is_err());
}
