mod masked;
mod queue;
mod sealed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::card::{LoginOutcome, StoredAccount};
use crate::failure::{Failure, FailureKind, Remedy};
use crate::ids::{CardId, FamilyId};
use crate::store::{CardStore, CheckStore, ConcurrencyLimit, LibraryStore, StoreResult};
use crate::testing::memory::MemoryStore;
use crate::testing::world::{NO_PAUSE, World, account};

fn kinds(checked: &[CheckedCard]) -> Vec<&'static str> {
    checked
        .iter()
        .map(|card| match &card.check.outcome {
            Ok(_) => "ok",
            Err(failure) => failure.kind.as_str(),
        })
        .collect()
}

#[tokio::test]
async fn an_account_is_stored_and_a_later_failure_leaves_it() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let read = account(&[("Emma", "2026-11-24")]);
    world.site.answer("1", Ok(read.clone()));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    world.clock.advance(chrono::Duration::hours(7));
    world
        .site
        .answer("1", Err(Failure::page_changed("no table of loans")));
    assert_eq!(kinds(&world.check_all().await), ["page_changed"]);

    let accounts = world.store.accounts_of(&world.conrad()).await.unwrap();
    assert_eq!(accounts[0].1.account, read);
    let state = world.record(card).await.state;
    assert_eq!(state.last_success_at, Some(accounts[0].1.read_at));
    assert_eq!(
        state.last_check.unwrap().failure.unwrap().kind,
        FailureKind::PageChanged
    );
}

/// A store that takes accounts of one loan at most.
struct NarrowStore<'a>(&'a MemoryStore);

#[async_trait]
impl CheckStore for NarrowStore<'_> {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        self.0.begin_login(card, mark).await
    }

    async fn settle_login(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        self.0.settle_login(card, check, outcome).await
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        let loans = check.outcome.as_ref().ok().and_then(|a| a.loans.as_ref());
        if loans.is_some_and(|loans| loans.len() > 1) {
            return Err(StoreError::TooLarge("It would be 410 KB.".to_owned()));
        }
        self.0.save_check(check).await
    }

    async fn accounts_of(&self, family: &FamilyId) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        self.0.accounts_of(family).await
    }
}

#[tokio::test]
async fn an_account_too_large_for_the_store_is_a_failure_of_that_card_alone() {
    let world = World::new().await;
    let large = world.add_card("conrad", "wpl", ("1", "p")).await;
    let other = world.add_card("conrad", "wpl", ("2", "p")).await;
    let good = account(&[("Emma", "2026-11-24")]);
    world.site.answer("1", Ok(good.clone()));
    world.check_all().await;
    world.clock.advance(chrono::Duration::hours(7));

    let too_much = account(&[("Emma", "2026-11-24"), ("Persuasion", "2026-11-25")]);
    world.site.answer("1", Ok(too_much));
    let visit = world.visit("wpl", &[large, other]).await;
    let checked = std::sync::Mutex::new(Vec::new());
    world
        .with_visit_ports(async |ports| {
            let ports = VisitPorts {
                checks: &NarrowStore(&world.store),
                ..*ports
            };
            check_visit(&ports, &visit, NO_PAUSE, &|news| {
                if let VisitNews::Checked(card) = news {
                    checked.lock().unwrap().push(card.clone());
                }
            })
            .await
            .unwrap();
        })
        .await;

    let checked = checked.into_inner().unwrap();
    assert_eq!(kinds(&checked), ["page_changed", "ok"]);
    let state = world.record(large).await.state;
    let failure = state.last_check.unwrap().failure.unwrap();
    assert!(failure.detail.contains("too large"), "{failure}");
    assert!(failure.detail.contains("It would be 410 KB."), "{failure}");
    assert_eq!(state.login_mark, None, "the login has a known outcome");
    let accounts = world.store.accounts_of(&world.conrad()).await.unwrap();
    let kept = accounts.iter().find(|(card, _)| *card == large).unwrap();
    assert_eq!(kept.1.account, good);
}

