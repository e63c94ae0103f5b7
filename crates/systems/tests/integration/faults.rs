//! Every fault of the demo library, at every system: the failure has the right kind, the PIN goes to
//! no other host, and at most one login is sent.

use std::time::Duration;

use chrono::NaiveDate;

use crate::demo::is_interface;
use hippo_browser::test_site::TestLoginPermit;
use hippo_browser::{BrowserOptions, Limits};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind,
    sample_site, test_every_site,
};
use hippo_systems::Sites;

/// A demo library with one card.
struct DemoCard {
    demo: DemoLibrary,
    generation: Generation,
    number: String,
    pin: String,
}

impl DemoCard {
    async fn start(system: SystemKind, generation: Generation) -> Self {
        let today: NaiveDate = "2026-11-21".parse().unwrap();
        Self::start_at(sample_site(system, today).with_generation(generation)).await
    }

    /// Starts a site, for its first patron's card.
    async fn start_at(site: Site) -> Self {
        let patron = site.patrons[0].clone();
        let generation = site.generation;
        Self {
            demo: DemoLibrary::start(site).await.unwrap(),
            number: patron.number,
            pin: patron.pin,
            generation,
        }
    }

    /// Builds a fault that affects only the account pages, after the login.
    fn on_account_pages(&self, fault: Fault) -> Rule {
        let rule = Rule::new(fault);
        match self.demo.system() {
            SystemKind::Bibliocommons => rule.only_for_path("/v2/"),
            SystemKind::Sierra => rule.only_for_path("/patroninfo"),
            SystemKind::Enterprise => rule.only_for_path("accordion"),
            // The response to the login is the account, or redirects to it.
            SystemKind::Koha if self.generation == Generation::Older => {
                rule.only_for_method("POST")
            }
            SystemKind::Bibliotheca => rule.only_for_method("POST"),
            SystemKind::Sisis | SystemKind::TouchPoint => rule.only_for_path("showAccount"),
            SystemKind::VuFind => rule.only_for_path("/MyResearch/Holds"),
            SystemKind::WinBiap => rule.only_for_path("/user/borrow"),
            SystemKind::Horizon => rule.only_for_path("submenu=").only_for_patrons(),
            SystemKind::Polaris => rule.only_for_path("/patronaccount/").only_for_patrons(),
            SystemKind::Koha => rule.only_for_path("opac-user.pl").only_for_patrons(),
            SystemKind::SymphonyWs => rule.only_for_path("/user/patron/key/"),
        }
    }

    fn library(&self) -> Library {
        let system = self.demo.system();
        Library {
            id: "demo".parse().unwrap(),
            name: self.demo.library_name().to_owned(),
            system: system.id().parse().unwrap(),
            base_url: self.demo.base_url().parse().unwrap(),
            account_url: None,
            timezone: chrono_tz::America::Los_Angeles,
            date_format: Some(system.usual_date_format().to_owned()),
            login_hosts: Vec::new(),
            options: Default::default(),
        }
    }

    /// Checks the card and asserts what holds for every outcome.
    async fn check(&self) -> Result<Account, Failure> {
        let sites = Sites::new(BrowserOptions {
            limits: Limits {
                response: Duration::from_secs(2),
                pause_before_retry: Duration::from_millis(1),
                ..Limits::default()
            },
            ..BrowserOptions::default()
        })
        .unwrap();
        let secret = CardSecret {
            number: self.number.clone().into(),
            pin: self.pin.clone().into(),
        };
        let permit = TestLoginPermit::default();
        let outcome = sites.check(&self.library(), &secret, &permit).await;
        let outcome = outcome.map_err(Failure::from);
        let permits = permit.count();
        assert!(permits <= 1, "expected at most one login per check");
        assert!(self.demo.logins() <= permits, "no login without a permit");
        assert!(self.demo.violations().is_empty());
        if let Err(failure) = &outcome {
            let shown = format!("{failure:?} {failure}");
            assert!(
                !shown.contains(&self.number) && !shown.contains(&self.pin),
                "{shown}"
            );
        }
        outcome
    }

