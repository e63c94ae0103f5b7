//! Unsubscribing by the link in an email.

use axum::http::header::HOST;
use axum::http::{Method, Request, StatusCode};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::mail::{MailKey, MailKind};
use hippo_core::outbox::OutboxRecord;
use hippo_core::store::{FamilyStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::unsubscribe::UnsubscribeToken;

use crate::web::{BOTH, HOST_NAME, KIM, PAT, TestResponse, TestWeb, encode};

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn conrad() -> FamilyId {
    sample::family_id("conrad")
}

/// The path of the link in an email of a kind to these recipients of `conrad`.
pub async fn link(web: &TestWeb, kind: MailKind, recipients: &[&str]) -> String {
    let key = MailKey::new(kind, conrad(), sample::date("2026-11-21"));
    let planned = OutboxRecord::planned(key.clone(), sample::time("16:00:00"));
    web.store.plan_mail(&planned).await.unwrap();
    let record = web.store.mail(&key).await.unwrap().unwrap();
    let token = UnsubscribeToken::generate(key).unwrap();
    let to: Vec<_> = recipients.iter().map(|one| one.parse().unwrap()).collect();
    let after = OutboxRecord {
        revision: record.revision + 1,
        ..record.with_unsubscribe_link(token.link(&to))
    };
    assert!(
        web.store
            .replace_mail(record.revision, &after, None)
            .await
            .unwrap()
    );
    format!("/u/{}", *token.to_secret_text())
}

async fn family(web: &TestWeb) -> Family {
    web.store.family(&conrad()).await.unwrap().unwrap()
}

/// Who is unsubscribed from what.
async fn unsubscribed(web: &TestWeb) -> Vec<(String, String)> {
    let unsubscribed = family(web).await.unsubscribed.into_iter();
    unsubscribed
        .map(|one| (one.address.to_string(), one.kind.to_string()))
        .collect()
}

fn daily(address: &str) -> (String, String) {
    (address.to_owned(), "daily".to_owned())
}

/// Posts as a mail provider's server does: with no header of a browser.
async fn post(web: &TestWeb, path: &str, body: &str) -> TestResponse {
    let request = Request::post(path)
        .header(HOST, HOST_NAME)
        .header("content-type", "application/x-www-form-urlencoded");
    web.send(request, body).await
}

#[tokio::test]
async fn one_click_unsubscribes_the_only_recipient_from_that_kind() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    for _ in 0..2 {
        let answer = post(&web, &link, ONE_CLICK).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("set-cookie"), None);
        assert!(
            answer
                .body
                .contains("We no longer send it to p…@example.org.")
        );
        assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
    }
}

#[tokio::test]
async fn one_click_is_refused_for_a_mail_to_several() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT, BOTH]).await;
    let answer = post(&web, &link, ONE_CLICK).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn other_bodies_change_nothing() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    let bodies = [
        "",
        "a=b",
        "List-Unsubscribe=One-Click&a=b",
        "list-unsubscribe=one-click",
    ];
    for body in bodies {
        let answer = post(&web, &link, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn one_click_comes_from_anywhere_and_ignores_cookies() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    let mut browser = web.signed_in(KIM).await;
    let request = browser
        .request(Method::POST, &link)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://mail.example.net")
        .header("sec-fetch-site", "cross-site");
    let answer = browser.send(request, ONE_CLICK).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        !answer.body.contains("Sign out"),
        "the page knows no session"
    );
    assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
}

