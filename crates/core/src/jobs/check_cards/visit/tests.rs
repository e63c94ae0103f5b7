mod masked;
mod queue;
mod sealed;

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use uuid::Uuid;

use super::*;
use crate::account::Account;
use crate::card::{CardKey, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::failure::{Failure, FailureKind, Remedy};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::library::Library;
use crate::run::work::{LeftOutReason, WorkOutcome};
use crate::store::{CardStore, Saved, StoreError, StoreResult};
use crate::testing::contract::sample;
use crate::testing::memory::MemoryStore;
use crate::testing::world::{NO_DELAY, StopAtSecondLogin, World, account};

/// Waits five seconds between two cards.
const DELAY_5_S: VisitOptions<'static> = VisitOptions::new(Pace {
    delay: Duration::from_secs(5),
    jitter: Duration::ZERO,
});

/// `ok`, or the kind of the failure.
fn kinds(checked: &[CheckedCard]) -> Vec<&'static str> {
    checked
        .iter()
        .map(|card| match &card.check.outcome {
            Ok(_) => "ok",
            Err(failure) => failure.kind.as_str(),
        })
        .collect()
}

/// Adds a card with PIN `p` to `wpl` for each number.
async fn add_cards(world: &World, numbers: &[&str]) -> Vec<CardId> {
    let mut cards = Vec::new();
    for number in numbers {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
    }
    cards
}

/// Checks all cards, and crashes right after the first login.
async fn crash_after_login(world: &World) {
    world.site.hang_after_login.store(true, Ordering::SeqCst);
    let checks = tokio::time::timeout(Duration::from_millis(20), world.check_all());
    assert!(checks.await.is_err(), "the checks did not crash");
    world.site.hang_after_login.store(false, Ordering::SeqCst);
}

async fn last_failure(world: &World, card: CardId) -> Failure {
    let state = world.record(card).await.state;
    state.last_check.unwrap().failure.unwrap()
}

#[tokio::test]
async fn failure_keeps_the_last_good_account() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let read = account(&[("Emma", "2026-11-24")]);
    world.site.answer("1", Ok(read.clone()));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    world.clock.advance(chrono::Duration::hours(7));
    let changed = Failure::page_changed("no table of loans");
    world.site.answer("1", Err(changed));
    assert_eq!(kinds(&world.check_all().await), ["page_changed"]);

    let accounts = world.store.family_accounts(&world.conrad()).await.unwrap();
    assert_eq!(accounts[0].1.account, read);
    let state = world.record(card).await.state;
    assert_eq!(state.last_success_at, Some(accounts[0].1.read_at));
    assert_eq!(
        last_failure(&world, card).await.kind,
        FailureKind::PageChanged
    );
}

/// A store of checks with faults that the tests choose.
struct FaultyCheckStore<'a> {
    inner: &'a MemoryStore,
    /// An account with more loans is too large.
    max_loans: usize,
    /// This check begins right before our login, and is saved right after our login was refused.
    rival_check: Option<Check>,
    /// No check of this card can be saved.
    broken_card: Option<CardId>,
    /// No login to this card is allowed.
    forbidden_card: Option<CardId>,
}

impl<'a> FaultyCheckStore<'a> {
    fn new(inner: &'a MemoryStore) -> Self {
        Self {
            inner,
            max_loans: usize::MAX,
            rival_check: None,
            broken_card: None,
            forbidden_card: None,
        }
    }
}

#[async_trait]
impl CheckStore for FaultyCheckStore<'_> {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        if self.forbidden_card == Some(card.card) {
            return Ok(false);
        }
        let Some(other) = &self.rival_check else {
            return self.inner.begin_login(card, mark).await;
        };
        let check = other.id;
        let other_mark = LoginMark {
            check,
            ..mark.clone()
        };
        assert!(self.inner.begin_login(card, &other_mark).await?);
        let may_log_in = self.inner.begin_login(card, mark).await?;
        self.inner.save_check(other).await?;
        Ok(may_log_in)
    }

    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        self.inner.record_login_outcome(card, check, outcome).await
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        if self.broken_card == Some(check.card.card) {
            return Err(StoreError::Unavailable("broken by the test".to_owned()));
        }
        let loans = check.outcome.as_ref().ok().and_then(|a| a.loans.as_ref());
        if loans.is_some_and(|loans| loans.len() > self.max_loans) {
            return Err(StoreError::TooLarge("It would be 410 KB.".to_owned()));
        }
        self.inner.save_check(check).await
    }

    async fn family_accounts(
        &self,
        family: &FamilyId,
    ) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        self.inner.family_accounts(family).await
    }
}