    /// Checks the card under this rule; returns the failure's kind and the number of logins.
    async fn check_under(&self, rule: Rule) -> (String, usize) {
        self.demo.switches().clear();
        self.demo.end_all_sessions();
        self.demo.clear_requests();
        self.demo.switches().add(rule);
        let outcome = self.check().await;
        let kind = match outcome {
            Ok(_) => "an account".to_owned(),
            Err(failure) => match failure.retry_after {
                Some(wait) => format!("{} {}", failure.kind, wait.as_secs()),
                None => failure.kind.to_string(),
            },
        };
        (kind, self.demo.logins())
    }
}

/// Lists the faults of any page, with the kind before a login and the kind after it.
fn faults(system: SystemKind) -> Vec<(Fault, &'static str, &'static str)> {
    let down = |retry_after| Fault::Down { retry_after };
    let mut faults = vec![
        (down(None), "site_down", "site_down"),
        (down(Some(90)), "site_down 90", "site_down 90"),
        (
            Fault::Refuse {
                retry_after: Some(120),
            },
            "site_refused 120",
            "site_refused 120",
        ),
        (
            Fault::Refuse { retry_after: None },
            "site_refused",
            "site_refused",
        ),
        (Fault::Status(500), "site_down", "site_down"),
        (Fault::Status(404), "page_changed", "page_changed"),
        (Fault::Status(403), "site_refused", "page_changed"),
        (Fault::DropConnection, "site_down", "site_down"),
        (Fault::CutShort, "site_down", "site_down"),
        (Fault::Maintenance, "site_down", "site_down"),
        (Fault::Captcha, "site_refused", "site_refused"),
        (Fault::ChangedLayout, "page_changed", "page_changed"),
        (Fault::EmptyBody, "page_changed", "page_changed"),
        (Fault::BinaryBody, "page_changed", "page_changed"),
        (
            Fault::HugeBody { gzip: false },
            "page_changed",
            "page_changed",
        ),
        (
            Fault::HugeBody { gzip: true },
            "page_changed",
            "page_changed",
        ),
        (Fault::RedirectLoop, "page_changed", "page_changed"),
        (
            Fault::RedirectTo("ftp://books.test/".to_owned()),
            "page_changed",
            "page_changed",
        ),
    ];
    // The browser's own tests cover slow faults; one system is enough here.
    if system == SystemKind::Sierra {
        faults.push((Fault::Hang, "site_down", "site_down"));
        faults.push((Fault::Stall, "site_down", "site_down"));
    }
    faults
}

test_every_site!(healthy_site_is_read_and_logged_out);

async fn healthy_site_is_read_and_logged_out(system: SystemKind, generation: Generation) {
    let card = DemoCard::start(system, generation).await;
    let account = card.check().await.unwrap();
    assert!(!account.loans.unwrap().is_empty());
    assert!(account.holds.is_some());
    assert_eq!((card.demo.logins(), card.demo.open_sessions()), (1, 0));
    assert!(card.demo.most_in_flight() <= 2);
    for seen in card.demo.requests() {
        assert!(seen.user_agent.unwrap().starts_with("LibraryHippo/"));
    }
}

test_every_site!(fault_of_the_whole_site_has_its_kind_and_no_login);

async fn fault_of_the_whole_site_has_its_kind_and_no_login(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation).await;
    for (fault, expected, _) in faults(system) {
        // An interface has no page before the login that shows these.
        if is_interface(system) && matches!(fault, Fault::Status(404) | Fault::ChangedLayout) {
            continue;
        }
        let (kind, logins) = card.check_under(Rule::new(fault.clone())).await;
        assert_eq!((kind.as_str(), logins), (expected, 0), "{fault:?}");
    }
}

