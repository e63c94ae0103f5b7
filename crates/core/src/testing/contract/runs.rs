use std::time::Duration;

use futures::future::join_all;

use super::Store;
use super::sample::{date, family, family_id, notice, run, time};
use crate::ids::Label;
use crate::outbox::{MailKind, MailState, OutboxRecord};
use crate::run::tick_times::TickTimes;
use crate::run::work::{Subject, WorkItem, WorkResult};
use crate::run::{Counts, JobName, Run, RunOutcome, Trigger};
use crate::store::{RunStart, StoreError};

const LOST_AFTER: Duration = Duration::from_secs(15 * 60);

async fn start(store: &dyn Store, run: &Run) -> RunStart {
    store.start_run(run, false, LOST_AFTER).await.unwrap()
}

async fn stored(store: &dyn Store, run: &Run) -> Run {
    store.run(&run.key).await.unwrap().unwrap()
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn done(run: &Run) -> Run {
    Run {
        outcome: RunOutcome::Done,
        finished_at: Some(run.started_at + chrono::Duration::minutes(1)),
        ..run.clone()
    }
}

pub(super) async fn started_run_is_read_back(store: &dyn Store) {
    let mut first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    first.trigger = Trigger::Person;
    first.input = serde_json::json!({"family": null, "concurrency": 4, "labels": ["a"]});
    first.key.scheduled_time = time("04:59:00");
    assert_eq!(store.run(&first.key).await.unwrap(), None);
    assert_eq!(start(store, &first).await, RunStart::Started);
    assert_eq!(stored(store, &first).await, first);
}

pub(super) async fn second_run_of_a_key_already_ran(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    start(store, &first).await;
    let mut again = first.clone();
    again.started_at = time("05:00:30");
    assert_eq!(
        start(store, &again).await,
        RunStart::AlreadyRan(first.clone())
    );

    // The same holds once it is done, and if runs of the label may overlap.
    let ended = done(&first);
    store.report_run(&ended).await.unwrap();
    assert_eq!(
        store.start_run(&again, true, LOST_AFTER).await.unwrap(),
        RunStart::AlreadyRan(ended.clone())
    );
    assert_eq!(stored(store, &first).await, ended);
}

pub(super) async fn persons_run_replaces_one_that_never_started(store: &dyn Store) {
    let missed = Run {
        outcome: RunOutcome::Missed,
        finished_at: Some(time("05:00:00")),
        ..run(JobName::CHECK_CARDS, "all", "05:00:00")
    };
    assert!(store.record_run(&missed).await.unwrap());
    let by_schedule = Run {
        started_at: time("09:00:00"),
        reported_at: time("09:00:00"),
        ..run(JobName::CHECK_CARDS, "all", "05:00:00")
    };
    let refused = start(store, &by_schedule).await;
    assert_eq!(refused, RunStart::AlreadyRan(missed.clone()));

    let by_person = Run {
        trigger: Trigger::Person,
        ..by_schedule
    };
    assert_eq!(start(store, &by_person).await, RunStart::Started);
    assert_eq!(stored(store, &missed).await, by_person);
    // It is running, so it blocks others, and is not replaced itself.
    let again = start(store, &by_person).await;
    assert_eq!(again, RunStart::AlreadyRan(by_person.clone()));
    let next = run(JobName::CHECK_CARDS, "all", "09:01:00");
    let blocked = start(store, &next).await;
    assert_eq!(blocked, RunStart::StillRunning(by_person.clone()));
    let ended = done(&by_person);
    store.report_run(&ended).await.unwrap();
    assert_eq!(stored(store, &missed).await, ended);
}

pub(super) async fn run_is_skipped_while_the_last_of_its_label_runs(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    start(store, &first).await;
    let second = run(JobName::CHECK_CARDS, "all", "05:10:00");
    assert_eq!(
        start(store, &second).await,
        RunStart::StillRunning(first.clone())
    );
    let skipped = Run {
        outcome: RunOutcome::SkippedStillRunning,
        finished_at: Some(second.started_at),
        ..second.clone()
    };
    assert_eq!(stored(store, &second).await, skipped);
    assert_eq!(stored(store, &first).await, first);

    // It reports, so it is not lost; the skipped run does not block it.
    let mut reporting = first.clone();
    reporting.reported_at = time("05:25:00");
    store.report_run(&reporting).await.unwrap();
    let third = run(JobName::CHECK_CARDS, "all", "05:30:00");
    assert_eq!(
        start(store, &third).await,
        RunStart::StillRunning(reporting)
    );
}

pub(super) async fn run_of_another_label_or_job_starts(store: &dyn Store) {
    start(store, &run(JobName::CHECK_CARDS, "all", "05:00:00")).await;
    for other in [
        run(JobName::CHECK_CARDS, "failed", "05:01:00"),
        run(JobName::NOTIFY_ALL, "all", "05:01:00"),
    ] {
        assert_eq!(start(store, &other).await, RunStart::Started);
    }
}

pub(super) async fn run_that_may_overlap_starts(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "person", "05:00:00");
    let second = run(JobName::CHECK_CARDS, "person", "05:01:00");
    for run in [&first, &second] {
        let answer = store.start_run(run, true, LOST_AFTER).await.unwrap();
        assert_eq!(answer, RunStart::Started);
        assert_eq!(&stored(store, run).await, run);
    }
}

