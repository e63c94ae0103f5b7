use futures::future::join_all;
use uuid::Uuid;

use super::Store;
use super::sample::{account, card_pause, add_card, card, check, failed, family, mark, one_card, time};
use crate::card::{Card, CardState, LastCheck, LoginMark, LoginOutcome, StoredAccount};
use crate::check::Check;
use crate::failure::{Failure, FailureKind, Remedy};
use crate::store::{Saved, StoreError};

const DAY: &str = "2026-11-21";

async fn state(store: &dyn Store, card: &Card) -> CardState {
    store.card(card.id).await.unwrap().unwrap().state
}

async fn stored_account(store: &dyn Store, card: &Card) -> Option<StoredAccount> {
    store
        .family_accounts(&card.family)
        .await
        .unwrap()
        .into_iter()
        .find(|(id, _)| *id == card.id)
        .map(|(_, account)| account)
}

fn read(check: &Check) -> Option<StoredAccount> {
    check.outcome.clone().ok().map(|account| StoredAccount {
        read_at: check.started_at,
        account,
    })
}

fn last(check: &Check) -> Option<LastCheck> {
    Some(LastCheck {
        started_at: check.started_at,
        finished_at: check.finished_at,
        failure: check.outcome.clone().err(),
    })
}

async fn save(store: &dyn Store, check: &Check, expected: Saved) {
    assert_eq!(store.save_check(check).await.unwrap(), expected);
}

pub(super) async fn unchecked_card_has_no_state_and_no_account(store: &dyn Store) {
    let card = one_card(store).await;
    assert_eq!(state(store, &card).await, CardState::default());
    assert_eq!(stored_account(store, &card).await, None);
}

pub(super) async fn successful_check_stores_account_and_times(store: &dyn Store) {
    let card = one_card(store).await;
    let good = check(&card, "05:10:00", Ok(account(17_00)));
    save(store, &good, Saved::Stored).await;
    let expected = CardState {
        last_check: last(&good),
        last_success_at: Some(good.started_at),
        ..CardState::default()
    };
    assert_eq!(state(store, &card).await, expected);
    assert_eq!(stored_account(store, &card).await, read(&good));

    let next = check(&card, "09:10:00", Ok(account(-1_50)));
    save(store, &next, Saved::Stored).await;
    assert_eq!(stored_account(store, &card).await, read(&next));
    assert_eq!(
        state(store, &card).await.last_success_at,
        Some(next.started_at)
    );
}

pub(super) async fn failed_check_keeps_the_last_good_account(store: &dyn Store) {
    let card = one_card(store).await;
    let good = check(&card, "05:10:00", Ok(account(0)));
    save(store, &good, Saved::Stored).await;
    for (started, kind) in [
        ("06:00:00", FailureKind::SiteDown),
        ("07:00:00", FailureKind::PageChanged),
        ("08:00:00", FailureKind::WrongCredentials),
    ] {
        let bad = check(&card, started, failed(kind));
        save(store, &bad, Saved::Stored).await;
        let state = state(store, &card).await;
        assert_eq!(state.last_check, last(&bad));
        assert_eq!(state.last_success_at, Some(good.started_at));
        assert_eq!(stored_account(store, &card).await, read(&good));
    }

    let mut patient = check(&card, "09:00:00", failed(FailureKind::SiteRefused));
    patient.outcome = patient
        .outcome
        .map_err(|failure| failure.retry_after(std::time::Duration::from_secs(60)));
    save(store, &patient, Saved::Stored).await;
    let stored = state(store, &card).await.last_check.unwrap().failure;
    assert_eq!(
        stored,
        Some(Failure::new(FailureKind::SiteRefused, "seen in a test"))
    );
}