test_every_site!(fault_of_account_pages_has_its_kind_and_a_logout);

async fn fault_of_account_pages_has_its_kind_and_a_logout(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation).await;
    let more = [
        (Fault::HalfPage, "", "page_changed"),
        (Fault::ForgetSession, "", "session_expired"),
    ];
    // If the account is one page, no later page needs the session. If that page answers the login, a redirect from it
    // leads back to the form.
    let cannot_occur = |fault: &Fault| match fault {
        Fault::ForgetSession => system.has_one_page(),
        Fault::RedirectLoop => system.has_one_page() && generation == Generation::Older,
        _ => false,
    };
    for (fault, _, expected) in faults(system).into_iter().chain(more) {
        if cannot_occur(&fault) {
            continue;
        }
        let rule = card.on_account_pages(fault.clone());
        let (kind, logins) = card.check_under(rule).await;
        assert_eq!((kind.as_str(), logins), (expected, 1), "{fault:?}");
        assert_eq!(card.demo.open_sessions(), 0, "{fault:?}");
    }
}

test_every_site!(fault_of_the_login_never_causes_a_second_login);

async fn fault_of_the_login_never_causes_a_second_login(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation).await;
    for (fault, _, _) in faults(system) {
        let rule = Rule::new(fault.clone()).only_for_method("POST").times(1);
        let (kind, _) = card.check_under(rule).await;
        // The account is read correctly if the fault damages a body that a redirect doesn't have. A
        // login form without a reason counts as a refusal.
        let is_silent = matches!(
            fault,
            Fault::RedirectLoop | Fault::EmptyBody | Fault::BinaryBody
        );
        assert!(
            ["site_down", "site_refused", "page_changed", "an account"]
                .iter()
                .any(|known| kind.starts_with(known))
                || (is_silent && kind == "wrong_credentials"),
            "{fault:?}: {kind}"
        );
        assert_eq!(card.demo.logins(), 1, "{fault:?}");
    }
}

test_every_site!(pin_goes_to_no_other_host_by_form_or_redirect);

async fn pin_goes_to_no_other_host_by_form_or_redirect(system: SystemKind, generation: Generation) {
    // An interface has no form; a test below is about its redirects.
    if is_interface(system) {
        return;
    }
    let card = DemoCard::start(system, generation).await;
    let other = DemoCard::start(system, generation).await;
    let elsewhere = other.demo.base_url();

    let rule = Rule::new(Fault::LoginFormElsewhere(elsewhere.clone()));
    assert_eq!(card.check_under(rule).await, ("page_changed".to_owned(), 0));
    assert_eq!(other.demo.request_count(), 0);

    for keep_method in [true, false] {
        let rule = Rule::new(Fault::RedirectLogin {
            to: format!("{elsewhere}/somewhere"),
            keep_method,
        });
        let (kind, _) = card.check_under(rule).await;
        assert_eq!(kind, "page_changed", "{keep_method}");
        assert_eq!(
            other.demo.request_count() > 0,
            !keep_method,
            "only a redirect that drops the form data is followed"
        );
    }
    for seen in other.demo.requests() {
        assert_eq!((seen.method.as_str(), seen.fields.len()), ("GET", 0));
    }

    other.demo.clear_requests();
    let rule = Rule::new(Fault::RedirectTo(elsewhere));
    assert_eq!(card.check_under(rule).await.1, 0);
    assert_eq!(
        other.demo.logins(),
        0,
        "the login form of another host was sent"
    );
}

/// Whether a system's pages state totals of the loans and the holds.
fn states_totals(system: SystemKind, generation: Generation) -> bool {
    !matches!(
        (system, generation),
        (SystemKind::Enterprise, Generation::Older) | (SystemKind::SymphonyWs, _)
    )
}

test_every_site!(total_of_more_entries_is_a_changed_page);