pub(super) async fn silent_run_is_lost(store: &dyn Store) {
    let mut silent = run(JobName::CHECK_CARDS, "all", "05:00:00");
    start(store, &silent).await;
    silent.reported_at = time("05:05:00");
    store.report_run(&silent).await.unwrap();
    let other = run(JobName::CHECK_CARDS, "failed", "05:00:00");
    start(store, &other).await;

    let on_the_edge = run(JobName::CHECK_CARDS, "all", "05:20:00");
    assert_eq!(
        start(store, &on_the_edge).await,
        RunStart::StillRunning(silent.clone())
    );
    let next = run(JobName::CHECK_CARDS, "all", "05:20:01");
    assert_eq!(start(store, &next).await, RunStart::Started);
    let lost = Run {
        outcome: RunOutcome::Lost,
        finished_at: Some(silent.reported_at),
        ..silent.clone()
    };
    assert_eq!(stored(store, &silent).await, lost);
    assert_eq!(stored(store, &next).await, next);
    assert_eq!(stored(store, &other).await, other);
}

pub(super) async fn run_started_in_the_future_blocks_no_other(store: &dyn Store) {
    let ahead = run(JobName::CHECK_CARDS, "all", "09:00:00");
    assert_eq!(start(store, &ahead).await, RunStart::Started);
    let now = run(JobName::CHECK_CARDS, "all", "05:00:00");
    assert_eq!(start(store, &now).await, RunStart::Started);
    assert_eq!(stored(store, &ahead).await.outcome, RunOutcome::Lost);
    // Two clocks within the tolerance still agree.
    let slow = run(JobName::CHECK_CARDS, "all", "04:59:10");
    assert_eq!(start(store, &slow).await, RunStart::StillRunning(now));
}

pub(super) async fn finished_run_does_not_block_the_next(store: &dyn Store) {
    let outcomes = [
        RunOutcome::Done,
        RunOutcome::DoneWithFailures,
        RunOutcome::Failed,
        RunOutcome::Interrupted,
    ];
    for (minute, outcome) in (10..).zip(outcomes) {
        let run = run(JobName::NOTIFY_ALL, "tick", &format!("05:{minute}:00"));
        assert_eq!(start(store, &run).await, RunStart::Started);
        let ended = Run {
            outcome,
            ..done(&run)
        };
        store.report_run(&ended).await.unwrap();
        assert_eq!(stored(store, &run).await, ended);
    }
}

pub(super) async fn run_that_never_started_is_recorded_once_and_blocks_no_other(
    store: &dyn Store,
) {
    let missed = Run {
        outcome: RunOutcome::Missed,
        finished_at: Some(time("05:20:00")),
        ..run(JobName::CHECK_CARDS, "all", "05:00:00")
    };
    assert!(store.record_run(&missed).await.unwrap());
    assert_eq!(stored(store, &missed).await, missed);
    let paused = Run {
        outcome: RunOutcome::SkippedPaused,
        ..missed.clone()
    };
    assert!(!store.record_run(&paused).await.unwrap());
    assert_eq!(stored(store, &missed).await, missed);
    assert_eq!(
        start(store, &run(JobName::CHECK_CARDS, "all", "05:00:00")).await,
        RunStart::AlreadyRan(missed.clone())
    );
    let next = run(JobName::CHECK_CARDS, "all", "05:05:00");
    assert_eq!(start(store, &next).await, RunStart::Started);
    // It does not overwrite a running one either.
    let late = Run {
        outcome: RunOutcome::Missed,
        ..next.clone()
    };
    assert!(!store.record_run(&late).await.unwrap());
    assert_eq!(stored(store, &next).await, next);
}

pub(super) async fn report_replaces_outcome_and_counts(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    start(store, &first).await;
    let mut counts = Counts {
        planned: 12,
        done: 9,
        skipped: 1,
        ..Counts::default()
    };
    counts.add_failure("site_down");
    counts.add_failure("site_down");
    let reported = Run {
        reported_at: time("05:04:00"),
        finished_at: Some(time("05:05:00")),
        outcome: RunOutcome::DoneWithFailures,
        counts,
        ..first.clone()
    };
    store.report_run(&reported).await.unwrap();
    assert_eq!(stored(store, &first).await, reported);
}