async fn check_with_store(
    world: &World,
    visit: &Visit,
    checks: &FaultyCheckStore<'_>,
) -> VisitReport {
    world
        .with_visit_ports(async |ports| {
            let ports = VisitPorts { checks, ..*ports };
            check_visit(&ports, visit, NO_DELAY).await
        })
        .await
}

#[tokio::test]
async fn too_large_account_fails_only_its_card() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2"]).await;
    let good = account(&[("Emma", "2026-11-24")]);
    world.site.answer("1", Ok(good.clone()));
    world.check_all().await;
    world.clock.advance(chrono::Duration::hours(7));

    let too_large = account(&[("Emma", "2026-11-24"), ("Persuasion", "2026-11-25")]);
    world.site.answer("1", Ok(too_large));
    let visit = world.visit("wpl", &cards).await;
    let store = FaultyCheckStore {
        max_loans: 1,
        ..FaultyCheckStore::new(&world.store)
    };
    let report = check_with_store(&world, &visit, &store).await;

    assert_eq!(kinds(&report.checked), ["page_changed", "ok"]);
    let failure = last_failure(&world, cards[0]).await;
    assert!(failure.detail.contains("too large"), "{failure}");
    assert!(failure.detail.contains("It would be 410 KB."), "{failure}");
    let state = world.record(cards[0]).await.state;
    assert_eq!(state.login_mark, None, "the login has a known outcome");
    let accounts = world.store.family_accounts(&world.conrad()).await.unwrap();
    let kept = accounts.iter().find(|(card, _)| *card == cards[0]).unwrap();
    assert_eq!(kept.1.account, good);
}

#[tokio::test]
async fn store_error_keeps_the_cards_saved_before_it() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2"]).await;
    let visit = world.visit("wpl", &cards).await;
    let store = FaultyCheckStore {
        broken_card: Some(cards[1]),
        ..FaultyCheckStore::new(&world.store)
    };
    let report = check_with_store(&world, &visit, &store).await;
    assert_eq!(kinds(&report.checked), ["ok"]);
    let results = report.work_item(&visit).results;
    assert_eq!(results.len(), 1, "nothing is said of the second card");
    assert!(matches!(report.ending, Err(JobError::Store(_))));
}

#[tokio::test]
async fn overtaken_check_records_nothing() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let now = world.clock.now();
    let other = Check {
        id: Uuid::new_v4(),
        card: world.record(card).await.card.key(),
        library: "wpl".parse().unwrap(),
        started_at: now,
        finished_at: now,
        outcome: Ok(account(&[])),
    };
    let visit = world.visit("wpl", &[card]).await;
    let store = FaultyCheckStore {
        rival_check: Some(other),
        ..FaultyCheckStore::new(&world.store)
    };
    let report = check_with_store(&world, &visit, &store).await;
    let [(left_out, LeftOutReason::CheckedAlready)] = &report.left_out[..] else {
        panic!("{report:?}");
    };
    assert_eq!(left_out.id, card);
    assert!(report.checked.is_empty() && report.alerts.is_empty());
    assert!(world.logins().is_empty());
    let last = world.record(card).await.state.last_check.unwrap();
    assert_eq!(last.failure, None, "the other check's outcome stays");
}

#[tokio::test]
async fn same_number_and_pin_log_in_once_for_all_families() {
    let world = World::new().await;
    let one = world.add_card("conrad", "wpl", ("1", "p")).await;
    let other = world.add_card("diaz", "wpl", ("1", "p")).await;
    world
        .site
        .answer("1", Ok(account(&[("Emma", "2026-11-24")])));
    assert_eq!(kinds(&world.check_all().await), ["ok", "ok"]);
    assert_eq!(world.logins(), ["1:p"]);
    for card in [one, other] {
        let state = world.record(card).await.state;
        assert!(state.last_success_at.is_some());
        assert_eq!(state.login_mark, None);
    }
}