pub(super) async fn older_check_never_overwrites_a_newer_one(store: &dyn Store) {
    let card = one_card(store).await;
    let newer = check(&card, "05:10:00", Ok(account(1)));
    save(store, &newer, Saved::Stored).await;
    let before = state(store, &card).await;
    // The start counts, not the end.
    for outcome in [
        Ok(account(2)),
        failed(FailureKind::SiteDown),
        failed(FailureKind::WrongCredentials),
    ] {
        let mut older = check(&card, "05:00:00", outcome);
        older.finished_at = time("06:00:00");
        save(store, &older, Saved::Older).await;
    }
    assert_eq!(state(store, &card).await, before);
    assert_eq!(stored_account(store, &card).await, read(&newer));

    let failure = check(&card, "05:20:00", failed(FailureKind::SiteDown));
    save(store, &failure, Saved::Stored).await;
    save(
        store,
        &check(&card, "05:15:00", Ok(account(3))),
        Saved::Older,
    )
    .await;
    assert_eq!(state(store, &card).await.last_check, last(&failure));
    assert_eq!(stored_account(store, &card).await, read(&newer));
}

pub(super) async fn wrong_credentials_refuse_the_card_from_the_first_time(store: &dyn Store) {
    let card = one_card(store).await;
    for started in ["05:10:00", "09:10:00"] {
        let wrong = check(&card, started, failed(FailureKind::WrongCredentials));
        save(store, &wrong, Saved::Stored).await;
        assert_eq!(
            state(store, &card).await.refused_since,
            Some(time("05:10:00"))
        );
    }
}

pub(super) async fn other_failures_neither_set_nor_clear_a_refusal(
    store: &dyn Store,
) {
    let card = one_card(store).await;
    let others = FailureKind::ALL
        .into_iter()
        .filter(|kind| *kind != FailureKind::WrongCredentials);
    for kind in others.clone() {
        save(
            store,
            &check(&card, "05:10:00", failed(kind)),
            Saved::Stored,
        )
        .await;
        assert_eq!(state(store, &card).await.refused_since, None, "{kind}");
    }
    let wrong = check(&card, "06:00:00", failed(FailureKind::WrongCredentials));
    save(store, &wrong, Saved::Stored).await;
    for kind in others {
        save(
            store,
            &check(&card, "07:00:00", failed(kind)),
            Saved::Stored,
        )
        .await;
        assert_eq!(
            state(store, &card).await.refused_since,
            Some(wrong.started_at),
            "{kind}"
        );
    }
}

pub(super) async fn success_clears_a_refusal(store: &dyn Store) {
    let card = one_card(store).await;
    let wrong = check(&card, "05:10:00", failed(FailureKind::WrongCredentials));
    save(store, &wrong, Saved::Stored).await;
    save(
        store,
        &check(&card, "06:10:00", Ok(account(0))),
        Saved::Stored,
    )
    .await;
    assert_eq!(state(store, &card).await.refused_since, None);
}

pub(super) async fn check_of_a_removed_card_is_not_saved(store: &dyn Store) {
    let card = one_card(store).await;
    store.remove_card(card.id).await.unwrap();
    save(
        store,
        &check(&card, "05:10:00", Ok(account(0))),
        Saved::CardGone,
    )
    .await;
    assert_eq!(store.card(card.id).await.unwrap(), None);
    assert!(store.family_accounts(&card.family).await.unwrap().is_empty());
}

pub(super) async fn family_loads_only_its_own_accounts(store: &dyn Store) {
    let first = one_card(store).await;
    let second = add_card(store, card("conrad", "wpl", "f2")).await;
    add_card(store, card("conrad", "wpl", "f3")).await;
    store.add_family(&family("other")).await.unwrap();
    let others = add_card(store, card("other", "wpl", "f1")).await;
    for (card, cents) in [(&first, 1), (&second, 2), (&others, 3)] {
        save(
            store,
            &check(card, "05:10:00", Ok(account(cents))),
            Saved::Stored,
        )
        .await;
    }
    let mut accounts = store.family_accounts(&first.family).await.unwrap();
    accounts.sort_by_key(|(id, _)| *id);
    let mut expected = [(first.id, account(1)), (second.id, account(2))];
    expected.sort_by_key(|(id, _)| *id);
    let found: Vec<_> = accounts
        .into_iter()
        .map(|(id, stored)| (id, stored.account))
        .collect();
    assert_eq!(found, expected);
}

