//! What stands in front of every route: hosts, cross-site forms, sizes, headers, error pages.

use axum::http::{Method, Request, StatusCode};
use hippo_core::feed::{Feed, FeedToken};
use hippo_core::store::FeedStore as _;
use hippo_core::testing::contract::sample;
use rstest::rstest;

use crate::web::{PAT, TestResponse, TestWeb};

#[rstest]
#[case("/about", StatusCode::OK)]
#[case("/style.css", StatusCode::OK)]
#[case("/nowhere", StatusCode::NOT_FOUND)]
#[tokio::test]
async fn every_response_has_the_security_headers(#[case] path: &str, #[case] status: StatusCode) {
    let response = TestWeb::new().await.get(path).await;
    assert_eq!(response.status, status);
    assert_security_headers(&response);
    let is_page = path != "/style.css";
    assert_eq!(
        response.header("cache-control") == Some("no-store"),
        is_page
    );
}

fn assert_security_headers(response: &TestResponse) {
    assert_headers_of_any_host(response);
    assert_eq!(
        response.header("strict-transport-security"),
        Some("max-age=31536000")
    );
}

fn assert_headers_of_any_host(response: &TestResponse) {
    assert_eq!(
        response.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    );
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(response.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn private_pages_redirects_and_feeds_have_the_security_headers() {
    let web = TestWeb::new().await;
    let (token, label) = (FeedToken::generate().unwrap(), "phone".parse().unwrap());
    let family = sample::family_id("conrad");
    let feed = Feed::new(&token, family, label, true, sample::time("05:00:00"));
    web.store.add_feed(&feed).await.unwrap();
    let calendar = format!("/f/{}/due.ics", *token.expose());
    let (mut pat, mut operator) = (web.signed_in(PAT).await, web.operator().await);
    for (answer, status, cache) in [
        (pat.get("/family").await, StatusCode::OK, "no-store"),
        (
            pat.get("/family/settings").await,
            StatusCode::OK,
            "no-store",
        ),
        (operator.get("/console").await, StatusCode::OK, "no-store"),
        (web.get("/family").await, StatusCode::SEE_OTHER, "no-store"),
        (web.get("/console").await, StatusCode::SEE_OTHER, "no-store"),
        (
            pat.post("/sign-out", &[]).await,
            StatusCode::SEE_OTHER,
            "no-store",
        ),
        (
            web.get(&calendar).await,
            StatusCode::OK,
            "private, no-cache",
        ),
    ] {
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_security_headers(&answer);
        assert_eq!(answer.header("cache-control"), Some(cache));
    }
}

#[tokio::test]
async fn refused_host_gets_the_policy_and_is_not_cached() {
    let request = Request::get("/family").header("host", "evil.example");
    let answer = TestWeb::new().await.send(request, "").await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    assert_headers_of_any_host(&answer);
    // It isn't our host, so it isn't told to use https.
    assert_eq!(answer.header("strict-transport-security"), None);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn loopback_over_http_gets_no_hsts() {
    let request = Request::get("/about").header("host", "127.0.0.1:8484");
    let web = TestWeb::at("http://127.0.0.1:8484").await;
    let response = web.send(request, "").await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.header("strict-transport-security"), None);
}

#[tokio::test]
async fn host_name_of_this_machine_does_not_bypass_https() {
    let request = Request::get("/about").header("host", "127.0.0.1:8484");
    let response = TestWeb::new().await.send(request, "").await;
    assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
}

#[rstest]
#[case(Some("evil.example"))]
#[case(None)]
#[tokio::test]
async fn unknown_host_gets_no_page(#[case] host: Option<&str>) {
    let mut request = Request::get("/about");
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let response = TestWeb::new().await.send(request, "").await;
    assert_eq!(response.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(!response.body.contains("What we keep"));
    assert!(response.header("content-security-policy").is_some());
}

#[rstest]
#[case(Method::POST)]
#[case(Method::PUT)]
#[case(Method::DELETE)]
#[case(Method::OPTIONS)]
#[tokio::test]
async fn request_that_may_change_something_must_come_from_our_pages(#[case] method: Method) {
    let web = TestWeb::new().await;
    for path in ["/about", "/nowhere"] {
        let request = || {
            Request::builder()
                .method(method.clone())
                .uri(path)
                .header("host", "hippo.example.org")
        };
        let bare = web.send(request(), "").await;
        assert_eq!(bare.status, StatusCode::FORBIDDEN);
        let cross = request().header("sec-fetch-site", "cross-site");
        assert_eq!(web.send(cross, "").await.status, StatusCode::FORBIDDEN);
        let ours = request().header("sec-fetch-site", "same-origin");
        assert_ne!(web.send(ours, "").await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn every_error_has_the_same_page_with_its_own_id() {
    let web = TestWeb::new().await;
    let responses = [web.get("/nowhere").await, web.get("/nowhere").await];
    let ids = responses.map(|response| {
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let (_, id) = response.body.split_once("<code>").unwrap();
        let (id, _) = id.split_once("</code>").unwrap();
        assert_eq!(id.len(), 12);
        id.to_owned()
    });
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn wrong_method_is_refused_and_names_the_right_ones() {
    let web = TestWeb::new().await;
    let request = Request::delete("/about")
        .header("host", "hippo.example.org")
        .header("sec-fetch-site", "same-origin");
    let response = web.send(request, "").await;
    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.header("allow"), Some("GET,HEAD"));
    assert!(response.body.contains("Not possible here"));
}

#[tokio::test]
async fn very_long_address_is_refused() {
    let response = TestWeb::new()
        .await
        .get(&format!("/about?{}", "x".repeat(3000)))
        .await;
    assert_eq!(response.status, StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn file_is_kept_for_long_only_at_the_address_that_pages_name() {
    let web = TestWeb::new().await;
    let page = web.get("/about").await.body;
    let (_, rest) = page.split_once("href=\"/style.css?").unwrap();
    let (hash, _) = rest.split_once('"').unwrap();
    for (path, expected) in [
        (
            format!("/style.css?{hash}"),
            "public, max-age=31536000, immutable",
        ),
        ("/style.css".to_owned(), "public, max-age=3600"),
        ("/style.css?0".to_owned(), "public, max-age=3600"),
        (format!("/htmx.js?{hash}"), "public, max-age=3600"),
    ] {
        let file = web.get(&path).await;
        assert_eq!(file.header("cache-control"), Some(expected), "{path}");
    }
}