pub(super) async fn unknown_run_cannot_report(store: &dyn Store) {
    let nowhere = run(JobName::CHECK_CARDS, "all", "05:00:00");
    assert!(matches!(
        store.report_run(&nowhere).await,
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(store.run(&nowhere.key).await.unwrap(), None);
}

pub(super) async fn recent_runs_are_newest_first_and_filtered(store: &dyn Store) {
    for (job, run_label, started) in [
        (JobName::CHECK_CARDS, "all", "05:00:00"),
        (JobName::NOTIFY_ALL, "tick", "06:30:00"),
        (JobName::CHECK_CARDS, "failed", "05:30:00"),
        (JobName::CHECK_CARDS, "all", "09:00:00"),
        (JobName::NOTIFY_ALL, "tick", "06:15:00"),
    ] {
        let run = run(job, run_label, started);
        start(store, &run).await;
        store.report_run(&done(&run)).await.unwrap();
    }
    let times = |runs: Vec<Run>| -> Vec<String> {
        runs.iter()
            .map(|run| run.started_at.format("%H:%M").to_string())
            .collect()
    };
    let all = store.recent_runs(None, None, 100).await.unwrap();
    assert_eq!(times(all), ["09:00", "06:30", "06:15", "05:30", "05:00"]);
    let two = store.recent_runs(None, None, 2).await.unwrap();
    assert_eq!(times(two), ["09:00", "06:30"]);
    let checks = store
        .recent_runs(Some(JobName::CHECK_CARDS), None, 100)
        .await
        .unwrap();
    assert_eq!(times(checks), ["09:00", "05:30", "05:00"]);
    let of_label = store
        .recent_runs(Some(JobName::CHECK_CARDS), Some(&label("all")), 100)
        .await
        .unwrap();
    assert_eq!(times(of_label), ["09:00", "05:00"]);
    let none = store
        .recent_runs(Some(JobName::NOTIFY_ALL), Some(&label("all")), 100)
        .await
        .unwrap();
    assert!(none.is_empty());
}

pub(super) async fn newest_runs_of_each_label_are_found_however_rare(store: &dyn Store) {
    let rare = [("weekly", "01:00:00"), ("weekly", "02:00:00")];
    let ticks: Vec<String> = (10..50).map(|minute| format!("10:{minute}:00")).collect();
    let ticks = ticks.iter().map(|time| ("tick", time.as_str()));
    for (run_label, started) in rare.into_iter().chain(ticks) {
        let run = run(JobName::NOTIFY_ALL, run_label, started);
        start(store, &run).await;
        store.report_run(&done(&run)).await.unwrap();
    }
    // A label that was always too late has no started run.
    let missed = Run {
        outcome: RunOutcome::Missed,
        finished_at: Some(time("01:30:00")),
        ..run(JobName::NOTIFY_ALL, "late", "01:30:00")
    };
    assert!(store.record_run(&missed).await.unwrap());
    start(store, &run(JobName::CHECK_CARDS, "all", "02:30:00")).await;

    let found = async |job, limit| -> Vec<String> {
        let runs = store.newest_runs_by_label(job, limit).await.unwrap();
        runs.iter()
            .map(|run| format!("{} {}", run.key.label, run.started_at.format("%H:%M")))
            .collect()
    };
    assert_eq!(
        found(JobName::NOTIFY_ALL, 1).await,
        ["late 01:30", "tick 10:49", "weekly 02:00"]
    );
    assert_eq!(
        found(JobName::NOTIFY_ALL, 2).await,
        [
            "late 01:30",
            "tick 10:49",
            "tick 10:48",
            "weekly 02:00",
            "weekly 01:00"
        ]
    );
    assert_eq!(found(JobName::CHECK_CARDS, 5).await, ["all 02:30"]);
}

pub(super) async fn old_records_are_deleted_except_open_notices(store: &dyn Store) {
    for started in ["05:00:00", "06:00:00"] {
        let run = run(JobName::CHECK_CARDS, "all", started);
        start(store, &run).await;
        store.report_run(&done(&run)).await.unwrap();
    }
    store.add_family(&family("conrad")).await.unwrap();
    for (day, planned_at, state) in [
        ("2026-11-18", "05:00:00", MailState::Sent),
        ("2026-11-19", "05:00:00", MailState::Sending),
        ("2026-11-20", "06:00:00", MailState::Skipped),
    ] {
        let record = OutboxRecord {
            planned_at: time(planned_at),
            ..notice("conrad", day)
        };
        assert!(store.plan_mail(&record).await.unwrap());
        let next = OutboxRecord {
            state,
            revision: 1,
            ..record
        };
        assert!(store.replace_mail(0, &next, None).await.unwrap());
    }

    store.delete_history_before(time("06:00:00")).await.unwrap();

    let runs = store.recent_runs(None, None, 100).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].started_at, time("06:00:00"));
    let days: Vec<_> = store
        .recent_mails(&MailKind::DAILY, &family_id("conrad"), 100)
        .await
        .unwrap()
        .iter()
        .map(|record| record.date)
        .collect();
    assert_eq!(days, [date("2026-11-20"), date("2026-11-19")]);
}

