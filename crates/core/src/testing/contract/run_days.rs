use chrono::{DateTime, Duration, NaiveDate, Utc};
use futures::future::join_all;

use super::Store;
use super::sample::date;
use crate::run::day::{DayKey, MAX_SQUARES, RunDay, Square};
use crate::run::{JobName, RunOutcome};

fn day(day: &str, label: &str) -> DayKey {
    DayKey {
        date: date(day),
        job: JobName::CHECK_CARDS,
        label: label.parse().unwrap(),
    }
}

fn square(day: &DayKey, minute: i64, outcome: RunOutcome) -> Square {
    let midnight: DateTime<Utc> = day.date.and_time(chrono::NaiveTime::MIN).and_utc();
    Square {
        scheduled_time: midnight + Duration::minutes(minute),
        outcome,
        seconds: Some(75),
        failures: 3,
        is_open: false,
        reported_at: midnight + Duration::minutes(minute + 1),
    }
}

async fn upsert(store: &dyn Store, day: &DayKey, squares: &[Square]) {
    store.upsert_squares(day, squares).await.unwrap();
}

async fn listed(store: &dyn Store, from: &str, to: &str) -> Vec<(DayKey, RunDay)> {
    store.run_days(date(from), date(to)).await.unwrap()
}

pub(super) async fn square_of_a_run_is_replaced_and_never_doubled(store: &dyn Store) {
    let today = day("2026-11-21", "all");
    let lost = square(&today, 600, RunOutcome::Lost);
    let done = Square {
        reported_at: lost.reported_at + Duration::hours(1),
        ..square(&today, 600, RunOutcome::Done)
    };
    let other = square(&today, 900, RunOutcome::Missed);
    for squares in [&[lost.clone()][..], &[done.clone(), other.clone()], &[lost]] {
        upsert(store, &today, squares).await;
    }
    let days = listed(store, "2026-11-21", "2026-11-21").await;
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].0, today);
    assert_eq!(days[0].1.squares, [done, other]);
}

pub(super) async fn days_are_listed_within_their_dates_by_key(store: &dyn Store) {
    assert_eq!(listed(store, "2026-11-01", "2026-11-30").await, []);
    let notify = DayKey {
        job: JobName::NOTIFY_ALL,
        ..day("2026-11-20", "tick")
    };
    let expected = [
        day("2026-11-20", "all"),
        day("2026-11-20", "failed"),
        notify,
        day("2026-11-21", "all"),
    ];
    let outside = [day("2026-11-19", "all"), day("2026-11-22", "all")];
    for key in expected.iter().rev().chain(&outside) {
        upsert(store, key, &[square(key, 600, RunOutcome::Done)]).await;
    }
    let keys: Vec<DayKey> = listed(store, "2026-11-20", "2026-11-21")
        .await
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, expected);
}

pub(super) async fn days_are_listed_for_one_label_only(store: &dyn Store) {
    let other_job = DayKey {
        job: JobName::NOTIFY_ALL,
        ..day("2026-11-20", "all")
    };
    let own = [day("2026-11-19", "all"), day("2026-11-21", "all")];
    let outside = [
        day("2026-11-18", "all"),
        day("2026-11-22", "all"),
        day("2026-11-20", "al"),
        day("2026-11-20", "all-2"),
        other_job,
    ];
    for key in own.iter().chain(&outside) {
        upsert(store, key, &[square(key, 600, RunOutcome::Done)]).await;
    }
    let label = "all".parse().unwrap();
    let found = store
        .days_of_label(JobName::CHECK_CARDS, &label, date("2026-11-19"), date("2026-11-21"))
        .await
        .unwrap();
    let keys: Vec<DayKey> = found.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, own);
    assert_eq!(found[0].1.squares, [square(&own[0], 600, RunOutcome::Done)]);
    let unknown = "unknown".parse().unwrap();
    let found = store.days_of_label(JobName::CHECK_CARDS, &unknown, date("2026-11-01"), date("2026-11-30"));
    assert_eq!(found.await.unwrap(), []);
}

pub(super) async fn busy_day_is_stored_as_ticks(store: &dyn Store) {
    let today = day("2026-11-21", "tick");
    // A rate fires at the second of its creation.
    let tick = |minute: i64, outcome| {
        let square = square(&today, minute, outcome);
        Square {
            scheduled_time: square.scheduled_time + Duration::seconds(43),
            ..square
        }
    };
    for minute in 0..96 {
        upsert(store, &today, &[tick(minute * 15, RunOutcome::Done)]).await;
    }
    let failed = tick(30, RunOutcome::DoneWithFailures);
    upsert(store, &today, std::slice::from_ref(&failed)).await;
    let days = listed(store, "2026-11-21", "2026-11-21").await;
    let ticks = days[0].1.ticks();
    assert_eq!((days[0].1.squares.len(), ticks.len()), (0, 96));
    assert!(ticks.len() > MAX_SQUARES);
    let found = ticks.iter().filter(|tick| tick.outcome == RunOutcome::DoneWithFailures);
    let times: Vec<_> = found.map(|tick| tick.time).collect();
    assert_eq!(times, [failed.scheduled_time.time()]);
}

pub(super) async fn concurrent_upserts_of_a_day_are_all_kept(store: &dyn Store) {
    let today = day("2026-11-21", "person");
    let squares: Vec<Square> = (0..16)
        .map(|minute| square(&today, minute, RunOutcome::Done))
        .collect();
    join_all(squares.iter().map(|one| upsert(store, &today, std::slice::from_ref(one)))).await;
    assert_eq!(listed(store, "2026-11-21", "2026-11-21").await[0].1.squares, squares);
}

pub(super) async fn old_days_are_deleted(store: &dyn Store) {
    for one in ["2026-11-20", "2026-11-21"] {
        let key = day(one, "all");
        upsert(store, &key, &[square(&key, 600, RunOutcome::Done)]).await;
    }
    let before = date("2026-11-21").and_time(chrono::NaiveTime::MIN).and_utc();
    store.delete_history_before(before).await.unwrap();
    let dates: Vec<NaiveDate> = listed(store, "2026-11-01", "2026-11-30")
        .await
        .into_iter()
        .map(|(key, _)| key.date)
        .collect();
    assert_eq!(dates, [date("2026-11-21")]);
}