pub(super) async fn login_is_refused_while_another_mark_of_the_day_is_open(
    store: &dyn Store,
) {
    let card = one_card(store).await;
    let first = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &first).await.unwrap());
    assert_eq!(
        state(store, &card).await.login_mark,
        Some(first.clone()),
        "the mark is on record"
    );
    let second = mark(Uuid::new_v4(), DAY);
    assert!(!store.begin_login(&card.key(), &second).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(first));

    let other = add_card(store, super::sample::card("conrad", "wpl", "f2")).await;
    assert!(store.begin_login(&other.key(), &second).await.unwrap());
}

pub(super) async fn check_with_its_own_mark_may_log_in_again(store: &dyn Store) {
    let card = one_card(store).await;
    let mut own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    own.at = time("05:03:00");
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(own));
}

pub(super) async fn open_mark_of_another_day_allows_a_login(store: &dyn Store) {
    let card = one_card(store).await;
    let crashed = mark(Uuid::new_v4(), "2026-11-20");
    assert!(store.begin_login(&card.key(), &crashed).await.unwrap());
    let today = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &today).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(today));
}

pub(super) async fn login_to_a_removed_card_is_an_error(store: &dyn Store) {
    let card = one_card(store).await;
    store.remove_card(card.id).await.unwrap();
    assert!(matches!(
        store
            .begin_login(&card.key(), &mark(Uuid::new_v4(), DAY))
            .await,
        Err(StoreError::NotFound(_))
    ));
}

pub(super) async fn login_to_a_paused_or_refused_card_is_refused(store: &dyn Store) {
    let paused = one_card(store).await;
    let pause = card_pause(None);
    store.set_pause(paused.id, Some(&pause)).await.unwrap();
    let refused = add_card(store, super::sample::card("conrad", "wpl", "f2")).await;
    let wrong = check(&refused, "05:10:00", failed(FailureKind::WrongCredentials));
    save(store, &wrong, Saved::Stored).await;
    for card in [&paused, &refused] {
        let own = mark(Uuid::new_v4(), DAY);
        assert!(!store.begin_login(&card.key(), &own).await.unwrap());
        assert_eq!(state(store, card).await.login_mark, None);
    }

    store.set_pause(paused.id, None).await.unwrap();
    store.allow_retry(refused.id).await.unwrap();
    for card in [&paused, &refused] {
        let own = mark(Uuid::new_v4(), DAY);
        assert!(store.begin_login(&card.key(), &own).await.unwrap());
    }
}

pub(super) async fn login_is_allowed_once_the_pause_has_ended(store: &dyn Store) {
    let card = one_card(store).await;
    // The login's time is 05:02, and the 21st began in Toronto at 05:00.
    for (until, is_allowed) in [("2026-11-22", false), ("2026-11-21", true)] {
        let pause = card_pause(Some(until));
        store.set_pause(card.id, Some(&pause)).await.unwrap();
        let own = mark(Uuid::new_v4(), DAY);
        let is_begun = store.begin_login(&card.key(), &own).await.unwrap();
        assert_eq!(is_begun, is_allowed, "{until}");
    }
}

pub(super) async fn saving_a_check_removes_its_own_mark(store: &dyn Store) {
    let card = one_card(store).await;
    for (started, outcome) in [
        ("05:10:00", Ok(account(0))),
        ("06:10:00", failed(FailureKind::SiteDown)),
        ("07:10:00", failed(FailureKind::WrongCredentials)),
    ] {
        let own = check(&card, started, outcome);
        assert!(
            store
                .begin_login(&card.key(), &mark(own.id, DAY))
                .await
                .unwrap()
        );
        save(store, &own, Saved::Stored).await;
        assert_eq!(state(store, &card).await.login_mark, None);
    }
}

pub(super) async fn untried_check_keeps_the_mark_of_a_crash(store: &dyn Store) {
    let card = one_card(store).await;
    let crashed = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &crashed).await.unwrap());
    let next = check(&card, "05:10:00", failed(FailureKind::NotTried));
    assert!(
        !store
            .begin_login(&card.key(), &mark(next.id, DAY))
            .await
            .unwrap()
    );
    save(store, &next, Saved::Stored).await;
    assert_eq!(state(store, &card).await.login_mark, Some(crashed));
    let third = mark(Uuid::new_v4(), DAY);
    assert!(!store.begin_login(&card.key(), &third).await.unwrap());
}

