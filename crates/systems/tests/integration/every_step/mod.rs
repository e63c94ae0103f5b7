//! A hostile or broken site: every fault at every step of the way, at every system.

mod expected;
mod place;

use std::time::Duration;

use hippo_browser::Limits;

use crate::demo::{start, today};
use expected::{Expected, Fatal, expected, without_links, without_rests_of_orders};
use futures::StreamExt as _;
use hippo_core::account::Account;
use hippo_demo_library::{Fault, Generation, Rule, Site, SystemKind};
use place::{Checked, NUMBER, PATIENT, PIN, Place, Visitor};
use rstest::rstest;

/// How many checks of sites that keep us waiting go on at once, each at a site of its own.
const WAITING: usize = 16;

/// What a busy machine may add to a limit. What has none would not end: a page that drips takes a minute or more.
const GRACE: Duration = Duration::from_secs(10);

/// One check: a fault that strikes from this step on, counted from 0, once or for good.
struct Cell<'a> {
    system: SystemKind,
    generation: Generation,
    fault: &'a Fault,
    step: u32,
    is_once: bool,
    /// How many steps a check has where nothing is wrong; the last is the logout.
    steps: u32,
}

impl Cell<'_> {
    fn rule(&self) -> Rule {
        let rule = Rule::new(self.fault.clone()).after(self.step);
        if self.is_once { rule.times(1) } else { rule }
    }

    fn what(&self) -> String {
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

    /// What must hold of a check whatever the fault, and what must of this one.
    fn judge(&self, checked: &Checked, good: &Account, limits: Limits) {
        let what = self.what();
        let took = checked.took;
        assert!(
            took < limits.card + limits.log_out + GRACE,
            "{what}: {took:?}"
        );
        assert!(checked.logins <= 1, "{what}: {} logins", checked.logins);
        assert!(checked.logins == 0 || checked.logged_out, "{what}");
        if let Err(failure) = &checked.outcome {
            let shown = format!("{failure:?} {failure}");
            assert!(
                !shown.contains(NUMBER) && !shown.contains(PIN),
                "{what}: {shown}"
            );
            assert!(checked.logins == 1 || !failure.login_in_doubt, "{what}");
        }
        let strikes_all = self.step == 0 && !self.is_once;
        match expected(self.fault, self.system, self.generation) {
            Expected::Same => {
                assert_eq!(checked.outcome.as_ref(), Ok(good), "{what}");
                assert_eq!(checked.requests, self.steps as usize, "{what}");
            }
            Expected::WithoutLinks => {
                let account = checked.outcome.clone().unwrap();
                // The others write no links: what an account has is made of the record's number.
                if strikes_all && matches!(self.system, SystemKind::Sierra | SystemKind::Koha) {
                    assert_eq!(account, without_links(good.clone()), "{what}");
                }
                assert_eq!(
                    without_links(account),
                    without_links(good.clone()),
                    "{what}"
                );
            }
            Expected::WithRestsOfOrders => {
                let account = checked.outcome.clone().unwrap();
                assert!(!strikes_all || account != *good, "{what}");
                assert_eq!(without_rests_of_orders(account), *good, "{what}");
            }
            Expected::Failure(fatal) => self.judge_failure(&fatal, checked, good, limits),
        }
    }

    fn judge_failure(&self, fatal: &Fatal, checked: &Checked, good: &Account, limits: Limits) {
        let what = self.what();
        let is_asked_again = fatal.is_passing && self.is_once && self.step == 0;
        match &checked.outcome {
            Err(failure) => {
                assert_eq!(
                    fatal.objection(failure, self.step),
                    None,
                    "{what}: {failure}"
                );
                assert!(!is_asked_again, "{what}: {failure}");
                assert!(!self.is_at_logout(), "{what}: {failure}");
            }
            Ok(account) => {
                assert_eq!(account, good, "{what}");
                let must_fail = fatal.strikes_all && !self.is_once && !self.is_at_logout();
                assert!(!must_fail, "{what}");
            }
        }
        if is_asked_again {
            assert_eq!(checked.requests, self.steps as usize + 1, "{what}");
        }
        if fatal.strikes_all
            && !self.is_once
            && self.step == 0
            && !comes_with_the_account(self.fault)
        {
            assert_eq!(checked.logins, 0, "{what}");
            if fatal.is_passing && limits.response < limits.card {
                assert_eq!(checked.requests, 2, "{what}: asked for once more");
            }
        }
    }
}

