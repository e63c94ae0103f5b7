use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use hippo_core::card::CardKey;
use hippo_core::ids::CardId;
use hippo_core::run::{JobName, RunKey};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Fake, config, fake};

fn visit(library: &str, cards: usize) -> Visit {
    Visit {
        library: library.parse().unwrap(),
        cards: (0..cards)
            .map(|_| CardKey {
                family: "conrad".parse().unwrap(),
                card: CardId::generate(),
            })
            .collect(),
        planned_at: "2026-11-21T10:00:00Z".parse().unwrap(),
        run: RunKey {
            job: JobName::CHECK_CARDS,
            label: "all".parse().unwrap(),
            scheduled_time: "2026-11-21T10:00:00Z".parse().unwrap(),
        },
    }
}

fn visits(fake: &Fake) -> SqsVisitQueue {
    let client = crate::clients::sqs_client(&config(&fake.url));
    SqsVisitQueue::new(client, format!("{}/1/visits.fifo", fake.url))
        .with_first_retry_delay(Duration::from_millis(1))
}

/// The entries that the fake SQS accepted.
type Accepted = Arc<Mutex<Vec<Value>>>;

/// Accepts entries unless `refuse` returns an error code and whether it is the sender's fault.
async fn sqs(
    refuse: impl Fn(usize, &Value) -> Option<(&'static str, bool)> + Send + Sync + 'static,
) -> (Fake, Accepted) {
    let accepted = Accepted::default();
    let kept = accepted.clone();
    let fake = fake(move |number, body| {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in asked["Entries"].as_array().unwrap() {
            match refuse(number, entry) {
                Some((code, senders)) => failed.push(json!({
                    "Id": entry["Id"], "Code": code, "SenderFault": senders, "Message": "not now",
                })),
                None => {
                    kept.lock().unwrap().push(entry.clone());
                    successful.push(json!({
                        "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": md5(entry),
                    }));
                }
            }
        }
        let answer = json!({"Successful": successful, "Failed": failed});
        (StatusCode::OK, answer.to_string())
    })
    .await;
    (fake, accepted)
}

/// Any checksum will do: the SDK doesn't check it for batches.
fn md5(_: &Value) -> &'static str {
    "00000000000000000000000000000000"
}

#[tokio::test]
async fn visits_are_sent_in_batches_of_ten_grouped_by_library() {
    let (fake, accepted) = sqs(|_, _| None).await;
    let sent: Vec<Visit> = (0..23)
        .map(|n| visit(if n % 2 == 0 { "wpl" } else { "kpl" }, 2))
        .collect();
    visits(&fake).send(&sent).await.unwrap();
    assert_eq!(fake.bodies().len(), 3);
    let accepted = accepted.lock().unwrap();
    let mut bodies = BTreeMap::new();
    for entry in accepted.iter() {
        let body: Visit = serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap();
        assert_eq!(entry["MessageGroupId"], body.library.as_str());
        let deduplication = entry["MessageDeduplicationId"].as_str().unwrap();
        bodies.insert(deduplication.to_owned(), body);
    }
    assert_eq!(bodies.len(), 23);
    assert!(
        sent.iter()
            .all(|visit| bodies.values().any(|body| body == visit))
    );
}

#[tokio::test]
async fn deduplication_id_depends_on_run_and_cards() {
    let one = visit("wpl", 2);
    let again = Visit {
        planned_at: "2026-11-21T10:03:00Z".parse().unwrap(),
        ..one.clone()
    };
    assert_eq!(deduplication_id(&one), deduplication_id(&again));
    let mut other_run = one.clone();
    other_run.run.label = "failed".parse().unwrap();
    let mut fewer = one.clone();
    fewer.cards.pop();
    let ids: BTreeSet<String> = [&one, &other_run, &fewer].map(deduplication_id).into();
    assert_eq!(ids.len(), 3);
    // SQS allows 1 to 128 letters, digits and punctuation marks.
    assert!(ids.iter().all(|id| id.len() == 64));
}

#[tokio::test]
async fn only_refused_entries_are_retried() {
    // The first two entries of the batch are throttled twice.
    let (fake, accepted) = sqs(|number, entry| {
        let throttled = ["0", "1"].contains(&entry["Id"].as_str().unwrap());
        (number < 2 && throttled).then_some(("ThrottlingException", false))
    })
    .await;
    let sent: Vec<Visit> = (0..10).map(|_| visit("wpl", 1)).collect();
    visits(&fake).send(&sent).await.unwrap();
    assert_eq!(accepted.lock().unwrap().len(), 10);
    let sizes: Vec<usize> = fake
        .bodies()
        .iter()
        .map(|body| {
            let asked: Value = serde_json::from_slice(body).unwrap();
            asked["Entries"].as_array().unwrap().len()
        })
        .collect();
    assert_eq!(sizes, [10, 2, 2]);
}

#[tokio::test]
async fn entry_refused_every_time_fails_and_the_rest_is_sent() {
    let (fake, accepted) =
        sqs(|_, entry| (entry["MessageGroupId"] == "kpl").then_some(("InternalError", false)))
            .await;
    let sent: Vec<Visit> = (0..30)
        .map(|n| visit(if n == 13 { "kpl" } else { "wpl" }, 1))
        .collect();
    let error = visits(&fake).send(&sent).await.unwrap_err();
    assert_eq!((error.unsent, error.asked), (1, 30));
    assert!(error.reason.contains("InternalError"), "{error}");
    assert_eq!(accepted.lock().unwrap().len(), 29);
    assert_eq!(fake.bodies().len(), 2 + MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn sender_fault_is_not_retried() {
    let (fake, _) = sqs(|_, _| Some(("InvalidMessageContents", true))).await;
    let error = visits(&fake).send(&[visit("wpl", 1)]).await.unwrap_err();
    assert!(error.reason.contains("InvalidMessageContents"), "{error}");
    assert_eq!(fake.bodies().len(), 1);
}

#[tokio::test]
async fn missing_queue_is_named_in_the_error() {
    let fake = fake(|_, _| {
        let answer =
            json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"});
        (StatusCode::BAD_REQUEST, answer.to_string())
    })
    .await;
    let client = crate::clients::sqs_client(&config(&fake.url));
    let queue = SqsMailQueue::new(client, format!("{}/1/notices", fake.url));
    let notices: Vec<MailKey> = (1..=12)
        .map(|day| {
            let date = format!("2026-11-{day:02}").parse().unwrap();
            MailKey::daily("conrad".parse().unwrap(), date)
        })
        .collect();
    let run = "notify-all/tick/2026-11-21T11:30:00Z".parse().unwrap();
    let error = queue.send(&run, &notices).await.unwrap_err();
    assert_eq!((error.unsent, error.asked), (12, 12));
    assert!(error.reason.contains("no such queue"), "{error}");
    let asked: Value = serde_json::from_slice(&fake.bodies()[0]).unwrap();
    let first = &asked["Entries"][0];
    assert_eq!(
        first["MessageBody"],
        r#"{"kind":"daily","family":"conrad","date":"2026-11-01","run":{"job":"notify-all","label":"tick","scheduled_time":"2026-11-21T11:30:00Z"}}"#
    );
    assert!(first.get("MessageGroupId").is_none());
}
