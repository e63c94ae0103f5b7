//! Who may open the console, and that reading it changes nothing.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hippo_core::content_hash::content_hash;
use hippo_core::run::RunOutcome;
use hippo_core::schedule::Pause;
use hippo_core::schedule::change_pause::pause_version;
use hippo_core::store::{PauseStore as _, RunDayStore as _, RunStore as _};

use super::world::{CANARIES, HOSTILE, PAGES, at, busy_web, changeable_state, run};
use crate::web::{Browser, OPERATOR, PAT, TestResponse, TestWeb, encode};

/// The forms of the console.
const FORMS: [&str; 5] = [
    "/console/schedules/pause",
    "/console/schedules/resume",
    "/console/schedules/run",
    "/console/runs/again",
    "/console/notices/resend",
];

/// What the pages show of what the forms change.
struct Shown {
    /// The revision of a notice.
    revision: String,
    /// The version of a schedule's pause.
    version: String,
    /// The version of what a run of the schedule does.
    run_version: String,
}

/// Fields that are valid for each form.
fn fields<'a>(token: &'a str, shown: &'a Shown) -> [(&'a str, &'a str); 9] {
    let Shown {
        revision,
        version,
        run_version,
    } = shown;
    [
        ("form_token", token),
        ("label", "evenings"),
        ("family", "lee"),
        ("kind", "daily"),
        ("date", "2026-11-21"),
        ("revision", revision),
        ("version", version),
        ("run_version", run_version),
        ("run", "check-cards/mornings/2026-11-20T10:00:00Z"),
    ]
}

/// The token of the browser's forms; any text if it may not open the page.
async fn form_token(browser: &mut Browser<'_>) -> String {
    let page = browser.get("/console/schedules").await;
    match page.status {
        StatusCode::OK => page.hidden("form_token"),
        _ => browser.get("/sign-in").await.hidden("form_token"),
    }
}

/// A world in which each form has something to change.
async fn web_with_mail() -> (TestWeb, Shown) {
    let web = busy_web().await;
    let mail = super::world::failed_mail("lee", "2026-11-21");
    let revision = mail.revision.to_string();
    super::world::add_mail(&web, mail).await;
    let pauses = web.store.pauses().await.unwrap();
    let own = |pause: &&Pause| {
        pause
            .label
            .as_ref()
            .is_some_and(|label| label.as_str() == "evenings")
    };
    let version = pause_version(pauses.iter().find(own));
    // The schedule has no input.
    let run_version = content_hash(&("check-cards", serde_json::Map::new()));
    let shown = Shown {
        revision,
        version,
        run_version,
    };
    (web, shown)
}

