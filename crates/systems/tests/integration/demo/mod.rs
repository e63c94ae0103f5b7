//! Checks a card at a demo library.

use std::time::Duration;

use hippo_browser::test_site::TestLoginPermit;
use hippo_browser::{BrowserOptions, Limits};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{DemoLibrary, Site, SystemKind};
use hippo_systems::Sites;

/// Returns the day that the demo libraries are set to.
pub(crate) fn today() -> chrono::NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// Whether the site has no login page that shows its layout before the login: a programming interface.
pub(crate) fn is_interface(system: SystemKind) -> bool {
    system == SystemKind::SymphonyWs
}

pub(crate) async fn start(site: Site) -> (DemoLibrary, Library) {
    let date_format = site.date_format.clone();
    let demo = DemoLibrary::start(site).await.unwrap();
    let library = Library {
        id: "demo".parse().unwrap(),
        name: demo.library_name().to_owned(),
        system: demo.system().id().parse().unwrap(),
        base_url: demo.base_url().parse().unwrap(),
        account_url: None,
        timezone: chrono_tz::America::Toronto,
        date_format: Some(date_format),
        login_hosts: Vec::new(),
        options: std::collections::BTreeMap::new(),
    };
    (demo, library)
}

/// Checks a card and asserts one permit for each login.
pub(crate) async fn check(
    demo: &DemoLibrary,
    library: &Library,
    number: &str,
    pin: &str,
) -> Result<Account, Failure> {
    let sites = Sites::new(BrowserOptions {
        limits: Limits {
            pause_before_retry: Duration::from_millis(1),
            ..Limits::default()
        },
        ..BrowserOptions::default()
    })
    .unwrap();
    let secret = CardSecret {
        number: number.to_owned().into(),
        pin: pin.to_owned().into(),
    };
    let permit = TestLoginPermit::default();
    let logins = demo.logins();
    let outcome = sites.check(library, &secret, &permit).await;
    let outcome = outcome.map_err(Failure::from);
    assert_eq!(
        demo.logins() - logins,
        permit.count(),
        "expected one permit for each login"
    );
    assert_eq!(demo.violations().len(), 0, "a check changes nothing");
    outcome
}

/// Whether the session ended, and with a request whose path contains `logout_path`.
pub(crate) fn has_logged_out(demo: &DemoLibrary, logout_path: &str) -> bool {
    let is_logout = |path: &str| path.contains(logout_path);
    demo.open_sessions() == 0
        && demo
            .requests()
            .iter()
            .any(|request| is_logout(&request.path))
}

/// Returns the kind of the failure of a check.
pub(crate) fn failure_kind(outcome: &Result<Account, Failure>) -> FailureKind {
    outcome.as_ref().unwrap_err().kind
}
