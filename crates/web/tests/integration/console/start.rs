//! Starting runs by hand.

use axum::http::StatusCode;
use hippo_core::outbox::OutboxRecord;
use hippo_core::run::{JobName, RunKey};
use hippo_core::store::{CardStore as _, LibraryStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;
use hippo_web::StartRequest;

use super::overview::text_of;
use super::world::{busy_web, schedule};
use crate::web::TestWeb;

const RUN: &str = "/console/schedules/run";

const FAILED: &str = "check-cards/mornings/2026-11-20T10:00:00Z";

#[tokio::test]
async fn schedule_is_run_now_once_with_its_own_input() {
    let web = busy_web().await;
    let mut declared = schedule(JobName::CHECK_CARDS, "failed", "cron(0 15 * * ? *)");
    declared.input.insert("scope".to_owned(), "failed".into());
    let job = JobName::CHECK_CARDS;
    web.save_schedules(job, &[declared.clone()]).await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules/run?label=failed").await;
    let answer = operator.post_from(&page, RUN, &[]).await;
    assert_eq!(answer.location(), "/console?started=yes");
    let started = operator.get(answer.location()).await;
    assert!(started.body.contains("Your run has started"));
    // A double click.
    let answer = operator.post_from(&page, RUN, &[]).await;
    assert_eq!(answer.location(), "/console?started=before");
    let text = text_of(&operator.get(answer.location()).await);
    assert!(text.contains("We didn’t start another."), "{text}");
    // The run that is running may have another label.
    assert!(!text.contains("“person”"), "{text}");
    let input = declared.input;
    let started = web.jobs.0.lock().unwrap().clone();
    assert_eq!(started, [StartRequest::Job { job, input }]);
}

#[tokio::test]
async fn schedule_that_changed_after_the_page_was_opened_is_not_run() {
    let web = busy_web().await;
    let mut declared = schedule(JobName::CHECK_CARDS, "mornings", "cron(0 5 * * ? *)");
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules/run?label=mornings").await;
    declared.input.insert("scope".to_owned(), "failed".into());
    let job = JobName::CHECK_CARDS;
    web.save_schedules(job, &[declared.clone()]).await;
    let conflict = operator.post_from(&page, RUN, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(
        conflict
            .body
            .contains("This schedule changed after you opened this page, so we started nothing."),
        "{}",
        conflict.body
    );
    assert!(web.jobs.0.lock().unwrap().is_empty());
    let answer = operator.post_from(&conflict, RUN, &[]).await;
    assert_eq!(answer.location(), "/console?started=yes");
    let input = declared.input;
    let started = web.jobs.0.lock().unwrap().clone();
    assert_eq!(started, [StartRequest::Job { job, input }]);
}

#[tokio::test]
async fn run_is_repeated_whole_or_for_what_failed() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get(&format!("/console/runs/{FAILED}")).await;
    assert!(page.body.contains("Run only what failed"));
    let token = page.hidden("form_token");
    let again = "/console/runs/again";
    let mut fields = vec![("form_token", &*token), ("run", FAILED)];
    let answer = operator.post(again, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    fields.push(("only_failed", "yes"));
    let answer = operator.post(again, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let run: RunKey = FAILED.parse().unwrap();
    let requested = |only_failed| StartRequest::Retry {
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

/// What the page before a run of a schedule says.
async fn forecast(web: &TestWeb, label: &str) -> String {
    let path = format!("/console/schedules/run?label={label}");
    let page = web.operator().await.get(&path).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    text_of(&page)
}

#[tokio::test]
async fn page_before_a_run_says_what_it_would_check() {
    let web = busy_web().await;
    let store = &*web.store;
    let text = forecast(&web, "mornings").await;
    assert!(text.contains("It checks 2 cards at 1 library."), "{text}");
    store.add_library(&sample::library("kpl")).await.unwrap();
    let mut cards = Vec::new();
    for fingerprint in ["f5", "f6", "f7"] {
        let card = sample::card("lee", "kpl", fingerprint);
        cards.push(sample::add_card(store, card).await);
    }
    let pause = sample::card_pause(None);
    store.set_pause(cards[0].id, Some(&pause)).await.unwrap();
    let text = forecast(&web, "mornings").await;
    assert!(text.contains("It checks 4 cards at 2 libraries."), "{text}");
    assert!(text.contains("1 card is paused."), "{text}");
    let until = sample::time("17:05:00");
    let now = sample::time("17:00:00");
    store
        .back_off(&sample::library_id("kpl"), until, now)
        .await
        .unwrap();
    let text = forecast(&web, "mornings").await;
    assert!(text.contains("It checks 2 cards at 1 library."), "{text}");
    let words = "2 cards are skipped, because the library didn’t answer or turned us away.";
    assert!(text.contains(words), "{text}");
    assert!(web.jobs.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn page_before_a_run_says_what_it_would_send() {
    let web = TestWeb::new().await;
    let job = JobName::NOTIFY_ALL;
    let mut of_lee = schedule(job, "lee", "rate(15 minutes)");
    of_lee.input.insert("family".to_owned(), "lee".into());
    let all = schedule(job, "tick", "rate(15 minutes)");
    web.save_schedules(job, &[all, of_lee]).await;
    // A card that was never checked is something to say.
    let text = forecast(&web, "tick").await;
    assert!(text.contains("It sends 2 notices now."), "{text}");
    let text = forecast(&web, "lee").await;
    assert!(text.contains("It sends 1 notice now."), "{text}");
    let mut quiet = sample::account(0);
    quiet.loans = Some(Vec::new());
    quiet.holds = Some(Vec::new());
    quiet.messages = Vec::new();
    quiet.card_expires = None;
    web.save_account(&web.other_card, quiet).await;
    let text = forecast(&web, "tick").await;
    assert!(text.contains("It sends 1 notice now."), "{text}");
    assert!(
        text.contains("1 notice is due, with nothing to say."),
        "{text}"
    );
    // What is final isn't sent again.
    let today = sample::notice("conrad", "2026-11-21").key();
    let skipped = OutboxRecord::skipped_by_pause(today, sample::time("16:00:00"));
    assert!(web.store.plan_mail(&skipped).await.unwrap());
    let text = forecast(&web, "tick").await;
    assert!(text.contains("It sends no notice now."), "{text}");
}

#[tokio::test]
async fn page_before_a_run_of_an_unknown_schedule_is_not_found() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    for label in ["nowhere", "", "%3Cscript%3E"] {
        let page = operator
            .get(&format!("/console/schedules/run?label={label}"))
            .await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{label}");
    }
}
