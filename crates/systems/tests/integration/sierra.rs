//! `sierra`, on recorded pages of real libraries and against the demo library.

use crate::demo::{check, failure_kind, has_logged_out, start, today};
use crate::library_pages;
use hippo_core::account::HoldState;
use hippo_core::failure::FailureKind;
use hippo_demo_library::{
    DemoHold, DemoLoan, Fault, Patron, Rule, Site, SystemKind, generated_number, generated_pin,
};
use rstest::rstest;

#[test]
fn recorded_pages_are_read_as_expected() {
    let cases = library_pages::check_all("sierra");
    assert!(cases == 0 || cases >= 6, "only {cases} cases");
}

const NUMBER: &str = "22000000000007";
const PIN: &str = "4711";

/// A part of the path of the logout.
const LOGOUT_PATH: &str = "/logout";

fn patron() -> Patron {
    Patron::new(NUMBER, PIN, "Jo Doe")
        .with_card_expires(today() + chrono::Days::new(30))
        .with_fines_cents(1250)
        .with_loan(
            DemoLoan::new("Harbour & Hill", "Stone, Ada.", today())
                .with_subtitle("a walk")
                .renewed(2),
        )
        .with_loan(DemoLoan::new("Knots", "", today() - chrono::Days::new(1)).not_renewable("NO"))
        .with_hold(DemoHold::ready(
            "Lamps",
            "Reed, Bo",
            "Oak Park",
            Some(today()),
        ))
        .with_hold(DemoHold::in_transit("Kites", "Ash, Pip", "Oak Park"))
        .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83))
        .with_hold(DemoHold::suspended("Ice", "Ash, Pip", "Mill Street", None))
}

fn site() -> Site {
    Site::new(SystemKind::Sierra, "Harbour Library", today()).with_patron(patron())
}

#[tokio::test]
async fn account_is_read_and_the_session_ends() {
    let (demo, library) = start(site()).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(demo.logins(), 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
    assert_eq!(account.fines, Some("12.50".parse().unwrap()));
    assert_eq!(account.card_expires, Some("2026-12-21".parse().unwrap()));
    assert_eq!(account.declared.loans, Some(2));
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Harbour & Hill: a walk");
    assert_eq!(loans[0].author.as_deref(), Some("Stone, Ada."));
    assert_eq!((loans[0].due, loans[0].renewals), (Some(today()), Some(2)));
    assert_eq!(loans[1].note.as_deref(), Some("OVERDUE NO"));
    assert_eq!(loans[1].renewable_reason.as_deref(), Some("NO"));
    let states: Vec<HoldState> = account
        .holds
        .unwrap()
        .iter()
        .map(|hold| hold.state)
        .collect();
    assert_eq!(
        states,
        [
            HoldState::Ready,
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Suspended
        ]
    );
}

#[tokio::test]
async fn scope_is_part_of_the_urls() {
    let (demo, mut library) = start(site()).await;
    library.options.insert("scope".to_owned(), "S1".to_owned());
    check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert!(demo.requests().iter().any(|seen| seen.path == "/logout~S1"));
}

#[tokio::test]
async fn wrong_pin_is_sent_once() {
    let (demo, library) = start(site()).await;
    let outcome = check(&demo, &library, NUMBER, "0000").await;
    assert_eq!(failure_kind(&outcome), FailureKind::WrongCredentials);
    assert_eq!(demo.login_attempts(NUMBER), 1);
}

#[tokio::test]
async fn name_before_the_number_fills_the_name_field() {
    let (demo, library) = start(site()).await;
    demo.switches().set_asks_for_name(true);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(failure_kind(&outcome), FailureKind::PageChanged);
    assert_eq!(demo.logins(), 0);
    let number = format!("Jo Doe|{NUMBER}");
    check(&demo, &library, &number, PIN).await.unwrap();
}

#[tokio::test]
async fn all_80_loans_and_40_holds_are_read() {
    let site = Site::generated(SystemKind::Sierra, 1, 80, 40, today());
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, &generated_number(0), &generated_pin(0))
        .await
        .unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(account.holds.unwrap().len(), 40);
}

#[rstest]
#[case::nothing(Patron::new(NUMBER, PIN, "Jo Doe"), 0, 0)]
#[case::loans(
    Patron::new(NUMBER, PIN, "Jo Doe").with_loan(DemoLoan::new("Knots", "", today())), 1, 0)]
#[case::holds(
    Patron::new(NUMBER, PIN, "Jo Doe").with_hold(DemoHold::in_transit("Kites", "", "Oak Park")), 0, 1)]
#[tokio::test]
async fn list_that_the_site_does_not_show_is_empty(
    #[case] patron: Patron,
    #[case] loans: usize,
    #[case] holds: usize,
) {
    let site = Site::new(SystemKind::Sierra, "Harbour Library", today()).with_patron(patron);
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.loans.unwrap().len(), loans);
    assert_eq!(account.holds.unwrap().len(), holds);
}

#[rstest]
#[case::counts("/patroninfo", Fault::WrongCounts, FailureKind::PageChanged)]
#[case::layout("/patroninfo", Fault::ChangedLayout, FailureKind::PageChanged)]
#[case::half_of_loans("/items", Fault::HalfPage, FailureKind::PageChanged)]
#[case::half_of_holds("/holds", Fault::HalfPage, FailureKind::PageChanged)]
#[case::empty("/items", Fault::EmptyBody, FailureKind::PageChanged)]
#[case::down("/holds", Fault::Down { retry_after: None }, FailureKind::SiteDown)]
#[case::maintenance("/items", Fault::Maintenance, FailureKind::SiteDown)]
#[case::refused("/items", Fault::Refuse { retry_after: Some(60) }, FailureKind::SiteRefused)]
#[case::forgotten("/holds", Fault::ForgetSession, FailureKind::SessionExpired)]
#[tokio::test]
async fn fault_gives_its_failure_kind_and_ends_the_session(
    #[case] path: &str,
    #[case] fault: Fault,
    #[case] expected: FailureKind,
) {
    let (demo, library) = start(site()).await;
    demo.switches()
        .add(Rule::new(fault).only_for_path(path).only_for_method("GET"));
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(failure_kind(&outcome), expected, "{outcome:?}");
    assert!(demo.logins() <= 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
}

#[rstest]
#[case::summary(Rule::new(Fault::HalfPage).only_for_path("/patroninfo"))]
#[case::counts(Rule::new(Fault::WrongCounts))]
#[case::layout(Rule::new(Fault::ChangedLayout).only_for_path("/patroninfo"))]
#[tokio::test]
async fn unclear_page_never_gives_an_empty_account(#[case] rule: Rule) {
    let empty = Patron::new(NUMBER, PIN, "Jo Doe");
    let site = Site::new(SystemKind::Sierra, "Harbour Library", today()).with_patron(empty);
    let (demo, library) = start(site).await;
    demo.switches().add(rule);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::PageChanged,
        "{outcome:?}"
    );
}

#[tokio::test]
async fn pages_of_another_patron_are_a_changed_page() {
    let other = Patron::new("22000000000008", "1", "Al Roe").with_loan(DemoLoan::new(
        "Theirs",
        "",
        today(),
    ));
    let (demo, library) = start(site().with_patron(other)).await;
    demo.switches()
        .add(Rule::new(Fault::OtherPatron("22000000000008".to_owned())).only_for_path("/items"));
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::PageChanged,
        "{outcome:?}"
    );
}
