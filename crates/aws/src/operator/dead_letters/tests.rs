use std::sync::{Arc, Mutex};

use aws_sdk_sqs::types::MessageAttributeValue;
use axum::http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::operator::stack::QueuePair;
use crate::testing::{config, fake};

const VISIT: &str = r#"{"library":"wpl","cards":[{"family":"conrad","card":"01KAK3V6ZB9V0S7YQJ4M2N8R5T"}],
"planned_at":"2026-11-21T10:00:00Z","run":{"job":"check-cards","label":"all","scheduled_time":"2026-11-21T10:00:00Z"}}"#;

fn outputs(url: &str) -> Outputs {
    let pair = |name: &str| QueuePair {
        queue: format!("{url}/1/{name}"),
        dead_letters: format!("{url}/1/dead-{name}"),
    };
    Outputs {
        table: "table".into(),
        key_parameter: "/key".into(),
        public_key_parameter: "/public-key".into(),
        fingerprint_key_parameter: "/fingerprint-key".into(),
        visits: pair("visits.fifo"),
        notices: pair("notices"),
        schedule_dead_letters: format!("{url}/1/dead-schedules"),
        job_dead_letters: format!("{url}/1/dead-jobs"),
        check_cards: "hippo-CheckCards-1".into(),
        jobs: [(
            hippo_core::run::JobName::PICTURE_OF_THE_DAY,
            "hippo-PictureOfTheDay-1".into(),
        )]
        .into(),
        has_picture_source: true,
        check_card: "hippo-CheckCard-1".into(),
        notify_all: "hippo-NotifyAll-1".into(),
        notify_family: "hippo-NotifyFamily-1".into(),
        schedule_group: String::new(),
        schedules: Vec::new(),
        alarm_topic: None,
        mail_events: "hippo-MailEvents-1".into(),
        mail_from: "hippo@example.org".parse().unwrap(),
        operator_email: None,
        contact: None,
        web_url: None,
        web: None,
        configuration_set: "set".into(),
        timezone: chrono_tz::UTC,
    }
}

fn message(body: &str, attributes: &[(&str, &str)]) -> Message {
    let mut message = Message::builder().body(body);
    for (name, value) in attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(*value)
            .build()
            .unwrap();
        message = message.message_attributes(*name, value);
    }
    message.build()
}

#[test]
fn visit_returns_to_its_library_group() {
    let letter = DeadLetter::read(DeadLetterQueue::Visits, &message(VISIT, &[]), &outputs(""));
    assert_eq!(
        letter.description,
        "a visit of 1 card at wpl, of check-cards/all/2026-11-21T10:00:00Z"
    );
    assert_eq!(
        letter.action,
        Ok(Action::Send {
            queue: "/1/visits.fifo".into(),
            body: VISIT.into(),
            group: Some("wpl".into())
        })
    );
}

#[test]
fn notice_returns_to_its_queue() {
    let body = r#"{"kind":"daily","family":"conrad","date":"2026-11-21","run":{"job":"notify-all","label":"tick","scheduled_time":"2026-11-21T11:30:00Z"}}"#;
    let letter = DeadLetter::read(DeadLetterQueue::Notices, &message(body, &[]), &outputs(""));
    assert_eq!(
        letter.description,
        "the daily email of conrad for 2026-11-21"
    );
    assert!(matches!(
        letter.action,
        Ok(Action::Send { group: None, .. })
    ));
}

#[test]
fn undelivered_schedule_starts_with_its_scheduled_time() {
    let body =
        r#"{"label":"failed","scheduled_time":"<aws.scheduler.scheduled-time>","scope":"failed"}"#;
    let arn = "arn:aws:lambda:ca-central-1:1:function:hippo-CheckCards-1";
    let attributes = [
        ("SCHEDULED_TIME", "2026-11-21T10:30:00Z"),
        ("TARGET_ARN", arn),
    ];
    let letter = DeadLetter::read(
        DeadLetterQueue::Schedules,
        &message(body, &attributes),
        &outputs(""),
    );
    assert_eq!(letter.description, "a start of check-cards (failed)");
    let Ok(Action::Call { function, event }) = letter.action else {
        panic!("expected a call");
    };
    assert_eq!(function, "hippo-CheckCards-1");
    assert_eq!(event["scheduled_time"], "2026-11-21T10:30:00Z");
    assert_eq!(event["replayed"], true);
}

