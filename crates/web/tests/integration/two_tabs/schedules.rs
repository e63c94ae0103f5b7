//! The pauses of the schedules in the console.

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::FutureExt as _;
use hippo_core::audit::Change;
use hippo_core::schedule::Pause;
use hippo_core::store::{AuditStore as _, PauseStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;

use crate::console::{busy_web, text_of};
use crate::web::TestWeb;

const PAUSE: &str = "/console/schedules/pause";
const RESUME: &str = "/console/schedules/resume";

/// The active pause of a label, or of all schedules.
async fn active(web: &TestWeb, label: &str) -> Option<Pause> {
    let mut pauses = web.store.pauses().await.unwrap();
    let name = |pause: &Pause| {
        pause
            .label
            .as_ref()
            .map_or("", |label| label.as_str())
            .to_owned()
    };
    pauses.retain(|pause| name(pause) == label && pause.includes(web.now()));
    assert!(pauses.len() < 2);
    pauses.pop()
}

async fn changes(web: &TestWeb) -> Vec<Change> {
    let since = sample::time("00:00:00");
    let entries = web.store.recent_audit_entries(None, since, 99).await;
    entries
        .unwrap()
        .into_iter()
        .map(|entry| entry.change)
        .collect()
}

#[tokio::test]
async fn schedule_paused_in_another_tab_is_a_conflict() {
    for (label, name, whose) in [
        ("mornings", "“mornings”: Paused", "it"),
        ("", "All schedules are paused", "them"),
    ] {
        let web = busy_web().await;
        let mut operator = web.operator().await;
        let page = operator.get("/console/schedules").await;
        let fields = [("why", "moving")];
        let first = operator.post_of_label(&page, PAUSE, label, &fields).await;
        assert_eq!(first.location(), "/console/schedules");
        let stored = active(&web, label).await;
        web.wait(TimeDelta::minutes(1));

        let fields = [("until", "2026-12-01T06:30"), ("why", "on a \"trip\"")];
        let conflict = operator.post_of_label(&page, PAUSE, label, &fields).await;
        assert_eq!(conflict.status, StatusCode::CONFLICT, "{label}");
        let words = format!(
            "{name} by ana (moving), since 12:00 EST today, until somebody resumes {whose}. Somebody changed it after \
             you opened this page, so we didn’t save yours. Check the form and send it again."
        );
        let text = text_of(&conflict);
        assert!(text.contains(&words), "{text}");
        for typed in [
            "value=\"2026-12-01T06:30\"",
            "value=\"on a &#34;trip&#34;\"",
        ] {
            assert!(
                conflict.body.contains(typed),
                "what was typed stays: {}",
                conflict.body
            );
        }
        assert_eq!(active(&web, label).await, stored);
        assert_eq!(changes(&web).await.len(), 1);

        let again = operator
            .post_of_label(&conflict, PAUSE, label, &fields)
            .await;
        assert_eq!(again.location(), "/console/schedules");
        let pause = active(&web, label).await.unwrap();
        assert_eq!(pause.why.as_deref(), Some("on a \"trip\""));
    }
}

#[tokio::test]
async fn resuming_another_pause_is_a_conflict() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    // Another tab resumes it, and pauses it again.
    operator.post_of_label(&page, RESUME, "evenings", &[]).await;
    let other = operator.get("/console/schedules").await;
    let fields = [("why", "moving")];
    operator
        .post_of_label(&other, PAUSE, "evenings", &fields)
        .await;
    let stored = active(&web, "evenings").await;
    let conflict = operator.post_of_label(&page, RESUME, "evenings", &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let text = text_of(&conflict);
    assert!(
        text.contains("“evenings”: Paused by ana (moving)"),
        "{text}"
    );
    assert_eq!(active(&web, "evenings").await, stored);
    let again = operator
        .post_of_label(&conflict, RESUME, "evenings", &[])
        .await;
    assert_eq!(again.location(), "/console/schedules");
    assert_eq!(active(&web, "evenings").await, None);
}

#[tokio::test]
async fn replacing_an_ended_pause_is_a_conflict() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    let hidden = page.hidden_fields(RESUME, Some(("label", "evenings")));
    operator.post_of_label(&page, RESUME, "evenings", &[]).await;
    let mut fields: Vec<(&str, &str)> = hidden
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    fields.push(("why", "moving"));
    let conflict = operator.post(PAUSE, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let text = text_of(&conflict);
    assert!(text.contains("“evenings”: The pause has ended."), "{text}");
    assert_eq!(active(&web, "evenings").await, None);
}

#[tokio::test]
async fn pause_that_is_sent_twice_is_one_pause() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    let fields = [("until", "2026-12-01T06:30"), ("why", "moving")];
    for _ in 0..2 {
        let answer = operator
            .post_of_label(&page, PAUSE, "mornings", &fields)
            .await;
        assert_eq!(answer.location(), "/console/schedules");
        web.wait(TimeDelta::seconds(1));
    }
    let label = "mornings".parse().unwrap();
    assert_eq!(changes(&web).await, [Change::SchedulePaused { label }]);
    let pauses = web.store.pauses().await.unwrap();
    let own = pauses
        .iter()
        .filter(|pause| pause.why.as_deref() == Some("moving"));
    assert_eq!(own.count(), 1);
}

#[tokio::test]
async fn invalid_conflicting_pause_is_a_conflict_once_it_is_valid() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    operator
        .post_of_label(&page, PAUSE, "mornings", &[("why", "moving")])
        .await;
    let invalid = operator
        .post_of_label(&page, PAUSE, "mornings", &[("until", "soon")])
        .await;
    assert_eq!(invalid.status, StatusCode::UNPROCESSABLE_ENTITY);
    let conflict = operator
        .post_of_label(&invalid, PAUSE, "mornings", &[])
        .await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn pause_that_two_requests_begin_at_once_is_the_first_ones() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    let first = Pause {
        label: Some("mornings".parse().unwrap()),
        since: web.now() - TimeDelta::seconds(1),
        until: None,
        by: "bea".to_owned(),
        why: Some("moving".to_owned()),
    };
    let begun = first.clone();
    web.store.run_before_next_write(move |store: &MemoryStore| {
        let added = sample::add_pause(store, &begun).now_or_never();
        assert!(added.unwrap());
    });
    let conflict = operator
        .post_of_label(&page, PAUSE, "mornings", &[("why", "on a trip")])
        .await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(text_of(&conflict).contains("Paused by bea (moving)"));
    assert_eq!(active(&web, "mornings").await, Some(first));
}