#[tokio::test]
async fn login_that_is_not_sent_forbids_no_other_login_that_day() {
    let world = World::new().await;
    let one = world.add_card("conrad", "wpl", ("1", "p")).await;
    let other = world.add_card("diaz", "wpl", ("1", "p")).await;
    let visit = world.visit("wpl", &[one, other]).await;
    let store = FaultyCheckStore {
        forbidden_card: Some(other),
        ..FaultyCheckStore::new(&world.store)
    };
    let report = check_with_store(&world, &visit, &store).await;
    assert_eq!(kinds(&report.checked), [""; 0]);
    assert_eq!(world.logins(), [""; 0]);
    world.clock.advance(LOGIN_IN_PROGRESS_LIMIT);
    assert_eq!(kinds(&world.check_all().await), ["ok", "ok"]);
}

#[tokio::test]
async fn spaces_in_a_number_make_no_difference() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("2999 0001", "p")).await;
    world.add_card("diaz", "wpl", ("29990001", "p")).await;
    assert_eq!(world.check_all().await.len(), 2);
    assert_eq!(world.logins().len(), 1);
}

#[tokio::test]
async fn wrong_pin_gets_no_account_of_the_same_number() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "right")).await;
    let guess = world.add_card("diaz", "wpl", ("1", "wrong")).await;
    world
        .site
        .answer("1", Ok(account(&[("Emma", "2026-11-24")])));
    world
        .site
        .answer("1", Err(Failure::wrong_credentials("the form came back")));
    let checked = world.check_all().await;
    assert_eq!(world.logins().len(), 2);
    let refused = checked
        .iter()
        .find(|card| card.check.outcome.is_err())
        .unwrap();
    // Which card goes first depends on the ids; the refused one has no account.
    let accounts = world
        .store
        .family_accounts(&refused.card.family)
        .await
        .unwrap();
    assert!(accounts.is_empty());
    assert!(world.record(guess).await.state.last_check.is_some());
}

#[tokio::test]
async fn refused_pin_is_not_retried_until_a_person_allows_it() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "wrong")).await;
    world
        .site
        .answer("1", Err(Failure::wrong_credentials("the form came back")));
    assert_eq!(kinds(&world.check_all().await), ["wrong_credentials"]);
    for _ in 0..3 {
        world.clock.advance(chrono::Duration::days(1));
        assert!(world.check_all().await.is_empty());
    }
    assert_eq!(world.logins().len(), 1);
    world.store.allow_retry(card).await.unwrap();
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    assert_eq!(world.record(card).await.state.refused_since, None);
}

#[tokio::test]
async fn lost_session_logs_in_once_more_and_then_fails() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let lost = || Failure::new(FailureKind::SessionExpired, "the login form again");
    world.site.answer("1", Err(lost()));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    assert_eq!(world.logins().len(), 2);
    world.site.answer("1", Err(lost()));
    world.site.answer("1", Err(lost()));
    assert_eq!(kinds(&world.check_all().await), ["session_expired"]);
    assert_eq!(world.logins().len(), 4);
}

#[tokio::test]
async fn library_that_is_down_is_left_until_the_back_off_ends() {
    let world = World::new().await;
    add_cards(&world, &["1", "2", "3"]).await;
    for number in ["1", "2", "3"] {
        let down = Failure::site_down("no answer within 20 s");
        world.site.answer(number, Err(down));
    }
    world.add_card("conrad", "kpl", ("9", "p")).await;
    let mut seen = kinds(&world.check_all().await);
    seen.sort_unstable();
    assert_eq!(seen, ["not_tried", "not_tried", "ok", "site_down"]);
    assert_eq!(world.logins().len(), 2);
    world.clock.advance(chrono::Duration::minutes(9));
    world.check_all().await;
    assert_eq!(world.logins().len(), 3, "only the other library was asked");
    world.clock.advance(chrono::Duration::minutes(2));
    world.check_all().await;
    assert!(world.logins().len() > 4, "after ten minutes we try again");
}