#[test]
fn failed_invocation_starts_again_with_its_payload() {
    let body = json!({
        "version": "1.0",
        "requestContext": {"functionArn": "arn:aws:lambda:ca-central-1:1:function:hippo-NotifyAll-1:$LATEST",
            "condition": "RetriesExhausted"},
        "requestPayload": {"label": "tick", "scheduled_time": "2026-11-21T10:30:00Z"},
        "responsePayload": {"errorMessage": "away"},
    });
    let letter = DeadLetter::read(
        DeadLetterQueue::Jobs,
        &message(&body.to_string(), &[]),
        &outputs(""),
    );
    assert_eq!(letter.description, "a start of notify-all (tick)");
    let Ok(Action::Call { function, event }) = letter.action else {
        panic!("expected a call");
    };
    assert_eq!(
        (function.as_str(), &event["label"]),
        ("hippo-NotifyAll-1", &json!("tick"))
    );
}

#[test]
fn failed_start_of_another_job_starts_again_without_a_deadline() {
    let body = json!({
        "requestContext": {"functionArn": "arn:aws:lambda:ca-central-1:1:function:hippo-PictureOfTheDay-1:$LATEST"},
        "requestPayload": {"label": "picture", "scheduled_time": "2026-11-21T10:30:00Z"},
    });
    let letter = DeadLetter::read(
        DeadLetterQueue::Jobs,
        &message(&body.to_string(), &[]),
        &outputs(""),
    );
    assert_eq!(
        letter.description,
        "a start of picture-of-the-day (picture)"
    );
    let Ok(Action::Call { function, event }) = letter.action else {
        panic!("expected a call");
    };
    assert_eq!(function, "hippo-PictureOfTheDay-1");
    assert_eq!(event["replayed"], true);
}

/// Its description must not contain any of its content, which has addresses.
#[test]
fn mail_event_returns_to_its_function_from_either_queue() {
    let event = json!({"source": "aws.ses", "detail-type": "canary", "detail": {"mail": {"destination": ["canary"]}}});
    let arn = "arn:aws:lambda:ca-central-1:1:function:hippo-MailEvents-1";
    let record = json!({"requestContext": {"functionArn": arn}, "requestPayload": event});
    let undelivered = message(
        &event.to_string(),
        &[("TARGET_ARN", arn), ("ERROR_CODE", "THROTTLING")],
    );
    for (queue, message) in [
        (DeadLetterQueue::Schedules, undelivered),
        (DeadLetterQueue::Jobs, message(&record.to_string(), &[])),
    ] {
        let letter = DeadLetter::read(queue, &message, &outputs(""));
        assert_eq!(letter.description, "an event of the mail service");
        let function = "hippo-MailEvents-1".to_owned();
        let event = event.clone();
        assert_eq!(letter.action, Ok(Action::Call { function, event }));
    }
}

#[rstest]
#[case(
    DeadLetterQueue::Visits,
    r#"{"library":"wpl"}"#,
    "It isn't a visit: missing field"
)]
#[case(DeadLetterQueue::Notices, "hello", "isn't a mail")]
#[case(
    DeadLetterQueue::Schedules,
    r#"{"label":"all"}"#,
    "a function that this stack doesn't have"
)]
#[case(DeadLetterQueue::Jobs, r#"{"label":"all"}"#, "no requestPayload")]
fn unreadable_letter_has_a_reason(
    #[case] queue: DeadLetterQueue,
    #[case] body: &str,
    #[case] why: &str,
) {
    let letter = DeadLetter::read(queue, &message(body, &[]), &outputs(""));
    let reason = letter.action.unwrap_err();
    assert!(reason.contains(why), "{reason}");
}

