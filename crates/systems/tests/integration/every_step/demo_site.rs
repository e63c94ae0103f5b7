//! A demo library with one card, and a client with limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hippo_browser::test_site::{RequestCount, TestLoginPermit};
use hippo_browser::{BrowserOptions, Limits, PrivateAddresses};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Generation, LoggedRequest, Patron, Rule, Site, SystemKind,
};
use hippo_systems::Sites;

use crate::demo::{start, today};

pub(crate) const NUMBER: &str = "22000000000007";
pub(crate) const PIN: &str = "4711";

/// Limits that only a hanging check reaches.
pub(crate) const LONG_LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    response: Duration::from_secs(10),
    card: Duration::from_secs(20),
    log_out: Duration::from_secs(5),
    pause_before_retry: Duration::from_millis(1),
};

/// A site client with its limits.
pub(crate) struct LimitedClient {
    sites: Sites,
    pub(crate) limits: Limits,
    attempted_requests: Arc<RequestCount>,
}

impl LimitedClient {
    pub(crate) fn new(limits: Limits) -> Self {
        let attempted_requests = Arc::new(RequestCount::default());
        let sites = Sites::new(BrowserOptions {
            limits,
            // No redirect of this test may leave the machine.
            private_addresses: PrivateAddresses::LoopbackOnly,
            observer: Some(attempted_requests.clone()),
            ..BrowserOptions::default()
        });
        Self {
            sites: sites.unwrap(),
            limits,
            attempted_requests,
        }
    }
}

pub(crate) struct DemoSite {
    pub(crate) demo: DemoLibrary,
    library: Library,
}

/// The result of a check.
pub(crate) struct Checked {
    pub(crate) outcome: Result<Account, Failure>,
    pub(crate) elapsed: Duration,
    pub(crate) logins: usize,
    /// The number of requests that the library received.
    pub(crate) requests: usize,
    /// The number of requests that were attempted, to any host.
    pub(crate) attempted_requests: usize,
    pub(crate) logged_out: bool,
}

impl DemoSite {
    pub(crate) async fn new(system: SystemKind, generation: Generation) -> Self {
        let yesterday = today().pred_opt().unwrap();
        let patron = Patron::new(NUMBER, PIN, "Jo Doe")
            .with_loan(DemoLoan::new("Lamps", "Reed, Bo", yesterday))
            .with_loan(DemoLoan::new("Knots", "Ash, Pip", today()))
            .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83));
        let site = Site::new(system, "Harbour Library", today())
            .with_generation(generation)
            .with_patron(patron);
        let (demo, library) = start(site).await;
        Self { demo, library }
    }

    /// Checks the card in a fresh session, under this rule.
    pub(crate) async fn check(&self, client: &LimitedClient, rule: Option<Rule>) -> Checked {
        self.demo.switches().clear();
        self.demo.end_all_sessions();
        self.demo.clear_requests();
        if let Some(rule) = rule {
            self.demo.switches().add(rule);
        }
        let secret = CardSecret {
            number: NUMBER.to_owned().into(),
            pin: PIN.to_owned().into(),
        };
        let started = Instant::now();
        let outcome = client
            .sites
            .check(&self.library, &secret, &TestLoginPermit::default())
            .await
            .map_err(Failure::from);
        let elapsed = started.elapsed();
        let requests = self.demo.requests();
        Checked {
            outcome,
            elapsed,
            logins: self.demo.logins(),
            requests: requests.len(),
            attempted_requests: client.attempted_requests.take(),
            logged_out: requests.iter().any(LoggedRequest::is_logout),
        }
    }
}
