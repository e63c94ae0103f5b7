//! Who may open what: every route × nobody, a family, another family, the operator.

use axum::http::{Method, StatusCode};
use hippo_core::content_hash::content_hash;
use hippo_core::family::Unsubscription;
use hippo_core::feed::{Feed, FeedToken};
use hippo_core::invitation::Invitation;
use hippo_core::mail::MailKind;
use hippo_core::sign_in::{Identity, IdentityLink, PersonId, Token};
use hippo_core::store::{
    CardStore as _, FamilyStore as _, FeedStore as _, IdentityStore as _, InvitationStore as _,
};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::web::{BOTH, Browser, KIM, PAT, TestWeb};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Anybody.
    Anyone,
    /// Somebody who is signed in; it shows and changes only what is the person's own.
    Person,
    /// The same, and it works for everybody: it changes how the person signs in.
    Oneself,
    /// The recipients of a family. The card in the path is one of `conrad`.
    Family,
}

/// Every route, with the methods that it takes.
const ROUTES: [(&str, &[Method], For); 37] = [
    ("/", &[Method::GET], For::Anyone),
    ("/about", &[Method::GET], For::Anyone),
    ("/icon.svg", &[Method::GET], For::Anyone),
    ("/style.css", &[Method::GET], For::Anyone),
    // Anyone who knows a token: see the tests of the feeds.
    ("/f/{token}/due.ics", &[Method::GET], For::Anyone),
    ("/f/{token}/now.json", &[Method::GET], For::Anyone),
    // Anyone who knows a token: see the tests of unsubscribing.
    ("/u/{token}", &[Method::GET, Method::POST], For::Anyone),
    ("/u/{token}/stop", &[Method::POST], For::Anyone),
    ("/u/{token}/undo", &[Method::POST], For::Anyone),
    ("/sign-in", &[Method::GET, Method::POST], For::Anyone),
    ("/sign-in/code", &[Method::GET, Method::POST], For::Anyone),
    ("/sign-in/link", &[Method::GET, Method::POST], For::Anyone),
    ("/sign-in/family", &[Method::POST], For::Person),
    // Without an identity provider, there is nothing: see the tests of the identities.
    ("/sign-in/oidc", &[Method::GET], For::Anyone),
    ("/sign-in/oidc/callback", &[Method::GET], For::Anyone),
    (
        "/sign-in/oidc/link",
        &[Method::GET, Method::POST],
        For::Person,
    ),
    ("/sign-in/oidc/unlink", &[Method::POST], For::Oneself),
    ("/sign-out", &[Method::POST], For::Anyone),
    ("/family", &[Method::GET], For::Family),
    ("/family/cards", &[Method::GET], For::Family),
    ("/family/cards/add", &[Method::GET], For::Family),
    (
        "/family/cards/add/{library}",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    (
        "/family/cards/{id}/pin",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    (
        "/family/cards/{id}/check",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    (
        "/family/cards/{id}/remove",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    (
        "/family/cards/{id}/pause",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    ("/family/cards/{id}/resume", &[Method::POST], For::Family),
    (
        "/family/settings",
        &[Method::GET, Method::POST],
        For::Family,
    ),
    ("/family/feeds", &[Method::GET, Method::POST], For::Family),
    ("/family/feeds/revoke", &[Method::POST], For::Family),
    (
        "/family/settings/recipients/invite",
        &[Method::POST],
        For::Family,
    ),
    (
        "/family/settings/recipients/withdraw",
        &[Method::POST],
        For::Family,
    ),
    (
        "/family/settings/recipients/remove",
        &[Method::POST],
        For::Family,
    ),
    // Anyone who knows a token: see the tests of the recipients.
    ("/invitation", &[Method::GET, Method::POST], For::Anyone),
    ("/family/settings/pause", &[Method::POST], For::Family),
    ("/family/settings/resume", &[Method::POST], For::Family),
    ("/family/settings/resubscribe", &[Method::POST], For::Family),
];

fn routes() -> impl Iterator<Item = (&'static str, Method, For)> {
    let routes = ROUTES.iter();
    routes
        .flat_map(|(path, methods, who)| methods.iter().map(|method| (*path, method.clone(), *who)))
}

#[test]
fn every_route_is_in_the_matrix() {
    let source = include_str!("../../src/router.rs");
    let mut declared: Vec<&str> = source
        .split(".route(")
        .skip(1)
        .map(|rest| rest.split('"').nth(1).unwrap())
        .collect();
    let mut listed: Vec<&str> = ROUTES.iter().map(|(path, ..)| *path).collect();
    declared.sort_unstable();
    listed.sort_unstable();
    assert_eq!(declared, listed);
}

/// The pages, with a feed of `conrad`, and a recipient who unsubscribed.
async fn web_with_feed() -> TestWeb {
    let web = TestWeb::new().await;
    let family = sample::family_id("conrad");
    let (token, label) = (FeedToken::generate().unwrap(), "phone".parse().unwrap());
    let feed = Feed::new(&token, family, label, true, sample::time("05:00:00"));
    web.store.add_feed(&feed).await.unwrap();
    let unsubscription = Unsubscription {
        address: PAT.parse().unwrap(),
        kind: MailKind::DAILY,
        since: sample::time("05:00:00"),
        link: None,
    };
    let unsubscribed = web.store.unsubscribe(&feed.family, &unsubscription);
    assert!(unsubscribed.await.unwrap());
    let by = PersonId::from_address(&PAT.parse().unwrap());
    let address = "new@example.org".parse().unwrap();
    let family = sample::family_id("conrad");
    let invitation = Invitation::new(family, address, by, sample::time("16:00:00"));
    web.store.add_invitation(&invitation).await.unwrap();
    let browser = Token::generate().unwrap();
    let waiting = IdentityLink::begin(identity().id(), &browser, sample::time("16:00:00"));
    let person = PersonId::from_address(&PAT.parse().unwrap());
    let linked = waiting.link(&browser, &person, sample::time("16:00:00"));
    let linked = linked.unwrap();
    let added = web.store.replace_identity_link(None, &linked);
    assert!(added.await.unwrap());
    web
}

/// An account that a recipient of `conrad` has elsewhere.
fn identity() -> Identity {
    Identity {
        issuer: "https://id.example.org".to_owned(),
        subject: "1".to_owned(),
    }
}

async fn invitations(web: &TestWeb) -> Vec<Invitation> {
    let family = sample::family_id("conrad");
    web.store.family_invitations(&family).await.unwrap()
}

async fn feeds(web: &TestWeb) -> Vec<Feed> {
    let family = sample::family_id("conrad");
    web.store.family_feeds(&family).await.unwrap()
}

async fn call(
    browser: &mut Browser<'_>,
    web: &TestWeb,
    path: &str,
    method: &Method,
) -> crate::web::TestResponse {
    let path = path.replace("{id}", &web.card.id.to_string());
    let path = path.replace("{library}", "wpl");
    let family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap()
        .unwrap();
    match *method {
        Method::POST => {
            let card = web.store.card(web.card.id).await.unwrap();
            let card = card.map(|record| record.card);
            let version = match &card {
                Some(card)
                    if path.ends_with("/pin") || path.ends_with(&format!("{}/remove", card.id)) =>
                {
                    card.secret_id.to_string()
                }
                Some(card) if path.contains("/cards/") => content_hash(&card.pause),
                _ => family.content_hash(),
            };
            let form = Uuid::new_v4().to_string();
            let feeds = feeds(web).await;
            let person = PersonId::from_address(&BOTH.parse().unwrap()).to_string();
            let invitation = invitations(web).await[0].id.to_string();
            let address = match path.ends_with("resubscribe") {
                true => PAT,
                false => "other@example.org",
            };
            let fields = [
                ("version", &*version),
                ("form", &*form),
                ("patron", "Ada"),
                ("number", "29999"),
                ("new_number", "yes"),
                ("pin", "4711"),
                ("time", "08:00"),
                ("timezone", "Europe/Berlin"),
                ("due_within_days", "9"),
                ("send_when_empty", "daily"),
                ("fines_threshold", "1.00"),
                ("address", address),
                ("person", &*person),
                ("invitation", &*invitation),
                ("token", "x"),
                ("family", "conrad"),
                ("label", "kitchen"),
                ("answer", "yes"),
                ("kind", "daily"),
                ("feed", feeds[0].token_hash.as_str()),
            ];
            browser.post_with_token(&path, &fields).await
        }
        _ => browser.get(&path).await,
    }
}

/// What somebody could have changed of the family `conrad`.
async fn state(web: &TestWeb) -> String {
    let family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap();
    let card = web.store.card(web.card.id).await.unwrap();
    let feeds = feeds(web).await;
    let cards = web
        .store
        .family_cards(&sample::family_id("conrad"))
        .await
        .unwrap();
    let invitations = invitations(web).await;
    let link = web.store.identity_link(&identity().id()).await.unwrap();
    let started = web.jobs.0.lock().unwrap();
    format!("{family:?} {card:?} {cards:?} {feeds:?} {invitations:?} {link:?} {started:?}")
}

#[tokio::test]
async fn pages_of_a_family_are_for_its_recipients_only() {
    for (path, method, who) in routes() {
        let web = web_with_feed().await;
        web.save_account(&web.card, sample::account(7_00)).await;
        let before = state(&web).await;
        let strangers = [
            ("nobody", web.browser()),
            ("another family", web.signed_in(KIM).await),
            ("the operator", web.operator().await),
        ];
        for (name, mut browser) in strangers {
            let context = format!("{method} {path} by {name}");
            let answer = call(&mut browser, &web, path, &method).await;
            for secret in ["The conrads", "Owl", PAT] {
                assert!(!answer.body.contains(secret), "{context}: {secret}");
            }
            match (who, name) {
                // They see their own family there.
                (For::Family, "another family") => {
                    let is_card = path.contains("{id}");
                    let is_change = method == Method::POST;
                    let expected = match (path, is_change) {
                        _ if is_card => StatusCode::NOT_FOUND,
                        // The form is that of another family.
                        (_, true) => StatusCode::CONFLICT,
                        (_, false) => StatusCode::OK,
                    };
                    assert_eq!(answer.status, expected, "{context}");
                }
                (For::Family, "nobody") => {
                    assert_eq!(answer.location(), "/sign-in", "{context}");
                }
                (For::Family, _) => {
                    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{context}");
                }
                (For::Person | For::Oneself, "nobody") => {
                    assert_eq!(answer.location(), "/sign-in", "{context}");
                }
                (For::Oneself, _) => {
                    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{context}");
                }
                (For::Person, _) => {
                    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{context}");
                }
                (For::Anyone, _) => {}
            }
            assert_eq!(state(&web).await, before, "{context}");
        }
    }
}

#[tokio::test]
async fn recipients_can_open_and_change_their_family() {
    for (path, method, who) in routes() {
        let web = web_with_feed().await;
        let before = state(&web).await;
        let mut browser = web.signed_in(PAT).await;
        let answer = call(&mut browser, &web, path, &method).await;
        let is_refused = answer.status.is_client_error() || answer.location() == "/sign-in";
        if matches!(who, For::Family | For::Oneself) {
            assert!(!is_refused, "{method} {path}: {}", answer.status);
        }
        // Resuming what isn't paused changes nothing.
        let is_own = matches!(who, For::Family | For::Oneself);
        let changes = is_own && method == Method::POST && !path.ends_with("resume");
        assert_eq!(state(&web).await != before, changes, "{method} {path}");
    }
}

#[tokio::test]
async fn reading_changes_nothing() {
    for (path, method, _) in routes() {
        if method != Method::GET {
            continue;
        }
        let web = web_with_feed().await;
        let mut browser = web.signed_in(PAT).await;
        let path = path.replace("{id}", &web.card.id.to_string());
        let path = path.replace("{library}", "wpl");
        let before = state(&web).await;
        for method in [Method::GET, Method::HEAD] {
            let request = browser.request(method.clone(), &path);
            browser.send(request, "").await;
            assert_eq!(state(&web).await, before, "{method} {path}");
        }
        web.store.limit_writes(Some(0));
        for method in [Method::GET, Method::HEAD] {
            let request = browser.request(method.clone(), &path);
            let answer = browser.send(request, "").await;
            assert!(!answer.status.is_server_error(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn form_that_cannot_be_stored_changes_nothing() {
    for (path, method, who) in routes() {
        // Resuming what isn't paused stores nothing.
        let is_own = matches!(who, For::Family | For::Oneself);
        if method != Method::POST || !is_own || path.ends_with("resume") {
            continue;
        }
        let web = web_with_feed().await;
        let mut browser = web.signed_in(PAT).await;
        let before = state(&web).await;
        web.store.limit_writes(Some(0));
        let answer = call(&mut browser, &web, path, &method).await;
        web.store.limit_writes(None);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let words = "Nothing is lost";
        assert!(
            answer.body.contains(words) && answer.body.contains("<code>"),
            "{path}"
        );
        assert_eq!(state(&web).await, before, "{path}");
    }
}

#[tokio::test]
async fn cross_site_form_changes_nothing() {
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ];
    for (path, method, _) in routes() {
        // A mail provider's server sends neither header: see the tests of unsubscribing.
        if method != Method::POST || path == "/u/{token}" {
            continue;
        }
        let web = TestWeb::new().await;
        let mut browser = web.signed_in(PAT).await;
        let before = state(&web).await;
        let family = web
            .store
            .family(&sample::family_id("conrad"))
            .await
            .unwrap()
            .unwrap();
        let path = path.replace("{id}", &web.card.id.to_string());
        let body = format!("version={}&everywhere=yes", family.content_hash());
        for headers in headers {
            let mut request = browser
                .request(Method::POST, &path)
                .header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = browser.send(request, &body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        assert_eq!(state(&web).await, before, "{path}");
        assert_eq!(
            browser.get("/family").await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn oversized_form_is_refused_with_a_page() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let long = "x".repeat(20_000);
    let answer = browser
        .post("/family/settings", &[("version", &long)])
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("more than we accept"));
}

#[tokio::test]
async fn page_whose_data_cannot_be_read_says_so() {
    for (path, method, who) in routes() {
        if method != Method::GET {
            continue;
        }
        let web = web_with_feed().await;
        web.save_account(&web.card, sample::account(7_00)).await;
        let mut browser = web.signed_in(PAT).await;
        let path = path.replace("{id}", &web.card.id.to_string());
        let path = path.replace("{library}", "wpl");
        let whole = browser.get(&path).await;
        let mut failures = 0;
        // Each read of the page fails once.
        for reads in 0..40 {
            web.store.limit_reads(Some(reads));
            let answer = browser.get(&path).await;
            web.store.limit_reads(None);
            if answer.status == whole.status {
                continue;
            }
            failures += 1;
            let context = format!("{path} after {reads} reads: {}", answer.body);
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{context}");
            assert!(answer.body.contains("We can’t reach our data"), "{context}");
            assert!(answer.body.contains("<code>"), "{context}");
            for secret in ["The conrads", "Owl", PAT] {
                assert!(!answer.body.contains(secret), "{context}");
            }
        }
        assert!(failures > 0 || who != For::Family, "{path}");
    }
}

#[tokio::test]
async fn wrong_methods_are_refused_on_every_route_and_change_nothing() {
    let web = web_with_feed().await;
    let mut browser = web.signed_in(PAT).await;
    let before = state(&web).await;
    for (path, methods, _) in ROUTES {
        let path = path.replace("{id}", &web.card.id.to_string());
        let path = path.replace("{library}", "wpl");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            if methods.contains(&method) {
                continue;
            }
            let request = browser
                .request(method.clone(), &path)
                .header("sec-fetch-site", "same-origin");
            let answer = browser.send(request, "").await;
            let context = format!("{method} {path}");
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{context}");
            let allowed = answer.header("allow").unwrap_or_default();
            for method in methods {
                assert!(allowed.contains(method.as_str()), "{context}: {allowed}");
            }
        }
    }
    assert_eq!(state(&web).await, before);
}