/// A queue that returns these letters once, and accepts messages.
struct Sqs {
    url: String,
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    _fake: crate::testing::Fake,
}

/// A queue with these letters. It refuses the actions `refused`: `send` or `delete`.
async fn sqs_with(letters: &[&str], refused: &'static [&'static str]) -> Sqs {
    let requests: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let kept = requests.clone();
    let letters: Vec<Value> = letters
        .iter()
        .enumerate()
        .map(|(index, body)| {
            json!({"MessageId": format!("m{index}"), "ReceiptHandle": format!("r{index}"), "Body": body,
                "MD5OfBody": ""})
        })
        .collect();
    let fake = fake(move |_, body| {
        let asked: Value = serde_json::from_slice(body).unwrap();
        let (action, answer) = if asked.get("MaxNumberOfMessages").is_some() {
            let is_first = !kept
                .lock()
                .unwrap()
                .iter()
                .any(|(action, _)| action == "receive");
            let messages = if is_first { letters.clone() } else { vec![] };
            ("receive", json!({"Messages": messages}))
        } else if asked.get("MessageBody").is_some() {
            ("send", json!({"MessageId": "new"}))
        } else if asked.get("VisibilityTimeout").is_some() {
            ("show", json!({}))
        } else {
            ("delete", json!({}))
        };
        kept.lock().unwrap().push((action.to_owned(), asked));
        if refused.contains(&action) {
            let error = json!({"__type": "QueueDoesNotExist", "message": "gone"});
            return (StatusCode::BAD_REQUEST, error.to_string());
        }
        (StatusCode::OK, answer.to_string())
    })
    .await;
    Sqs {
        url: fake.url.clone(),
        requests,
        _fake: fake,
    }
}

impl Sqs {
    async fn replay(
        &self,
        queue: DeadLetterQueue,
        options: ReplayOptions,
    ) -> Vec<(String, ReplayOutcome)> {
        let reports = self.replay_with_reports(queue, options).await;
        let outcomes = reports.into_iter();
        outcomes
            .map(|letter| (letter.message, letter.outcome))
            .collect()
    }

    async fn replay_with_reports(
        &self,
        queue: DeadLetterQueue,
        options: ReplayOptions,
    ) -> Vec<LetterReport> {
        let outputs = outputs(&self.url);
        let letters = DeadLetters::new(&config(&self.url), &outputs);
        let mut reports = Vec::new();
        let report_letter = &mut |letter: LetterReport| reports.push(letter);
        assert_eq!(
            letters.replay(queue, options, report_letter).await.unwrap(),
            0
        );
        reports
    }

    fn requests(&self, action: &str) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        let matching = requests.iter().filter(|(name, _)| name == action);
        matching.map(|(_, body)| body.clone()).collect()
    }
}

#[tokio::test]
async fn letter_is_put_back_then_deleted_and_unreadable_one_stays() {
    let sqs = sqs_with(&[VISIT, "{}"], &[]).await;
    let outcomes = sqs
        .replay(DeadLetterQueue::Visits, ReplayOptions::default())
        .await;
    assert_eq!(
        outcomes,
        [
            ("m0".into(), ReplayOutcome::Replayed),
            ("m1".into(), ReplayOutcome::Unreadable)
        ]
    );
    let sent = sqs.requests("send");
    assert_eq!((sent.len(), &sent[0]["MessageGroupId"]), (1, &json!("wpl")));
    assert_eq!(sqs.requests("delete")[0]["ReceiptHandle"], "r0");
    assert_eq!(sqs.requests("delete").len(), 1);
    assert_eq!(sqs.requests("show")[0]["ReceiptHandle"], "r1");
}

#[tokio::test]
async fn each_replay_has_its_own_deduplication_id() {
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let sqs = sqs_with(&[VISIT], &[]).await;
        sqs.replay(DeadLetterQueue::Visits, ReplayOptions::default())
            .await;
        ids.insert(sqs.requests("send")[0]["MessageDeduplicationId"].to_string());
    }
    assert_eq!(
        ids.len(),
        2,
        "SQS would drop the second within five minutes"
    );
}

