use std::io::Write;
use std::sync::{Arc, Mutex};

use hippo_core::alerts::Alert;
use hippo_core::clock::Clock;
use hippo_core::ids::FamilyId;
use hippo_core::outbox::{MailKey, OutboxRecord};
use hippo_core::testing::memory::MemoryStore;
use rstest::rstest;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;
use uuid::Uuid;

use super::*;
use crate::handlers::testing::{World, ses_event};

/// A world with a family of two recipients, and today's notice being sent.
async fn world() -> World {
    let world = World::new().await;
    let mut conrad = conrad(&world).await;
    conrad
        .recipients
        .push("canary-sam@example.org".parse().unwrap());
    world.store.update_family(&conrad).await.unwrap();
    let now = world.clock.now();
    let planned = OutboxRecord::planned(
        MailKey::daily(conrad.id, "2026-11-21".parse().unwrap()),
        now,
    );
    world.store.plan_mail(&planned).await.unwrap();
    let sending = planned
        .claim(Uuid::nil(), now)
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now))
        .unwrap();
    assert!(world.store.replace_mail(0, &sending, None).await.unwrap());
    world
}

async fn conrad(world: &World) -> hippo_core::family::Family {
    let id: FamilyId = "conrad".parse().unwrap();
    world.store.family(&id).await.unwrap().unwrap()
}

async fn notice(world: &World) -> OutboxRecord {
    let (family, date) = ("conrad".parse().unwrap(), "2026-11-21".parse().unwrap());
    let found = world.store.mail(&MailKey::daily(family, date)).await;
    found.unwrap().unwrap()
}

async fn alerts(world: &World) -> Vec<Alert> {
    let stored = world.store.recent_alerts(10).await.unwrap();
    stored.into_iter().map(|stored| stored.alert).collect()
}

async fn deliver(world: &World, event: &Value) -> Result<(), HandlerError> {
    let store: &MemoryStore = &world.store;
    let ports = Ports {
        families: store,
        outbox: store,
        alerts: store,
        clock: &world.clock,
    };
    handle(&ports, &world.metrics, event).await
}

fn bounce(kind: &str, addresses: &[&str]) -> Value {
    let bounced: Vec<Value> = addresses
        .iter()
        .map(|address| {
            json!({"emailAddress": address, "action": "failed", "status": "5.1.1",
            "diagnosticCode": format!("smtp; 550 {address} canary")})
        })
        .collect();
    let bounce = json!({"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": bounced,
        "timestamp": "2026-11-21T11:41:00.000Z"});
    ses_event("Email Bounced", json!({"bounce": bounce}))
}

/// A bounce of a mail to pat that SES didn't send.
fn suppressed(kind: &str, subtype: &str) -> Value {
    let mut event = bounce(kind, &["pat@example.org"]);
    event["detail"]["bounce"]["bounceSubType"] = json!(subtype);
    event
}

fn complaint(feedback: &str, address: &str) -> Value {
    let complaint = json!({"complainedRecipients": [{"emailAddress": address}],
        "complaintSubType": null, "complaintFeedbackType": feedback, "userAgent": "canary"});
    ses_event(
        "Email Complaint Received",
        json!({ "complaint": complaint }),
    )
}

fn delivery() -> Value {
    let delivery = json!({"recipients": ["pat@example.org", "canary-sam@example.org"], "smtpResponse": "250 canary"});
    ses_event("Email Delivered", json!({ "delivery": delivery }))
}

fn rejection(reason: &str) -> Value {
    ses_event("Email Rejected", json!({"reject": {"reason": reason}}))
}

#[rstest]
#[case::sent(ses_event("Email Sent", json!({"send": {}})))]
#[case::delayed(ses_event("Email Delivery Delayed", json!({"deliveryDelay": {}})))]
#[case::delivered(delivery())]
#[case::bounced(bounce("Permanent", &["pat@example.org"]))]
#[case::bounced_temporarily(bounce("Transient", &["pat@example.org"]))]
#[case::complained(complaint("abuse", "pat@example.org"))]
#[case::not_spam(complaint("not-spam", "pat@example.org"))]
#[tokio::test]
async fn event_of_a_sent_mail_marks_its_notice_sent(#[case] event: Value) {
    let world = world().await;
    for _ in 0..2 {
        deliver(&world, &event).await.unwrap();
        let notice = notice(&world).await;
        assert_eq!(notice.state, MailState::Sent);
        assert_eq!(
            notice.message_id.as_deref(),
            Some("0100019aa7c191be-e9aedb9a-000000")
        );
    }
}