pub(super) async fn only_one_concurrent_start_of_a_run_wins(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    let answers = join_all((0..16).map(|_| start(store, &first))).await;
    let (started, others): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .partition(|answer| *answer == RunStart::Started);
    assert_eq!(started.len(), 1);
    assert!(
        others
            .iter()
            .all(|answer| *answer == RunStart::AlreadyRan(first.clone()))
    );
}

pub(super) async fn only_one_concurrent_run_of_a_label_wins(store: &dyn Store) {
    let answers = join_all((10..26).map(|second| async move {
        start(
            store,
            &run(JobName::CHECK_CARDS, "all", &format!("05:00:{second}")),
        )
        .await
    }))
    .await;
    let started = answers
        .iter()
        .filter(|answer| **answer == RunStart::Started)
        .count();
    assert_eq!(started, 1);
    let runs = store.recent_runs(None, None, 100).await.unwrap();
    assert_eq!(runs.len(), 16);
    let skipped = runs
        .iter()
        .filter(|run| run.outcome == RunOutcome::SkippedStillRunning)
        .count();
    assert_eq!(skipped, 15);
}

/// A work item of one card or more.
fn work(item_id: &str, outcomes: &[&str]) -> WorkItem {
    WorkItem {
        item_id: item_id.to_owned(),
        results: (1..)
            .zip(outcomes)
            .map(|(day, outcome)| WorkResult {
                subject: Subject::Mail {
                    kind: MailKind::DAILY,
                    family: family_id(item_id),
                    date: date("2026-11-21") + chrono::Duration::days(day),
                },
                outcome: (*outcome).to_owned().into(),
            })
            .collect(),
    }
}

pub(super) async fn work_item_that_reports_twice_is_stored_once(store: &dyn Store) {
    let first = run(JobName::CHECK_CARDS, "all", "05:00:00");
    let second = run(JobName::CHECK_CARDS, "all", "06:00:00");
    for run in [&first, &second] {
        start(store, run).await;
        store.report_run(&done(run)).await.unwrap();
        assert_eq!(store.work_items(&run.key).await.unwrap(), []);
    }
    let (one, two) = (work("one", &["done"]), work("two", &["done", "site_down"]));
    for report in [&two, &work("one", &["PENDING"]), &one, &one] {
        store.save_work_item(&first.key, report).await.unwrap();
    }
    let other = work("one", &["skipped"]);
    store.save_work_item(&second.key, &other).await.unwrap();
    assert_eq!(store.work_items(&first.key).await.unwrap(), [one, two]);
    assert_eq!(store.work_items(&second.key).await.unwrap(), [other]);
}

pub(super) async fn work_items_that_report_at_once_are_all_stored(store: &dyn Store) {
    let run = run(JobName::CHECK_CARDS, "all", "05:00:00");
    start(store, &run).await;
    let reports: Vec<WorkItem> = (10..40)
        .map(|number| work(&number.to_string(), &["done"]))
        .collect();
    join_all(
        reports
            .iter()
            .chain(&reports)
            .map(|report| store.save_work_item(&run.key, report)),
    )
    .await;
    assert_eq!(store.work_items(&run.key).await.unwrap(), reports);
}

pub(super) async fn replacing_tick_times_fails_if_they_changed(store: &dyn Store) {
    let none = store.tick_times().await.unwrap();
    assert_eq!(none, TickTimes::default());
    let first = TickTimes {
        last: Some(time("05:00:00")),
        gap_seconds: 900,
        ..TickTimes::default()
    };
    assert!(store.replace_tick_times(&none, &first).await.unwrap());
    let other = TickTimes {
        doubted: Some(time("06:00:00")),
        ..first.clone()
    };
    assert!(!store.replace_tick_times(&none, &other).await.unwrap());
    assert_eq!(store.tick_times().await.unwrap(), first);
    assert!(store.replace_tick_times(&first, &other).await.unwrap());
    assert_eq!(store.tick_times().await.unwrap(), other);
}
