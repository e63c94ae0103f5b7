//! `BiblioCommons`: recorded accounts, and complete visits to the demo library.

use hippo_browser::test_site::TestLoginPermit;
use hippo_browser::{BrowserOptions, ReadContext, SavedPage};

use crate::library_pages;
use std::path::PathBuf;

use chrono::NaiveDate;
use hippo_core::account::{Account, HoldState};
use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Patron, Site, SystemKind, generated_number,
    generated_pin,
};
use hippo_systems::Sites;
use rstest::rstest;
use url::Url;

const NUMBER: &str = "21000000000017";
const PIN: &str = "4321";

fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// Returns the folder of this system's recorded pages, or prints that the test is skipped.
fn recorded_folder() -> Option<PathBuf> {
    let folder = library_pages::folder().map(|folder| folder.join("bibliocommons"));
    if folder.is_none() {
        eprintln!("SKIPPED: no recorded pages (set LIBRARY_PAGES to their folder)");
    }
    folder
}

fn read(names: &[PathBuf], base_url: &str) -> Result<Account, Failure> {
    let pages: Vec<SavedPage> = names
        .iter()
        .map(|path| SavedPage {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            body: std::fs::read_to_string(path).unwrap(),
        })
        .collect();
    let context = ReadContext {
        base_url: &Url::parse(base_url).unwrap(),
        date_format: None,
        timezone: chrono_tz::America::Los_Angeles,
        card_number: None,
    };
    hippo_systems::offline_reader("bibliocommons")
        .unwrap()
        .read(&pages, &context)
}

#[test]
fn recorded_pages_are_read_as_expected() {
    let cases = library_pages::check_all("bibliocommons");
    assert!(cases == 0 || cases >= 2, "only {cases} cases");
}

#[test]
fn missing_recorded_pages_leave_lists_unknown() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let folder = folder.join("wccls-2021-two-loans-six-suspended");
    let base = "https://wccls.bibliocommons.com";
    let account = read(&[folder.join("in_transit.html")], base).unwrap();
    assert_eq!((account.loans, account.holds), (None, None));
    assert_eq!(account.declared.loans, Some(2));
    assert_eq!(account.declared.holds, Some(6));
    let account = read(&[folder.join("suspended.html")], base).unwrap();
    let holds = account.holds.unwrap();
    assert_eq!(
        holds.len(),
        6,
        "the site states that the other states are empty"
    );
    assert!(holds.iter().all(|hold| hold.state == HoldState::Suspended));
}

#[test]
fn recorded_login_form_is_a_changed_page() {
    let Some(folder) = recorded_folder() else {
        return;
    };
    let base = "https://wccls.bibliocommons.com";
    let failure = read(&[folder.join("login-form.html")], base).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged);
    assert!(failure.detail.contains("login form"), "{failure}");
}

fn library(demo: &DemoLibrary) -> Library {
    Library {
        id: "riverside".parse().unwrap(),
        name: "Riverside".to_owned(),
        system: "bibliocommons".parse().unwrap(),
        base_url: Url::parse(&demo.base_url()).unwrap(),
        account_url: None,
        timezone: chrono_tz::America::Los_Angeles,
        date_format: None,
        login_hosts: Vec::new(),
        options: Default::default(),
    }
}

/// Checks a card and asserts that every login had a permit.
async fn visit(demo: &DemoLibrary, number: &str, pin: &str) -> Result<Account, Failure> {
    let secret = CardSecret {
        number: number.to_owned().into(),
        pin: pin.to_owned().into(),
    };
    let permit = TestLoginPermit::default();
    let sites = Sites::new(BrowserOptions::default()).unwrap();
    let outcome = sites.check(&library(demo), &secret, &permit).await;
    let outcome = outcome.map_err(Failure::from);
    assert_eq!(permit.count(), demo.logins());
    assert!(demo.violations().is_empty());
    outcome
}

/// Checks a card and asserts one login and a complete logout.
async fn check_as(demo: &DemoLibrary, number: &str, pin: &str) -> Result<Account, Failure> {
    let outcome = visit(demo, number, pin).await;
    assert_eq!(demo.logins(), 1, "expected one login");
    assert_eq!(demo.open_sessions(), 0, "every visit ends with a logout");
    outcome
}