pub(super) async fn untried_check_does_not_block_an_older_one(store: &dyn Store) {
    let card = one_card(store).await;
    let quick = check(&card, "05:10:00", failed(FailureKind::NotTried));
    save(store, &quick, Saved::Stored).await;
    let slow = check(&card, "05:00:00", Ok(account(1)));
    save(store, &slow, Saved::Stored).await;
    assert_eq!(state(store, &card).await.last_check, last(&slow));
    assert_eq!(stored_account(store, &card).await, read(&slow));
}

pub(super) async fn untried_check_lets_no_older_check_replace_an_account(store: &dyn Store) {
    let card = one_card(store).await;
    let good = check(&card, "05:05:00", Ok(account(1)));
    save(store, &good, Saved::Stored).await;
    let quick = check(&card, "05:10:00", failed(FailureKind::NotTried));
    save(store, &quick, Saved::Stored).await;
    let slow = check(&card, "05:00:00", Ok(account(2)));
    save(store, &slow, Saved::Older).await;
    assert_eq!(state(store, &card).await.last_check, last(&quick));
    assert_eq!(stored_account(store, &card).await, read(&good));
}

pub(super) async fn untried_check_keeps_the_failure_before_it(store: &dyn Store) {
    let card = one_card(store).await;
    let good = check(&card, "05:00:00", Ok(account(0)));
    save(store, &good, Saved::Stored).await;
    for (hour, kind) in (6..).zip(FailureKind::ALL) {
        if kind == FailureKind::NotTried {
            continue;
        }
        let mut bad = check(&card, &format!("{hour:02}:10:00"), failed(kind));
        bad.outcome = bad.outcome.map_err(|it| it.with_remedy(Remedy::SetPin));
        save(store, &bad, Saved::Stored).await;
        assert_eq!(state(store, &card).await.earlier_failure, None, "{kind}");
        for minute in [20, 30] {
            let started = format!("{hour:02}:{minute}:00");
            let untried = check(&card, &started, failed(FailureKind::NotTried));
            save(store, &untried, Saved::Stored).await;
            let after = state(store, &card).await;
            assert_eq!(after.last_check, last(&untried));
            assert_eq!(after.earlier_failure, last(&bad));
        }
        // A check that was tried before that failure is older.
        let slow = check(&card, &format!("{hour:02}:05:00"), Ok(account(1)));
        save(store, &slow, Saved::Older).await;
    }

    let mended = check(&card, "20:10:00", Ok(account(2)));
    save(store, &mended, Saved::Stored).await;
    assert_eq!(state(store, &card).await.earlier_failure, None);
    let untried = check(&card, "20:20:00", failed(FailureKind::NotTried));
    save(store, &untried, Saved::Stored).await;
    let after = state(store, &card).await;
    assert_eq!(after.earlier_failure, None, "the check before it read an account");
    assert_eq!(after.last_check, last(&untried));
}

pub(super) async fn untried_check_clears_no_rejection(store: &dyn Store) {
    let card = one_card(store).await;
    let wrong = check(&card, "05:10:00", failed(FailureKind::WrongCredentials));
    save(store, &wrong, Saved::Stored).await;
    let untried = check(&card, "05:20:00", failed(FailureKind::NotTried));
    save(store, &untried, Saved::Stored).await;
    let after = state(store, &card).await;
    assert_eq!(after.refused_since, Some(wrong.started_at));
    assert_eq!(after.earlier_failure, last(&wrong));
    let listed = store.family_cards(&card.family).await.unwrap();
    let listed: Vec<CardState> = listed.into_iter().map(|record| record.state).collect();
    assert_eq!(listed, [after]);
}

pub(super) async fn older_refusal_counts_unless_an_account_came_later(store: &dyn Store) {
    let card = one_card(store).await;
    let newer = check(&card, "05:10:00", failed(FailureKind::SiteDown));
    save(store, &newer, Saved::Stored).await;
    let older = check(&card, "05:00:00", failed(FailureKind::WrongCredentials));
    save(store, &older, Saved::Older).await;
    let after = state(store, &card).await;
    assert_eq!(after.refused_since, Some(time("05:00:00")));
    assert_eq!(after.last_check, last(&newer));
}

