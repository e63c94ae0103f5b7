//! Forms are tied to the browser that opened them.

use axum::http::StatusCode;
use hippo_core::store::{CardStore as _, FamilyStore as _, FeedStore as _, InvitationStore as _};
use hippo_core::testing::contract::sample;

use crate::family_cards::NUMBER;
use crate::web::{PAT, TestWeb};

/// What the forms could have changed.
async fn state(web: &TestWeb) -> String {
    let id = sample::family_id("conrad");
    let family = web.store.family(&id).await.unwrap();
    let cards = web.store.family_cards(&id).await.unwrap();
    let feeds = web.store.family_feeds(&id).await.unwrap();
    let invitations = web.store.family_invitations(&id).await.unwrap();
    let started = web.jobs.0.lock().unwrap();
    format!("{family:?} {cards:?} {feeds:?} {invitations:?} {started:?}")
}

#[tokio::test]
async fn form_without_the_token_of_its_browser_changes_nothing() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    browser.get("/sign-in").await;
    let stolen = web.browser().get("/sign-in").await.hidden("form_token");
    let card = format!("/family/cards/{}", web.card.id);
    let paths = [
        &*format!("{card}/pin"),
        &format!("{card}/remove"),
        &format!("{card}/check"),
        "/family/cards/add/wpl",
        "/family/settings/recipients/invite",
        "/family/settings/recipients/withdraw",
        "/family/settings/recipients/remove",
        "/sign-in/oidc/unlink",
        "/family/feeds",
        "/family/feeds/revoke",
    ];
    let before = state(&web).await;
    for path in paths {
        for token in [&*stolen, ""] {
            let fields = [
                ("form_token", token),
                ("family", "conrad"),
                ("number", NUMBER),
                ("new_number", "yes"),
                ("pin", "1"),
                ("patron", "Ada"),
                ("address", "new@example.org"),
                ("invitation", "x"),
                ("person", "x"),
                ("label", "kitchen"),
                ("feed", "x"),
            ];
            let refused = browser.post(path, &fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
            assert!(refused.body.contains("This form is too old"), "{path}");
        }
    }
    assert_eq!(state(&web).await, before);
}

#[tokio::test]
async fn link_or_code_from_another_site_does_not_sign_in() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let stolen = web.browser().get("/sign-in").await.hidden("form_token");
    let link = web.mailed_link();
    let (_, token) = link.split_once("token=").unwrap();
    let code = web.mailed_code();
    for (path, field) in [
        ("/sign-in/link", ("token", token)),
        ("/sign-in/code", ("code", &code)),
    ] {
        let refused = browser.post(path, &[("form_token", &stolen), field]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!browser.cookies.contains_key("__Host-hippo"), "{path}");
    }
    // Neither was used up.
    assert_eq!(browser.open_link_and_press(&link).await.location(), "/");
}
