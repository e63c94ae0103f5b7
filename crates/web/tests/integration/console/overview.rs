//! The first page of the console.

use hippo_core::outbox::OutboxRecord;
use hippo_core::run::{JobName, RunOutcome};
use hippo_core::store::{AlertStore as _, FamilyStore as _, RunDayStore as _};
use hippo_core::testing::contract::sample;

use super::world::{add_mail, at, busy_web, failed_mail, run, store_runs};
use crate::web::{TestResponse, TestWeb};

/// The page's text: no tags, one line for each block.
pub(crate) fn text_of(response: &TestResponse) -> String {
    let (_, main) = response.body.split_once("<main").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    let (_, main) = main.split_once('>').unwrap();
    let mut text = String::new();
    let mut rest = main;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag.split_once('>').unwrap();
        if tag.starts_with("/span") {
            text.push(' ');
        }
        rest = after;
    }
    text.push_str(rest);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

async fn console(web: &TestWeb) -> String {
    text_of(&web.operator().await.get("/console").await)
}

#[tokio::test]
async fn console_shows_what_needs_attention_what_comes_and_what_ran() {
    let web = busy_web().await;
    insta::assert_snapshot!(console(&web).await);
}

#[tokio::test]
async fn new_console_explains_that_it_is_empty() {
    let web = TestWeb::new().await;
    for family in ["conrad", "lee"] {
        web.store
            .remove_family(&sample::family_id(family))
            .await
            .unwrap();
    }
    let text = console(&web).await;
    assert!(text.contains("Nothing: no alert in two days"), "{text}");
    assert!(text.contains("No run is scheduled."), "{text}");
    assert!(
        text.contains("No schedule is declared, and no job has run yet."),
        "{text}"
    );
}

#[tokio::test]
async fn notice_is_late_until_it_is_sent_skipped_or_not_due() {
    let late = |text: &str| text.matches("due at 06:30 EST today").count();
    // No tick came since.
    let web = busy_web().await;
    let text = console(&web).await;
    assert_eq!(late(&text), 2, "{text}");
    assert!(text.contains("notify-all didn’t run since."), "{text}");
    // A tick came, and its records are final.
    let tick = run(
        JobName::NOTIFY_ALL,
        "tick",
        at("21T11:30"),
        RunOutcome::Done,
    );
    store_runs(&web, &[tick]).await;
    assert_eq!(late(&console(&web).await), 0);
    // One of them is still open.
    let pending = sample::notice("lee", "2026-11-21");
    let waiting = pending
        .claim(uuid::Uuid::nil(), at("21T11:30"))
        .and_then(|claimed| {
            claimed.refused_for_now("451 <kim@example.org> try later".to_owned(), at("21T11:31"))
        });
    add_mail(&web, waiting.unwrap()).await;
    let text = console(&web).await;
    assert_eq!(late(&text), 1, "{text}");
    assert!(text.contains("451 (an address) try later"), "{text}");
}

#[tokio::test]
async fn run_for_one_family_or_a_failed_one_is_not_a_tick() {
    for (family, outcome) in [
        (Some("conrad"), RunOutcome::Done),
        (None, RunOutcome::Failed),
        (None, RunOutcome::SkippedPaused),
    ] {
        let web = busy_web().await;
        let mut tick = run(JobName::NOTIFY_ALL, "tick", at("21T12:00"), outcome);
        tick.input = serde_json::json!({"family": family});
        store_runs(&web, &[tick]).await;
        let text = console(&web).await;
        assert!(
            text.contains("due at 06:30 EST today"),
            "{family:?} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn alert_about_a_notice_sent_later_is_not_shown() {
    let web = busy_web().await;
    let record: OutboxRecord = failed_mail("conrad", "2026-11-20");
    let alert = hippo_core::alerts::Alert::for_notice(&record).unwrap();
    let key = alert.key();
    // As HTML escapes it.
    let sentence = alert.sentence().replace('\'', "&#39;");
    let raised = web.store.record_alert(&key, &alert, at("21T09:00"));
    assert!(raised.await.unwrap());
    assert!(console(&web).await.contains(&sentence));
    let skipped = OutboxRecord {
        state: hippo_core::outbox::MailState::Skipped,
        revision: record.revision + 1,
        ..record.clone()
    };
    use hippo_core::store::OutboxStore as _;
    let replaced = web.store.replace_mail(record.revision, &skipped, None);
    assert!(replaced.await.unwrap());
    assert!(!console(&web).await.contains(&sentence));
}

#[tokio::test]
async fn square_shows_the_worst_run_of_its_day_and_opens_it() {
    let web = busy_web().await;
    let page = web.operator().await.get("/console").await;
    let square = "<a class=w href=\"/console/runs/check-cards/mornings/2026-11-20T10:00:00Z\" \
                  title=\"Fri 20 Nov: done, with failures\"></a>";
    assert!(page.body.contains(square), "{}", page.body);
    // Thirty squares a row. Quiet ones say nothing that the row's summary doesn't.
    let rows: Vec<&str> = page.body.split("class=\"days\"").skip(1).collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let (row, _) = row.split_once("</p>").unwrap();
        assert_eq!(
            row.matches("<i class=").count() + row.matches("<a class=").count(),
            30
        );
    }
    assert!(page.body.contains("<i class=g></i><i class=g></i>"));
    let all = web
        .store
        .run_days("2026-10-01".parse().unwrap(), "2026-12-01".parse().unwrap());
    assert!(!all.await.unwrap().is_empty());
}
