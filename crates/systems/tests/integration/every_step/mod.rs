//! Every fault at every step of a visit, at every system.

mod demo_site;
mod expected;

use std::time::Duration;

use hippo_browser::Limits;

use crate::demo::{is_interface, start, today};
use demo_site::{Checked, DemoSite, LONG_LIMITS, LimitedClient, NUMBER, PIN};
use expected::{
    Expected, ExpectedFailure, expected, without_escape_remains, without_hashed_ids, without_links,
};
use futures::StreamExt as _;
use hippo_core::account::Account;
use hippo_demo_library::{Fault, Generation, Rule, Site, SystemKind, test_every_site};

/// How many checks of slow sites run at once, each at a site of its own.
const CONCURRENT_CHECKS: usize = 16;

/// What a busy machine may add to a limit. Without a limit, a page that drips would take a minute or more.
const GRACE: Duration = Duration::from_secs(10);

/// One check. The fault occurs from this step on (counted from 0), once or always.
struct Scenario<'a> {
    system: SystemKind,
    generation: Generation,
    fault: &'a Fault,
    step: u32,
    is_once: bool,
    /// The number of requests of a check without faults; the last is the logout.
    steps: u32,
}

impl Scenario<'_> {
    fn rule(&self) -> Rule {
        let rule = Rule::new(self.fault.clone()).after(self.step);
        if self.is_once { rule.times(1) } else { rule }
    }

    fn describe(&self) -> String {
        format!(
            "{} {:?}, step {}{}: {:?}",
            self.system.id(),
            self.generation,
            self.step,
            if self.is_once { " once" } else { "" },
            self.fault
        )
    }

    fn is_at_logout(&self) -> bool {
        self.step + 1 == self.steps
    }

    /// Asserts what holds for every check, and what this fault should cause.
    fn assert_outcome(&self, checked: &Checked, good: &Account, limits: Limits) {
        let what = self.describe();
        let elapsed = checked.elapsed;
        assert!(
            elapsed < limits.card + limits.log_out + GRACE,
            "{what}: {elapsed:?}"
        );
        assert!(checked.logins <= 1, "{what}: {} logins", checked.logins);
        // Without the answer to its login, an interface has no token to log out with.
        let may_log_out = self.step > 1 || !is_interface(self.system);
        assert!(
            checked.logins == 0 || checked.logged_out || !may_log_out,
            "{what}"
        );
        if let Err(failure) = &checked.outcome {
            let shown = format!("{failure:?} {failure}");
            assert!(
                !shown.contains(NUMBER) && !shown.contains(PIN),
                "{what}: {shown}"
            );
            assert!(checked.logins == 1 || !failure.login_in_doubt, "{what}");
        }
        let is_at_every_step = self.step == 0 && !self.is_once;
        match expected(self.fault, self.system, self.generation) {
            Expected::Same => {
                assert_eq!(checked.outcome.as_ref(), Ok(good), "{what}");
                assert_eq!(checked.requests, self.steps as usize, "{what}");
            }
            Expected::WithoutLinks => {
                let account = checked.outcome.clone().unwrap();
                // The links of the other systems don't come from the page: they are built from the record's number.
                if is_at_every_step && matches!(self.system, SystemKind::Sierra | SystemKind::Koha)
                {
                    assert_eq!(account, without_links(good.clone()), "{what}");
                }
                assert_eq!(
                    without_links(account),
                    without_links(good.clone()),
                    "{what}"
                );
            }
            Expected::WithEscapeRemains => {
                let account = checked.outcome.clone().unwrap();
                assert!(!is_at_every_step || account != *good, "{what}");
                assert_eq!(
                    without_escape_remains(account),
                    without_hashed_ids(good.clone()),
                    "{what}"
                );
            }
            Expected::Failure(expected) => self.assert_failure(&expected, checked, good, limits),
        }
    }

    fn assert_failure(
        &self,
        expected: &ExpectedFailure,
        checked: &Checked,
        good: &Account,
        limits: Limits,
    ) {
        let what = self.describe();
        let is_asked_again = expected.is_transient && self.is_once && self.step == 0;
        match &checked.outcome {
            Err(failure) => {
                assert_eq!(
                    expected.find_mismatch(failure, self.step),
                    None,
                    "{what}: {failure}"
                );
                assert!(!is_asked_again, "{what}: {failure}");
                assert!(!self.is_at_logout(), "{what}: {failure}");
            }
            Ok(account) => {
                assert_eq!(account, good, "{what}");
                let must_fail = expected.is_at_every_step && !self.is_once && !self.is_at_logout();
                assert!(!must_fail, "{what}");
            }
        }
        if is_asked_again {
            assert_eq!(checked.requests, self.steps as usize + 1, "{what}");
        }
        if expected.is_at_every_step
            && !self.is_once
            && self.step == 0
            && !comes_with_the_account(self.fault)
            && !(is_interface(self.system) && shows_only_at_login(self.fault))
        {
            assert_eq!(checked.logins, 0, "{what}");
            if expected.is_transient && limits.response < limits.card {
                assert_eq!(checked.requests, 2, "{what}: expected one retry");
            }
        }
    }
}

/// Whether a fault affects only pages behind the login.
fn comes_with_the_account(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::WrongCounts | Fault::ForgetSession | Fault::HtmlForJson
    )
}