#[tokio::test]
async fn the_same_number_and_pin_is_logged_in_once_for_all_families() {
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
async fn a_family_that_does_not_know_the_pin_does_not_get_the_account() {
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
    // Which of the two goes first is by id; whoever was refused has no account.
    let accounts = world.store.accounts_of(&refused.card.family).await.unwrap();
    assert!(accounts.is_empty());
    assert!(world.record(guess).await.state.last_check.is_some());
}

#[tokio::test]
async fn a_refused_pin_is_never_tried_again_until_a_person_says_so() {
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
async fn a_lost_session_gets_one_new_login_and_then_is_a_failure() {
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
async fn a_library_that_is_down_is_left_alone_and_its_other_cards_are_not_tried() {
    let world = World::new().await;
    for number in ["1", "2", "3"] {
        world.add_card("conrad", "wpl", (number, "p")).await;
        world
            .site
            .answer(number, Err(Failure::site_down("no answer within 20 s")));
    }
    world.add_card("conrad", "kpl", ("9", "p")).await;
    let mut kinds_seen = kinds(&world.check_all().await);
    kinds_seen.sort_unstable();
    assert_eq!(kinds_seen, ["not_tried", "not_tried", "ok", "site_down"]);
    assert_eq!(world.logins().len(), 2);
    world.clock.advance(chrono::Duration::minutes(9));
    world.check_all().await;
    assert_eq!(world.logins().len(), 3, "only the other library was asked");
    world.clock.advance(chrono::Duration::minutes(2));
    world.check_all().await;
    assert!(
        world.logins().len() > 4,
        "after ten minutes it is asked again"
    );
}

#[tokio::test]
async fn a_site_that_names_a_longer_wait_is_left_alone_that_long() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let refused =
        Failure::new(FailureKind::SiteRefused, "429").retry_after(Duration::from_secs(3 * 60 * 60));
    world.site.answer("1", Err(refused));
    world.check_all().await;
    let until = world
        .store
        .back_off_until(&"wpl".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(until, world.clock.now() + chrono::Duration::hours(3));
}

#[tokio::test]
async fn a_crash_between_login_and_outcome_forbids_another_login_that_day() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.site.hang_after_login.store(true, Ordering::SeqCst);
    let crash = tokio::time::timeout(Duration::from_millis(20), world.check_all()).await;
    assert!(crash.is_err(), "the check was cut off after its login");
    world.site.hang_after_login.store(false, Ordering::SeqCst);

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
async fn a_person_may_try_again_on_the_day_of_the_crash() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.site.hang_after_login.store(true, Ordering::SeqCst);
    let crash = tokio::time::timeout(Duration::from_millis(20), world.check_all()).await;
    assert!(crash.is_err());
    world.site.hang_after_login.store(false, Ordering::SeqCst);
    world.store.allow_retry(card).await.unwrap();
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
}

#[tokio::test]
async fn two_checks_at_once_log_in_once() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let (one, other) = tokio::join!(world.check_all(), world.check_all());
    assert_eq!(world.logins().len(), 1);
    let seen = [kinds(&one), kinds(&other)].concat();
    assert_eq!(seen, ["ok"], "the other check puts nothing on record");
}

#[tokio::test]
async fn crash_after_an_accepted_login_leaves_no_doubt_for_the_day() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.site.settles_login.store(true, Ordering::SeqCst);
    world.site.hang_after_login.store(true, Ordering::SeqCst);
    let crash = tokio::time::timeout(Duration::from_millis(20), world.check_all()).await;
    assert!(crash.is_err());
    world.site.hang_after_login.store(false, Ordering::SeqCst);
    assert_eq!(
        kinds(&world.check_all().await),
        [""; 0],
        "it may be going on"
    );
    assert_eq!(world.record(card).await.state.last_check, None);
    world.clock.advance(LOGIN_IN_PROGRESS_LIMIT);
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
    assert_eq!(world.record(card).await.state.login_mark, None);
}

/// A gate that can tell whether somebody else is at the library.
struct TellingGate {
    is_alone: bool,
}

#[async_trait]
impl ConcurrencyLimit for TellingGate {
    async fn enter(&self, _: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }

    async fn is_alone(&self, _: &LibraryId) -> StoreResult<Option<bool>> {
        Ok(Some(self.is_alone))
    }
}

#[tokio::test]
async fn check_that_is_alone_at_the_library_knows_that_the_last_one_crashed() {
    for (settles_login, is_alone, expected) in [
        (true, true, vec!["ok"]),
        (false, true, vec!["not_tried"]),
        (true, false, vec![]),
        (false, false, vec![]),
    ] {
        let world = World::new().await;
        let card = world.add_card("conrad", "wpl", ("1", "p")).await;
        world
            .site
            .settles_login
            .store(settles_login, Ordering::SeqCst);
        world.site.hang_after_login.store(true, Ordering::SeqCst);
        let crash = tokio::time::timeout(Duration::from_millis(20), world.check_all()).await;
        assert!(crash.is_err());
        world.site.hang_after_login.store(false, Ordering::SeqCst);
        let visit = world.visit("wpl", &[card]).await;
        let checked = std::sync::Mutex::new(Vec::new());
        world
            .with_visit_ports(async |ports| {
                let ports = VisitPorts {
                    concurrency_limit: &TellingGate { is_alone },
                    ..*ports
                };
                check_visit(&ports, &visit, NO_PAUSE, &|news| {
                    if let VisitNews::Checked(card) = news {
                        checked.lock().unwrap().push(card.clone());
                    }
                })
                .await
                .unwrap();
            })
            .await;
        let checked = checked.into_inner().unwrap();
        assert_eq!(kinds(&checked), expected, "{settles_login} {is_alone}");
        if let [CheckedCard { check, .. }] = &checked[..]
            && let Err(failure) = &check.outcome
        {
            assert_eq!(failure.remedy, Some(Remedy::RetryCard), "{failure}");
        }
    }
}

