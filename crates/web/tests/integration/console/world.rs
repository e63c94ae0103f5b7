//! Families, schedules, runs, pauses and mails, with texts that must not reach a console page.

use chrono::{DateTime, Utc};
use hippo_core::alerts::{Alert, RunFault};
use hippo_core::family::Family;
use hippo_core::outbox::OutboxRecord;
use hippo_core::run::record_days::upsert_runs;
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::schedule::Pause;
use hippo_core::store::{
    AlertStore as _, FamilyStore as _, OutboxStore as _, PauseStore as _, RunStore as _,
};
use hippo_core::testing::contract::sample;
pub(super) use hippo_core::testing::run_history::{run, schedule};

use crate::web::{BOTH, KIM, PAT, TestWeb};

/// What no page of the console may show: addresses, titles, numbers, names of people.
pub(super) const CANARIES: [&str; 9] = [
    PAT,
    KIM,
    BOTH,
    "stranger@example.net",
    "Owl",
    "Lantern",
    "33420012345678",
    "Robin",
    "The conrads",
];

/// A reason for a pause that tries to inject HTML.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

/// Every page of the console.
pub(super) const PAGES: [&str; 10] = [
    "/console",
    "/console/schedules",
    "/console/schedules/run?label=mornings",
    "/console/runs/check-cards/mornings/2026-11-21T10:00:00Z",
    "/console/runs/check-cards/mornings/2026-11-20T10:00:00Z",
    "/console/runs/check-cards/evenings/2026-11-20T23:00:00Z",
    "/console/notices",
    "/console/libraries",
    "/console/families",
    "/console/audit",
];

/// A time in November 2026, such as `20T10:00`, in UTC.
pub(super) fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

/// Stores runs, in the ledger and in the daily history.
pub(super) async fn store_runs(web: &TestWeb, runs: &[Run]) {
    for run in runs {
        assert!(web.store.record_run(run).await.unwrap());
    }
    upsert_runs(&*web.store, runs).await.unwrap();
}

/// The pages over two families, three schedules and three weeks of runs.
pub(crate) async fn busy_web() -> TestWeb {
    let web = TestWeb::new().await;
    web.save_account(&web.card, sample::account(7_00)).await;
    let job = JobName::CHECK_CARDS;
    let mornings = schedule(job, "mornings", "cron(0 5 ? * MON-SAT *)");
    let evenings = schedule(job, "evenings", "cron(0 18 * * ? *)");
    web.save_schedules(job, &[mornings, evenings]).await;
    let tick = schedule(JobName::NOTIFY_ALL, "tick", "rate(15 minutes)");
    web.save_schedules(JobName::NOTIFY_ALL, &[tick]).await;
    let mut runs: Vec<Run> = (1..20)
        .map(|day| {
            let time = at(&format!("{day:02}T10:00"));
            run(job, "mornings", time, RunOutcome::Done)
        })
        .collect();
    let mut failed = run(
        job,
        "mornings",
        at("20T10:00"),
        RunOutcome::DoneWithFailures,
    );
    failed.counts.done = 4;
    failed.counts.add_failure("site_down");
    failed.counts.add_failure("site_down");
    failed.counts.add_failure("wrong_credentials");
    let failed_key = failed.key.clone();
    runs.push(failed);
    let mut running = run(job, "mornings", at("21T10:00"), RunOutcome::Running);
    running.reported_at = sample::time("16:59:30");
    runs.push(running);
    runs.push(run(
        job,
        "evenings",
        at("20T23:00"),
        RunOutcome::SkippedPaused,
    ));
    runs.push(run(
        JobName::NOTIFY_ALL,
        "tick",
        at("21T11:15"),
        RunOutcome::Done,
    ));
    store_runs(&web, &runs).await;
    let card = |library: &str, outcome: &str| WorkResult {
        subject: Subject::Card {
            family: web.card.family.clone(),
            card: hippo_core::ids::CardId::generate(),
            library: library.parse().unwrap(),
        },
        outcome: WorkOutcome::from(outcome.to_owned()),
    };
    let work = WorkItem {
        item_id: WorkItem::inline_item_id("all"),
        results: vec![
            card("wpl", "site_down"),
            card("wpl", "site_down"),
            card("wpl", "wrong_credentials"),
            card("wpl", "done"),
        ],
    };
    web.store.save_work_item(&failed_key, &work).await.unwrap();
    let pause = Pause {
        label: Some("evenings".parse().unwrap()),
        since: at("19T12:00"),
        until: Some(at("30T05:00")),
        by: "bea<b>".to_owned(),
        why: Some(HOSTILE.to_owned()),
    };
    assert!(sample::add_pause(&*web.store, &pause).await);
    let alert = Alert::RunFailed {
        run: failed_key,
        fault: RunFault::Store,
    };
    let key = alert.key();
    let raised = web.store.record_alert(&key, &alert, at("21T10:05"));
    assert!(raised.await.unwrap());
    for family in ["conrad", "lee"] {
        add_mail(&web, failed_mail(family, "2026-11-20")).await;
    }
    web
}

/// A mail that the mail server refused, in words that name an address.
pub(crate) fn failed_mail(family: &str, date: &str) -> OutboxRecord {
    let planned = sample::notice(family, date);
    let claimed = planned
        .claim(uuid::Uuid::nil(), planned.planned_at)
        .unwrap();
    let reason = "550 5.1.1 <stranger@example.net>: <b>no such user</b>";
    claimed
        .failed(reason.to_owned(), planned.planned_at)
        .unwrap()
}

/// Stores a mail and brings it to this record's state.
pub(crate) async fn add_mail(web: &TestWeb, record: OutboxRecord) {
    let planned = sample::notice(record.family.as_str(), &record.date.to_string());
    assert!(web.store.plan_mail(&planned).await.unwrap());
    let replaced = web.store.replace_mail(planned.revision, &record, None);
    assert!(replaced.await.unwrap());
}

/// What a form of the console could change.
pub(super) async fn changeable_state(web: &TestWeb) -> String {
    let pauses = web.store.pauses().await.unwrap();
    let pauses = serde_json::to_string(&pauses).unwrap();
    let families: Vec<Family> = web.store.families().await.unwrap();
    let mut mails = Vec::new();
    for family in &families {
        let kind = hippo_core::outbox::MailKind::DAILY;
        mails.extend(web.store.recent_mails(&kind, &family.id, 99).await.unwrap());
    }
    let started = web.jobs.0.lock().unwrap();
    format!("{pauses} {mails:?} {started:?}")
}
