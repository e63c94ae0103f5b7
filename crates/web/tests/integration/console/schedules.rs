//! Pausing and resuming schedules in the console.

use axum::http::StatusCode;
use hippo_core::schedule::Pause;
use hippo_core::store::PauseStore as _;

use super::overview::text_of;
use super::world::{at, busy_web, changeable_state};
use crate::web::{Browser, TestResponse, TestWeb};

async fn post(
    browser: &mut Browser<'_>,
    path: &str,
    label: &str,
    fields: &[(&str, &str)],
) -> TestResponse {
    let page = browser.get("/console/schedules").await;
    browser.post_of_label(&page, path, label, fields).await
}

async fn pause(browser: &mut Browser<'_>, label: &str, fields: &[(&str, &str)]) -> TestResponse {
    post(browser, "/console/schedules/pause", label, fields).await
}

async fn resume(browser: &mut Browser<'_>, label: &str) -> TestResponse {
    post(browser, "/console/schedules/resume", label, &[]).await
}

async fn pauses_of(web: &TestWeb, label: Option<&str>) -> Vec<Pause> {
    let mut pauses = web.store.pauses().await.unwrap();
    pauses.retain(|pause| pause.label.as_ref().map(|label| label.as_str()) == label);
    pauses
}

#[tokio::test]
async fn page_shows_each_schedule_with_its_zone_and_its_pause() {
    let web = busy_web().await;
    let page = web.operator().await.get("/console/schedules").await;
    insta::assert_snapshot!(text_of(&page));
}

#[tokio::test]
async fn pause_shows_author_reason_and_end_in_the_schedules_zone() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let fields = [
        ("until", "2026-12-01T06:30"),
        ("why", "  the library \n moves "),
    ];
    let answer = pause(&mut operator, "mornings", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/console/schedules");
    let pauses = pauses_of(&web, Some("mornings")).await;
    assert_eq!(pauses.len(), 1);
    assert_eq!(pauses[0].by, "ana");
    assert_eq!(pauses[0].why.as_deref(), Some("the library moves"));
    let until = "2026-12-01T11:30:00Z".parse().unwrap();
    assert_eq!(pauses[0].until, Some(until));
    let text = text_of(&operator.get("/console/schedules").await);
    let words =
        "Paused by ana (the library moves), since 12:00 EST today, until Tue 1 Dec 06:30 EST.";
    assert!(text.contains(words), "{text}");
    let answer = resume(&mut operator, "mornings").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let pauses = pauses_of(&web, Some("mornings")).await;
    // It stays on record.
    assert_eq!(pauses.len(), 1);
    assert!(pauses[0].until.unwrap() < until);
}

#[tokio::test]
async fn pause_of_all_schedules_is_shown_first_with_its_own_button() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let answer = pause(&mut operator, "", &[("why", "moving house")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let text = text_of(&operator.get("/console").await);
    let words = "All schedules are paused by ana (moving house), since 12:00 EST today";
    assert!(text.contains(words), "{text}");
    assert!(text.contains("No run is scheduled."), "{text}");
    resume(&mut operator, "").await;
    let text = text_of(&operator.get("/console").await);
    assert!(!text.contains("All schedules are paused"), "{text}");
    // The pause of one schedule goes on.
    assert!(text.contains("Paused by bea"), "{text}");
}

#[tokio::test]
async fn second_pause_replaces_the_first_which_stays_on_record() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    pause(&mut operator, "mornings", &[("why", "first")]).await;
    web.wait(chrono::TimeDelta::minutes(5));
    // The page of a paused schedule has no such form, but a script can send one.
    let page = operator.get("/console/schedules").await;
    let shown = ("label", "mornings");
    let hidden = page.hidden_fields("/console/schedules/resume", Some(shown));
    let mut fields: Vec<(&str, &str)> = hidden
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    fields.push(("why", "second"));
    operator.post("/console/schedules/pause", &fields).await;
    let pauses = pauses_of(&web, Some("mornings")).await;
    let words: Vec<_> = pauses
        .iter()
        .map(|pause| (pause.why.as_deref().unwrap(), pause.until.is_some()))
        .collect();
    assert_eq!(words, [("first", true), ("second", false)]);
}

#[tokio::test]
async fn wrong_pause_is_refused_with_the_reason() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let before = changeable_state(&web).await;
    let long = "x".repeat(201);
    for (fields, words) in [
        ([("until", "2026-11-21"), ("why", "")], "has passed"),
        ([("until", "soon"), ("why", "")], "isn’t a date"),
        ([("until", ""), ("why", &*long)], "The reason is too long"),
    ] {
        let answer = pause(&mut operator, "mornings", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        for (_, typed) in fields {
            let typed = format!("value=\"{typed}\"");
            assert!(
                answer.body.contains(&typed),
                "what was typed stays: {typed}"
            );
        }
        let words = words.replace('’', "&#39;");
        assert!(answer.body.contains(&words), "{words}: {}", answer.body);
        assert!(answer.body.contains("Nothing was changed."), "{words}");
    }
    for label in ["nowhere", "<script>", "../x"] {
        let fields = [("label", label)];
        let answer = operator
            .post_with_token("/console/schedules/pause", &fields)
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{label}");
    }
    assert_eq!(changeable_state(&web).await, before);
}

#[tokio::test]
async fn ending_a_pause_twice_succeeds() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    let path = "/console/schedules/resume";
    for _ in 0..2 {
        let answer = operator.post_of_label(&page, path, "evenings", &[]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    let pauses = pauses_of(&web, Some("evenings")).await;
    assert!(pauses[0].until.unwrap() < at("22T00:00"));
}