/// A store in which another check begins right before our login and is saved right after its refusal.
struct OvertakingStore<'a> {
    inside: &'a MemoryStore,
    other: Check,
}

#[async_trait]
impl CheckStore for OvertakingStore<'_> {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        let other = LoginMark {
            check: self.other.id,
            ..mark.clone()
        };
        assert!(self.inside.begin_login(card, &other).await?);
        let may_log_in = self.inside.begin_login(card, mark).await?;
        self.inside.save_check(&self.other).await?;
        Ok(may_log_in)
    }

    async fn settle_login(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        self.inside.settle_login(card, check, outcome).await
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        self.inside.save_check(check).await
    }

    async fn accounts_of(&self, family: &FamilyId) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        self.inside.accounts_of(family).await
    }
}

#[tokio::test]
async fn check_that_another_one_overtook_writes_nothing() {
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
    let news = std::sync::Mutex::new(Vec::new());
    world
        .with_visit_ports(async |ports| {
            let ports = VisitPorts {
                checks: &OvertakingStore {
                    inside: &world.store,
                    other,
                },
                ..*ports
            };
            check_visit(&ports, &visit, NO_PAUSE, &|heard| {
                news.lock().unwrap().push(format!("{heard:?}"));
            })
            .await
            .unwrap();
        })
        .await;
    let news = news.into_inner().unwrap();
    assert!(
        news.len() == 1 && news[0].starts_with("LeftOut") && news[0].contains("CheckedAlready"),
        "{news:?}"
    );
    assert!(world.logins().is_empty());
    let last = world.record(card).await.state.last_check.unwrap();
    assert_eq!(last.failure, None, "what the other one found stays");
}

#[tokio::test]
async fn a_card_that_was_paused_after_the_planning_is_left_out() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let visit = world.visit("wpl", &[card]).await;
    world.store.set_paused(card, true).await.unwrap();
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, NO_PAUSE, &|_| {}).await.unwrap();
        })
        .await;
    assert!(world.logins().is_empty());
}

#[tokio::test]
async fn there_is_a_pause_between_two_cards_but_not_before_the_first() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2", "3"] {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
    }
    let before = world.clock.now();
    let visit = world.visit("wpl", &cards).await;
    let options = VisitOptions {
        pace: Pace {
            pause: Duration::from_secs(5),
            jitter: Duration::ZERO,
        },
        ..NO_PAUSE
    };
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, options, &|_| {}).await.unwrap();
        })
        .await;
    assert_eq!(world.clock.now() - before, chrono::Duration::seconds(10));
}

#[tokio::test]
async fn a_visit_that_comes_twice_skips_the_cards_that_were_checked_since_it_was_planned() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2", "3"] {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
    }
    let visit = world.visit("wpl", &cards).await;
    world.clock.advance(chrono::Duration::seconds(1));
    let count = AtomicUsize::new(0);
    world
        .with_visit_ports(async |ports| {
            // The first delivery ends after two cards, as if the worker had been killed.
            let options = VisitOptions {
                stop: &|| count.load(Ordering::SeqCst) == 2,
                ..NO_PAUSE
            };
            let checked = |news: VisitNews<'_>| {
                if matches!(news, VisitNews::Checked(_)) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            };
            check_visit(ports, &visit, options, &checked).await.unwrap();
            for _ in 0..2 {
                check_visit(ports, &visit, NO_PAUSE, &checked)
                    .await
                    .unwrap();
            }
        })
        .await;
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let mut logins = world.logins();
    logins.sort();
    assert_eq!(logins, ["1:p", "2:p", "3:p"]);
}