#[rstest]
#[case::rejected(rejection("Bad content"))]
#[case::unknown_reason(rejection("canary@example.org"))]
#[case::not_rendered(ses_event("Email Rendering Failed", json!({"failure": {"errorMessage": "canary"}})))]
#[tokio::test]
async fn event_of_an_unsent_mail_fails_its_notice_and_alerts_once(#[case] event: Value) {
    let world = world().await;
    for _ in 0..2 {
        deliver(&world, &event).await.unwrap();
    }
    let notice = notice(&world).await;
    assert_eq!(notice.state, MailState::Failed);
    assert!(!notice.reason.unwrap().contains("canary"));
    assert!(matches!(
        &alerts(&world).await[..],
        [Alert::NoNotice {
            state: MailState::Failed,
            ..
        }]
    ));
    assert_eq!(world.published("MailsRejected"), [(1, vec![]), (1, vec![])]);
    assert_eq!(
        world.published("NoticesGivenUp"),
        [(1, vec![]), (0, vec![])]
    );
}

#[tokio::test]
async fn order_of_events_does_not_matter() {
    let sent = ses_event("Email Sent", json!({"send": {}}));
    for order in [
        [sent.clone(), rejection("Bad content")],
        [rejection("Bad content"), sent],
    ] {
        let world = world().await;
        for event in &order {
            deliver(&world, event).await.unwrap();
        }
        assert_eq!(notice(&world).await.state, MailState::Failed);
    }
}

#[rstest]
#[case::bounced(bounce("Permanent", &["PAT@example.org"]), StopReason::Bounced)]
#[case::complained(complaint("abuse", "pat@example.org"), StopReason::Complained)]
#[case::account_suppression_list(
    suppressed("Permanent", "OnAccountSuppressionList"),
    StopReason::Suppressed
)]
#[case::ses_suppression_list(suppressed("Permanent", "Suppressed"), StopReason::Suppressed)]
#[case::suppressed_of_any_type(
    suppressed("Undetermined", "OnAccountSuppressionList"),
    StopReason::Suppressed
)]
#[tokio::test]
async fn unreachable_or_complaining_recipient_is_stopped(
    #[case] event: Value,
    #[case] why: StopReason,
) {
    let world = world().await;
    for _ in 0..2 {
        deliver(&world, &event).await.unwrap();
    }
    let stopped = conrad(&world).await.stopped;
    assert_eq!(stopped.len(), 1);
    assert_eq!(stopped[0].address.as_str(), "pat@example.org");
    assert_eq!(stopped[0].complained, why == StopReason::Complained);
    assert!(matches!(
        alerts(&world).await[..],
        [Alert::RecipientStopped { number: 1, reason, .. }] if reason == why
    ));
    assert_eq!(notice(&world).await.state, MailState::Sent);
}

#[rstest]
#[case::transient(bounce("Transient", &["pat@example.org"]), "MailsBounced", vec!["transient".to_owned()])]
#[case::undetermined(bounce("Undetermined", &["pat@example.org"]), "MailsBounced", vec!["undetermined".to_owned()])]
#[case::delivered(delivery(), "MailsDelivered", vec![])]
#[tokio::test]
async fn temporary_bounces_and_deliveries_are_only_counted(
    #[case] event: Value,
    #[case] metric: &str,
    #[case] dimensions: Vec<String>,
) {
    let world = world().await;
    deliver(&world, &event).await.unwrap();
    let [(count, published)] = &world.published(metric)[..] else {
        panic!("{:?}", world.published(metric));
    };
    assert!(*count > 0);
    assert_eq!(*published, dimensions);
    assert!(conrad(&world).await.stopped.is_empty());
    assert!(alerts(&world).await.is_empty());
}