async fn check(demo: &DemoLibrary) -> Result<Account, Failure> {
    check_as(demo, NUMBER, PIN).await
}

async fn demo(patron: Patron) -> DemoLibrary {
    let site = Site::new(SystemKind::Bibliocommons, "Riverside", today());
    DemoLibrary::start(site.with_patron(patron)).await.unwrap()
}

fn patron() -> Patron {
    Patron::new(NUMBER, PIN, "Ines Calder")
}

/// Lists the requests as `GET /v2/checkedout`; the login URL loses its query.
fn request_lines(demo: &DemoLibrary) -> Vec<String> {
    demo.requests()
        .iter()
        .map(|seen| {
            let path = seen.path.split("?destination").next().unwrap();
            format!("{} {path}", seen.method)
        })
        .collect()
}

#[tokio::test]
async fn empty_account_takes_one_page() {
    let demo = demo(patron()).await;
    let account = check(&demo).await.unwrap();
    assert_eq!(account.loans, Some(Vec::new()));
    assert_eq!(account.holds, Some(Vec::new()));
    let mut asked = request_lines(&demo);
    // The pages after the logout don't belong to this system.
    asked.truncate(4);
    assert_eq!(
        asked,
        [
            "GET /user/login",
            "POST /user/login",
            "GET /v2/checkedout",
            "GET /user/logout",
        ]
    );
}

#[tokio::test]
async fn only_the_states_that_have_holds_are_fetched() {
    let ready = DemoHold::ready("The Lamp", "Okafor, Ada", "Oak Park", Some(today()));
    let asleep = DemoHold::suspended("Night Ferry", "Calder, Tom", "Oak Park", Some(today()));
    let loan = DemoLoan::new("Salt & Stone", "Okoye, Mara", today()).with_subtitle("a walk");
    let demo = demo(
        patron()
            .with_loan(loan)
            .with_loan(DemoLoan::new("Clouds", "", today()).digital("EBOOK"))
            .with_hold(ready)
            .with_hold(asleep)
            .with_card_expires(today())
            .with_fines_cents(-250),
    )
    .await;
    let account = check(&demo).await.unwrap();
    let loans = account.loans.unwrap();
    assert_eq!(loans[0].title, "Salt & Stone: a walk");
    assert_eq!(loans[0].due, Some(today()));
    assert_eq!((loans[0].digital, loans[1].digital), (false, true));
    let mut states: Vec<HoldState> = account
        .holds
        .unwrap()
        .iter()
        .map(|hold| hold.state)
        .collect();
    states.sort();
    assert_eq!(states, [HoldState::Ready, HoldState::Suspended]);
    assert_eq!(account.fines.unwrap().to_string(), "-2.50");
    assert_eq!(account.card_expires, Some(today()));
    let holds: Vec<String> = request_lines(&demo)
        .into_iter()
        .filter(|asked| asked.contains("/holds"))
        .collect();
    assert_eq!(
        holds,
        ["GET /v2/holds/ready_for_pickup", "GET /v2/holds/suspended"]
    );
}

#[tokio::test]
async fn all_pages_of_80_loans_and_120_holds_are_read() {
    let site = Site::generated(SystemKind::Bibliocommons, 1, 80, 120, today());
    let demo = DemoLibrary::start(site).await.unwrap();
    let account = check_as(&demo, &generated_number(0), &generated_pin(0))
        .await
        .unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(account.holds.unwrap().len(), 120);
    assert_eq!(account.declared.loans, Some(80));
    assert_eq!(account.declared.holds, Some(120));
    let asked = request_lines(&demo);
    let of = |list: &str| asked.iter().filter(|path| path.contains(list)).count();
    assert_eq!(of("/v2/checkedout"), 4);
    assert_eq!(of("/v2/holds/"), 8, "four states of 30, 25 a page");
}

#[tokio::test]
async fn wrong_pin_is_sent_once() {
    let demo = demo(patron()).await;
    let failure = check_as(&demo, NUMBER, "0000").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
    assert_eq!(demo.login_attempts(NUMBER), 1);
}