#[tokio::test]
async fn what_a_visit_has_no_time_for_is_not_tried_and_on_record() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2", "3"] {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
    }
    let visit = world.visit("wpl", &cards).await;
    let options = VisitOptions {
        pace: Pace {
            pause: Duration::from_secs(5),
            jitter: Duration::ZERO,
        },
        deadline: Some(world.clock.now() + chrono::Duration::seconds(7)),
        ..NO_PAUSE
    };
    let before = world.clock.now();
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, options, &|_| {}).await.unwrap();
        })
        .await;
    assert_eq!(world.logins().len(), 2);
    let failure = world
        .record(cards[2])
        .await
        .state
        .last_check
        .unwrap()
        .failure
        .unwrap();
    assert_eq!(failure.kind, FailureKind::NotTried);
    assert!(failure.detail.contains("ran out of time"), "{failure}");
    assert_eq!(world.clock.now() - before, chrono::Duration::seconds(10));
}

#[tokio::test]
async fn a_visit_to_a_library_that_is_gone_is_no_fault() {
    let world = World::new().await;
    let card = world.add_card("conrad", "wpl", ("1", "p")).await;
    let visit = world.visit("wpl", &[card]).await;
    world.store.remove_card(card).await.unwrap();
    world.store.remove_library(&visit.library).await.unwrap();
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, NO_PAUSE, &|_| {}).await.unwrap();
        })
        .await;
    assert!(world.logins().is_empty());
}

#[test]
fn a_visit_survives_json_and_another_message_is_refused() {
    let json = r#"{"library":"wpl","cards":[{"family":"conrad","card":"01JD0000000000000000000000"}],"planned_at":"2026-11-21T10:00:00.500Z","run":{"job":"check-cards","label":"all","scheduled_time":"2026-11-21T10:00:00Z"}}"#;
    let visit: Visit = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&visit).unwrap(), json);
    assert!(serde_json::from_str::<Visit>(&json.replace("planned_at", "planned")).is_err());
}

#[tokio::test]
async fn one_secret_that_does_not_open_keeps_no_other_card_from_being_checked() {
    let world = World::new().await;
    let broken = world.add_card("conrad", "wpl", ("1", "p")).await;
    world.add_card("conrad", "wpl", ("2", "p")).await;
    world.break_secret(broken).await;
    let mut seen = kinds(&world.check_all().await);
    seen.sort_unstable();
    assert_eq!(seen, ["ok", "sealed_for_other_hosts"]);
    assert_eq!(world.logins(), ["2:p"]);
    let state = world.record(broken).await.state;
    assert_eq!(
        state.last_check.unwrap().failure.unwrap().kind,
        FailureKind::SealedForOtherHosts
    );
    assert_eq!(state.login_mark, None, "no login was begun");
}

#[tokio::test]
async fn a_number_is_the_same_however_its_digits_are_spaced() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("2999 0001", "p")).await;
    world.add_card("diaz", "wpl", ("29990001", "p")).await;
    assert_eq!(world.check_all().await.len(), 2);
    assert_eq!(world.logins().len(), 1);
}

#[tokio::test]
async fn an_old_pin_is_not_tried_after_a_new_one_was_set() {
    let world = World::new().await;
    let first = world.add_card("conrad", "wpl", ("1", "p")).await;
    let second = world.add_card("conrad", "wpl", ("2", "old")).await;
    let visit = world.visit("wpl", &[first, second]).await;
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, NO_PAUSE, &|_| {
                world.set_pin_now(second, ("2", "new"));
            })
            .await
            .unwrap();
        })
        .await;
    assert_eq!(world.logins(), ["1:p"]);
}

#[tokio::test]
async fn a_login_in_doubt_is_sent_once_a_day() {
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
async fn a_library_that_was_down_at_the_login_is_asked_again_that_day() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    let down = Failure::site_down("no answer within 20 s");
    world.site.answer("1", Err(down.login_in_doubt()));
    assert_eq!(kinds(&world.check_all().await), ["site_down"]);
    world.clock.advance(chrono::Duration::hours(5));
    assert_eq!(kinds(&world.check_all().await), ["ok"]);
}

#[tokio::test]
async fn nobody_waits_between_cards_that_are_not_tried() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2", "3"] {
        cards.push(world.add_card("conrad", "wpl", (number, "p")).await);
        world
            .site
            .answer(number, Err(Failure::site_down("no answer within 20 s")));
    }
    let visit = world.visit("wpl", &cards).await;
    let options = VisitOptions {
        pace: Pace {
            pause: Duration::from_secs(5),
            jitter: Duration::ZERO,
        },
        ..NO_PAUSE
    };
    let before = world.clock.now();
    world
        .with_visit_ports(async |ports| {
            check_visit(ports, &visit, options, &|_| {}).await.unwrap();
        })
        .await;
    assert_eq!(world.logins().len(), 1);
    assert_eq!(world.clock.now(), before);
}
