//! `BiblioCommons`: the recorded accounts, and whole visits at the demo library.

use hippo_browser::{BrowserOptions, ReadContext, SavedPage};

use crate::library_pages;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::account::{Account, HoldState};
use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::{LibrarySite, LoginPermit, PermitError};
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

/// The folder of the recorded pages of this system; says so where there is none.
fn recorded() -> Option<PathBuf> {
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
fn recorded_pages_say_what_is_expected_of_them() {
    let cases = library_pages::check_all("bibliocommons");
    assert!(cases == 0 || cases >= 2, "only {cases} cases");
}

#[test]
fn the_recorded_account_is_unknown_where_a_page_is_left_out() {
    let Some(folder) = recorded() else { return };
    let folder = folder.join("wccls-2021-two-loans-six-suspended");
    let base = "https://wccls.bibliocommons.com";
    let account = read(&[folder.join("in_transit.html")], base).unwrap();
    assert_eq!((account.loans, account.holds), (None, None));
    assert_eq!(account.declared.loans, Some(2));
    assert_eq!(account.declared.holds, Some(6));
    let account = read(&[folder.join("suspended.html")], base).unwrap();
    let holds = account.holds.unwrap();
    assert_eq!(holds.len(), 6, "the other states are said to be empty");
    assert!(holds.iter().all(|hold| hold.state == HoldState::Suspended));
}

#[test]
fn the_recorded_login_form_is_no_account_and_no_refusal() {
    let Some(folder) = recorded() else { return };
    let base = "https://wccls.bibliocommons.com";
    let failure = read(&[folder.join("login-form.html")], base).unwrap_err();
    assert_eq!(failure.kind, FailureKind::PageChanged);
    assert!(failure.detail.contains("login form"), "{failure}");
}

#[derive(Default)]
struct Permit(AtomicUsize);

#[async_trait]
impl LoginPermit for Permit {
    async fn about_to_log_in(&self) -> Result<(), PermitError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
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

/// A check, with one permit for each login that is sent.
async fn visit(demo: &DemoLibrary, number: &str, pin: &str) -> Result<Account, Failure> {
    let secret = CardSecret {
        number: number.to_owned().into(),
        pin: pin.to_owned().into(),
    };
    let permit = Permit::default();
    let sites = Sites::new(BrowserOptions::default()).unwrap();
    let outcome = sites.check(&library(demo), &secret, &permit).await;
    let outcome = outcome.map_err(Failure::from);
    assert_eq!(permit.0.load(Ordering::SeqCst), demo.logins());
    assert!(demo.violations().is_empty());
    outcome
}

/// A check at a site that can be left properly.
async fn check_as(demo: &DemoLibrary, number: &str, pin: &str) -> Result<Account, Failure> {
    let outcome = visit(demo, number, pin).await;
    assert_eq!(demo.logins(), 1, "a login is sent once");
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

/// What was asked for, as `GET /v2/checkedout`, the login's own address shortened.
fn asked(demo: &DemoLibrary) -> Vec<String> {
    demo.requests()
        .iter()
        .map(|seen| {
            let path = seen.path.split("?destination").next().unwrap();
            format!("{} {path}", seen.method)
        })
        .collect()
}

#[tokio::test]
async fn an_account_with_nothing_on_it_takes_one_page() {
    let demo = demo(patron()).await;
    let account = check(&demo).await.unwrap();
    assert_eq!(account.loans, Some(Vec::new()));
    assert_eq!(account.holds, Some(Vec::new()));
    let mut asked = asked(&demo);
    // Where the logout leads is no matter of this system.
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
    let holds: Vec<String> = asked(&demo)
        .into_iter()
        .filter(|asked| asked.contains("/holds"))
        .collect();
    assert_eq!(
        holds,
        ["GET /v2/holds/ready_for_pickup", "GET /v2/holds/suspended"]
    );
}

#[tokio::test]
async fn all_eighty_loans_and_hundred_and_twenty_holds_are_read() {
    let site = Site::generated(SystemKind::Bibliocommons, 1, 80, 120, today());
    let demo = DemoLibrary::start(site).await.unwrap();
    let account = check_as(&demo, &generated_number(0), &generated_pin(0))
        .await
        .unwrap();
    assert_eq!(account.loans.unwrap().len(), 80);
    assert_eq!(account.holds.unwrap().len(), 120);
    assert_eq!(account.declared.loans, Some(80));
    assert_eq!(account.declared.holds, Some(120));
    let asked = asked(&demo);
    let of = |list: &str| asked.iter().filter(|path| path.contains(list)).count();
    assert_eq!(of("/v2/checkedout"), 4);
    assert_eq!(of("/v2/holds/"), 8, "four states of 30, 25 a page");
}

#[tokio::test]
async fn a_wrong_pin_is_refused_once_and_never_tried_again() {
    let demo = demo(patron()).await;
    let failure = check_as(&demo, NUMBER, "0000").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
    assert_eq!(demo.login_attempts(NUMBER), 1);
}

#[tokio::test]
async fn a_locked_card_is_refused() {
    let demo = demo(patron()).await;
    demo.switches().max_wrong_pins(0);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
}

#[tokio::test]
async fn a_blocked_card_that_can_be_read_brings_the_librarys_words() {
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
#[case("/v2/checkedout", Fault::HalfAPage, FailureKind::PageChanged)]
#[case("/v2/holds", Fault::HalfAPage, FailureKind::PageChanged)]
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
async fn a_site_that_misbehaves_gives_a_failure_and_never_an_account(
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
async fn a_session_that_is_forgotten_half_way_has_expired() {
    let hold = DemoHold::in_transit("The Lamp", "Okafor, Ada", "Oak Park");
    let demo = demo(patron().with_hold(hold)).await;
    demo.switches().set(Fault::ForgetSession);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionExpired, "{failure}");
}

#[tokio::test]
async fn nobodys_page_right_after_the_login_is_a_refusal() {
    let demo = demo(patron()).await;
    demo.switches().anonymous_pages(true);
    demo.switches().set(Fault::RedirectLogin {
        to: "/v2/checkedout".to_owned(),
        keep_method: false,
    });
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials, "{failure}");
    assert!(!failure.login_in_doubt);
}

#[tokio::test]
async fn a_page_of_nobody_is_no_empty_account() {
    let hold = DemoHold::in_transit("The Lamp", "Okafor, Ada", "Oak Park");
    let demo = demo(patron().with_hold(hold)).await;
    demo.switches().anonymous_pages(true);
    demo.switches().set(Fault::ForgetSession);
    let failure = check(&demo).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::SessionExpired, "{failure}");
}
