//! Who changed what, as the operator and the family see it.

use axum::http::StatusCode;
use hippo_core::audit::{Actor, AuditEntry, Change};
use hippo_core::sign_in::PersonId;
use hippo_core::store::AuditStore as _;
use hippo_core::testing::contract::sample;

use crate::console::busy_web;
use crate::family_cards::pause_card;
use crate::web::{BOTH, PAT, TestWeb};

async fn entries(web: &TestWeb) -> Vec<AuditEntry> {
    let since = sample::time("00:00:00");
    web.store
        .recent_audit_entries(None, since, 99)
        .await
        .unwrap()
}

#[tokio::test]
async fn changes_of_the_console_are_recorded_and_shown() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/schedules").await;
    let token = page.hidden("form_token");
    let run = "check-cards/mornings/2026-11-20T10:00:00Z";
    let [pause, resume] = ["pause", "resume"].map(|name| format!("/console/schedules/{name}"));
    // Once it isn't paused any more, resuming it isn't a change.
    for (path, label, times) in [
        (&pause, "mornings", 1),
        (&resume, "mornings", 2),
        (&pause, "", 1),
    ] {
        let page = operator.get("/console/schedules").await;
        for _ in 0..times {
            let answer = operator.post_of_label(&page, path, label, &[]).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        }
    }
    let page = operator.get("/console/schedules/run?label=mornings").await;
    let started = operator.post_from(&page, "/console/schedules/run", &[]);
    assert_eq!(started.await.status, StatusCode::SEE_OTHER);
    let fields = [("form_token", &*token), ("run", run)];
    let again = operator.post("/console/runs/again", &fields).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    let entries = entries(&web).await;
    assert!(entries.iter().all(|entry| entry.actor == Actor::Operator));
    let mut changes: Vec<String> = entries
        .iter()
        .map(|entry| entry.change.describe())
        .collect();
    changes.sort();
    let expected = [
        "paused all schedules",
        "paused the schedule “mornings”",
        &format!("reran {run}"),
        "resumed the schedule “mornings”",
        "started check-cards",
    ];
    assert_eq!(changes, expected);
    let page = operator.get("/console/audit").await;
    for words in expected {
        assert!(
            page.body.contains(&format!("the operator {words}")),
            "{words}"
        );
    }
}

#[tokio::test]
async fn operator_sees_recipient_numbers_where_families_see_addresses() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    pause_card(&mut pat, web.card.id, &[]).await;
    let version = pat.get("/family/settings").await.hidden("version");
    pat.post("/family/settings/pause", &[("version", &version)])
        .await;
    let entries = entries(&web).await;
    assert_eq!(entries.len(), 2);
    let person = PersonId::from_address(&PAT.parse().unwrap());
    for entry in &entries {
        assert_eq!(entry.actor, Actor::Person(person.clone()));
        assert_eq!(entry.family, Some(sample::family_id("conrad")));
        assert!(!format!("{entry:?}").contains('@'));
    }
    let page = pat.get("/family/settings").await;
    assert!(
        page.body
            .contains("You paused a card (<span dir=\"auto\">Robin</span>)."),
        "{}",
        page.body
    );
    assert!(page.body.contains("You paused the emails."));
    let mut other = web.signed_in(BOTH).await;
    other.post("/sign-in/family", &[("family", "conrad")]).await;
    let page = other.get("/family/settings").await;
    assert!(page.body.contains(&format!("{PAT} paused a card")));
    other.post("/sign-in/family", &[("family", "lee")]).await;
    let page = other.get("/family/settings").await;
    assert!(page.body.contains("Nothing in the last 90 days."));
    let mut operator = web.operator().await;
    let page = operator.get("/console/audit").await;
    assert!(
        page.body.contains("recipient 1 paused a card"),
        "{}",
        page.body
    );
    assert!(page.body.contains(&web.card.id.to_string()));
    assert!(!page.body.contains(PAT));
}

#[tokio::test]
async fn page_of_changes_is_bounded() {
    let web = TestWeb::new().await;
    for number in 0..250 {
        let id = format!("family-{number}").parse().unwrap();
        let person = PersonId::from_address(&PAT.parse().unwrap());
        let now = sample::time("12:00:00");
        let entry = AuditEntry::new(Actor::Person(person), Some(id), Change::FeedMade, now);
        web.store.add_audit_entry(&entry).await.unwrap();
    }
    let mut operator = web.operator().await;
    let before = web.store.calls();
    let page = operator.get("/console/audit").await;
    assert_eq!(page.body.matches("made a feed").count(), 200);
    assert!(page.body.contains("Only the newest are shown."));
    // The session, the list, and 25 families.
    assert_eq!(web.store.calls() - before, 27);
}