async fn total_of_more_entries_is_a_changed_page(system: SystemKind, generation: Generation) {
    let card = DemoCard::start(system, generation).await;
    let (kind, _) = card.check_under(Rule::new(Fault::WrongCounts)).await;
    let expected = if states_totals(system, generation) {
        "page_changed"
    } else {
        "an account"
    };
    assert_eq!(kind, expected);
}

/// Returns why nothing on a system's pages can be compared with the card. `None` if they state its number, or the
/// number of the record to which the login leads.
fn reason_for_no_owner(system: SystemKind) -> Option<&'static str> {
    match system {
        SystemKind::Enterprise => Some("its lists have neither a name nor a number"),
        SystemKind::Horizon => Some("its pages greet the patron by name"),
        SystemKind::Koha => Some("its pages have the number of the patron's record only"),
        SystemKind::Bibliocommons
        | SystemKind::Bibliotheca
        | SystemKind::Polaris
        | SystemKind::Sierra
        | SystemKind::Sisis
        | SystemKind::SymphonyWs
        | SystemKind::TouchPoint
        | SystemKind::VuFind
        | SystemKind::WinBiap => None,
    }
}

test_every_site!(another_patrons_page_is_a_changed_page);

async fn another_patrons_page_is_a_changed_page(system: SystemKind, generation: Generation) {
    let today: NaiveDate = "2026-11-21".parse().unwrap();
    let other = Patron::new("27000000008206", "6021", "Bea Lind")
        .with_loan(DemoLoan::new("Kites", "", today))
        .with_hold(DemoHold::waiting("Lamps", "", "Mill Street", 3, 7));
    let fault = Fault::OtherPatron(other.number.clone());
    let site = sample_site(system, today).with_generation(generation);
    let card = DemoCard::start_at(site.with_patron(other)).await;
    let mut rules = vec![Rule::new(fault.clone())];
    if !system.has_one_page() && !is_interface(system) {
        rules.push(Rule::new(fault).only_for_path(last_list(system)));
    }
    for rule in rules {
        let (kind, _) = card.check_under(rule.clone()).await;
        match reason_for_no_owner(system) {
            None => assert_eq!(kind, "page_changed", "{rule:?}"),
            Some(reason) => assert_eq!(kind, "an account", "{rule:?}: {reason}"),
        }
    }
}

#[test]
fn readme_names_the_systems_whose_pages_have_no_owner() {
    let without: Vec<&str> = SystemKind::ALL
        .into_iter()
        .filter(|system| reason_for_no_owner(*system).is_some())
        .map(SystemKind::id)
        .collect();
    let readme = crate::lists::read_file("README.md");
    let sentence = readme.split_once("don't show the card's number").unwrap().0;
    let (_, sentence) = sentence.rsplit_once("The pages of ").unwrap();
    let named: Vec<&str> = sentence.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, without);
}

test_every_site!(refusal_without_a_reason_is_wrong_credentials);

async fn refusal_without_a_reason_is_wrong_credentials(system: SystemKind, generation: Generation) {
    let mut card = DemoCard::start(system, generation).await;
    card.pin = "canary-pin".to_owned();
    card.demo.switches().set_refuses_silently(true);
    let failure = card.check().await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "wrong_credentials", "{failure}");
    assert!(!failure.login_in_doubt);
    assert_eq!(
        (card.demo.logins(), card.demo.wrong_pins(&card.number)),
        (1, 1)
    );
}

test_every_site!(unexpected_login_response_has_its_kind_and_one_login);