/// Whether a fault is one of pages that only those who are logged in see.
fn comes_with_the_account(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::WrongCounts | Fault::ForgetSession | Fault::HtmlForJson
    )
}

/// Whether a fault leads to where nothing may be sent.
fn leads_out_of_bounds(fault: &Fault) -> bool {
    matches!(fault, Fault::RedirectTo(to) if !to.starts_with('/') && !to.contains("localhost"))
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
    let visitor = Visitor::new(PATIENT);
    // Somebody else's site, by another name, where nobody must ever come with a PIN or a cookie.
    let (other, _) = start(Site::new(SystemKind::Sierra, "Elsewhere", today())).await;
    let elsewhere = other.base_url().replace("127.0.0.1", "localhost");
    let well = place.check(&visitor, None).await;
    let good = well.outcome.unwrap();
    let steps = u32::try_from(well.requests).unwrap();
    assert!(steps >= 3, "{steps}");
    let mut seen = 0;
    for fault in &Fault::quick_ones(&elsewhere) {
        for step in 0..steps {
            for is_once in [true, false] {
                let cell = Cell {
                    system,
                    generation,
                    fault,
                    step,
                    is_once,
                    steps,
                };
                let checked = place.check(&visitor, Some(cell.rule())).await;
                if leads_out_of_bounds(fault) {
                    let what = cell.what();
                    assert_eq!(
                        checked.tried, checked.requests,
                        "{what}: it was asked elsewhere"
                    );
                }
                cell.judge(&checked, &good, visitor.limits);
                for request in place.demo.requests() {
                    assert!(!request.changes_state, "{}: {request:?}", cell.what());
                    let mut cookies = request.cookies.clone();
                    cookies.sort();
                    cookies.dedup();
                    assert_eq!(cookies.len(), request.cookies.len(), "{}", cell.what());
                }
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 43 * 2 * steps);
    let elsewhere = other.requests();
    assert!(!elsewhere.is_empty());
    for request in elsewhere {
        assert_eq!(request.method, "GET", "{request:?}");
        assert_eq!((request.fields.len(), request.cookies.len()), (0, 0));
    }
}

/// The limits of a check whose pages are waited for too long: one answer's strikes first.
const SHORT_ANSWERS: Limits = Limits {
    connect: Duration::from_secs(10),
    response: Duration::from_millis(1_500),
    card: Duration::from_secs(20),
    log_out: Duration::from_millis(500),
    pause_before_retry: Duration::from_millis(1),
};

/// The limits of a check that takes too long as a whole: the card's strikes first.
const SHORT_CARDS: Limits = Limits {
    response: Duration::from_secs(60),
    card: Duration::from_millis(1_500),
    ..SHORT_ANSWERS
};

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn a_site_that_keeps_us_waiting_at_any_step_is_down_in_time_and_the_logout_is_tried(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let patient = Visitor::new(PATIENT);
    let of_short_answers = Visitor::new(SHORT_ANSWERS);
    let of_short_cards = Visitor::new(SHORT_CARDS);
    let place = Place::new(system, generation).await;
    let steps = u32::try_from(place.check(&patient, None).await.requests).unwrap();
    let faults = Fault::slow_ones();
    let mut cells = Vec::new();
    for fault in &faults {
        for step in 0..steps {
            for (visitor, is_once) in [
                (&of_short_answers, true),
                (&of_short_answers, false),
                (&of_short_cards, false),
            ] {
                let cell = Cell {
                    system,
                    generation,
                    fault,
                    step,
                    is_once,
                    steps,
                };
                // The logout is not within the card's time.
                if visitor.limits == SHORT_ANSWERS || !cell.is_at_logout() {
                    cells.push((cell, visitor));
                }
            }
        }
    }
    let checks = futures::stream::iter(cells).map(async |(cell, visitor)| {
        let place = Place::new(system, generation).await;
        let good = place.check(&patient, None).await.outcome.unwrap();
        let checked = place.check(visitor, Some(cell.rule())).await;
        cell.judge(&checked, &good, visitor.limits);
        if visitor.limits == SHORT_CARDS {
            let failure = checked.outcome.unwrap_err();
            let told = match checked.logins {
                0 => "no login page within",
                _ => "not read to the end within",
            };
            let what = cell.what();
            assert!(failure.detail.starts_with(told), "{what}: {failure}");
        }
    });
    let done = checks.buffer_unordered(WAITING).count().await;
    assert_eq!(done, 4 * (3 * steps as usize - 1));
}