#[tokio::test]
async fn opening_the_link_changes_nothing() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT, BOTH]).await;
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(method).uri(&link);
        let answer = web.send(request.header(HOST, HOST_NAME), "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(unsubscribed(&web).await, []);
    let page = web.get(&link).await;
    assert!(page.body.contains("Stop sending it to p…@example.org"));
    assert!(page.body.contains("Stop sending it to b…@example.org"));
    for hidden in [PAT, BOTH, "The conrads", KIM] {
        assert!(!page.body.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn button_unsubscribes_its_address_and_another_undoes_that() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT, BOTH]).await;
    let mut browser = web.browser();
    let page = browser.get(&link).await;
    let pat = page.hidden("recipient");
    let stop = format!("{link}/stop");
    for _ in 0..2 {
        let answer = browser.post(&stop, &[("recipient", &pat)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), link);
        assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
    }
    let page = browser.get(&link).await;
    assert!(
        page.body
            .contains("We no longer send it to p…@example.org.")
    );
    assert!(page.body.contains("Stop sending it to b…@example.org"));
    let undo = format!("{link}/undo");
    browser.post(&undo, &[("recipient", &pat)]).await;
    assert_eq!(unsubscribed(&web).await, []);
    let unknown = browser.post(&stop, &[("recipient", "0")]).await;
    assert_eq!(unknown.status, StatusCode::CONFLICT);
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    let pat = web.get(&link).await.hidden("recipient");
    for action in ["stop", "undo"] {
        let path = format!("{link}/{action}");
        let answer = post(&web, &path, &encode(&[("recipient", &pat)])).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn token_is_for_its_kind_family_and_recipient_only() {
    let web = TestWeb::new().await;
    let picture = link(&web, MailKind::PICTURE, &[PAT]).await;
    post(&web, &picture, ONE_CLICK).await;
    assert_eq!(
        unsubscribed(&web).await,
        [(PAT.to_owned(), "picture".to_owned())]
    );

    // A name from another email's page is not known to this one.
    let several = link(&web, MailKind::DAILY, &[PAT, BOTH]).await;
    let both = {
        let page = web.get(&several).await.body;
        page.rsplit("name=\"recipient\" value=\"")
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let only_pat = link(&web, MailKind::DAILY, &[PAT]).await;
    let mut browser = web.browser();
    let answer = browser
        .post(&format!("{only_pat}/stop"), &[("recipient", &both)])
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let lee = web
        .store
        .family(&sample::family_id("lee"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lee.unsubscribed, []);
    assert_eq!(unsubscribed(&web).await.len(), 1);
}

#[tokio::test]
async fn forged_and_forgotten_tokens_get_the_same_answer() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    let secret = link.rsplit('.').next().unwrap();
    let paths = [
        "/u/x".to_owned(),
        "/u/%FF".to_owned(),
        format!("/u/{secret}"),
        format!("/u/daily.conrad.2026-11-21.{}", "0".repeat(64)),
        format!("/u/picture.conrad.2026-11-21.{secret}"),
        format!("/u/daily.lee.2026-11-21.{secret}"),
        format!("/u/daily.conrad.2026-11-22.{secret}"),
    ];
    for path in paths {
        let page = web.get(&path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(page.body.contains("This link doesn’t work"), "{path}");
        assert_eq!(
            post(&web, &path, ONE_CLICK).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert_eq!(unsubscribed(&web).await, []);
    web.store.remove_family(&conrad()).await.unwrap();
    assert_eq!(web.get(&link).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn leaked_token_cannot_undo_what_another_link_did() {
    let web = TestWeb::new().await;
    let leaked = link(&web, MailKind::DAILY, &[PAT]).await;
    let own = link(&web, MailKind::DAILY, &[PAT]).await;
    post(&web, &own, ONE_CLICK).await;
    let page = web.get(&leaked).await;
    assert!(
        page.body
            .contains("To get it again, <a href=\"/sign-in\">sign in</a>")
    );
    let pat = web.get(&own).await.hidden("recipient");
    assert!(!page.body.contains(&pat), "the names differ");
    let mut browser = web.browser();
    browser
        .post(&format!("{leaked}/undo"), &[("recipient", &pat)])
        .await;
    assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
    browser
        .post(&format!("{own}/undo"), &[("recipient", &pat)])
        .await;
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn former_recipient_cannot_be_stopped() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    let mut after = family(&web).await;
    after.recipients.retain(|one| one.as_str() != PAT);
    web.store.update_family(&after).await.unwrap();
    let page = web.get(&link).await;
    assert!(page.body.contains("isn’t a recipient any more"));
    assert_eq!(post(&web, &link, ONE_CLICK).await.status, StatusCode::OK);
    assert_eq!(unsubscribed(&web).await, []);
}

#[tokio::test]
async fn settings_show_who_unsubscribed_and_undo_it() {
    let web = TestWeb::new().await;
    let link = link(&web, MailKind::DAILY, &[PAT]).await;
    post(&web, &link, ONE_CLICK).await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get("/family/settings").await;
    let words = "pat@example.org doesn’t get the daily email about your library cards.";
    assert!(page.body.contains(words), "{}", page.body);
    let fields = [("family", "lee"), ("address", PAT), ("kind", "daily")];
    let other = browser.post("/family/settings/resubscribe", &fields).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
    let fields = [("family", "conrad"), ("address", PAT), ("kind", "daily")];
    // Nobody else may do it.
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    let page = both.get("/family/settings").await;
    assert!(page.body.contains("Only this person can turn it on again"));
    let refused = both.post("/family/settings/resubscribe", &fields).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(unsubscribed(&web).await, [daily(PAT)]);
    let answer = browser.post("/family/settings/resubscribe", &fields).await;
    assert_eq!(answer.location(), "/family/settings?saved=yes");
    assert_eq!(unsubscribed(&web).await, []);
    let page = browser.get("/family/settings").await;
    assert!(!page.body.contains("Who unsubscribed"));
}
