//! Cards and feeds that one tab adds, removes or revokes, and runs that it starts.

use axum::http::StatusCode;
use futures::FutureExt as _;
use hippo_core::audit::Change;
use hippo_core::outbox::{MailKey, MailState};
use hippo_core::store::{AuditStore as _, CardStore as _, FeedStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;

use crate::family_cards::{NUMBER, PIN, changes, stored_pin};
use crate::web::{BOTH, PAT, TestWeb};

const ADD: &str = "/family/cards/add/wpl";

#[tokio::test]
async fn card_that_is_sent_twice_is_added_once() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(ADD).await;
    let fields = [("patron", "Ada"), ("number", NUMBER), ("pin", PIN)];
    let first = browser.post_from(&page, ADD, &fields).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    let (mails, waiting) = (web.mails().len(), first.location().to_owned());
    let second = browser.post_from(&page, ADD, &fields).await;
    assert_eq!(second.location(), format!("{waiting}&again=yes"));
    let conrad = sample::family_id("conrad");
    let cards = web.store.family_cards(&conrad).await.unwrap();
    let card = cards.into_iter().find(|record| record.card.patron == "Ada");
    let card = card.unwrap().card;
    assert_eq!(changes(&web).await, [Change::CardAdded { card: card.id }]);
    assert_eq!(web.mails().len(), mails);
    assert_eq!(web.jobs.0.lock().unwrap().len(), 1);
    assert_eq!(stored_pin(&web, &card).await, PIN);
    // A second tab that adds it for somebody else learns that it exists.
    let fields = [("patron", "Ben"), ("number", NUMBER), ("pin", "1")];
    let response = browser.post_from(&page, ADD, &fields).await;
    assert_eq!(response.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        response
            .body
            .contains("already has a card with this number")
    );
    assert!(
        response.body.contains("value=\"Ben\""),
        "what was typed stays"
    );
}

#[tokio::test]
async fn form_of_a_removed_card_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = |page: &str| format!("/family/cards/{}/{page}", web.card.id);
    let mut pages = Vec::new();
    for page in ["pin", "pause", "remove"] {
        pages.push(browser.get(&path(page)).await);
    }
    browser.post_from(&pages[2], &path("remove"), &[]).await;
    let expected = [Change::CardRemoved { card: web.card.id }];
    assert_eq!(changes(&web).await, expected);
    for (page, opened) in [("pin", &pages[0]), ("pause", &pages[1])] {
        let fields = [("number", NUMBER), ("pin", PIN)];
        let response = browser.post_from(opened, &path(page), &fields).await;
        assert_eq!(response.status, StatusCode::GONE, "{page}");
        assert!(
            response.body.contains("This card was removed"),
            "{}",
            response.body
        );
        assert!(!response.body.contains(PIN));
    }
    let again = browser.post_from(&pages[2], &path("remove"), &[]).await;
    assert_eq!(again.location(), "/family/cards");
    assert_eq!(changes(&web).await, expected);
}

#[tokio::test]
async fn card_form_of_another_family_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(BOTH).await;
    browser
        .post("/sign-in/family", &[("family", "conrad")])
        .await;
    let path = format!("/family/cards/{}/pause", web.card.id);
    let page = browser.get(&path).await;
    browser.post("/sign-in/family", &[("family", "lee")]).await;
    let conflict = browser.post_from(&page, &path, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(
        conflict.body.contains("You chose another family"),
        "{}",
        conflict.body
    );
    let record = web.store.card(web.card.id).await.unwrap().unwrap();
    assert_eq!(record.card.pause, None);
}