#[tokio::test]
async fn dry_run_changes_nothing() {
    let sqs = sqs_with(&[VISIT], &[]).await;
    let options = ReplayOptions {
        dry_run: true,
        discard_unreadable: true,
    };
    let outcomes = sqs.replay(DeadLetterQueue::Visits, options).await;
    assert_eq!(outcomes, [("m0".into(), ReplayOutcome::Waiting)]);
    assert!(sqs.requests("send").is_empty() && sqs.requests("delete").is_empty());
}

#[tokio::test]
async fn letter_that_cannot_be_put_back_stays() {
    let sqs = sqs_with(&[VISIT], &["send"]).await;
    let outcomes = sqs
        .replay(DeadLetterQueue::Visits, ReplayOptions::default())
        .await;
    assert_eq!(outcomes, [("m0".into(), ReplayOutcome::Failed)]);
    assert!(sqs.requests("delete").is_empty());
}

#[tokio::test]
async fn unreadable_letter_is_deleted_only_on_request() {
    let sqs = sqs_with(&["{}"], &[]).await;
    let options = ReplayOptions {
        dry_run: false,
        discard_unreadable: true,
    };
    let outcomes = sqs.replay(DeadLetterQueue::Notices, options).await;
    assert_eq!(outcomes, [("m0".into(), ReplayOutcome::Discarded)]);
    assert_eq!(sqs.requests("delete").len(), 1);
}

#[rstest]
#[case::unreadable("{}", "Couldn't delete it: ")]
#[case::put_back(VISIT, "It was put back, but is still a dead letter: ")]
#[tokio::test]
async fn failed_delete_says_whether_the_letter_was_put_back(
    #[case] body: &str,
    #[case] expected: &str,
) {
    let sqs = sqs_with(&[body], &["delete"]).await;
    let options = ReplayOptions {
        dry_run: false,
        discard_unreadable: true,
    };
    let reports = sqs
        .replay_with_reports(DeadLetterQueue::Visits, options)
        .await;
    let reason = reports[0].reason.as_deref().unwrap();
    assert_eq!(reports[0].outcome, ReplayOutcome::Failed);
    assert!(reason.starts_with(expected), "{reason}");
    let was_sent = !sqs.requests("send").is_empty();
    assert_eq!(was_sent, body == VISIT);
}

/// One message group of a FIFO queue. SQS returns its first ten, and nothing while one is hidden.
struct Group {
    url: String,
    letters: Arc<Mutex<Vec<GroupLetter>>>,
    _fake: crate::testing::Fake,
}

struct GroupLetter {
    id: String,
    body: String,
    is_hidden: bool,
}