async fn unexpected_login_response_has_its_kind_and_one_login(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation).await;
    for (fault, expected, is_in_doubt) in [
        (Fault::Status(401), "wrong_credentials", false),
        (Fault::Status(422), "page_changed", true),
        (Fault::Status(404), "page_changed", true),
        (Fault::Down { retry_after: None }, "site_down", true),
        (Fault::Maintenance, "site_down", true),
        (Fault::Captcha, "site_refused", true),
    ] {
        card.demo.clear_requests();
        card.demo.switches().clear();
        let rule = Rule::new(fault.clone()).only_for_method("POST").times(1);
        card.demo.switches().add(rule);
        let failure = card.check().await.unwrap_err();
        assert_eq!(failure.kind.as_str(), expected, "{fault:?}: {failure}");
        assert_eq!(failure.login_in_doubt, is_in_doubt, "{fault:?}");
        assert_eq!(card.demo.logins(), 1, "{fault:?}");
    }
}

/// Returns a part of the address of a list that is fetched after another page.
fn last_list(system: SystemKind) -> &'static str {
    match system {
        SystemKind::Bibliocommons => "/v2/holds",
        SystemKind::Sierra => "/holds",
        SystemKind::Enterprise => "libraryholdsaccordion",
        SystemKind::Sisis | SystemKind::TouchPoint => "showAccount",
        SystemKind::VuFind => "/MyResearch/Holds",
        SystemKind::WinBiap => "/user/reservations",
        SystemKind::Horizon => "submenu=holds",
        SystemKind::Polaris => "requests.aspx",
        SystemKind::Koha | SystemKind::Bibliotheca | SystemKind::SymphonyWs => {
            unreachable!("the account is one page")
        }
    }
}

test_every_site!(login_confirmed_by_a_page_is_not_in_doubt);

async fn login_confirmed_by_a_page_is_not_in_doubt(system: SystemKind, generation: Generation) {
    // A later page is needed, which fails.
    if system.has_one_page() || is_interface(system) {
        return;
    }
    let card = DemoCard::start(system, generation).await;
    let list = last_list(system);
    for fault in [Fault::Maintenance, Fault::EmptyBody] {
        card.demo.clear_requests();
        card.demo.switches().clear();
        card.demo
            .switches()
            .add(Rule::new(fault.clone()).only_for_path(list));
        let failure = card.check().await.unwrap_err();
        assert!(!failure.login_in_doubt, "{fault:?}: {failure}");
    }
}

#[tokio::test]
async fn interface_without_a_login_page_sends_the_pin_to_no_other_host() {
    let system = SystemKind::SymphonyWs;
    let card = DemoCard::start(system, Generation::Older).await;
    let other = DemoCard::start(system, Generation::Older).await;
    let elsewhere = other.demo.base_url();
    for keep_method in [true, false] {
        let to = format!("{elsewhere}/user/patron/login");
        let rule = Rule::new(Fault::RedirectLogin { to, keep_method });
        let (kind, _) = card.check_under(rule).await;
        assert_eq!(kind, "page_changed", "{keep_method}");
    }
    let rule = Rule::new(Fault::RedirectTo(elsewhere));
    assert_eq!(card.check_under(rule).await.0, "page_changed");
    assert_eq!((card.demo.logins(), other.demo.logins()), (0, 0));
    for seen in other.demo.requests() {
        assert_eq!((seen.method.as_str(), seen.fields.len()), ("GET", 0));
    }
}

#[tokio::test]
async fn expired_session_of_an_interface_is_identified_by_its_status() {
    let card = DemoCard::start(SystemKind::SymphonyWs, Generation::Older).await;
    let rule = card.on_account_pages(Fault::Status(401));
    let (kind, logins) = card.check_under(rule).await;
    assert_eq!((kind.as_str(), logins), ("session_expired", 1));
    assert_eq!(card.demo.open_sessions(), 0);
}

#[tokio::test]
async fn refused_pin_is_sent_once() {
    for system in SystemKind::ALL {
        let mut card = DemoCard::start(system, Generation::Older).await;
        card.pin = "canary-pin".to_owned();
        let failure = card.check().await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "wrong_credentials", "{failure}");
        assert_eq!(
            (card.demo.logins(), card.demo.wrong_pins(&card.number)),
            (1, 1)
        );
    }
}