#[tokio::test]
async fn retry_after_of_a_site_is_obeyed() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let refused =
        Failure::new(FailureKind::SiteRefused, "429").retry_after(Duration::from_secs(3 * 60 * 60));
    world.site.answer("1", Err(refused));
    world.check_all().await;
    let library = "wpl".parse().unwrap();
    let until = world.store.back_off_until(&library).await.unwrap();
    let expected = world.clock.now() + chrono::Duration::hours(3);
    assert_eq!(until, Some(expected));
}

#[tokio::test]
async fn crash_in_a_login_forbids_another_login_that_day() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    crash_after_login(&world).await;
    for _ in 0..3 {
        world.clock.advance(chrono::Duration::hours(3));
        assert_eq!(kinds(&world.check_all().await), ["not_tried"]);
    }
    assert_eq!(world.logins().len(), 1);

    world.clock.set("2026-11-22T10:00:00Z");
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    assert_eq!(world.record(card).await.state.login_mark, None);
}

#[tokio::test]
async fn allowed_retry_logs_in_on_the_day_of_the_crash() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    crash_after_login(&world).await;
    world.store.allow_retry(card).await.unwrap();
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
}

#[tokio::test]
async fn crash_after_a_settled_login_blocks_only_for_a_while() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.site.records_login.store(true, Ordering::SeqCst);
    crash_after_login(&world).await;
    let at_once = world.check_all().await;
    assert_eq!(kinds(&at_once), [""; 0], "it may be in progress");
    assert_eq!(world.record(card).await.state.last_check, None);
    world.clock.advance(LOGIN_IN_PROGRESS_LIMIT);
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    assert_eq!(world.record(card).await.state.login_mark, None);
}

#[tokio::test]
async fn two_checks_at_once_log_in_once() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let (one, other) = tokio::join!(world.check_all(), world.check_all());
    assert_eq!(world.logins().len(), 1);
    let seen = [kinds(&one), kinds(&other)].concat();
    assert_eq!(seen, ["ok"], "the other check records nothing");
}

/// A limit that knows whether another worker is at the library.
struct ExactLimit {
    is_alone: bool,
}

#[async_trait]
impl ConcurrencyLimit for ExactLimit {
    async fn acquire_permit(&self, _: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }

    async fn is_alone(&self, _: &LibraryId) -> StoreResult<Option<bool>> {
        Ok(Some(self.is_alone))
    }
}

#[tokio::test]
async fn lone_check_of_a_library_detects_a_crash_at_once() {
    for (records_login, is_alone, expected) in [
        (true, true, vec!["ok"]),
        (false, true, vec!["not_tried"]),
        (true, false, vec![]),
        (false, false, vec![]),
    ] {
        let world = World::new().await;
        let card = world.add_card("conrad", "wpl", ("1", "p")).await;
        let site = &world.site;
        site.records_login.store(records_login, Ordering::SeqCst);
        crash_after_login(&world).await;
        let visit = world.visit("wpl", &[card]).await;
        let report = world
            .with_visit_ports(async |ports| {
                let ports = VisitPorts {
                    concurrency_limit: &ExactLimit { is_alone },
                    ..*ports
                };
                check_visit(&ports, &visit, NO_DELAY).await
            })
            .await;
        let seen = kinds(&report.checked);
        assert_eq!(seen, expected, "{records_login} {is_alone}");
        for card in &report.checked {
            if let Err(failure) = &card.check.outcome {
                assert_eq!(failure.remedy, Some(Remedy::RetryCard), "{failure}");
            }
        }
    }
}