#[tokio::test]
async fn feed_that_is_made_or_revoked_twice_is_one() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get("/family/feeds").await;
    let fields = [("label", "kitchen")];
    let made = browser.post_from(&page, "/family/feeds", &fields).await;
    assert!(made.body.contains("shown only once"));
    let again = browser.post_from(&page, "/family/feeds", &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    let words = "If you pressed the button twice, you haven’t seen its links";
    assert!(again.body.contains(words), "{}", again.body);
    let conrad = sample::family_id("conrad");
    assert_eq!(web.store.family_feeds(&conrad).await.unwrap().len(), 1);
    let revoke = "/family/feeds/revoke";
    for _ in 0..2 {
        let answer = browser.post_from(&again, revoke, &[]).await;
        assert_eq!(answer.location(), "/family/feeds");
    }
    assert_eq!(web.store.family_feeds(&conrad).await.unwrap(), []);
    assert_eq!(
        changes(&web).await.len(),
        2,
        "a repeated form is no change of its own"
    );
}

#[tokio::test]
async fn notice_requested_twice_is_requested_once() {
    let web = crate::console::busy_web().await;
    let mail = crate::console::failed_mail("lee", "2026-11-21");
    crate::console::add_mail(&web, mail).await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/notices").await;
    let path = "/console/notices/resend";
    let key = crate::console::failed_mail("lee", "2026-11-21").key();
    let today = Some(("date", "2026-11-21"));
    let hidden = page.hidden_fields(path, today);
    let fields: Vec<(&str, &str)> = hidden
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let mut stored = Vec::new();
    for _ in 0..2 {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.location(), "/console/notices?resent=yes");
        stored.push(web.store.mail(&key).await.unwrap().unwrap());
    }
    assert_eq!(stored[0].state, MailState::Pending);
    assert_eq!(stored[0], stored[1]);
    assert_eq!(resent(&web).await, [key]);
}

/// The notices that somebody asked for again, by the record.
async fn resent(web: &TestWeb) -> Vec<MailKey> {
    let since = sample::time("00:00:00");
    let entries = web.store.recent_audit_entries(None, since, 99).await;
    let mails = entries.unwrap().into_iter();
    let mails = mails.filter_map(|entry| match entry.change {
        Change::NoticeResent { mail } => Some(mail),
        _ => None,
    });
    mails.collect()
}

#[tokio::test]
async fn notice_requested_by_two_at_once_is_requested_once() {
    let web = crate::console::busy_web().await;
    let failed = crate::console::failed_mail("lee", "2026-11-21");
    crate::console::add_mail(&web, failed.clone()).await;
    let mut operator = web.operator().await;
    let page = operator.get("/console/notices").await;
    let path = "/console/notices/resend";
    let hidden = page.hidden_fields(path, Some(("date", "2026-11-21")));
    let fields: Vec<(&str, &str)> = hidden
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let first = failed.resend(web.now()).unwrap();
    let (key, asked) = (first.key(), first.clone());
    web.store.run_before_next_write(move |store: &MemoryStore| {
        let replaced = store.replace_mail(failed.revision, &first, None);
        assert!(replaced.now_or_never().unwrap().unwrap());
    });
    let second = operator.post(path, &fields).await;
    assert_eq!(second.location(), "/console/notices?resent=yes");
    assert_eq!(web.store.mail(&key).await.unwrap(), Some(asked));
    assert_eq!(resent(&web).await, [], "the first request records it");
}

#[tokio::test]
async fn notice_of_an_unseen_revision_is_not_requested() {
    let web = crate::console::busy_web().await;
    let failed = crate::console::failed_mail("lee", "2026-11-21");
    let key = failed.key();
    crate::console::add_mail(&web, failed.clone()).await;
    let mut operator = web.operator().await;
    for revision in [u64::MAX, failed.revision + 1] {
        let revision = revision.to_string();
        let fields = [
            ("family", "lee"),
            ("kind", "daily"),
            ("date", "2026-11-21"),
            ("revision", &*revision),
        ];
        let path = "/console/notices/resend";
        let refused = operator.post_with_token(path, &fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{revision}");
    }
    let stored = web.store.mail(&key).await.unwrap();
    assert_eq!(stored.unwrap().revision, failed.revision);
}