#[test]
fn every_route_of_the_console_is_tested() {
    let source = include_str!("../../../src/pages/console/mod.rs");
    let (guarded, open) = source.split_once(".route_layer(").unwrap();
    let paths = |part: &str| -> Vec<String> {
        let routes = part.split(".route(").skip(1);
        routes
            .map(|rest| rest.split('"').nth(1).unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(open), ["/console.css", "/htmx.js"]);
    let mut declared = paths(guarded);
    let mut tested: Vec<String> = FORMS.map(ToOwned::to_owned).to_vec();
    for page in PAGES {
        tested.push(match page.strip_prefix("/console/runs/") {
            Some(_) => "/console/runs/{job}/{label}/{time}".to_owned(),
            None => page.split('?').next().unwrap().to_owned(),
        });
    }
    declared.sort_unstable();
    tested.sort_unstable();
    tested.dedup();
    assert_eq!(declared, tested);
}

#[tokio::test]
async fn console_is_for_the_operator_only() {
    for path in PAGES.iter().chain(&FORMS) {
        let (web, revision) = web_with_mail().await;
        let before = changeable_state(&web).await;
        let is_form = FORMS.contains(path);
        for (name, mut browser) in [
            ("nobody", web.browser()),
            ("a family", web.signed_in(PAT).await),
        ] {
            let answer = open(&mut browser, path, is_form, &revision).await;
            let context = format!("{path} by {name}");
            match name {
                "nobody" => assert_eq!(answer.location(), "/sign-in", "{context}"),
                _ => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{context}"),
            }
            for secret in ["mornings", "evenings", "check-cards", "wpl"] {
                assert!(!answer.body.contains(secret), "{context}: {secret}");
            }
        }
        assert_eq!(changeable_state(&web).await, before, "{path}");
        let mut operator = web.operator().await;
        let answer = open(&mut operator, path, is_form, &revision).await;
        match is_form {
            true => assert_eq!(
                answer.status,
                StatusCode::SEE_OTHER,
                "{path}: {}",
                answer.body
            ),
            false => assert_eq!(answer.status, StatusCode::OK, "{path}"),
        }
        assert_eq!(changeable_state(&web).await != before, is_form, "{path}");
    }
}

async fn open(
    browser: &mut Browser<'_>,
    path: &str,
    is_form: bool,
    revision: &Shown,
) -> TestResponse {
    match is_form {
        true => {
            let token = form_token(browser).await;
            browser.post(path, &fields(&token, revision)).await
        }
        false => browser.get(path).await,
    }
}

#[tokio::test]
async fn cross_site_form_of_the_console_changes_nothing() {
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
    ];
    for path in FORMS {
        let (web, revision) = web_with_mail().await;
        let mut operator = web.operator().await;
        let token = form_token(&mut operator).await;
        let before = changeable_state(&web).await;
        let body = encode(&fields(&token, &revision));
        for headers in headers {
            let mut request = operator
                .request(Method::POST, path)
                .header("content-type", "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = operator.send(request, &body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
        // Without the token of this browser's forms.
        let stale = operator.post(path, &fields("x", &revision)).await;
        assert_eq!(stale.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(changeable_state(&web).await, before, "{path}");
    }
}

#[tokio::test]
async fn form_of_the_console_that_the_store_fails_changes_nothing() {
    for (path, fails_writes) in FORMS
        .into_iter()
        .flat_map(|path| [(path, false), (path, true)])
    {
        let (web, shown) = web_with_mail().await;
        let mut operator = web.operator().await;
        let token = form_token(&mut operator).await;
        let before = changeable_state(&web).await;
        let mut failures = 0;
        let done = loop {
            let limit = Some(failures);
            match fails_writes {
                true => web.store.limit_writes(limit),
                false => web.store.limit_reads(limit),
            }
            let answer = operator.post(path, &fields(&token, &shown)).await;
            web.store.limit_writes(None);
            web.store.limit_reads(None);
            if answer.status == StatusCode::SEE_OTHER {
                break answer;
            }
            let context = format!("{path} after {failures} calls: {}", answer.body);
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{context}");
            assert!(answer.body.contains("Nothing is lost"), "{context}");
            assert!(answer.body.contains("<code>"), "{context}");
            assert_eq!(changeable_state(&web).await, before, "{context}");
            failures += 1;
        };
        // The same form works as soon as the store is back.
        assert!(done.location().starts_with("/console"), "{path}");
        assert_ne!(changeable_state(&web).await, before, "{path}");
        // What starts a run stores nothing.
        let starts_run = ["/console/schedules/run", "/console/runs/again"].contains(&path);
        assert_eq!(failures == 0, fails_writes && starts_run, "{path}");
    }
}

#[tokio::test]
async fn reading_the_console_changes_nothing() {
    let web = busy_web().await;
    // A run that the daily history lacks, which a command would correct.
    let lost = run(
        hippo_core::run::JobName::CHECK_CARDS,
        "mornings",
        at("21T15:00"),
        RunOutcome::Lost,
    );
    assert!(web.store.record_run(&lost).await.unwrap());
    let date = sample_date();
    let days = web.store.run_days(date, date).await.unwrap();
    let before = changeable_state(&web).await;
    let mut operator = web.operator().await;
    // Without writes, so that one of anything else fails the page.
    for writes in [None, Some(0)] {
        web.store.limit_writes(writes);
        for path in PAGES {
            for method in [Method::GET, Method::HEAD] {
                let request = operator.request(method.clone(), path);
                let answer = operator.send(request, "").await;
                assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
            }
        }
    }
    // The form of a run has a page of its own.
    let forms = FORMS
        .iter()
        .filter(|path| !PAGES.iter().any(|page| page.starts_with(*path)));
    for path in forms {
        let request = operator.request(Method::GET, path);
        let answer = operator.send(request, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    web.store.limit_writes(None);
    assert_eq!(changeable_state(&web).await, before);
    assert_eq!(web.store.run_days(date, date).await.unwrap(), days);
    assert!(operator.get("/console").await.body.contains("lost"));
}

fn sample_date() -> chrono::NaiveDate {
    "2026-11-21".parse().unwrap()
}

#[tokio::test]
async fn no_page_shows_an_address_a_title_a_number_or_a_name() {
    let (web, _) = web_with_mail().await;
    let mut operator = web.operator().await;
    for path in PAGES {
        let body = operator.get(path).await.body;
        for canary in CANARIES {
            assert!(!body.contains(canary), "{path} shows {canary}");
        }
        // The session and its tokens.
        for (name, value) in operator.cookies.clone() {
            assert!(!body.contains(&value), "{path} shows the cookie {name}");
        }
    }
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    let mut shown = 0;
    for path in PAGES {
        let body = operator.get(path).await.body;
        // The script of a live page is our own.
        let body = body.replace("<script src=\"/htmx.js?", "");
        for tag in [
            "<script",
            "<img",
            "<b>no such",
            "bea<b>",
            "onerror=alert(2)>",
        ] {
            assert!(!body.contains(tag), "{path}: {tag}");
        }
        assert!(!body.contains(HOSTILE), "{path}");
        shown += usize::from(body.contains("alert(1)"));
    }
    // The console, the schedules, and the run that the pause skipped.
    assert_eq!(shown, 3);
}

#[tokio::test]
async fn address_that_names_no_run_has_no_page() {
    let web = busy_web().await;
    let mut operator = web.operator().await;
    for path in [
        "/console/runs/check-cards/mornings/2026-11-01T00:00:00Z",
        "/console/runs/check-cards/mornings/yesterday",
        "/console/runs/check-cards/%3Cscript%3E/2026-11-21T10:00:00Z",
        "/console/runs/drop-table/mornings/2026-11-21T10:00:00Z",
        "/console/notices?after=%3Cscript%3E",
        "/console/families?after=..%2F",
        "/console/nowhere",
    ] {
        let answer = operator.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.body.contains("<script"), "{path}");
    }
}

#[tokio::test]
async fn resending_and_running_need_a_recent_sign_in() {
    let (web, revision) = web_with_mail().await;
    let mut operator = web.operator().await;
    web.wait(TimeDelta::minutes(61));
    let before = changeable_state(&web).await;
    let token = form_token(&mut operator).await;
    let fields = fields(&token, &revision);
    for path in [
        "/console/notices/resend",
        "/console/schedules/run",
        "/console/runs/again",
    ] {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.location(), "/sign-in?again=yes", "{path}");
        // A new sign-in leads back. It would end the session that the next form needs.
        let mut again = web.browser();
        again.cookies.clone_from(&operator.cookies);
        again.cookies.remove("__Host-hippo");
        again.ask_for_mail(OPERATOR).await;
        let back = again.type_code(&web.mailed_code()).await;
        let start = path.rsplit_once('/').unwrap().0;
        assert!(
            back.location().starts_with(start),
            "{path}: {}",
            back.location()
        );
        assert_eq!(again.get(back.location()).await.status, StatusCode::OK);
    }
    assert_eq!(changeable_state(&web).await, before);
    // Pausing can be undone.
    let answer = operator.post("/console/schedules/resume", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}