#[tokio::test]
async fn card_paused_after_the_planning_is_left_out() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let visit = world.visit("wpl", &[card]).await;
    let pause = sample::card_pause(None);
    world.store.set_pause(card, Some(&pause)).await.unwrap();
    let report = world.check_visit(&visit, NO_DELAY).await;
    let reasons: Vec<_> = report.left_out.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [LeftOutReason::Paused]);
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn visit_waits_between_cards_and_before_the_first_if_asked() {
    for (delay_before_first_card, expected_seconds) in [(false, 10), (true, 15)] {
        let world = World::new().await;
        let cards = add_cards(&world, &["1", "2", "3"]).await;
        let before = world.clock.now();
        let visit = world.visit("wpl", &cards).await;
        let options = VisitOptions {
            delay_before_first_card,
            ..DELAY_5_S
        };
        world.check_visit(&visit, options).await;
        let paused = world.clock.now() - before;
        assert_eq!(
            paused.num_seconds(),
            expected_seconds,
            "{delay_before_first_card}"
        );
    }
}

#[tokio::test]
async fn cards_that_are_not_tried_cost_no_delay() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2", "3"]).await;
    world.site.answer("1", Err(Failure::site_down("no answer")));
    let visit = world.visit("wpl", &cards).await;
    let before = world.clock.now();
    let report = world.check_visit(&visit, DELAY_5_S).await;
    assert_eq!(
        kinds(&report.checked),
        ["site_down", "not_tried", "not_tried"]
    );
    assert!(report.is_library_down());
    assert_eq!(world.logins().len(), 1);
    assert_eq!(world.clock.now(), before);
}

#[tokio::test]
async fn repeated_visit_checks_only_what_is_left() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2", "3"]).await;
    let visit = world.visit("wpl", &cards).await;
    world.clock.advance(chrono::Duration::seconds(1));
    let count = AtomicUsize::new(0);
    // The first delivery ends after two cards, as if the worker had been killed.
    let options = VisitOptions {
        stop: &|| count.load(Ordering::SeqCst) == 2,
        on_checked: Some(&|_| {
            count.fetch_add(1, Ordering::SeqCst);
        }),
        ..NO_DELAY
    };
    let first = world.check_visit(&visit, options).await;
    assert_eq!(first.ending.unwrap(), Ending::Stopped);
    for (checked, checked_before) in [(1, 2), (0, 3)] {
        let again = world.check_visit(&visit, NO_DELAY).await;
        assert_eq!(again.checked.len(), checked);
        assert_eq!(again.checked_before.len(), checked_before);
    }
    let mut logins = world.logins();
    logins.sort();
    assert_eq!(logins, ["1:p", "2:p", "3:p"]);
}

#[tokio::test]
async fn interrupted_visit_reports_the_cards_it_checked() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2", "3"]).await;
    let visit = world.visit("wpl", &cards).await;
    let options = VisitOptions {
        stop: &StopAtSecondLogin(&world),
        // The second card's check never comes back.
        on_checked: Some(&|_| world.site.hang_after_login.store(true, Ordering::SeqCst)),
        ..NO_DELAY
    };
    let report = world.check_visit(&visit, options).await;
    assert_eq!(kinds(&report.checked), ["ok"]);
    assert_eq!(report.checked[0].card.id, cards[0]);
    let results = report.work_item(&visit).results;
    let mut outcomes: Vec<_> = results.into_iter().map(|result| result.outcome).collect();
    outcomes.sort();
    let interrupted = WorkOutcome::LeftOut(LeftOutReason::Interrupted);
    assert_eq!(
        outcomes,
        [WorkOutcome::Done, interrupted.clone(), interrupted]
    );
    assert_eq!(report.ending.unwrap(), Ending::Stopped);
}

#[tokio::test]
async fn card_after_the_deadline_is_not_tried() {
    let world = World::new().await;
    let cards = add_cards(&world, &["1", "2", "3"]).await;
    let visit = world.visit("wpl", &cards).await;
    let options = VisitOptions {
        deadline: Some(world.clock.now() + chrono::Duration::seconds(7)),
        ..DELAY_5_S
    };
    let before = world.clock.now();
    world.check_visit(&visit, options).await;
    assert_eq!(world.logins().len(), 2);
    let failure = last_failure(&world, cards[2]).await;
    assert_eq!(failure.kind, FailureKind::NotTried);
    assert!(failure.detail.contains("ran out of time"), "{failure}");
    assert_eq!(world.clock.now() - before, chrono::Duration::seconds(10));
}

