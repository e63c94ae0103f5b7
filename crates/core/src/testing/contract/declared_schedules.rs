use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::Store;
use crate::run::JobName;
use crate::schedule::{ClosedDays, OnFailure, Recurrence, Schedule};
use crate::store::SavedSchedules;

fn now() -> DateTime<Utc> {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn schedule(label: &str, expression: &str) -> Schedule {
    Schedule {
        label: label.parse().unwrap(),
        job: JobName::CHECK_CARDS,
        recurrence: Recurrence {
            expression: expression.parse().unwrap(),
            zone: chrono_tz::America::Toronto,
        },
        input: serde_json::from_value(json!({"scope": "all"})).unwrap(),
        start: Some("2026-12-01T05:00:00Z".parse().unwrap()),
        end: None,
        closed_days: ClosedDays {
            all: ["2026-12-25".parse().unwrap()].into(),
            libraries: [("wpl".parse().unwrap(), ["2026-12-26".parse().unwrap()].into())].into(),
        },
        enabled: true,
        overlap: None,
        start_deadline: Some(std::time::Duration::from_secs(3600)),
        catch_up: None,
        flexible: None,
        log_level: None,
        on_failure: OnFailure::Mail,
    }
}

async fn save(store: &dyn Store, job: JobName, schedules: &[Schedule]) -> usize {
    save_at(store, job, schedules, now()).await.changed
}

async fn save_at(
    store: &dyn Store,
    job: JobName,
    schedules: &[Schedule],
    now: DateTime<Utc>,
) -> SavedSchedules {
    store.save_schedules(job, schedules, now).await.unwrap()
}

async fn saved(store: &dyn Store, job: JobName) -> Vec<Schedule> {
    store.declared_schedules(job).await.unwrap()
}

pub(super) async fn saved_schedules_are_listed_by_label(store: &dyn Store) {
    assert_eq!(saved(store, JobName::CHECK_CARDS).await, []);
    let (all, failed) = (
        schedule("all", "cron(0 5 * * ? *)"),
        schedule("failed", "rate(1 hour)"),
    );
    let changed = save(store, JobName::CHECK_CARDS, &[failed.clone(), all.clone()]).await;
    assert_eq!(changed, 2);
    assert_eq!(saved(store, JobName::CHECK_CARDS).await, [all, failed]);
    assert_eq!(saved(store, JobName::NOTIFY_ALL).await, []);
}

pub(super) async fn only_changed_schedules_are_saved_again(store: &dyn Store) {
    let (all, failed) = (
        schedule("all", "cron(0 5 * * ? *)"),
        schedule("failed", "rate(1 hour)"),
    );
    let both = [all.clone(), failed];
    assert_eq!(save(store, JobName::CHECK_CARDS, &both).await, 2);
    assert_eq!(save(store, JobName::CHECK_CARDS, &both).await, 0);
    let later = Schedule {
        closed_days: ClosedDays::default(),
        ..schedule("failed", "rate(1 hour)")
    };
    let changed = [all, later];
    assert_eq!(save(store, JobName::CHECK_CARDS, &changed).await, 1);
    assert_eq!(saved(store, JobName::CHECK_CARDS).await, changed);
}

pub(super) async fn schedules_that_are_no_longer_declared_are_removed(store: &dyn Store) {
    let all = schedule("all", "cron(0 5 * * ? *)");
    let other = schedule("other", "rate(1 hour)");
    save(store, JobName::CHECK_CARDS, &[all.clone(), other.clone()]).await;
    save(store, JobName::NOTIFY_ALL, &[other]).await;
    assert_eq!(
        save(store, JobName::CHECK_CARDS, std::slice::from_ref(&all)).await,
        1
    );
    assert_eq!(saved(store, JobName::CHECK_CARDS).await, [all]);
    assert_eq!(saved(store, JobName::NOTIFY_ALL).await.len(), 1);
}

pub(super) async fn schedule_has_its_times_since_they_last_changed(store: &dyn Store) {
    let job = JobName::CHECK_CARDS;
    let mut minutes = 0;
    let mut since = async |one: Schedule| {
        minutes += 1;
        let saved_at = now() + TimeDelta::minutes(minutes);
        let saved = save_at(store, job, std::slice::from_ref(&one), saved_at).await;
        (*saved.times_since.get(&one.label).unwrap() - now()).num_minutes()
    };
    let five = schedule("all", "cron(0 5 * * ? *)");
    let six = schedule("all", "cron(0 6 * * ? *)");
    assert_eq!(since(five.clone()).await, 1);
    assert_eq!(since(five.clone()).await, 1);
    // Closed days and the input change no time.
    let closed = Schedule {
        closed_days: ClosedDays::default(),
        input: serde_json::Map::new(),
        ..five
    };
    assert_eq!(since(closed).await, 1);
    assert_eq!(since(six.clone()).await, 4);
    let disabled = Schedule {
        enabled: false,
        ..six.clone()
    };
    assert_eq!(since(disabled).await, 5);
    assert_eq!(since(six.clone()).await, 6);
    assert_eq!(since(Schedule { start: None, ..six }).await, 7);
}
