//! Tests paging, limits and what a cursor leaves out, on a fake service.

use axum::body::Bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::testing::{Fake, config, config_without_credentials, fake};

const RUN: &str = "check-cards/all/2026-11-21T10:00:00Z";

fn time(seconds: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(seconds)
}

/// A line of a run, `seconds` after its scheduled time.
fn event(id: &str, seconds: i64) -> Value {
    let line = json!({"level": "INFO", "message": id, "run.id": RUN});
    json!({"eventId": id, "timestamp": time(seconds).timestamp_millis(), "message": line.to_string()})
}

fn page(events: &[Value], next: Option<&str>) -> String {
    json!({"events": events, "nextToken": next}).to_string()
}

fn query(run: &str) -> LogQuery {
    LogQuery {
        job: None,
        run: Some(run.parse().unwrap()),
        since: time(-3600),
        until: None,
    }
}

fn group(body: &Bytes) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["logGroupName"].as_str().unwrap().to_owned()
}

fn logs_of(config: &SdkConfig) -> FunctionLogs {
    let jobs = [JobName::CHECK_CARDS, JobName::NOTIFY_ALL];
    FunctionLogs::new(config, "hippo", jobs)
}

/// Whether a request searches for the lines with a run's id.
fn is_for_lines(body: &Bytes) -> bool {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["filterPattern"] != json!(r#""timeout""#)
        && body["filterPattern"] != json!(r#""errorType""#)
}

/// The requests that search for the lines with a run's id.
fn line_requests(fake: &Fake) -> Vec<Value> {
    let bodies = fake.bodies().into_iter().filter(is_for_lines);
    bodies
        .map(|body| serde_json::from_slice(&body).unwrap())
        .collect()
}

/// A service whose group of `check-cards` has these pages of lines, and whose other groups are empty.
async fn service(
    answer: impl Fn(&Value) -> String + Send + Sync + 'static,
) -> (Fake, FunctionLogs) {
    service_with_reports(answer, |_| page(&[], None)).await
}

/// A service whose group of `check-cards` has these pages of lines and of Lambda's reports, which both
/// searches for reports find.
async fn service_with_reports(
    lines: impl Fn(&Value) -> String + Send + Sync + 'static,
    reports: impl Fn(&Value) -> String + Send + Sync + 'static,
) -> (Fake, FunctionLogs) {
    let fake = fake(move |_, body| {
        let request: Value = serde_json::from_slice(body).unwrap();
        let answer = match group(body).as_str() {
            "/libraryhippo/hippo/check-cards" if is_for_lines(body) => lines(&request),
            "/libraryhippo/hippo/check-cards" => reports(&request),
            _ => page(&[], None),
        };
        (StatusCode::OK, answer)
    })
    .await;
    let logs = logs_of(&config(&fake.url));
    (fake, logs)
}

fn messages(batch: &LogBatch) -> Vec<&str> {
    batch
        .lines
        .iter()
        .map(|line| line.message.as_str())
        .collect()
}

#[tokio::test]
async fn every_page_is_read_and_lines_are_in_order() {
    let (fake, logs) = service(|request| match request["nextToken"].as_str() {
        None => page(&[event("b", 2)], Some("2")),
        // A page may be empty although more follow.
        Some("2") => page(&[], Some("3")),
        _ => page(&[event("c", 3), event("a", 1)], None),
    })
    .await;
    let batch = logs.read_new(&query(RUN), &mut LogCursor::default()).await;
    let batch = batch.unwrap();
    assert_eq!(messages(&batch), ["a", "b", "c"]);
    assert!(!batch.has_more);
    let requests = line_requests(&fake);
    let expected = json!({"logGroupName": "/libraryhippo/hippo/check-cards",
        "startTime": time(-3600).timestamp_millis(),
        "filterPattern": format!(r#""{RUN}""#)});
    assert_eq!(requests[0], expected);
    assert_eq!(requests.len(), 4, "three pages, and one of check-card");
    assert_eq!(
        fake.bodies().len(),
        4 + 4,
        "two searches for reports in each group"
    );
}

#[tokio::test]
async fn lines_of_another_run_are_left_out() {
    let (_fake, logs) = service(|_| page(&[event("a", 1)], None)).await;
    let other = query("check-cards/all/2026-11-21T10:00:01Z");
    let batch = logs.read_new(&other, &mut LogCursor::default()).await;
    assert_eq!(batch.unwrap(), LogBatch::default());
}

#[tokio::test]
async fn followed_log_shows_each_line_once_also_a_late_one() {
    let (fake, logs) = service(|request| {
        // Events since the requested time, in a minute in which a late one arrived.
        let since = request["startTime"].as_i64().unwrap();
        if since < time(0).timestamp_millis() {
            return page(&[event("a", 100), event("b", 130)], None);
        }
        assert_eq!(since, time(70).timestamp_millis());
        page(
            &[event("a", 100), event("late", 110), event("b", 130)],
            None,
        )
    })
    .await;
    let mut cursor = LogCursor::default();
    let query = query(RUN);
    let first = logs.read_new(&query, &mut cursor).await.unwrap();
    assert_eq!(messages(&first), ["a", "b"]);
    let second = logs.read_new(&query, &mut cursor).await.unwrap();
    assert_eq!(messages(&second), ["late"]);
    let third = logs.read_new(&query, &mut cursor).await.unwrap();
    assert_eq!(messages(&third), [""; 0]);
    assert_eq!(line_requests(&fake).len(), 6);
}

/// The number of the page that a request asks for.
fn number(request: &Value) -> usize {
    let token = request["nextToken"].as_str();
    token.map_or(0, |token| token.parse().unwrap())
}

#[tokio::test]
async fn read_stops_at_the_limit_and_the_next_one_goes_on_there() {
    let (fake, logs) = service(|request| match number(request) {
        number @ 0..=1 => {
            let events = vec![event(&format!("many {number}"), 5); MAX_EVENTS_PER_READ / 2];
            page(&events, Some(&(number + 1).to_string()))
        }
        _ => page(&[event("last", 5)], None),
    })
    .await;
    let mut cursor = LogCursor::default();
    let first = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
    assert_eq!(
        (first.lines.len(), first.has_more),
        (MAX_EVENTS_PER_READ, true)
    );
    assert_eq!(line_requests(&fake).len(), 3);
    // The events of the same moment on the next page aren't lost.
    let second = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
    assert_eq!((messages(&second), second.has_more), (vec!["last"], false));
    let mut requests = line_requests(&fake);
    requests[0]["nextToken"] = "2".into();
    assert_eq!(requests[3], requests[0]);
}

#[tokio::test]
async fn line_behind_hundreds_of_empty_pages_is_found_by_a_later_read() {
    const PAGES: usize = 2 * MAX_PAGES_PER_READ + 50;
    let (fake, logs) = service(|request| match number(request) {
        PAGES => page(&[event("late", 9)], None),
        number => page(&[], Some(&(number + 1).to_string())),
    })
    .await;
    let mut cursor = LogCursor::default();
    for _ in 0..2 {
        let batch = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
        assert_eq!((messages(&batch), batch.has_more), (Vec::new(), true));
    }
    let batch = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
    assert_eq!((messages(&batch), batch.has_more), (vec!["late"], false));
    assert_eq!(
        line_requests(&fake).len(),
        PAGES + 1 + 3,
        "and three of check-card"
    );
}

#[tokio::test]
async fn failed_read_resumes_at_its_page_and_drops_an_old_token() {
    let failure = std::sync::Arc::new(std::sync::Mutex::new(None::<&str>));
    let failing = failure.clone();
    let fake = fake(move |_, body| {
        let request: Value = serde_json::from_slice(body).unwrap();
        let asked = number(&request);
        if let Some(error) = failing
            .lock()
            .unwrap()
            .filter(|_| asked == MAX_PAGES_PER_READ + 5)
        {
            let body = json!({"__type": error, "message": "No."});
            return (StatusCode::BAD_REQUEST, body.to_string());
        }
        let next = (asked + 1).to_string();
        (StatusCode::OK, page(&[event(&next, 1)], Some(&next)))
    })
    .await;
    let logs = logs_of(&config(&fake.url));
    let query = LogQuery {
        job: Some(JobName::PICTURE_OF_THE_DAY),
        run: None,
        ..query(RUN)
    };
    let mut cursor = LogCursor::default();
    let first = logs.read_new(&query, &mut cursor).await.unwrap();
    assert_eq!(first.lines.len(), MAX_PAGES_PER_READ);
    *failure.lock().unwrap() = Some("AccessDeniedException");
    logs.read_new(&query, &mut cursor).await.unwrap_err();
    *failure.lock().unwrap() = None;
    let second = logs.read_new(&query, &mut cursor).await.unwrap();
    let pages = MAX_PAGES_PER_READ + 1..=2 * MAX_PAGES_PER_READ;
    let pages: Vec<String> = pages.map(|number| number.to_string()).collect();
    assert_eq!(messages(&second), pages);
    let last =
        |fake: &Fake| number(&serde_json::from_slice(fake.bodies().last().unwrap()).unwrap());
    assert_eq!(last(&fake), 2 * MAX_PAGES_PER_READ - 1);
    // The service no longer knows the token: it begins again, and shows nothing twice.
    cursor.groups.values_mut().for_each(|group| {
        let stopped_at = group.stopped_at.as_mut().unwrap();
        stopped_at.token = (MAX_PAGES_PER_READ + 5).to_string();
    });
    *failure.lock().unwrap() = Some("InvalidParameterException");
    logs.read_new(&query, &mut cursor).await.unwrap_err();
    *failure.lock().unwrap() = None;
    let third = logs.read_new(&query, &mut cursor).await.unwrap();
    assert_eq!((messages(&third), third.has_more), (Vec::new(), true));
    assert_eq!(last(&fake), MAX_PAGES_PER_READ - 1);
}

#[tokio::test]
async fn log_of_a_run_that_ended_is_read_to_its_end() {
    let (fake, logs) = service(|_| page(&[], None)).await;
    let query = LogQuery {
        until: Some(time(86_400)),
        ..query(RUN)
    };
    logs.read_new(&query, &mut LogCursor::default())
        .await
        .unwrap();
    for body in fake.bodies() {
        let request: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(request["endTime"], time(86_400).timestamp_millis());
    }
}

/// A line of an invocation for a run.
fn line_of(request: &str, run: &str, seconds: i64) -> Value {
    let spans = json!([{"requestId": request}, {"run.id": run}]);
    let line = json!({"level": "INFO", "message": request, "spans": spans});
    json!({"eventId": format!("{request} {run}"), "timestamp": time(seconds).timestamp_millis(),
        "message": line.to_string()})
}

/// Lambda's report that it ended an invocation.
fn timeout_of(request: &str, seconds: i64) -> Value {
    let record = json!({"requestId": request, "status": "timeout"});
    let line = json!({"type": "platform.report", "record": record});
    json!({"eventId": format!("end of {request}"), "timestamp": time(seconds).timestamp_millis(),
        "message": line.to_string()})
}

#[tokio::test]
async fn log_of_a_run_says_which_of_its_invocations_lambda_ended() {
    const OTHER: &str = "check-cards/all/2026-11-21T11:00:00Z";
    let (fake, logs) = service_with_reports(
        |request| match number(request) {
            0 => page(
                &[
                    line_of("ours", RUN, 1),
                    line_of("other", OTHER, 2),
                    // One invocation may work for two runs.
                    line_of("both", OTHER, 4),
                    line_of("both", RUN, 5),
                ],
                Some("1"),
            ),
            _ => page(&[], Some("1")),
        },
        |_| {
            let reports = [("other", 3), ("nobody", 3), ("both", 6)];
            page(&reports.map(|(id, at)| timeout_of(id, at)), None)
        },
    )
    .await;
    let mut cursor = LogCursor::default();
    let batch = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
    let ended = "Lambda ended the invocation: it ran out of time.";
    assert_eq!(messages(&batch), ["ours", "both", ended]);
    assert!(
        batch
            .lines
            .iter()
            .all(|line| line.run.as_deref() == Some(RUN))
    );
    drop(fake);
    // The report comes with a later read.
    let (_fake, logs) = service_with_reports(
        |_| page(&[], None),
        |_| page(&[timeout_of("ours", 7)], None),
    )
    .await;
    let batch = logs.read_new(&query(RUN), &mut cursor).await.unwrap();
    assert_eq!(messages(&batch), [ended]);
}

#[tokio::test]
async fn throttled_request_is_retried_and_a_missing_group_is_empty() {
    let fake = fake(|number, _| {
        let error = match number {
            0 => "ThrottlingException",
            _ => "com.amazonaws.logs#ResourceNotFoundException:http://internal",
        };
        let body = json!({"__type": error, "message": "Not now"});
        (StatusCode::BAD_REQUEST, body.to_string())
    })
    .await;
    let logs = logs_of(&config(&fake.url));
    let batch = logs.read_new(&query(RUN), &mut LogCursor::default()).await;
    assert_eq!(batch.unwrap(), LogBatch::default());
    assert_eq!(fake.bodies().len(), 1 + 6, "three searches of two groups");
}

#[tokio::test]
async fn refused_read_names_the_group_and_the_policy() {
    let fake = fake(|_, _| {
        let body = json!({"__type": "AccessDeniedException", "message": "No."});
        (StatusCode::BAD_REQUEST, body.to_string())
    })
    .await;
    let logs = logs_of(&config(&fake.url));
    let read = logs.read_new(&query(RUN), &mut LogCursor::default()).await;
    assert_eq!(
        read.unwrap_err().to_string(),
        "Couldn't read the log group /libraryhippo/hippo/check-cards: AccessDeniedException: No. Does your AWS user \
         (AWS_PROFILE) have the stack's OperatorPolicy?"
    );
    let logs = logs_of(&config_without_credentials(&fake.url));
    let read = logs.read_new(&query(RUN), &mut LogCursor::default()).await;
    assert!(read.is_err());
}

#[test]
fn job_has_its_functions() {
    let config = config("http://127.0.0.1:1");
    let logs = |jobs: &[JobName]| FunctionLogs::new(&config, "hippo", jobs.iter().copied());
    let picture = JobName::PICTURE_OF_THE_DAY;
    let own = [JobName::CHECK_CARDS, JobName::NOTIFY_ALL];
    let of = |logs: &FunctionLogs, job| {
        let all = LogQuery {
            job,
            run: None,
            ..query(RUN)
        };
        logs.functions_of(&all)
    };
    let five = [
        "check-cards",
        "check-card",
        "notify-all",
        "notify-family",
        "mail-events",
    ];
    assert_eq!(of(&logs(&own), None), five);
    let with_picture = logs(&[own[0], own[1], picture]);
    let six: Vec<&str> = five.into_iter().chain(["picture-of-the-day"]).collect();
    assert_eq!(of(&with_picture, None), six);
    let logs = with_picture;
    assert_eq!(of(&logs, Some(JobName::CHECK_CARDS)), five[..2]);
    assert_eq!(of(&logs, Some(JobName::NOTIFY_ALL)), five[2..]);
    assert_eq!(of(&logs, Some(picture)), ["picture-of-the-day"]);
    let mut of_run = query(RUN);
    assert_eq!(logs.functions_of(&of_run), five[..2]);
    of_run.job = Some(JobName::NOTIFY_ALL);
    assert_eq!(logs.functions_of(&of_run), [""; 0]);
}