/// Whether a fault shows only at the login of an interface: its description may be missing, and has no layout.
fn shows_only_at_login(fault: &Fault) -> bool {
    matches!(fault, Fault::Status(404) | Fault::ChangedLayout)
}

/// Whether a fault leads to a host that must get nothing.
fn leads_out_of_bounds(fault: &Fault) -> bool {
    matches!(fault, Fault::RedirectTo(to) if !to.starts_with('/') && !to.contains("localhost"))
}

test_every_site!(fault_at_any_step_has_its_kind_and_a_logout);

async fn fault_at_any_step_has_its_kind_and_a_logout(system: SystemKind, generation: Generation) {
    let demo_site = DemoSite::new(system, generation).await;
    let client = LimitedClient::new(LONG_LIMITS);
    // Another site under another host name, which must never get a PIN or a cookie.
    let (other, _) = start(Site::new(SystemKind::Sierra, "Elsewhere", today())).await;
    let elsewhere = other.base_url().replace("127.0.0.1", "localhost");
    let undisturbed = demo_site.check(&client, None).await;
    let good = undisturbed.outcome.unwrap();
    let steps = u32::try_from(undisturbed.requests).unwrap();
    assert!(steps >= 3, "{steps}");
    let mut checked_count = 0;
    for fault in &Fault::all_quick_faults(&elsewhere) {
        for step in 0..steps {
            for is_once in [true, false] {
                let scenario = Scenario {
                    system,
                    generation,
                    fault,
                    step,
                    is_once,
                    steps,
                };
                let checked = demo_site.check(&client, Some(scenario.rule())).await;
                if leads_out_of_bounds(fault) {
                    let what = scenario.describe();
                    assert_eq!(
                        checked.attempted_requests, checked.requests,
                        "{what}: another host was asked"
                    );
                }
                scenario.assert_outcome(&checked, &good, client.limits);
                for request in demo_site.demo.requests() {
                    assert!(
                        !request.changes_state,
                        "{}: {request:?}",
                        scenario.describe()
                    );
                    let mut cookies = request.cookies.clone();
                    cookies.sort();
                    cookies.dedup();
                    assert_eq!(
                        cookies.len(),
                        request.cookies.len(),
                        "{}",
                        scenario.describe()
                    );
                }
                checked_count += 1;
            }
        }
    }
    assert_eq!(checked_count, 43 * 2 * steps);
    let elsewhere = other.requests();
    assert!(!elsewhere.is_empty());
    for request in elsewhere {
        assert_eq!(request.method, "GET", "{request:?}");
        assert_eq!((request.fields.len(), request.cookies.len()), (0, 0));
    }
}

/// Limits under which the time for one answer runs out first.
const SHORT_ANSWERS: Limits = Limits {
    connect: Duration::from_secs(10),
    response: Duration::from_millis(1_500),
    card: Duration::from_secs(20),
    log_out: Duration::from_millis(500),
    pause_before_retry: Duration::from_millis(1),
};

/// Limits under which the time for the card runs out first.
const SHORT_CARDS: Limits = Limits {
    response: Duration::from_secs(60),
    card: Duration::from_millis(1_500),
    ..SHORT_ANSWERS
};

test_every_site!(slow_site_at_any_step_is_down_in_time_with_a_logout);

async fn slow_site_at_any_step_is_down_in_time_with_a_logout(
    system: SystemKind,
    generation: Generation,
) {
    let patient_client = LimitedClient::new(LONG_LIMITS);
    let short_answer_client = LimitedClient::new(SHORT_ANSWERS);
    let short_card_client = LimitedClient::new(SHORT_CARDS);
    let demo_site = DemoSite::new(system, generation).await;
    let steps = u32::try_from(demo_site.check(&patient_client, None).await.requests).unwrap();
    let faults = Fault::all_slow_faults();
    let mut scenarios = Vec::new();
    for fault in &faults {
        for step in 0..steps {
            for (client, is_once) in [
                (&short_answer_client, true),
                (&short_answer_client, false),
                (&short_card_client, false),
            ] {
                let scenario = Scenario {
                    system,
                    generation,
                    fault,
                    step,
                    is_once,
                    steps,
                };
                // The card's time doesn't include the logout.
                if client.limits == SHORT_ANSWERS || !scenario.is_at_logout() {
                    scenarios.push((scenario, client));
                }
            }
        }
    }
    let checks = futures::stream::iter(scenarios).map(async |(scenario, client)| {
        let demo_site = DemoSite::new(system, generation).await;
        let good = demo_site
            .check(&patient_client, None)
            .await
            .outcome
            .unwrap();
        let checked = demo_site.check(client, Some(scenario.rule())).await;
        scenario.assert_outcome(&checked, &good, client.limits);
        if client.limits == SHORT_CARDS {
            let failure = checked.outcome.unwrap_err();
            let expected = match checked.logins {
                0 => "no login page within",
                _ => "not read to the end within",
            };
            let what = scenario.describe();
            assert!(failure.detail.starts_with(expected), "{what}: {failure}");
        }
    });
    let done = checks.buffer_unordered(CONCURRENT_CHECKS).count().await;
    assert_eq!(done, 4 * (3 * steps as usize - 1));
}