#[tokio::test]
async fn locked_card_is_wrong_credentials() {
    let demo = demo(patron()).await;
    demo.switches().set_max_wrong_pins(0);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
}

#[tokio::test]
async fn blocked_card_is_read_with_its_message() {
    let mut blocked = patron();
    blocked.blocked = Some("Please see the desk about your card.".to_owned());
    let demo = demo(blocked).await;
    let account = check(&demo).await.unwrap();
    assert_eq!(account.messages, ["Please see the desk about your card."]);
}

#[rstest]
#[case("", Fault::ChangedLayout, FailureKind::PageChanged)]
#[case("/v2/", Fault::ChangedLayout, FailureKind::PageChanged)]
#[case("/v2/", Fault::WrongCounts, FailureKind::PageChanged)]
#[case("/v2/checkedout", Fault::HalfPage, FailureKind::PageChanged)]
#[case("/v2/holds", Fault::HalfPage, FailureKind::PageChanged)]
#[case("/v2/holds", Fault::EmptyBody, FailureKind::PageChanged)]
#[case("/v2/holds", Fault::BinaryBody, FailureKind::PageChanged)]
#[case("/v2/", Fault::Maintenance, FailureKind::SiteDown)]
#[case("/user/login", Fault::Maintenance, FailureKind::SiteDown)]
#[case("/v2/", Fault::Captcha, FailureKind::SiteRefused)]
#[case("", Fault::RedirectLogin { to: "/".to_owned(), keep_method: false }, FailureKind::WrongCredentials)]
#[case("", Fault::RedirectLogin { to: "/".to_owned(), keep_method: true }, FailureKind::PageChanged)]
#[case("/v2/holds", Fault::Down { retry_after: None }, FailureKind::SiteDown)]
#[case("/v2/", Fault::OtherPatron("22000000000018".to_owned()), FailureKind::PageChanged)]
#[tokio::test]
async fn site_fault_is_a_failure_of_the_expected_kind(
    #[case] path: &str,
    #[case] fault: Fault,
    #[case] expected: FailureKind,
) {
    let hold = DemoHold::waiting("The Lamp", "Okafor, Ada", "Oak Park", 2, 9);
    let site = Site::new(SystemKind::Bibliocommons, "Riverside", today())
        .with_patron(
            patron()
                .with_loan(DemoLoan::new("Clouds", "", today()))
                .with_hold(hold),
        )
        .with_patron(Patron::new("22000000000018", "1111", "Tom Calder"));
    let demo = DemoLibrary::start(site).await.unwrap();
    demo.switches().set_for(path, fault);
    let failure = visit(&demo, NUMBER, PIN).await.unwrap_err();
    assert_eq!(failure.kind, expected, "{failure}");
    assert!(demo.logins() <= 1);
    for secret in [NUMBER, PIN, "Calder", "Lamp"] {
        assert!(!failure.to_string().contains(secret), "{failure}");
    }
}

#[tokio::test]
async fn forgotten_session_has_expired() {
    let hold = DemoHold::in_transit("The Lamp", "Okafor, Ada", "Oak Park");
    let demo = demo(patron().with_hold(hold)).await;
    demo.switches().set(Fault::ForgetSession);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionExpired, "{failure}");
}

#[tokio::test]
async fn anonymous_page_after_login_is_wrong_credentials() {
    let demo = demo(patron()).await;
    demo.switches().set_anonymous_pages(true);
    demo.switches().set(Fault::RedirectLogin {
        to: "/v2/checkedout".to_owned(),
        keep_method: false,
    });
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
    assert!(!failure.login_in_doubt);
}

#[tokio::test]
async fn anonymous_page_later_is_an_expired_session() {
    let hold = DemoHold::in_transit("The Lamp", "Okafor, Ada", "Oak Park");
    let demo = demo(patron().with_hold(hold)).await;
    demo.switches().set_anonymous_pages(true);
    demo.switches().set(Fault::ForgetSession);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionExpired, "{failure}");
}
