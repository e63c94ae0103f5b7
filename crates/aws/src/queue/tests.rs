use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use hippo_core::card::CardKey;
use hippo_core::ids::CardId;
use hippo_core::run::{Job, RunKey};
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
            job: Job::CheckCards,
            label: "all".parse().unwrap(),
            scheduled_time: "2026-11-21T10:00:00Z".parse().unwrap(),
        },
    }
}

fn visits(fake: &Fake) -> SqsVisitQueue {
    let client = crate::clients::sqs(&config(&fake.url));
    SqsVisitQueue::new(client, format!("{}/1/visits.fifo", fake.url))
        .first_wait(Duration::from_millis(1))
}

/// Takes entries unless `refuse` says why not (the code, and whether it is the sender's fault);
/// keeps every entry that it took.
type Taken = Arc<Mutex<Vec<Value>>>;

async fn sqs(
    refuse: impl Fn(usize, &Value) -> Option<(&'static str, bool)> + Send + Sync + 'static,
) -> (Fake, Taken) {
    let taken = Taken::default();
    let kept = taken.clone();
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
    (fake, taken)
}

/// The SDK does not look at it for batches.
fn md5(_: &Value) -> &'static str {
    "00000000000000000000000000000000"
}

#[tokio::test]
async fn visits_go_out_ten_at_a_time_grouped_by_library() {
    let (fake, taken) = sqs(|_, _| None).await;
    let sent: Vec<Visit> = (0..23)
        .map(|n| visit(if n % 2 == 0 { "wpl" } else { "kpl" }, 2))
        .collect();
    visits(&fake).send(&sent).await.unwrap();
    assert_eq!(fake.bodies().len(), 3);
    let taken = taken.lock().unwrap();
    let mut bodies = BTreeMap::new();
    for entry in taken.iter() {
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
async fn the_same_visit_of_the_same_run_is_the_same_message_and_another_is_not() {
    let one = visit("wpl", 2);
    let again = Visit {
        planned_at: "2026-11-21T10:03:00Z".parse().unwrap(),
        ..one.clone()
    };
    assert_eq!(deduplication(&one), deduplication(&again));
    let mut other_run = one.clone();
    other_run.run.label = "failed".parse().unwrap();
    let mut fewer = one.clone();
    fewer.cards.pop();
    let ids: BTreeSet<String> = [&one, &other_run, &fewer].map(deduplication).into();
    assert_eq!(ids.len(), 3);
    // What SQS allows: 1 to 128 letters, digits and punctuation.
    assert!(ids.iter().all(|id| id.len() == 64));
}

#[tokio::test]
async fn entries_that_are_not_taken_are_sent_again_and_only_those() {
    // Of every batch, the first two entries are throttled the first two times.
    let (fake, taken) = sqs(|number, entry| {
        let throttled = ["0", "1"].contains(&entry["Id"].as_str().unwrap());
        (number < 2 && throttled).then_some(("ThrottlingException", false))
    })
    .await;
    let sent: Vec<Visit> = (0..10).map(|_| visit("wpl", 1)).collect();
    visits(&fake).send(&sent).await.unwrap();
    assert_eq!(taken.lock().unwrap().len(), 10);
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
async fn an_entry_that_is_never_taken_is_an_error_after_some_tries_and_the_rest_is_sent() {
    let (fake, taken) =
        sqs(|_, entry| (entry["MessageGroupId"] == "kpl").then_some(("InternalError", false)))
            .await;
    let sent: Vec<Visit> = (0..30)
        .map(|n| visit(if n == 13 { "kpl" } else { "wpl" }, 1))
        .collect();
    let error = visits(&fake).send(&sent).await.unwrap_err();
    assert_eq!((error.unsent, error.asked), (1, 30));
    assert!(error.reason.contains("InternalError"), "{error}");
    assert_eq!(taken.lock().unwrap().len(), 29);
    assert_eq!(fake.bodies().len(), 2 + MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn an_entry_that_is_our_fault_is_not_sent_again() {
    let (fake, _) = sqs(|_, _| Some(("InvalidMessageContents", true))).await;
    let error = visits(&fake).send(&[visit("wpl", 1)]).await.unwrap_err();
    assert!(error.reason.contains("InvalidMessageContents"), "{error}");
    assert_eq!(fake.bodies().len(), 1);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_an_error_that_says_so() {
    let fake = fake(|_, _| {
        let answer =
            json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"});
        (StatusCode::BAD_REQUEST, answer.to_string())
    })
    .await;
    let client = crate::clients::sqs(&config(&fake.url));
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
