//! `enterprise`, on recorded pages of real libraries and against the demo library.

use crate::demo::{check, failure_kind, has_logged_out, start, today};
use crate::library_pages;
use hippo_core::account::HoldState;
use hippo_core::failure::FailureKind;
use hippo_demo_library::{
    DemoHold, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind, generated_number,
    generated_pin,
};
use rstest::rstest;

#[test]
fn recorded_pages_are_read_as_expected() {
    let cases = library_pages::check_all("enterprise");
    assert!(cases == 0 || cases >= 2, "only {cases} cases");
}

const NUMBER: &str = "23000000000007";
const PIN: &str = "4711";

/// A part of the path of the logout.
const LOGOUT_PATH: &str = "logout";

fn patron() -> Patron {
    Patron::new(NUMBER, PIN, "Jo Doe")
        .with_loan(DemoLoan::new("Harbour & Hill [DVD]", "Stone, Ada.", today()).renewed(2))
        .with_loan(DemoLoan::new("Knots", "", today()).not_renewable("Reserved by another."))
        .with_hold(DemoHold::ready(
            "Lamps",
            "Reed, Bo.",
            "Oak Park",
            Some(today()),
        ))
        .with_hold(DemoHold::in_transit("Kites", "Ash, Pip", "Oak Park"))
        .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83))
        .with_hold(DemoHold::suspended("Ice", "Ash, Pip", "Mill Street", None))
}

fn site(generation: Generation) -> Site {
    Site::new(SystemKind::Enterprise, "Lake Library", today())
        .with_generation(generation)
        .with_patron(patron())
}

#[rstest]
#[tokio::test]
async fn account_is_read_and_the_session_ends(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
) {
    let (demo, library) = start(site(generation)).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(demo.logins(), 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
    assert_eq!((account.fines, account.card_expires), (None, None));
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Harbour & Hill [DVD]");
    assert_eq!(loans[0].author.as_deref(), Some("Stone, Ada."));
    assert_eq!((loans[0].due, loans[0].renewals), (Some(today()), Some(2)));
    assert_eq!(loans[0].renewable, Some(true));
    assert_eq!(loans[1].renewable, Some(false));
    assert_eq!(
        loans[1].renewable_reason.as_deref(),
        Some("Reserved by another.")
    );
    let holds = account.holds.unwrap();
    let states: Vec<HoldState> = holds.iter().map(|hold| hold.state).collect();
    assert_eq!(
        states,
        [
            HoldState::Ready,
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Suspended
        ]
    );
    assert_eq!(holds[0].pickup_by, Some(today()));
    assert_eq!(holds[2].position, Some(9));
}

#[rstest]
#[tokio::test]
async fn wrong_pin_is_sent_once(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
) {
    let (demo, library) = start(site(generation)).await;
    let outcome = check(&demo, &library, NUMBER, "0000").await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::WrongCredentials,
        "{outcome:?}"
    );
    assert_eq!(demo.login_attempts(NUMBER), 1);
}

#[rstest]
#[tokio::test]
async fn login_form_after_login_is_wrong_credentials(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
) {
    let (demo, library) = start(site(generation)).await;
    let silent = Rule::new(Fault::EmptyBody).only_for_method("POST").times(1);
    demo.switches().add(silent);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::WrongCredentials,
        "{outcome:?}"
    );
    assert_eq!(demo.logins(), 1);
}

#[rstest]
#[tokio::test]
async fn all_pages_of_80_loans_and_40_holds_are_read(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
) {
    let site = Site::generated(SystemKind::Enterprise, 1, 80, 40, today());
    let (demo, library) = start(site.with_generation(generation)).await;
    let account = check(&demo, &library, &generated_number(0), &generated_pin(0))
        .await
        .unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(account.holds.unwrap().len(), 40);
}

#[rstest]
#[tokio::test]
async fn empty_account_has_empty_lists(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
) {
    let site = Site::new(SystemKind::Enterprise, "Lake Library", today())
        .with_generation(generation)
        .with_patron(Patron::new(NUMBER, PIN, "Jo Doe"));
    let (demo, library) = start(site).await;
    let account = check(&demo, &library, NUMBER, PIN).await.unwrap();
    assert_eq!(account.loans, Some(Vec::new()));
    assert_eq!(account.holds, Some(Vec::new()));
}

#[rstest]
#[case::layout("accordion", Fault::ChangedLayout, FailureKind::PageChanged)]
#[case::half_of_loans("librarycheckouts", Fault::HalfPage, FailureKind::PageChanged)]
#[case::half_of_holds("libraryholds", Fault::HalfPage, FailureKind::PageChanged)]
#[case::empty("librarycheckouts", Fault::EmptyBody, FailureKind::PageChanged)]
#[case::down("libraryholds", Fault::Down { retry_after: None }, FailureKind::SiteDown)]
#[case::maintenance("librarycheckouts", Fault::Maintenance, FailureKind::SiteDown)]
#[case::forgotten("libraryholds", Fault::ForgetSession, FailureKind::SessionExpired)]
#[tokio::test]
async fn fault_gives_its_failure_kind_and_ends_the_session(
    #[values(Generation::Older, Generation::Newer)] generation: Generation,
    #[case] path: &str,
    #[case] fault: Fault,
    #[case] expected: FailureKind,
) {
    let (demo, library) = start(site(generation)).await;
    demo.switches().set_for(path, fault);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(failure_kind(&outcome), expected, "{outcome:?}");
    assert_eq!(demo.logins(), 1);
    assert!(has_logged_out(&demo, LOGOUT_PATH));
}

#[tokio::test]
async fn total_that_differs_from_the_rows_is_a_changed_page() {
    let (demo, library) = start(site(Generation::Newer)).await;
    demo.switches().add(Rule::new(Fault::WrongCounts));
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::PageChanged,
        "{outcome:?}"
    );
    assert!(has_logged_out(&demo, LOGOUT_PATH));
}

#[tokio::test]
async fn account_page_without_token_is_changed_and_no_list_is_fetched() {
    let (demo, library) = start(site(Generation::Newer)).await;
    let account_page = Rule::new(Fault::HalfPage).only_for_patrons().times(1);
    demo.switches().add(account_page);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::PageChanged,
        "{outcome:?}"
    );
    let requests = demo.requests();
    assert!(
        requests
            .iter()
            .all(|seen| seen.status == Some(200) || seen.status == Some(302))
    );
    assert!(!requests.iter().any(|seen| seen.path.contains("accordion")));
    assert!(has_logged_out(&demo, LOGOUT_PATH));
}

#[tokio::test]
async fn changed_login_page_is_sent_no_pin() {
    let (demo, library) = start(site(Generation::Older)).await;
    demo.switches().set(Fault::ChangedLayout);
    let outcome = check(&demo, &library, NUMBER, PIN).await;
    assert_eq!(
        failure_kind(&outcome),
        FailureKind::PageChanged,
        "{outcome:?}"
    );
    assert_eq!(demo.logins(), 0);
}