#[tokio::test]
async fn mail_marked_as_not_spam_is_not_a_complaint() {
    let world = world().await;
    let event = complaint("not-spam", "pat@example.org");
    deliver(&world, &event).await.unwrap();
    assert!(conrad(&world).await.stopped.is_empty());
    assert!(world.published("MailsComplained").is_empty());
}

#[tokio::test]
async fn bounce_of_a_forwarded_mail_stops_its_only_recipient() {
    let elsewhere = ["canary@elsewhere.example"];
    for (destination, stopped) in [
        (json!(["pat@example.org"]), 1),
        // With two recipients, it is unknown who forwarded it.
        (json!(["pat@example.org", "canary-sam@example.org"]), 0),
    ] {
        let world = world().await;
        let mut event = bounce("Permanent", &elsewhere);
        event["detail"]["mail"]["destination"] = destination;
        deliver(&world, &event).await.unwrap();
        assert_eq!(conrad(&world).await.stopped.len(), stopped);
    }
}

#[rstest]
#[case::notice("date", json!(["2026-11-20"]))]
#[case::family("family", json!(["nobody"]))]
#[case::kind("kind", json!(["picture"]))]
#[tokio::test]
async fn missing_notice_or_family_is_not_an_error(#[case] tag: &str, #[case] value: Value) {
    let world = world().await;
    for mut event in [
        delivery(),
        rejection("Bad content"),
        bounce("Permanent", &["pat@example.org"]),
    ] {
        event["detail"]["mail"]["tags"][tag] = value.clone();
        deliver(&world, &event).await.unwrap();
    }
    assert_eq!(notice(&world).await.state, MailState::Sending);
    // A complaint may come long after the notice was deleted.
    assert_eq!(
        conrad(&world).await.stopped.len(),
        usize::from(tag != "family")
    );
}

#[tokio::test]
async fn unrelated_event_is_ignored_and_malformed_one_fails() {
    let world = world().await;
    for other in [
        json!({"label": "all"}),
        ses_event("Email Opened", json!({})),
    ] {
        deliver(&world, &other).await.unwrap();
    }
    let malformed = ses_event("Email Bounced", json!({}));
    let error = deliver(&world, &malformed).await.unwrap_err();
    assert_eq!(error.name(), "MailEvent");
    // A malformed event finalises nothing.
    assert_eq!(notice(&world).await.state, MailState::Sending);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn personal_data_is_never_logged_published_or_stored() {
    let world = world().await;
    let (lines, errors) = (Lines::default(), &mut String::new());
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut events = vec![
        delivery(),
        bounce(
            "Permanent",
            &[
                "canary-sam@example.org",
                "canary",
                "canary@elsewhere.example",
            ],
        ),
        bounce("Transient", &["canary-sam@example.org"]),
        bounce("canary@example.org", &["canary-sam@example.org"]),
        complaint("canary", "canary-sam@example.org"),
        rejection("canary@example.org"),
        json!("canary@example.org"),
        ses_event("canary@example.org", json!({})),
    ];
    for tag in ["kind", "family", "date", "fence", "messageId"] {
        let mut event = delivery();
        let mail = &mut event["detail"]["mail"];
        mail["tags"][tag] = json!(["canary@example.org"]);
        mail["messageId"] = json!("canary@example.org");
        event["id"] = json!("canary@example.org");
        events.push(event);
    }
    for event in &events {
        if let Err(error) = deliver(&world, event).await {
            errors.push_str(&format!("{error} {error:?} "));
        }
    }
    drop(guard);
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let outputs = [
        log,
        errors.clone(),
        world.lines(),
        format!("{:?} {:?}", notice(&world).await, alerts(&world).await),
    ];
    for text in outputs {
        assert!(!text.is_empty());
        assert!(!text.contains("canary"), "{text}");
        assert!(!text.contains('@'), "{text}");
    }
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let world = world().await;
    deliver(&world, &dry_run::event()).await.unwrap();
    assert_eq!(notice(&world).await.state, MailState::Sending);
    assert_eq!(world.lines(), "");
}
