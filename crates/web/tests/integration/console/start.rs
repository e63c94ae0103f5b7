//! Starting runs by hand.

use axum::http::StatusCode;
use hippo_core::run::{JobName, RunKey};
use hippo_web::StartRequest;

use super::world::{busy_web, schedule};

const FAILED: &str = "check-cards/mornings/2026-11-20T10:00:00Z";

#[tokio::test]
async fn schedule_is_run_now_once_with_its_own_input() {
    let web = busy_web().await;
    let mut declared = schedule(JobName::CHECK_CARDS, "failed", "cron(0 15 * * ? *)");
    declared.input.insert("scope".to_owned(), "failed".into());
    let job = JobName::CHECK_CARDS;
    web.save_schedules(job, &[declared.clone()]).await;
    let mut operator = web.operator().await;
    let token = operator
        .get("/console/schedules")
        .await
        .hidden("form_token");
    let fields = [("form_token", &*token), ("label", "failed")];
    let answer = operator.post("/console/schedules/run", &fields).await;
    assert_eq!(answer.location(), "/console?started=yes");
    let page = operator.get(answer.location()).await;
    assert!(page.body.contains("Your run has started"));
    // A double click.
    let answer = operator.post("/console/schedules/run", &fields).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.contains("running already"), "{}", answer.body);
    let input = declared.input;
    let started = web.jobs.0.lock().unwrap().clone();
    assert_eq!(started, [StartRequest::Job { job, input }]);
}

#[tokio::test]
async fn run_is_repeated_whole_or_for_what_failed() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get(&format!("/console/runs/{FAILED}")).await;
    assert!(page.body.contains("Run what failed again"));
    let token = page.hidden("form_token");
    let again = "/console/runs/again";
    let mut fields = vec![("form_token", &*token), ("run", FAILED)];
    let answer = operator.post(again, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    fields.push(("only_failed", "yes"));
    let answer = operator.post(again, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let run: RunKey = FAILED.parse().unwrap();
    let requested = |only_failed| StartRequest::Again {
        run: run.clone(),
        only_failed,
    };
    let started = web.jobs.0.lock().unwrap().clone();
    assert_eq!(started, [requested(false), requested(true)]);
}

#[tokio::test]
async fn unknown_or_running_run_is_not_repeated() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let running = "check-cards/mornings/2026-11-21T10:00:00Z";
    let page = operator.get(&format!("/console/runs/{running}")).await;
    assert!(!page.body.contains("/console/runs/again"));
    let token = operator
        .get("/console/schedules")
        .await
        .hidden("form_token");
    for (run, status) in [
        (running, StatusCode::CONFLICT),
        (
            "check-cards/mornings/2026-11-01T00:00:00Z",
            StatusCode::NOT_FOUND,
        ),
        ("--help", StatusCode::NOT_FOUND),
    ] {
        let fields = [("form_token", &*token), ("run", run)];
        let answer = operator.post("/console/runs/again", &fields).await;
        assert_eq!(answer.status, status, "{run}");
    }
    let fields = [("form_token", &*token), ("label", "nowhere")];
    let answer = operator.post("/console/schedules/run", &fields).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(web.jobs.0.lock().unwrap().is_empty());
}
