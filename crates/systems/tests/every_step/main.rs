//! A hostile or broken site: every fault at every step of the way, at every system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "tests fail by panicking; not each uses all that is common"
)]

mod demo;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use demo::{start, today};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::{LibrarySite as _, LoginPermit};
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind,
};
use hippo_systems::{Limits, Sites, SitesOptions};
use rstest::rstest;

const NUMBER: &str = "22000000000007";
const PIN: &str = "4711";

/// A card may take this long, its logout beside.
const LIMIT: Duration = Duration::from_secs(20);

struct Permit;

#[async_trait]
impl LoginPermit for Permit {
    async fn about_to_log_in(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A fault, and what the failure may be called that comes of it.
fn faults(system: SystemKind, elsewhere: &str) -> Vec<(Fault, &'static [FailureKind])> {
    use FailureKind::{PageChanged, SiteDown, SiteRefused};
    let redirect = |to: &str| Fault::RedirectTo(to.to_owned());
    let mut faults: Vec<(Fault, &'static [FailureKind])> = vec![
        (
            Fault::Down {
                retry_after: Some(90),
            },
            &[SiteDown],
        ),
        (Fault::Status(500), &[SiteDown]),
        (Fault::Status(502), &[SiteDown]),
        (
            Fault::Refuse {
                retry_after: Some(120),
            },
            &[SiteRefused],
        ),
        (Fault::DropConnection, &[SiteDown]),
        (Fault::CutShort, &[SiteDown]),
        (Fault::Maintenance, &[SiteDown, PageChanged]),
        (Fault::Captcha, &[SiteRefused, PageChanged]),
        (Fault::HalfAPage, &[PageChanged, SiteDown]),
        (Fault::ChangedLayout, &[PageChanged]),
        (Fault::EmptyBody, &[PageChanged]),
        (Fault::BinaryBody, &[PageChanged]),
        (Fault::HugeBody { gzip: true }, &[PageChanged]),
        (Fault::RedirectLoop, &[PageChanged, SiteDown]),
        (redirect("file:///etc/passwd"), &[PageChanged]),
        (redirect(elsewhere), &[PageChanged, SiteDown]),
    ];
    // What takes its time to test is the browser's own matter, the same at every system.
    if system == SystemKind::Sierra {
        faults.push((Fault::Stall, &[SiteDown]));
    }
    faults
}

struct Place {
    demo: DemoLibrary,
    library: Library,
    sites: Sites,
}

impl Place {
    async fn new(system: SystemKind, generation: Generation) -> Self {
        let patron = Patron::new(NUMBER, PIN, "Jo Doe")
            .with_loan(DemoLoan::new("Lamps", "Reed, Bo", today()))
            .with_loan(DemoLoan::new("Knots", "Ash, Pip", today()))
            .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83));
        let site = Site::new(system, "Harbour Library", today())
            .with_generation(generation)
            .with_patron(patron);
        let (demo, library) = start(site).await;
        let sites = Sites::new(SitesOptions {
            limits: Limits {
                card: LIMIT,
                log_out: Duration::from_secs(2),
                response: Duration::from_secs(2),
                pause_before_retry: Duration::from_millis(1),
                ..Limits::default()
            },
            ..SitesOptions::default()
        });
        Self {
            demo,
            library,
            sites: sites.unwrap(),
        }
    }

    async fn check(&self) -> Result<Account, Failure> {
        let secret = CardSecret {
            number: NUMBER.to_owned().into(),
            pin: PIN.to_owned().into(),
        };
        self.sites.check(&self.library, &secret, &Permit).await
    }

    /// Looks at the site as if nothing had been.
    fn begin(&self) {
        self.demo.switches().clear();
        self.demo.end_all_sessions();
        self.demo.forget_requests();
    }

    fn tried_to_log_out(&self) -> bool {
        let requests = self.demo.requests();
        requests
            .iter()
            .any(|request| request.path.contains("logout"))
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
async fn every_fault_at_every_step_has_its_name_in_time_and_the_logout_is_tried(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let place = Place::new(system, generation).await;
    // Somebody else's site, where nobody must ever come with a PIN.
    let (other, _) = start(Site::new(SystemKind::Sierra, "Elsewhere", today())).await;
    place.begin();
    let good = place.check().await.unwrap();
    let steps = u32::try_from(place.demo.requests().len()).unwrap();
    assert!(steps >= 3, "{steps}");
    let mut seen = 0;
    for step in 0..steps {
        for (fault, kinds) in faults(system, &other.base_url()) {
            for rule in [
                Rule::new(fault.clone()).after(step).times(1),
                Rule::new(fault.clone()).after(step),
            ] {
                let what = format!("{} {generation:?}, step {step}: {rule:?}", system.id());
                place.begin();
                let logins = place.demo.logins();
                place.demo.switches().add(rule);
                let began = Instant::now();
                let outcome = place.check().await;
                assert!(began.elapsed() < 2 * LIMIT, "{what}");
                match outcome {
                    // It struck the logout, or a page that is asked for again, or one that nothing is read from.
                    Ok(account) => assert_eq!(account, good, "{what}"),
                    // A login whose answer was lost on the way, and after which the site asks for one, looks like a
                    // refusal without a word: to be safe it is taken for one, so that the PIN is not sent again by
                    // itself.
                    Err(failure) if failure.kind == FailureKind::WrongCredentials => {
                        assert!(
                            failure.detail.ends_with("refused without a word"),
                            "{what}: {failure}"
                        );
                        assert_eq!(place.demo.logins() - logins, 1, "{what}");
                    }
                    Err(failure) => {
                        // What is sent on from a broken page may bring a site down.
                        let broke = failure.detail.starts_with("status 500");
                        assert!(kinds.contains(&failure.kind) || broke, "{what}: {failure}");
                        let shown = format!("{failure:?}");
                        assert!(
                            !shown.contains(NUMBER) && !shown.contains(PIN),
                            "{what}: {shown}"
                        );
                    }
                }
                let sent = place.demo.logins() - logins;
                assert!(sent <= 1, "{what}: {sent} logins");
                assert!(sent == 0 || place.tried_to_log_out(), "{what}");
                assert!(place.demo.violations().is_empty(), "{what}");
                seen += 1;
            }
        }
    }
    assert!(
        other
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
    assert_eq!(other.logins(), 0);
    assert!(seen >= 3 * 30, "{seen}");
}
