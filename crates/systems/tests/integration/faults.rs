//! Every way in which the demo library can misbehave, at every system: the failure is named for
//! what it is, the PIN goes nowhere else, and a login is sent once at most.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_browser::{BrowserOptions, Limits};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::{LibrarySite, LoginPermit, PermitError};
use hippo_demo_library::{DemoLibrary, Fault, Generation, Rule, Site, SystemKind, family_sites};
use hippo_systems::Sites;
use rstest::rstest;

#[derive(Default)]
struct Permit(AtomicUsize);

#[async_trait]
impl LoginPermit for Permit {
    async fn about_to_log_in(&self) -> Result<(), PermitError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A library of the demo with one card.
struct At {
    demo: DemoLibrary,
    generation: Generation,
    number: String,
    pin: String,
}

impl At {
    async fn start(system: SystemKind, generation: Generation) -> Self {
        let today: NaiveDate = "2026-11-21".parse().unwrap();
        let site: Site = family_sites(today)
            .into_iter()
            .find(|site| site.system == system)
            .unwrap()
            .with_generation(generation);
        let patron = site.patrons[0].clone();
        Self {
            demo: DemoLibrary::start(site).await.unwrap(),
            number: patron.number,
            pin: patron.pin,
            generation,
        }
    }

    /// A fault of the pages of an account, which come after the login.
    fn of_account(&self, fault: Fault) -> Rule {
        let rule = Rule::new(fault);
        match self.demo.system() {
            SystemKind::Bibliocommons => rule.only_for("/v2/"),
            SystemKind::Sierra => rule.only_for("/patroninfo"),
            SystemKind::Enterprise => rule.only_for("accordion"),
            // The account answers the login itself, or the redirect that does.
            SystemKind::Koha if self.generation == Generation::Older => rule.only_method("POST"),
            SystemKind::Koha => rule.only_for("opac-user.pl").only_for_patrons(),
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

    /// Checks the card; whatever comes of it, what must always hold is looked at.
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
        let permit = Permit::default();
        let outcome = sites.check(&self.library(), &secret, &permit).await;
        let outcome = outcome.map_err(Failure::from);
        let permits = permit.0.load(Ordering::SeqCst);
        assert!(permits <= 1, "one login a check");
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

    /// Checks the card under this rule, and says what the failure is called.
    async fn kind_under(&self, rule: Rule) -> (String, usize) {
        self.demo.switches().clear();
        self.demo.end_all_sessions();
        self.demo.forget_requests();
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

/// What a site can do to any page, and what that is called before a login, and after it.
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
    // What takes its time to test is the browser's own matter, the same at every system.
    if system == SystemKind::Sierra {
        faults.push((Fault::Hang, "site_down", "site_down"));
        faults.push((Fault::Stall, "site_down", "site_down"));
    }
    faults
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_well_site_gives_an_account_and_is_left(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    let account = at.check().await.unwrap();
    assert!(!account.loans.unwrap().is_empty());
    assert!(account.holds.is_some());
    assert_eq!((at.demo.logins(), at.demo.open_sessions()), (1, 0));
    assert!(at.demo.most_in_flight() <= 2);
    for seen in at.demo.requests() {
        assert!(seen.user_agent.unwrap().starts_with("LibraryHippo/"));
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_fault_of_the_whole_site_has_its_name_and_no_login_is_sent(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    for (fault, expected, _) in faults(system) {
        let (kind, logins) = at.kind_under(Rule::new(fault.clone())).await;
        assert_eq!((kind.as_str(), logins), (expected, 0), "{fault:?}");
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_fault_of_the_accounts_pages_has_its_name_and_the_visit_ends_with_a_logout(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    let more = [
        (Fault::HalfAPage, "", "page_changed"),
        (Fault::ForgetSession, "", "session_expired"),
    ];
    // Koha's account is one page: nothing comes after it that a session could be forgotten for. Where
    // it answers the login itself, a redirect from there leads back to the form.
    let cannot_be = |fault: &Fault| match fault {
        Fault::ForgetSession => system == SystemKind::Koha,
        Fault::RedirectLoop => system == SystemKind::Koha && generation == Generation::Older,
        _ => false,
    };
    for (fault, _, expected) in faults(system).into_iter().chain(more) {
        if cannot_be(&fault) {
            continue;
        }
        let rule = at.of_account(fault.clone());
        let (kind, logins) = at.kind_under(rule).await;
        assert_eq!((kind.as_str(), logins), (expected, 1), "{fault:?}");
        assert_eq!(at.demo.open_sessions(), 0, "{fault:?}");
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_fault_of_the_login_itself_is_never_answered_by_another_login(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    for (fault, _, _) in faults(system) {
        let rule = Rule::new(fault.clone()).only_method("POST").times(1);
        let (kind, _) = at.kind_under(rule).await;
        // An account is right where the fault spoils what a redirect does not have: a body. Where
        // nothing is said, and the login form comes next, it is taken for a refusal.
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
        assert_eq!(at.demo.logins(), 1, "{fault:?}");
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_pin_goes_to_no_other_host_by_form_or_by_redirect(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    let other = At::start(system, generation).await;
    let elsewhere = other.demo.base_url();

    let rule = Rule::new(Fault::LoginFormElsewhere(elsewhere.clone()));
    assert_eq!(at.kind_under(rule).await, ("page_changed".to_owned(), 0));
    assert_eq!(other.demo.request_count(), 0);

    for keep_method in [true, false] {
        let rule = Rule::new(Fault::RedirectLogin {
            to: format!("{elsewhere}/somewhere"),
            keep_method,
        });
        let (kind, _) = at.kind_under(rule).await;
        assert_eq!(kind, "page_changed", "{keep_method}");
        assert_eq!(
            other.demo.request_count() > 0,
            !keep_method,
            "only what carries nothing is followed"
        );
    }
    for seen in other.demo.requests() {
        assert_eq!((seen.method.as_str(), seen.fields.len()), ("GET", 0));
    }

    other.demo.forget_requests();
    let rule = Rule::new(Fault::RedirectTo(elsewhere));
    assert_eq!(at.kind_under(rule).await.1, 0);
    assert_eq!(
        other.demo.logins(),
        0,
        "a login page elsewhere is not filled in"
    );
}

#[rstest]
#[case(SystemKind::Bibliocommons)]
#[case(SystemKind::Sierra)]
#[tokio::test]
async fn an_account_that_does_not_add_up_or_is_anothers_is_not_taken(#[case] system: SystemKind) {
    let at = At::start(system, Generation::Older).await;
    let other = {
        let today: NaiveDate = "2026-11-21".parse().unwrap();
        let site = family_sites(today)
            .into_iter()
            .find(|site| site.system == system);
        site.unwrap().patrons[1].number.clone()
    };
    for fault in [Fault::WrongCounts, Fault::OtherPatron(other)] {
        let (kind, _) = at.kind_under(Rule::new(fault.clone())).await;
        assert_eq!(kind, "page_changed", "{fault:?}");
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_pin_that_is_refused_without_a_word_is_refused_and_sent_once(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let mut at = At::start(system, generation).await;
    at.pin = "canary-pin".to_owned();
    at.demo.switches().refuses_without_words(true);
    let failure = at.check().await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "wrong_credentials", "{failure}");
    assert!(!failure.login_in_doubt);
    assert_eq!((at.demo.logins(), at.demo.wrong_pins(&at.number)), (1, 1));
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn an_answer_to_the_login_that_is_no_page_of_the_login_is_named_and_sent_once(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    for (fault, expected, is_in_doubt) in [
        (Fault::Status(401), "wrong_credentials", false),
        (Fault::Status(422), "page_changed", true),
        (Fault::Status(404), "page_changed", true),
        (Fault::Down { retry_after: None }, "site_down", true),
        (Fault::Maintenance, "site_down", true),
        (Fault::Captcha, "site_refused", true),
    ] {
        at.demo.forget_requests();
        at.demo.switches().clear();
        let rule = Rule::new(fault.clone()).only_method("POST").times(1);
        at.demo.switches().add(rule);
        let failure = at.check().await.unwrap_err();
        assert_eq!(failure.kind.as_str(), expected, "{fault:?}: {failure}");
        assert_eq!(failure.login_in_doubt, is_in_doubt, "{fault:?}");
        assert_eq!(at.demo.logins(), 1, "{fault:?}");
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[tokio::test]
async fn a_login_that_a_page_confirmed_is_not_in_doubt(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let at = At::start(system, generation).await;
    let list = match system {
        SystemKind::Bibliocommons => "/v2/holds",
        SystemKind::Sierra => "/holds",
        SystemKind::Enterprise => "libraryholdsaccordion",
        SystemKind::Koha => unreachable!("one page is the whole account"),
    };
    for fault in [Fault::Maintenance, Fault::EmptyBody] {
        at.demo.forget_requests();
        at.demo.switches().clear();
        at.demo
            .switches()
            .add(Rule::new(fault.clone()).only_for(list));
        let failure = at.check().await.unwrap_err();
        assert!(!failure.login_in_doubt, "{fault:?}: {failure}");
    }
}

#[tokio::test]
async fn a_refused_pin_is_tried_once() {
    for system in SystemKind::ALL {
        let mut at = At::start(system, Generation::Older).await;
        at.pin = "canary-pin".to_owned();
        let failure = at.check().await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "wrong_credentials", "{failure}");
        assert_eq!((at.demo.logins(), at.demo.wrong_pins(&at.number)), (1, 1));
    }
}
