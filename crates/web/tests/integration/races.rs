//! Two requests at once: one of them changes something, and the other is told.

use axum::http::StatusCode;
use futures::FutureExt as _;
use hippo_core::family::Family;
use hippo_core::sign_in::{IdentityId, IdentityLink, PersonId, SignInUse, Token};
use hippo_core::store::{FamilyStore as _, IdentityStore as _, SignInStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use uuid::Uuid;

use crate::identities::{WAITING, use_provider, web_with_provider};
use crate::web::{BOTH, KIM, PAT, TestWeb};

fn conrad(store: &MemoryStore) -> Family {
    let id = sample::family_id("conrad");
    let family = store.family(&id).now_or_never().unwrap();
    family.unwrap().unwrap()
}

/// Changes the days ahead of `conrad`, as another tab does.
fn change_days(store: &MemoryStore) {
    let before = conrad(store);
    let mut after = before.clone();
    after.preferences.due_within_days = 5;
    let replaced = store.replace_family(&before, &after).now_or_never();
    assert!(replaced.unwrap().unwrap());
}

#[tokio::test]
async fn link_that_two_requests_use_at_once_signs_in_one() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let page = browser.get(&web.mailed_link()).await;
    let (form_token, link) = (page.hidden("form_token"), page.hidden("token"));
    let (id, token) = link.split_once('.').unwrap();
    let id = Uuid::try_parse(id).unwrap();
    let (token, now) = (Token::from_secret_text(token).unwrap(), web.now());
    web.store.run_before_next_write(move |store| {
        let attempt = store.attempt(id).now_or_never().unwrap();
        let attempt = attempt.unwrap().unwrap();
        let SignInUse::Accepted(used, _) = attempt.use_link(&token, now) else {
            panic!()
        };
        let replaced = store.replace_attempt(attempt.revision, &used);
        assert!(replaced.now_or_never().unwrap().unwrap());
    });
    let fields = [("form_token", &*form_token), ("token", &*link)];
    // The rival's own write, the session, the attempt, and the removal of the session that nobody has.
    web.store.limit_writes(Some(4));
    let second = browser.post("/sign-in/link", &fields).await;
    assert_eq!(second.status, StatusCode::GONE);
    assert!(!browser.cookies.contains_key("__Host-hippo"));
    let person = PersonId::from_address(&PAT.parse().unwrap());
    let fifth = web.store.remove_sessions(&person).await;
    assert!(fifth.is_err(), "a session stays that nobody has");
}

#[tokio::test]
async fn settings_that_two_tabs_save_at_once_are_those_of_the_first() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let version = browser.get("/family/settings").await.hidden("version");
    web.store.run_before_next_write(change_days);
    let fields = [
        ("version", &*version),
        ("time", "06:30"),
        ("timezone", "America/Toronto"),
        ("due_within_days", "9"),
        ("send_when_empty", "never"),
        ("fines_threshold", ""),
    ];
    let second = browser.post("/family/settings", &fields).await;
    assert_eq!(second.status, StatusCode::CONFLICT, "{}", second.body);
    assert!(second.body.contains("Nothing on this page was saved"));
    assert_eq!(conrad(&web.store).preferences.due_within_days, 5);
}

#[tokio::test]
async fn recipient_is_not_removed_while_somebody_changes_the_family() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let person = PersonId::from_address(&BOTH.parse().unwrap()).to_string();
    let path = "/family/settings/recipients/remove";
    let fields = [("family", "conrad"), ("person", &*person)];
    web.store.run_before_next_write(change_days);
    let mails = web.mails().len();
    let refused = browser.post_with_token(path, &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let family = conrad(&web.store);
    assert_eq!(family.recipients.len(), 2);
    assert_eq!(family.preferences.due_within_days, 5);
    assert_eq!(web.mails().len(), mails, "no email about a removal");
}

#[tokio::test]
async fn account_that_two_browsers_show_at_once_waits_in_one() {
    let (web, issuer) = web_with_provider().await;
    let mut first = web.browser();
    use_provider(&mut first, &issuer).await;
    let (id, _) = first.cookies[WAITING].split_once('.').unwrap();
    let (id, now) = (IdentityId::from_stored(id), web.now());
    let begin = move |store: &MemoryStore| {
        let before = store.identity_link(&id).now_or_never().unwrap().unwrap();
        let browser = Token::generate().unwrap();
        let after = IdentityLink::begin(id, &browser, now);
        let replaced = store.replace_identity_link(before.as_ref(), &after);
        assert!(replaced.now_or_never().unwrap().unwrap());
    };
    // Two limits are counted before it.
    web.store.run_before_next_write(|store| {
        store.run_before_next_write(|store| store.run_before_next_write(begin));
    });
    let mut second = web.browser();
    let answer = use_provider(&mut second, &issuer).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(!second.cookies.contains_key(WAITING));
}

#[tokio::test]
async fn account_that_one_person_links_twice_at_once_is_linked() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    let page = browser.get("/sign-in/oidc/link").await;
    let token = page.hidden("form_token");
    let waiting = browser.cookies[WAITING].clone();
    let (id, secret) = waiting.split_once('.').unwrap();
    let (id, secret) = (
        IdentityId::from_stored(id),
        Token::from_secret_text(secret).unwrap(),
    );
    let pat = PersonId::from_address(&PAT.parse().unwrap());
    let now = web.now();
    web.store.run_before_next_write(move |store| {
        let before = store.identity_link(&id).now_or_never().unwrap();
        let before = before.unwrap().unwrap();
        let after = before.link(&secret, &pat, now).unwrap();
        let replaced = store.replace_identity_link(Some(&before), &after);
        assert!(replaced.now_or_never().unwrap().unwrap());
    });
    let fields = [("form_token", &*token), ("answer", "yes")];
    let second = browser.post("/sign-in/oidc/link", &fields).await;
    assert_eq!(second.location(), "/sign-in/oidc/link");
}

#[tokio::test]
async fn account_that_two_people_link_at_once_is_the_first_ones() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    let page = browser.get("/sign-in/oidc/link").await;
    let token = page.hidden("form_token");
    let waiting = browser.cookies[WAITING].clone();
    let (id, secret) = waiting.split_once('.').unwrap();
    let id = IdentityId::from_stored(id);
    let secret = Token::from_secret_text(secret).unwrap();
    let kim = PersonId::from_address(&KIM.parse().unwrap());
    let (now, first, link) = (web.now(), kim.clone(), id.clone());
    web.store.run_before_next_write(move |store| {
        let before = store.identity_link(&link).now_or_never().unwrap();
        let before = before.unwrap().unwrap();
        let after = before.link(&secret, &first, now).unwrap();
        let replaced = store.replace_identity_link(Some(&before), &after);
        assert!(replaced.now_or_never().unwrap().unwrap());
    });
    let fields = [("form_token", &*token), ("answer", "yes")];
    let second = browser.post("/sign-in/oidc/link", &fields).await;
    assert_eq!(second.status, StatusCode::CONFLICT);
    let stored = web.store.identity_link(&id).await.unwrap().unwrap();
    assert_eq!(stored.person(), Some(&kim));
}