pub(super) async fn login_in_doubt_keeps_its_mark(store: &dyn Store) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    let mut doubtful = check(&card, "05:10:00", failed(FailureKind::PageChanged));
    doubtful.id = own.check;
    if let Err(failure) = &mut doubtful.outcome {
        failure.login_in_doubt = true;
    }
    save(store, &doubtful, Saved::Stored).await;
    assert_eq!(state(store, &card).await.login_mark, Some(own));
}

pub(super) async fn accepted_login_blocks_no_other_and_shows_its_check_running(
    store: &dyn Store,
) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    record_outcome(store, &card, own.check, LoginOutcome::Accepted).await;
    let settled = LoginMark {
        is_settled: true,
        ..own
    };
    let after = state(store, &card).await;
    assert_eq!(after.login_mark, Some(settled));
    assert_eq!(after.refused_since, None);

    let next = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &next).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(next.clone()));
    let third = mark(Uuid::new_v4(), DAY);
    assert!(!store.begin_login(&card.key(), &third).await.unwrap());
}

pub(super) async fn refused_login_refuses_the_card_before_its_check_is_saved(store: &dyn Store) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    record_outcome(store, &card, own.check, LoginOutcome::Refused).await;
    assert_eq!(state(store, &card).await.refused_since, Some(own.at));
    let next = mark(Uuid::new_v4(), DAY);
    assert!(!store.begin_login(&card.key(), &next).await.unwrap());
    store.allow_retry(card.id).await.unwrap();
    assert!(store.begin_login(&card.key(), &next).await.unwrap());
    // The person's change is newer.
    record_outcome(store, &card, own.check, LoginOutcome::Refused).await;
    assert_eq!(state(store, &card).await.refused_since, None);
}

pub(super) async fn refused_login_before_a_newer_account_is_ignored(store: &dyn Store) {
    let card = one_card(store).await;
    let slow = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &slow).await.unwrap());
    let good = check(&card, "05:10:00", Ok(account(0)));
    save(store, &good, Saved::Stored).await;
    record_outcome(store, &card, slow.check, LoginOutcome::Refused).await;
    assert_eq!(state(store, &card).await.refused_since, None);
}

pub(super) async fn login_of_another_check_or_a_lost_card_is_not_settled(store: &dyn Store) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    for outcome in [LoginOutcome::Accepted, LoginOutcome::Refused] {
        record_outcome(store, &card, Uuid::new_v4(), outcome).await;
    }
    let after = state(store, &card).await;
    assert_eq!((after.login_mark, after.refused_since), (Some(own.clone()), None));
    store.remove_card(card.id).await.unwrap();
    record_outcome(store, &card, own.check, LoginOutcome::Accepted).await;
}

pub(super) async fn settled_login_leaves_no_doubt_after_any_check(store: &dyn Store) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    record_outcome(store, &card, own.check, LoginOutcome::Accepted).await;
    let mut doubtful = check(&card, "05:10:00", failed(FailureKind::PageChanged));
    doubtful.id = own.check;
    if let Err(failure) = &mut doubtful.outcome {
        failure.login_in_doubt = true;
    }
    save(store, &doubtful, Saved::Stored).await;
    assert_eq!(state(store, &card).await.login_mark, None);
}

pub(super) async fn second_login_of_a_check_stays_open_until_settled(store: &dyn Store) {
    let card = one_card(store).await;
    let own = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    record_outcome(store, &card, own.check, LoginOutcome::Accepted).await;
    assert!(store.begin_login(&card.key(), &own).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(own));
    let other = mark(Uuid::new_v4(), DAY);
    assert!(!store.begin_login(&card.key(), &other).await.unwrap());
}

async fn record_outcome(store: &dyn Store, card: &Card, check: Uuid, outcome: LoginOutcome) {
    let recorded = store.record_login_outcome(&card.key(), check, outcome).await;
    recorded.unwrap();
}

