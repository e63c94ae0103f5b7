use std::sync::Mutex;

use async_trait::async_trait;
use hippo_core::mail::{Mail, SendOutcome};
use hippo_core::outbox::OutboxRecord;
use serde_json::json;

use super::*;
use crate::handlers::testing::{World, queue_event};

#[derive(Default)]
struct TestMailer {
    sent: Mutex<usize>,
    is_refusing: bool,
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, _: &Mail) -> SendOutcome {
        *self.sent.lock().unwrap() += 1;
        if self.is_refusing {
            return SendOutcome::Refused {
                reason: "no".to_owned(),
                is_permanent: true,
            };
        }
        SendOutcome::Accepted {
            message_id: "id".to_owned(),
            refused_recipients: Vec::new(),
        }
    }
}

/// A world with a card that was never checked, and a notice planned for today.
async fn world() -> World {
    let world = World::new().await;
    world.add_card("1").await;
    let family = "conrad".parse().unwrap();
    let date = "2026-11-21".parse().unwrap();
    let record = OutboxRecord::planned(MailKey::daily(family, date), world.clock.now());
    world.store.plan_mail(&record).await.unwrap();
    world
}

async fn deliver(
    world: &World,
    mailer: &TestMailer,
    event: Value,
) -> Result<SqsBatchResponse, HandlerError> {
    deliver_to(world, mailer, event, None).await
}

async fn deliver_to(
    world: &World,
    mailer: &dyn Mailer,
    event: Value,
    pages: Option<PageMessages<'_>>,
) -> Result<SqsBatchResponse, HandlerError> {
    let ports = Ports {
        families: &world.store,
        accounts: &world.store,
        outbox: &world.store,
        libraries: &world.store,
        mailer,
        runs: &world.store,
        alerts: &world.store,
        clock: &world.clock,
        operator_contact: None,
        pages,
    };
    handle(&ports, &world.metrics, event).await
}

const TODAY: &str = r#"{"kind":"daily","family":"conrad","date":"2026-11-21","run":{"job":"notify-all","label":"tick","scheduled_time":"2026-11-21T11:15:00Z"}}"#;

#[tokio::test]
async fn notice_delivered_twice_is_sent_once() {
    let (world, mailer) = (world().await, TestMailer::default());
    for _ in 0..2 {
        let response = deliver(&world, &mailer, queue_event(&[TODAY, TODAY]))
            .await
            .unwrap();
        assert!(response.batch_item_failures.is_empty());
    }
    assert_eq!(*mailer.sent.lock().unwrap(), 1);
    assert_eq!(world.published("NoticesSent"), [(1, vec![])]);
    assert_eq!(world.published("NoticesGivenUp"), [(0, vec![])]);
}

const OTHER_RUN: &str = r#"{"kind":"daily","family":"conrad","date":"2026-11-21","run":{"job":"notify-all","label":"tick","scheduled_time":"2026-11-21T11:30:00Z"}}"#;

async fn outcomes(world: &World) -> Vec<String> {
    let run = "notify-all/tick/2026-11-21T11:30:00Z".parse().unwrap();
    let work = world.store.work_items(&run).await.unwrap();
    let results = work.iter().flat_map(|report| &report.results);
    results.map(|result| result.outcome.to_string()).collect()
}

#[tokio::test]
async fn message_delivered_twice_is_counted_once() {
    let (world, mailer) = (world().await, TestMailer::default());
    for _ in 0..2 {
        deliver(&world, &mailer, queue_event(&[OTHER_RUN]))
            .await
            .unwrap();
        assert_eq!(outcomes(&world).await, ["done"]);
    }
}

#[tokio::test]
async fn next_delivery_reports_for_a_crashed_worker() {
    let (world, mailer) = (world().await, TestMailer::default());
    // The notice is finalised, but not reported to the other run.
    deliver(&world, &mailer, queue_event(&[TODAY]))
        .await
        .unwrap();
    assert!(outcomes(&world).await.is_empty());
    deliver(&world, &mailer, queue_event(&[OTHER_RUN]))
        .await
        .unwrap();
    assert_eq!(outcomes(&world).await, ["done"]);
}

#[tokio::test]
async fn refused_notice_raises_an_alert() {
    let mailer = TestMailer {
        is_refusing: true,
        ..TestMailer::default()
    };
    let world = world().await;
    deliver(&world, &mailer, queue_event(&[OTHER_RUN]))
        .await
        .unwrap();
    assert_eq!(outcomes(&world).await, ["FAILED"]);
    let alerts = world.store.recent_alerts(10).await.unwrap();
    assert_eq!(
        alerts[0].alert.key().as_str(),
        "no-notice/daily/conrad/2026-11-21"
    );
}

#[tokio::test]
async fn malformed_messages_are_retried_and_the_rest_is_sent() {
    let (world, mailer) = (world().await, TestMailer::default());
    let event = queue_event(&["{}", TODAY, "hello"]);
    let response = deliver(&world, &mailer, event).await.unwrap();
    let failed: Vec<&str> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    assert_eq!(failed, ["m0", "m2"]);
    assert_eq!(*mailer.sent.lock().unwrap(), 1);
}

#[tokio::test]
async fn permanently_refused_mail_is_published_as_given_up() {
    let mailer = TestMailer {
        is_refusing: true,
        ..TestMailer::default()
    };
    let world = world().await;
    deliver(&world, &mailer, queue_event(&[TODAY]))
        .await
        .unwrap();
    assert_eq!(world.published("NoticesGivenUp"), [(1, vec![])]);
    assert_eq!(world.published("NoticesSent"), [(0, vec![])]);
}

#[tokio::test]
async fn wrong_event_fails() {
    let world = world().await;
    let error = deliver(&world, &TestMailer::default(), json!({"label": "all"}))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("“Records”"), "{error}");
}

/// The log output.
#[derive(Clone, Default)]
struct Lines(std::sync::Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn message_for_a_missing_notice_is_acknowledged_and_logged() {
    let (world, mailer) = (world().await, TestMailer::default());
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for (existing, missing) in [("conrad", "nobody"), ("\"2026-11-21\"", "\"2026-11-23\"")] {
        let body = TODAY.replacen(existing, missing, 1);
        let missing = missing.trim_matches('"');
        let response = deliver(&world, &mailer, queue_event(&[&body])).await;
        assert!(response.unwrap().batch_item_failures.is_empty());
        let logged = std::mem::take(&mut *lines.0.lock().unwrap());
        let logged = String::from_utf8(logged).unwrap();
        assert_eq!(logged.lines().count(), 1, "{missing}: {logged}");
        assert!(
            logged.contains("no longer exists") && logged.contains(missing),
            "{logged}"
        );
    }
    assert_eq!(*mailer.sent.lock().unwrap(), 0);
}

#[tokio::test]
async fn dry_run_sends_nothing() {
    let (world, mailer) = (world().await, TestMailer::default());
    let response = deliver(&world, &mailer, dry_run::event()).await.unwrap();
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(*mailer.sent.lock().unwrap(), 0);
    assert_eq!(world.lines(), "");
}

mod page_messages;
