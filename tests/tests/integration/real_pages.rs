//! Serves a recorded BiblioCommons account over HTTP, at the real site's paths.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use hippo_tests::{Home, library_pages};

/// The card number in the recorded pages.
const NUMBER: &str = "29999000000001";
const PIN: &str = "4711";

struct RecordedSite {
    pages: PathBuf,
    base_url: String,
    fetched: Mutex<Vec<String>>,
}

impl RecordedSite {
    fn page(&self, name: &str) -> Html<String> {
        let path = self.pages.join("bibliocommons").join(name);
        let page = std::fs::read_to_string(path).unwrap();
        Html(page.replace("https://wccls.bibliocommons.com", &self.base_url))
    }
}

async fn login_page(State(site): State<Arc<RecordedSite>>) -> Html<String> {
    site.page("login-form.html")
}

async fn log_in(
    Query(query): Query<HashMap<String, String>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let right = field("name") == NUMBER
        && field("user_pin") == PIN
        && !field("authenticity_token").is_empty();
    if !right {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let destination = query
        .get("destination")
        .map_or("/user_dashboard", String::as_str);
    (
        [(header::SET_COOKIE, "session_id=recorded; Path=/; HttpOnly")],
        Redirect::to(destination),
    )
        .into_response()
}

async fn account_page(
    State(site): State<Arc<RecordedSite>>,
    headers: HeaderMap,
    uri: axum::http::Uri,
) -> Response {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|cookies| cookies.to_str().ok())
        .unwrap_or_default();
    if !cookies.contains("session_id=recorded") {
        return Redirect::to("/user/login").into_response();
    }
    let name = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    site.fetched.lock().unwrap().push(name.clone());
    site.page(&format!("wccls-2021-two-loans-six-suspended/{name}.html"))
        .into_response()
}

async fn serve(pages: PathBuf) -> Arc<RecordedSite> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = Arc::new(RecordedSite {
        pages,
        base_url: format!("http://{}", listener.local_addr().unwrap()),
        fetched: Mutex::default(),
    });
    let router = Router::new()
        .route("/user/login", get(login_page).post(log_in))
        .route(
            "/user_dashboard",
            get(|| async { Html("<html><body><h1>Dashboard</h1></body></html>") }),
        )
        .route("/user/logout", get(|| async { "Bye." }))
        .route("/v2/checkedout", get(account_page))
        .route("/v2/holds/{state}", get(account_page))
        .with_state(Arc::clone(&site));
    tokio::spawn(async move { axum::serve(listener, router).await });
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_account_is_in_the_mail() {
    let Some(pages) = library_pages() else {
        return;
    };
    let site = serve(pages).await;
    let mut home = Home::new();
    home.set_now("2021-12-28T18:00:00Z");
    home.run(&[
        "family",
        "add",
        "pat",
        "--name",
        "The Pats",
        "--to",
        "pat@example.org",
        "--timezone",
        "America/Los_Angeles",
        "--time",
        "06:30",
        "--due-within-days",
        "20",
    ])
    .expect_code(0);
    home.run(&[
        "library",
        "add",
        "wccls",
        "--system",
        "bibliocommons",
        "--url",
        &site.base_url,
        "--name",
        "Washington County",
        "--timezone",
        "America/Los_Angeles",
    ])
    .expect_code(0);
    home.add_card("pat", "wccls", "Pat", NUMBER, PIN);

    home.run(&["check-cards", "--no-delay"]).expect_code(0);
    let fetched = site.fetched.lock().unwrap().clone();
    assert_eq!(
        fetched,
        ["checkedout", "suspended"],
        "only the pages with a total above 0 are fetched"
    );
    home.run(&["notify-all"]).expect_code(0);

    let mails = home.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].0, "2021-12-28-pat.eml");
    let html = home.html("2021-12-28-pat.html");
    for expected in [
        "The Great Destroyers",
        "Caroline Tung Richmond",
        "Jan 12",
        "Ender&#39;s Game: Ender Wiggin Series, Book 1",
        "Jan 3",
        "Project Hail Mary: A Novel",
        "Zombieland: Double Tap",
        "Little Woods",
        "One Billion Americans",
        "Nine Nasty Words",
        "Shadows in Flight",
    ] {
        assert!(
            html.contains(expected),
            "the mail does not show “{expected}”:\n{html}"
        );
    }
}