pub(super) async fn older_check_still_removes_its_own_mark(store: &dyn Store) {
    let card = one_card(store).await;
    let slow = check(&card, "05:00:00", Ok(account(0)));
    assert!(
        store
            .begin_login(&card.key(), &mark(slow.id, DAY))
            .await
            .unwrap()
    );
    let quick = check(&card, "05:10:00", failed(FailureKind::SiteDown));
    save(store, &quick, Saved::Stored).await;
    save(store, &slow, Saved::Older).await;
    let state = state(store, &card).await;
    assert_eq!(state.login_mark, None);
    assert_eq!(state.last_check, last(&quick));
}

pub(super) async fn only_one_concurrent_check_may_log_in(store: &dyn Store) {
    let card = one_card(store).await;
    let key = card.key();
    let answers = join_all((0..16).map(|_| async {
        let own = mark(Uuid::new_v4(), DAY);
        (own.clone(), store.begin_login(&key, &own).await.unwrap())
    }))
    .await;
    let granted: Vec<_> = answers
        .into_iter()
        .filter_map(|(mark, granted)| granted.then_some(mark))
        .collect();
    assert_eq!(granted.len(), 1);
    assert_eq!(
        state(store, &card).await.login_mark.as_ref(),
        granted.first()
    );
}

pub(super) async fn newest_of_many_concurrent_checks_stays(store: &dyn Store) {
    let card = one_card(store).await;
    let checks: Vec<Check> = (10..26)
        .map(|minute| {
            // 7 and 16 are coprime: every minute once, out of order.
            let minute = 10 + (minute * 7) % 16;
            check(&card, &format!("05:{minute}:00"), Ok(account(minute)))
        })
        .collect();
    join_all(checks.iter().map(|check| store.save_check(check)))
        .await
        .into_iter()
        .for_each(|answer| assert!(answer.is_ok()));
    let newest = checks.iter().max_by_key(|check| check.started_at).unwrap();
    assert_eq!(state(store, &card).await.last_check, last(newest));
    assert_eq!(stored_account(store, &card).await, read(newest));
}

pub(super) async fn checks_from_the_future_are_replaced(store: &dyn Store) {
    let card = one_card(store).await;
    let year = chrono::Duration::days(365);
    let mut ahead = check(&card, "05:10:00", Ok(account(1)));
    ahead.started_at += year;
    ahead.finished_at += year;
    save(store, &ahead, Saved::Stored).await;
    // The refused PIN counts even though an account "was read since".
    let wrong = check(&card, "05:20:00", failed(FailureKind::WrongCredentials));
    save(store, &wrong, Saved::Stored).await;
    let refused = state(store, &card).await;
    assert_eq!(refused.last_check, last(&wrong));
    assert_eq!(refused.refused_since, Some(wrong.started_at));
    let good = check(&card, "05:30:00", Ok(account(2)));
    save(store, &good, Saved::Stored).await;
    assert_eq!(state(store, &card).await.last_success_at, Some(good.started_at));
    assert_eq!(stored_account(store, &card).await, read(&good));
}

pub(super) async fn check_within_clock_tolerance_stays(store: &dyn Store) {
    let card = one_card(store).await;
    let newer = check(&card, "05:10:00", Ok(account(1)));
    save(store, &newer, Saved::Stored).await;
    let mut slow = check(&card, "05:09:00", Ok(account(2)));
    slow.finished_at = newer.started_at - chrono::Duration::seconds(59);
    save(store, &slow, Saved::Older).await;
    slow.finished_at = newer.started_at - chrono::Duration::seconds(61);
    save(store, &slow, Saved::Stored).await;
}

pub(super) async fn login_mark_from_the_future_allows_a_login(store: &dyn Store) {
    let card = one_card(store).await;
    let mut ahead = mark(Uuid::new_v4(), DAY);
    ahead.at += chrono::Duration::hours(2);
    assert!(store.begin_login(&card.key(), &ahead).await.unwrap());
    let now = mark(Uuid::new_v4(), DAY);
    assert!(store.begin_login(&card.key(), &now).await.unwrap());
    assert_eq!(state(store, &card).await.login_mark, Some(now));
}