impl Group {
    /// A group with these letters, `m0` first. If `sent_dies`, every sent message becomes a dead letter.
    async fn with(bodies: &[String], sent_dies: bool) -> Self {
        let letter = |(index, body): (usize, &String)| GroupLetter {
            id: format!("m{index}"),
            body: body.clone(),
            is_hidden: false,
        };
        let letters: Arc<Mutex<Vec<GroupLetter>>> =
            Arc::new(Mutex::new(bodies.iter().enumerate().map(letter).collect()));
        let (kept, sent) = (letters.clone(), Mutex::new(0));
        let fake = fake(move |_, body| {
            let asked: Value = serde_json::from_slice(body).unwrap();
            let mut letters = kept.lock().unwrap();
            let is_receipt = |letter: &GroupLetter| asked["ReceiptHandle"] == letter.id.as_str();
            let answer = if asked.get("MaxNumberOfMessages").is_some() {
                let is_blocked = letters.iter().any(|letter| letter.is_hidden);
                let given = letters.iter_mut().take(if is_blocked { 0 } else { 10 });
                let given: Vec<Value> = given
                    .map(|letter| {
                        letter.is_hidden = true;
                        json!({"MessageId": letter.id, "ReceiptHandle": letter.id, "Body": letter.body})
                    })
                    .collect();
                json!({ "Messages": given })
            } else if let Some(body) = asked.get("MessageBody") {
                let mut sent = sent.lock().unwrap();
                *sent += 1;
                let id = format!("sent{sent}");
                if sent_dies {
                    letters.push(GroupLetter {
                        id: id.clone(),
                        body: body.as_str().unwrap().to_owned(),
                        is_hidden: false,
                    });
                }
                json!({ "MessageId": id })
            } else if asked.get("AttributeNames").is_some() {
                let (hidden, visible): (Vec<_>, Vec<_>) =
                    letters.iter().partition(|letter| letter.is_hidden);
                json!({"Attributes": {
                    "ApproximateNumberOfMessages": visible.len().to_string(),
                    "ApproximateNumberOfMessagesNotVisible": hidden.len().to_string(),
                }})
            } else if asked.get("VisibilityTimeout").is_some() {
                for letter in letters.iter_mut().filter(|letter| is_receipt(letter)) {
                    letter.is_hidden = false;
                }
                json!({})
            } else {
                letters.retain(|letter| !is_receipt(letter));
                json!({})
            };
            (StatusCode::OK, answer.to_string())
        })
        .await;
        Self {
            url: fake.url.clone(),
            letters,
            _fake: fake,
        }
    }

    /// Replays the letters. Returns the outcomes, and how many letters are hidden behind them.
    async fn replay(&self, options: ReplayOptions) -> (Vec<(String, ReplayOutcome)>, usize) {
        let outputs = outputs(&self.url);
        let letters = DeadLetters::new(&config(&self.url), &outputs);
        let mut outcomes = Vec::new();
        let report_letter =
            &mut |letter: LetterReport| outcomes.push((letter.message, letter.outcome));
        let behind = letters
            .replay(DeadLetterQueue::Visits, options, report_letter)
            .await
            .unwrap();
        (outcomes, behind)
    }

    fn ids(&self) -> Vec<String> {
        let letters = self.letters.lock().unwrap();
        assert!(letters.iter().all(|letter| !letter.is_hidden));
        letters.iter().map(|letter| letter.id.clone()).collect()
    }
}

fn visits(count: usize) -> Vec<String> {
    vec![VISIT.to_owned(); count]
}

#[rstest]
#[case::first(0)]
#[case::last_of_a_response(9)]
#[case::last(24)]
#[tokio::test]
async fn replay_continues_past_a_letter_that_stays(#[case] at: usize) {
    let mut bodies = visits(25);
    bodies[at] = "{}".to_owned();
    let group = Group::with(&bodies, false).await;
    let (outcomes, behind) = group.replay(ReplayOptions::default()).await;
    let replayed = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == ReplayOutcome::Replayed);
    assert_eq!((outcomes.len(), replayed.count(), behind), (25, 24, 0));
    assert_eq!(group.ids(), [format!("m{at}")]);
}

#[tokio::test]
async fn letters_hidden_behind_ten_that_stay_are_counted() {
    let group = Group::with(&visits(25), false).await;
    let options = ReplayOptions {
        dry_run: true,
        ..ReplayOptions::default()
    };
    let (outcomes, behind) = group.replay(options).await;
    assert_eq!((outcomes.len(), behind), (10, 15));
    assert_eq!(group.ids().len(), 25);
}

#[tokio::test]
async fn letters_that_fail_again_stay_and_end_the_replay() {
    let group = Group::with(&visits(12), true).await;
    let (outcomes, behind) = group.replay(ReplayOptions::default()).await;
    let count = |outcome| outcomes.iter().filter(|(_, of)| *of == outcome).count();
    assert_eq!(
        (
            count(ReplayOutcome::Replayed),
            count(ReplayOutcome::DeadAgain)
        ),
        (12, 10)
    );
    assert_eq!(behind, 2);
    assert_eq!(group.ids().len(), 12);
}
