//! The pages of runs, notices, libraries and families.

use axum::http::StatusCode;
use chrono::TimeDelta;
use hippo_core::outbox::{MailKey, MailState};
use hippo_core::run::{JobName, RunOutcome};
use hippo_core::store::{FamilyStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;

use super::overview::text_of;
use super::world::{add_mail, at, busy_web, failed_mail, run, store_runs};
use crate::web::TestWeb;

const REFRESH: &str = "http-equiv=\"refresh\"";

async fn text(web: &TestWeb, path: &str) -> String {
    text_of(&web.operator().await.get(path).await)
}

#[tokio::test]
async fn page_of_a_run_shows_its_failures_and_its_labels_median() {
    let web = busy_web().await;
    let path = "/console/runs/check-cards/mornings/2026-11-20T10:00:00Z";
    insta::assert_snapshot!(text(&web, path).await);
}

#[tokio::test]
async fn page_of_a_skipped_run_says_who_paused_it() {
    let web = busy_web().await;
    let path = "/console/runs/check-cards/evenings/2026-11-20T23:00:00Z";
    let text = text(&web, path).await;
    assert!(text.contains("skipped: paused"), "{text}");
    assert!(text.contains("Paused by bea"), "{text}");
    assert!(!text.contains("Took"), "{text}");
}

#[tokio::test]
async fn page_of_a_run_is_live_only_while_the_run_reports() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let running = "/console/runs/check-cards/mornings/2026-11-21T10:00:00Z";
    let ended = "/console/runs/check-cards/mornings/2026-11-20T10:00:00Z";
    let is_live = |body: &str| {
        let parts = [
            REFRESH,
            "hx-trigger=\"every 5s\"",
            "<script src=\"/htmx.js?",
        ];
        let found = parts.map(|part| body.contains(part));
        assert!(found == [true; 3] || found == [false; 3], "{found:?}");
        found == [true; 3]
    };
    assert!(is_live(&operator.get(running).await.body));
    assert!(!is_live(&operator.get(ended).await.body));
    web.wait(TimeDelta::minutes(11));
    let silent = operator.get(running).await;
    assert!(!is_live(&silent.body));
    assert!(
        silent.body.contains("last heard from 11:59 EST"),
        "{}",
        silent.body
    );
}

#[tokio::test]
async fn slow_run_is_called_slow() {
    let web = busy_web().await;
    let mut slow = run(
        JobName::CHECK_CARDS,
        "mornings",
        at("21T16:00"),
        RunOutcome::Done,
    );
    slow.finished_at = Some(slow.started_at + TimeDelta::seconds(1_000));
    slow.reported_at = slow.started_at + TimeDelta::seconds(1_000);
    store_runs(&web, &[slow]).await;
    let path = "/console/runs/check-cards/mornings/2026-11-21T16:00:00Z";
    let words = "It took more than 3 times the median.";
    assert!(text(&web, path).await.contains(words));
    let usual = "/console/runs/check-cards/mornings/2026-11-19T10:00:00Z";
    assert!(!text(&web, usual).await.contains(words));
}

#[tokio::test]
async fn notices_show_their_meaning_and_can_be_resent_on_their_day() {
    let web = busy_web().await;
    add_mail(&web, failed_mail("lee", "2026-11-21")).await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/notices").await;
    insta::assert_snapshot!(text_of(&page));
    // Only today's can be.
    assert_eq!(
        page.body
            .matches("<form method=\"post\" action=\"/console/notices/resend\"")
            .count(),
        1
    );
    let (token, revision) = (page.hidden("form_token"), page.hidden("revision"));
    let fields = [
        ("form_token", &*token),
        ("family", "lee"),
        ("kind", "daily"),
        ("date", "2026-11-21"),
        ("revision", &*revision),
    ];
    let resend = "/console/notices/resend";
    let answer = operator.post(resend, &fields).await;
    assert_eq!(answer.location(), "/console/notices?resent=yes");
    let key = MailKey::daily(sample::family_id("lee"), sample::date("2026-11-21"));
    let record = web.store.mail(&key).await.unwrap().unwrap();
    assert_eq!(record.state, MailState::Pending);
    let page = operator.get(answer.location()).await;
    assert!(
        page.body.contains("goes out on the next run"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("action=\"/console/notices/resend\""));
    // A double click, or another tab.
    let answer = operator.post(resend, &fields).await;
    assert_eq!(answer.location(), "/console/notices?resent=yes");
    assert_eq!(web.store.mail(&key).await.unwrap(), Some(record.clone()));
    // A worker took it in the meantime.
    let claimed = record.claim(uuid::Uuid::new_v4(), web.now()).unwrap();
    let replaced = web.store.replace_mail(record.revision, &claimed, None);
    assert!(replaced.await.unwrap());
    let answer = operator.post(resend, &fields).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(web.store.mail(&key).await.unwrap(), Some(claimed));
}

#[tokio::test]
async fn notice_of_a_past_day_or_a_paused_family_is_not_sent_again() {
    for (date, is_paused, words) in [
        ("2026-11-20", false, "Its day is over"),
        ("2026-11-21", true, "The family is paused"),
    ] {
        let web = busy_web().await;
        if date == "2026-11-21" {
            add_mail(&web, failed_mail("lee", date)).await;
        }
        let mut operator = web.operator().await;
        let page = operator.get("/console/schedules").await;
        if is_paused {
            let mut family = web
                .store
                .family(&sample::family_id("lee"))
                .await
                .unwrap()
                .unwrap();
            family.pause(None, sample::time("16:00:00"));
            web.store.update_family(&family).await.unwrap();
        }
        let token = page.hidden("form_token");
        let revision = failed_mail("lee", date).revision.to_string();
        let fields = [
            ("form_token", &*token),
            ("family", "lee"),
            ("kind", "daily"),
            ("date", date),
            ("revision", &*revision),
        ];
        let answer = operator.post("/console/notices/resend", &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{date}");
        assert!(answer.body.contains(words), "{}", answer.body);
    }
}

#[tokio::test]
async fn failures_of_a_library_are_counted_by_kind_and_day() {
    let web = busy_web().await;
    insta::assert_snapshot!(text(&web, "/console/libraries").await);
}

#[tokio::test]
async fn families_are_shown_in_counts() {
    let web = busy_web().await;
    insta::assert_snapshot!(text(&web, "/console/families").await);
}

#[tokio::test]
async fn long_lists_of_families_have_pages() {
    let web = TestWeb::new().await;
    for number in 0..60 {
        let family = sample::family(&format!("family-{number:02}"));
        web.store.add_family(&family).await.unwrap();
    }
    let mut operator = web.operator().await;
    for (path, first, next) in [
        (
            "/console/families",
            "conrad",
            "/console/families?after=family-48",
        ),
        (
            "/console/notices",
            "conrad",
            "/console/notices?after=family-23",
        ),
    ] {
        let page = operator.get(path).await;
        assert!(page.body.contains(next), "{path}: {}", page.body);
        if path == "/console/families" {
            assert!(page.body.contains(first));
            let rest = operator.get(next).await;
            assert!(rest.body.contains("family-49") && rest.body.contains("lee"));
            assert!(!rest.body.contains("family-48<") && !rest.body.contains("?after="));
        }
    }
}
