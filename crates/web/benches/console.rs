//! Benchmarks the pages of the console with 500 labels, each with a run a day, and a month of ticks.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use futures::{StreamExt as _, TryStreamExt as _};
use hippo_core::clock::Clock;
use hippo_core::message::MessageRequest;
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_core::run::day::Square;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};
use hippo_core::schedule::{ClosedDays, OnFailure, Recurrence, Schedule};
use hippo_core::sign_in::{Grant, PersonId, Session, Token};
use hippo_core::store::{DeclaredScheduleStore, RunStore};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use hippo_local::sqlite::SqliteStore;
use hippo_web::{WebPorts, WebSettings, WebStore, router};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const LABELS: usize = 500;

/// How long one machine keeps its history.
const KEPT_DAYS: i64 = 35;

const RUN_PAGE: &str = "/console/runs/check-cards/label-0/2026-11-21T10:00:00Z";

struct FrozenClock(DateTime<Utc>);

#[async_trait]
impl Clock for FrozenClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}

struct NoQueue;

#[async_trait]
impl MessageQueue for NoQueue {
    async fn send(&self, _: MessageRequest) -> Result<(), QueueError> {
        Ok(())
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn schedule(job: JobName, label: &str, expression: &str) -> Schedule {
    Schedule {
        label: label.parse().unwrap(),
        job,
        recurrence: Recurrence {
            expression: expression.parse().unwrap(),
            zone: chrono_tz::America::Toronto,
        },
        input: serde_json::Map::new(),
        start: None,
        end: None,
        closed_days: ClosedDays::default(),
        enabled: true,
        overlap: None,
        start_deadline: None,
        catch_up: None,
        flexible: None,
        log_level: None,
        on_failure: OnFailure::Mail,
    }
}

fn run(job: JobName, label: &str, time: DateTime<Utc>, outcome: RunOutcome) -> Run {
    let end = time + TimeDelta::seconds(100);
    Run {
        key: RunKey {
            job,
            label: label.parse().unwrap(),
            scheduled_time: time,
        },
        started_at: time,
        reported_at: end,
        finished_at: Some(end),
        outcome,
        ..sample::run(job, label, "10:00:00")
    }
}

/// Stores so many days of each label's runs, and a month of ticks.
async fn fill(store: &(impl DeclaredScheduleStore + RunStore), days: i64) {
    let job = JobName::CHECK_CARDS;
    let now = at("2026-11-21T10:00:00Z");
    let labels: Vec<String> = (0..LABELS)
        .map(|number| format!("label-{number}"))
        .collect();
    let schedules: Vec<Schedule> = labels
        .iter()
        .map(|label| schedule(job, label, "cron(0 5 ? * MON-FRI *)"))
        .collect();
    store.save_schedules(job, &schedules, now).await.unwrap();
    let tick = schedule(JobName::NOTIFY_ALL, "tick", "rate(15 minutes)");
    store
        .save_schedules(JobName::NOTIFY_ALL, &[tick], now)
        .await
        .unwrap();
    let mut runs: Vec<Run> = Vec::new();
    for (number, label) in labels.iter().enumerate() {
        for day in 0..days {
            let outcome = match (number + usize::try_from(day).unwrap()) % 40 {
                0 => RunOutcome::Failed,
                1 => RunOutcome::DoneWithFailures,
                _ => RunOutcome::Done,
            };
            runs.push(run(job, label, now - TimeDelta::days(day), outcome));
        }
    }
    for tick in 0..30 * 96 {
        let time = now - TimeDelta::minutes(15 * tick);
        runs.push(run(JobName::NOTIFY_ALL, "tick", time, RunOutcome::Done));
    }
    let kept_since = now - TimeDelta::days(KEPT_DAYS);
    let written = futures::stream::iter(&runs).map(|run| async move {
        if run.key.scheduled_time > kept_since {
            store.record_run(run).await?;
        }
        let squares = [Square::from(run)];
        store.upsert_squares(&(&run.key).into(), &squares).await
    });
    let written = written.buffer_unordered(64);
    written.try_collect::<Vec<()>>().await.unwrap();
}

/// The router over a store, and the cookie of the operator.
async fn serve(store: Arc<dyn WebStore>) -> (Router, String) {
    let now = at("2026-11-21T17:00:00Z");
    let token = Token::generate().unwrap();
    let grant = Grant {
        person: PersonId::console(),
        families: Vec::new(),
        is_operator: true,
    };
    let session = Session::begin(&token, grant, now);
    store.add_session(&session).await.unwrap();
    let ports = WebPorts {
        store,
        messages: Arc::new(NoQueue),
        jobs: None,
        keys: Arc::new(hippo_local::key_files::KeyFiles::in_folder(
            std::path::Path::new("."),
        )),
        clock: Arc::new(FrozenClock(now)),
        settings: Arc::new(WebSettings {
            public_url: "http://127.0.0.1:8484".parse().unwrap(),
            operators: Vec::new(),
            contact: None,
            timezone: chrono_tz::America::Toronto,
            operator_name: "ana".to_owned(),
        }),
    };
    (router(ports), format!("hippo={}", token.to_secret_text()))
}

/// Gets a page and returns its size.
async fn get(router: &Router, cookie: &str, path: &str) -> usize {
    let request = Request::get(path)
        .header("host", "127.0.0.1:8484")
        .header("cookie", cookie)
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes()
        .len()
}

fn console(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap();
    let memory = MemoryStore::default();
    runtime.block_on(fill(&sqlite, KEPT_DAYS));
    runtime.block_on(fill(&memory, 365));
    let stores: [(&str, Arc<dyn WebStore>); 2] =
        [("sqlite", Arc::new(sqlite)), ("memory", Arc::new(memory))];
    for (name, store) in stores {
        let (router, cookie) = runtime.block_on(serve(store));
        for path in ["/console", "/console/schedules", RUN_PAGE] {
            let bytes = runtime.block_on(get(&router, &cookie, path));
            println!("{path} has {} KB", bytes / 1000);
            criterion.bench_function(&format!("{name} {path}"), |bencher| {
                bencher.iter(|| runtime.block_on(get(&router, &cookie, path)));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = console
}
criterion_main!(benches);
