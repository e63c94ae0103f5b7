//! Tokens: each is stored as a hash only, and opens nothing but what it is for.

use axum::http::StatusCode;
use hippo_core::feed::{Feed, FeedToken};
use hippo_core::ids::FamilyId;
use hippo_core::mail::{MailKey, MailKind};
use hippo_core::sign_in::Token;
use hippo_core::store::{FeedStore as _, InvitationStore as _, OutboxStore as _, SignInStore as _};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::unsubscribe::link as unsubscribe_link;
use crate::web::{PAT, TestWeb};

fn conrad() -> FamilyId {
    sample::family_id("conrad")
}

/// One secret of each kind, and what the store holds of all of them.
struct Secrets {
    /// The path of each kind's page up to the secret, the secret, and the rest of the path.
    doors: [(String, String, &'static str); 4],
    /// The token of a session.
    session: String,
    /// The token of the browser that asked for an email.
    browser: String,
    stored: String,
}

async fn secrets(web: &TestWeb) -> Secrets {
    let mut pat = web.signed_in(PAT).await;
    let session = pat.cookies["__Host-hippo"].clone();
    let fields = [("family", "conrad"), ("label", "kitchen")];
    let made = pat.post_with_token("/family/feeds", &fields).await.body;
    let (_, feed) = made.split_once("https://hippo.example.org/f/").unwrap();
    let feed = feed.split('/').next().unwrap().to_owned();
    let fields = [("family", "conrad"), ("address", "new@example.org")];
    pat.post_with_token("/family/settings/recipients/invite", &fields)
        .await;
    let invitation = web.mailed_link();
    let unsubscribe = unsubscribe_link(web, MailKind::DAILY, &[PAT]).await;
    let mut asking = web.browser();
    asking.ask_for_mail(PAT).await;
    let link = web.mailed_link();
    let attempt = asking.cookies["__Host-hippo-attempt"].clone();
    let (id, browser) = attempt.split_once('.').unwrap();

    let store = &web.store;
    let token = Token::from_secret_text(&session).unwrap();
    let mail = MailKey::new(MailKind::DAILY, conrad(), sample::date("2026-11-21"));
    let mail = store.mail(&mail).await.unwrap().unwrap();
    let id = Uuid::try_parse(id).unwrap();
    let stored = serde_json::json!([
        store.session(&token.hash()).await.unwrap().unwrap(),
        store.attempt(id).await.unwrap().unwrap(),
        store.family_feeds(&conrad()).await.unwrap(),
        store.family_invitations(&conrad()).await.unwrap(),
        mail.unsubscribe_links,
    ]);
    let after_last_dot = |path: String| {
        let (start, secret) = path.rsplit_once('.').unwrap();
        (format!("{start}."), secret.to_owned(), "")
    };
    Secrets {
        doors: [
            after_last_dot(link),
            after_last_dot(invitation),
            after_last_dot(unsubscribe),
            ("/f/".to_owned(), feed, "/due.ics"),
        ],
        session,
        browser: browser.to_owned(),
        stored: stored.to_string(),
    }
}

#[tokio::test]
async fn tokens_are_stored_as_hashes_only() {
    let web = TestWeb::new().await;
    let secrets = secrets(&web).await;
    let others = [&secrets.session, &secrets.browser];
    for secret in secrets.doors.iter().map(|door| &door.1).chain(others) {
        assert_eq!(secret.len(), 64);
        assert!(!secrets.stored.contains(&**secret), "{}", secrets.stored);
    }
}

#[tokio::test]
async fn token_opens_only_what_it_is_for() {
    let web = TestWeb::new().await;
    let secrets = secrets(&web).await;
    let others = [&secrets.session, &secrets.browser];
    let all = secrets.doors.iter().map(|door| &door.1).chain(others);
    for secret in all {
        for (start, own, end) in &secrets.doors {
            let page = web.get(&format!("{start}{secret}{end}")).await;
            let is_open = page.status == StatusCode::OK;
            assert_eq!(is_open, secret == own, "{start} {}", page.status);
        }
        let mut browser = web.browser();
        browser
            .cookies
            .insert("__Host-hippo".to_owned(), secret.clone());
        let is_open = browser.get("/family").await.status == StatusCode::OK;
        assert_eq!(is_open, *secret == secrets.session);
    }
}

#[tokio::test]
async fn no_other_secret_is_a_session() {
    let web = TestWeb::new().await;
    let secrets = secrets(&web).await;
    let operator_link = web.operator_link().await;
    // As in the links, with and without the id before it; and what other cookies hold.
    let links = secrets.doors.iter().map(|(start, secret, _)| {
        let id = start.rsplit(['/', '=']).next().unwrap();
        format!("{id}{secret}")
    });
    let mut others: Vec<String> = links.collect();
    others.extend(secrets.doors.iter().map(|door| door.1.clone()));
    others.push(operator_link.rsplit('=').next().unwrap().to_owned());
    others.push(operator_link.rsplit('.').next().unwrap().to_owned());
    others.push(secrets.browser.clone());
    let mut asking = web.browser();
    asking.ask_for_mail(PAT).await;
    others.extend(asking.cookies.into_values());
    // What the store holds in place of the token.
    let hash = Token::from_secret_text(&secrets.session).unwrap().hash();
    others.push(hash.to_string());
    assert!(others.len() >= 13, "{}", others.len());
    for secret in others {
        let mut browser = web.browser();
        let cookie = ("__Host-hippo".to_owned(), secret.clone());
        browser.cookies.extend([cookie]);
        for path in ["/family", "/family/settings", "/console"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.location(), "/sign-in", "{path} with {secret}");
        }
        let page = browser.get("/").await.body;
        assert!(!page.contains("Sign out"), "{secret}");
    }
}

#[tokio::test]
async fn feed_of_another_family_is_not_revoked() {
    let web = TestWeb::new().await;
    let (token, lee) = (FeedToken::generate().unwrap(), sample::family_id("lee"));
    let label = "phone".parse().unwrap();
    let feed = Feed::new(&token, lee, label, true, web.now());
    web.store.add_feed(&feed).await.unwrap();
    let mut browser = web.signed_in(PAT).await;
    let fields = [("family", "conrad"), ("feed", feed.token_hash.as_str())];
    browser
        .post_with_token("/family/feeds/revoke", &fields)
        .await;
    assert!(web.store.feed(&feed.token_hash).await.unwrap().is_some());
}
