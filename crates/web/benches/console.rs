//! Benchmarks the pages of the console with 500 labels, each with a run a day, and a month of ticks; and
//! the page of a family with six cards and sixty loans.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use hippo_core::account::Loan;
use hippo_core::card::Card;
use hippo_core::clock::Clock;
use hippo_core::message::MessageRequest;
use hippo_core::queue::{MessageQueue, QueueError};
use hippo_core::sign_in::{Grant, PersonId, Session, SignInMethod, Token};
use hippo_core::store::{DeclaredScheduleStore, RunStore, Store};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use hippo_core::testing::run_history::{RETENTION_DAYS, store_daily_runs, store_ticks};
use hippo_local::sqlite::SqliteStore;
use hippo_web::{WebPorts, WebSettings, WebStore, router};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const LABELS: usize = 500;

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

/// Stores a month of each label's runs and of ticks.
async fn fill(store: &(impl DeclaredScheduleStore + RunStore), days: i64) {
    store_daily_runs(store, LABELS, days).await.unwrap();
    store_ticks(store, 30).await.unwrap();
}

/// Stores a family with six cards at two libraries and sixty loans.
async fn fill_family(store: &dyn Store) {
    for library in ["wpl", "kpl"] {
        store.add_library(&sample::library(library)).await.unwrap();
    }
    store.add_family(&sample::family("conrad")).await.unwrap();
    for (number, fingerprint) in ["f1", "f2", "f3", "f4", "f5", "f6"].iter().enumerate() {
        let library = if number % 2 == 0 { "wpl" } else { "kpl" };
        let card = Card {
            patron: format!("Patron {number}"),
            ..sample::card("conrad", library, fingerprint)
        };
        let card = sample::add_card(store, card).await;
        let mut account = sample::account(0);
        let loan = account.loans.iter().flatten().next().unwrap().clone();
        let loans = (0..10).map(|copy| Loan {
            id: format!("{number}-{copy}"),
            title: format!("A title as long as many are, volume {copy}"),
            ..loan.clone()
        });
        account.loans = Some(loans.collect());
        let check = sample::check(&card, "16:00:00", Ok(account));
        store.save_check(&check).await.unwrap();
    }
}

/// The router over a store, and the cookie of the operator.
async fn serve(store: Arc<dyn WebStore>) -> (Router, String) {
    let now = "2026-11-21T17:00:00Z".parse().unwrap();
    let token = Token::generate().unwrap();
    let grant = Grant {
        person: PersonId::from_address(&sample::family("conrad").recipients[0]),
        families: vec![sample::family_id("conrad")],
        is_operator: true,
    };
    let session = Session::begin(&token, grant, SignInMethod::Attempt, now);
    store.add_session(&session).await.unwrap();
    let ports = WebPorts {
        store,
        messages: Arc::new(NoQueue),
        jobs: None,
        keys: Arc::new(hippo_local::key_files::KeyFiles::in_folder(
            std::path::Path::new("."),
        )),
        identity_provider: None,
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
    runtime.block_on(fill(&sqlite, RETENTION_DAYS));
    runtime.block_on(fill(&memory, 365));
    runtime.block_on(fill_family(&sqlite));
    runtime.block_on(fill_family(&memory));
    let stores: [(&str, Arc<dyn WebStore>); 2] =
        [("sqlite", Arc::new(sqlite)), ("memory", Arc::new(memory))];
    for (name, store) in stores {
        let (router, cookie) = runtime.block_on(serve(store));
        for path in ["/console", "/console/schedules", RUN_PAGE, "/family"] {
            let bytes = runtime.block_on(get(&router, &cookie, path));
            println!("{path} has {} KB", bytes / 1000);
            criterion.bench_function(&format!("{name} {path}"), |bencher| {
                bencher.iter(|| runtime.block_on(get(&router, &cookie, path)));
            });
        }
    }
    // Only the ticks of one machine.
    let folder = tempfile::tempdir().unwrap();
    let small = SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap();
    runtime.block_on(async { store_ticks(&small, 30).await.unwrap() });
    let (router, cookie) = runtime.block_on(serve(Arc::new(small)));
    criterion.bench_function("ticks /console", |bencher| {
        bencher.iter(|| runtime.block_on(get(&router, &cookie, "/console")));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = console
}
criterion_main!(benches);