#[tokio::test]
async fn visit_to_a_removed_library_succeeds() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let visit = world.visit("wpl", &[card]).await;
    world.store.remove_card(card).await.unwrap();
    world.store.remove_library(&visit.library).await.unwrap();
    let report = world.check_visit(&visit, NO_DELAY).await;
    assert!(report.checked.is_empty());
    assert!(world.logins().is_empty());
}

#[test]
fn visit_round_trips_and_another_message_is_refused() {
    let json = r#"{"library":"wpl","cards":[{"family":"conrad","card":"01JD0000000000000000000000"}],"planned_at":"2026-11-21T10:00:00.500Z","run":{"job":"check-cards","label":"all","scheduled_time":"2026-11-21T10:00:00Z"}}"#;
    let visit: Visit = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&visit).unwrap(), json);
    assert!(serde_json::from_str::<Visit>(&json.replace("planned_at", "planned")).is_err());
}

#[tokio::test]
async fn old_pin_is_not_tried_after_a_new_one_was_set() {
    let world = World::new().await;
    let first = world.add_card("conrad", "wpl", ("1", "p")).await;
    let second = world.add_card("conrad", "wpl", ("2", "old")).await;
    let visit = world.visit("wpl", &[first, second]).await;
    let options = VisitOptions {
        on_checked: Some(&|_| world.set_pin_now(second, ("2", "new"))),
        ..NO_DELAY
    };
    world.check_visit(&visit, options).await;
    assert_eq!(world.logins(), ["1:p"]);
}

#[tokio::test]
async fn login_in_doubt_is_not_repeated_that_day() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let doubtful = Failure::page_changed("the login led to a page that says nothing");
    world.site.answer("1", Err(doubtful.login_in_doubt()));
    assert_eq!(kinds(&world.check_all().await), ["page_changed"]);
    world.clock.advance(LOGIN_IN_PROGRESS_LIMIT);
    assert_eq!(kinds(&world.check_all().await), ["not_tried"]);
    assert_eq!(world.logins().len(), 1);
    world.clock.advance(chrono::Duration::days(1));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
}

#[tokio::test]
async fn library_down_during_a_login_is_tried_again_that_day() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let down = Failure::site_down("no answer within 20 s");
    world.site.answer("1", Err(down.login_in_doubt()));
    assert_eq!(kinds(&world.check_all().await), ["site_down"]);
    world.clock.advance(chrono::Duration::hours(5));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
}

#[tokio::test]
async fn unknown_page_of_a_never_read_library_suspects_its_system() {
    let suspected = Some(Remedy::DetectSystem);
    for (was_accepted, was_read, expected) in [
        (false, false, suspected),
        (true, false, None),
        (false, true, None),
    ] {
        let world = World::new().await;
        let card = world.add_card("conrad", "wpl", ("1", "p")).await;
        if was_read {
            assert_eq!(kinds(&world.check_all().await), ["ok"]);
            world.clock.advance(chrono::Duration::hours(7));
        }
        world
            .site
            .records_login
            .store(was_accepted, Ordering::SeqCst);
        world
            .site
            .answer("1", Err(Failure::page_changed("no form")));
        let visit = world.visit("wpl", &[card]).await;
        let report = world.check_visit(&visit, NO_DELAY).await;
        assert_eq!(kinds(&report.checked), ["page_changed"]);
        assert_eq!(last_failure(&world, card).await.remedy, expected);
        let [alert] = &report.alerts[..] else {
            panic!("{report:?}");
        };
        let is_suspected = alert.remedies() == [Remedy::DetectSystem];
        assert_eq!(is_suspected, expected.is_some());
    }
}

#[tokio::test]
async fn other_failures_never_suspect_the_system() {
    for failure in [
        Failure::site_down("status 503"),
        Failure::wrong_credentials("x"),
        Failure::page_changed("a date").with_remedy(Remedy::SetDateFormat),
    ] {
        let world = World::new().await;
        let card = world.add_card("conrad", "wpl", ("1", "p")).await;
        world.site.answer("1", Err(failure.clone()));
        world.check_all().await;
        assert_eq!(last_failure(&world, card).await.remedy, failure.remedy);
    }
}
