//! Logins, logouts and session state.

use super::*;

#[tokio::test]
async fn status_meaning_depends_on_the_login() {
    let site = TestSite::start(|request| match path(request) {
        "/login" => page(LOGIN),
        "/in" => page("in"),
        "/401" => reply("401 Unauthorized", &[], "x"),
        _ => reply("403 Forbidden", &[], "x"),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    log_in(&mut session).await.unwrap();
    assert!(session.is_login_sent());
    let (no_session, forbidden) = (session.url("401").unwrap(), session.url("403").unwrap());
    assert_eq!(kind(session.get(&forbidden).await), "page_changed");
    assert_eq!(kind(session.get(&no_session).await), "page_changed");
    session.mark_logged_in();
    assert_eq!(kind(session.get(&no_session).await), "session_expired");
}

#[tokio::test]
async fn login_page_meaning_depends_on_the_login() {
    let site = TestSite::start(|_| page(LOGIN)).await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let form = session.get(&site.url).await.unwrap();
    let with = |body: String| Page {
        body,
        ..form.clone()
    };
    let half = with(LOGIN.replace("</form>", ""));
    let captcha = with(format!("<h1>Are you a robot?</h1>{LOGIN}"));
    let failure_kind =
        |session: &Session<'_>, page: &Page| session.failure_for_login_page(page, "x").kind;
    assert_eq!(failure_kind(&session, &form).as_str(), "page_changed");
    log_in(&mut session).await.unwrap();
    assert_eq!(failure_kind(&session, &form).as_str(), "wrong_credentials");
    assert_eq!(failure_kind(&session, &half).as_str(), "page_changed");
    assert_eq!(failure_kind(&session, &captcha).as_str(), "site_refused");
    session.mark_logged_in();
    assert_eq!(failure_kind(&session, &form).as_str(), "session_expired");
    assert_eq!(failure_kind(&session, &captcha).as_str(), "site_refused");
}

#[tokio::test]
async fn status_401_to_the_login_is_wrong_credentials() {
    let site = TestSite::start(|_| page(LOGIN)).await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let answer = |status: u16, body: &str| Page {
        url: site.url.clone(),
        status,
        content_type: None,
        body: body.to_owned(),
    };
    let failure_kind = |session: &Session<'_>, page: Page| {
        session.failure_for_unknown_answer(&page, "an answer").kind
    };
    assert_eq!(
        failure_kind(&session, answer(401, "x")).as_str(),
        "page_changed"
    );
    log_in(&mut session).await.unwrap();
    assert_eq!(
        failure_kind(&session, answer(401, "x")).as_str(),
        "wrong_credentials"
    );
    assert_eq!(
        failure_kind(&session, answer(401, "<h1>Too many requests</h1>")).as_str(),
        "site_refused"
    );
    assert_eq!(
        failure_kind(&session, answer(422, "x")).as_str(),
        "page_changed"
    );
}

#[tokio::test]
async fn login_is_sent_once_after_the_permit() {
    let site = TestSite::start(|request| match path(request) {
        "/login" => page(LOGIN),
        "/in" => redirect("302 Found", "/account"),
        _ => page("account"),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let shown = log_in(&mut session).await.unwrap();
    assert_eq!(shown.body, "account");
    assert_eq!(site.lines(), ["GET /login", "POST /in", "GET /account"]);
    assert_eq!(visitor.permit.count(), 1);
    let requests = site.asked();
    assert!(requests[1].ends_with(&format!("lt=token&number={NUMBER}&pin={PIN}")));
    assert!(!requests[2].contains(PIN) && !requests[2].contains("content-type"));
}

#[tokio::test]
async fn login_without_permit_is_not_sent() {
    let site = TestSite::start(|_| page(LOGIN)).await;
    let mut visitor = Visitor::to(&site.url);
    visitor.permit = TestLoginPermit {
        is_refusing: true,
        ..TestLoginPermit::default()
    };
    let mut session = visitor.session();
    assert_eq!(kind(log_in(&mut session).await), "not_tried");
    assert!(!session.is_login_sent());
    assert_eq!(site.lines(), ["GET /login"]);
}

#[tokio::test]
async fn login_form_to_another_host_is_not_sent() {
    let other = TestSite::start(|_| page("caught")).await;
    for (form, allowed) in [
        (LOGIN.replace("/in", &format!("{}in", other.url)), false),
        (LOGIN.replace("/in", "https://books.test/in"), false),
        (LOGIN.replace("method=post", "method=get"), false),
        (LOGIN.replace("name=pin", "name=password"), false),
        (LOGIN.to_owned(), true),
    ] {
        let site = TestSite::start(move |_| page(&form)).await;
        let visitor = Visitor::to(&site.url);
        let mut session = visitor.session();
        let outcome = log_in(&mut session).await;
        assert_eq!(visitor.permit.count(), usize::from(allowed));
        if !allowed {
            assert_eq!(kind(outcome), "page_changed");
            assert_eq!(site.lines(), ["GET /login"]);
        }
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn login_goes_to_a_declared_host() {
    let other = TestSite::start(|_| page("welcome")).await;
    let form = LOGIN.replace("/in", &format!("{}in", other.url));
    let site = TestSite::start(move |_| page(&form)).await;
    let mut visitor = Visitor::to(&site.url);
    let port = other.url.port().unwrap();
    visitor.library.login_hosts = vec![format!("127.0.0.1:{port}")];
    assert_eq!(
        log_in(&mut visitor.session()).await.unwrap().body,
        "welcome"
    );
}

#[tokio::test]
async fn form_with_pin_is_sent_only_as_a_login() {
    let site = TestSite::start(|_| page(LOGIN)).await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let login = session.get(&site.url).await.unwrap();
    let mut form = Form::find(&login, "form").unwrap();
    form.set_secret("pin", &visitor.secret.pin);
    assert_eq!(kind(session.submit(form).await), "page_changed");
    let mut form = Form::find(&login, "form").unwrap();
    form.set("number", "1").header("X-Mine", "2");
    session.submit(form).await.unwrap();
    let requests = site.asked();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains("x-mine: 2") && requests[1].ends_with("lt=token&number=1&pin="));
}

#[tokio::test]
async fn redirect_that_would_resend_the_pin_is_refused() {
    let other = TestSite::start(|_| page("caught")).await;
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        for to in [other.url.to_string(), "/elsewhere".to_owned()] {
            let site = TestSite::start(move |request| match path(request) {
                "/login" => page(LOGIN),
                _ => redirect(status, &to),
            })
            .await;
            let visitor = Visitor::to(&site.url);
            assert_eq!(kind(log_in(&mut visitor.session()).await), "page_changed");
            assert_eq!(site.lines(), ["GET /login", "POST /in"]);
        }
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn failed_login_is_never_resent() {
    for (make, expected) in [
        ((|| Reply::Drop) as fn() -> Reply, "site_down"),
        (|| reply("502 Bad Gateway", &[], "x"), "site_down"),
        (|| reply("503 Unavailable", &[], "x"), "site_down"),
        (|| reply("429 Too Many", &[], "x"), "site_refused"),
        (
            || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()),
            "site_down",
        ),
        (|| redirect("302 Found", "/drop"), "site_down"),
    ] {
        let site = TestSite::start(move |request| match path(request) {
            "/login" => page(LOGIN),
            "/in" => make(),
            _ => Reply::Drop,
        })
        .await;
        let visitor = Visitor::to(&site.url);
        let mut session = visitor.session();
        assert_eq!(kind(log_in(&mut session).await), expected);
        let lines = site.lines();
        assert_eq!(lines.iter().filter(|line| *line == "POST /in").count(), 1);
        assert!(lines.iter().filter(|line| *line == "GET /drop").count() <= 1);
        assert_eq!(visitor.permit.count(), 1);
    }
}

#[tokio::test]
async fn refused_login_returns_its_page() {
    let site = TestSite::start(|request| match path(request) {
        "/login" => page(LOGIN),
        _ => reply("401 Unauthorized", &[], "wrong PIN"),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let shown = log_in(&mut visitor.session()).await.unwrap();
    assert_eq!((shown.status, shown.body.as_str()), (401, "wrong PIN"));
}

#[tokio::test]
async fn logout_is_sent_only_after_a_login() {
    let site = TestSite::start(|request| match path(request) {
        "/login" => page(LOGIN),
        "/out" => Reply::Drop,
        _ => page("in"),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let out = session.url("out").unwrap();
    session.log_out_at_end(&out);
    session.end().await;
    assert!(site.lines().is_empty());
    session.log_out_at_end(&out);
    log_in(&mut session).await.unwrap();
    session.log_out(&out).await;
    session.end().await;
    assert_eq!(site.lines(), ["GET /login", "POST /in", "GET /out"]);
}

#[tokio::test]
async fn https_login_never_leads_to_http() {
    let plain = TestSite::start(|_| page("caught")).await;
    let there = plain.url.clone();
    let (site, root) = TestSite::start_tls(move |request| match path(request) {
        "/login" => reply("200 OK", &["Set-Cookie: s=1; Secure; HttpOnly"], LOGIN),
        "/in" => page("welcome"),
        "/away" => redirect("302 Found", there.as_str()),
        _ => page(&LOGIN.replace("/in", there.as_str())),
    })
    .await;
    let mut visitor = Visitor::to(&site.url);
    visitor.connections =
        Connections::with_clients(&options(), |builder| builder.tls_certs_only([root.clone()]))
            .unwrap();
    let mut session = visitor.session();
    assert_eq!(log_in(&mut session).await.unwrap().body, "welcome");
    assert!(site.asked()[1].contains("cookie: s=1"));
    let away = session.url("away").unwrap();
    assert_eq!(kind(session.get(&away).await), "page_changed");
    assert_eq!(kind(session.get(&plain.url).await), "page_changed");
    let trap = session.get(&session.url("trap").unwrap()).await.unwrap();
    let mut form = Form::find(&trap, "form").unwrap();
    form.set_secret("pin", &visitor.secret.pin);
    assert_eq!(kind(session.log_in(form).await), "page_changed");
    assert!(plain.asked().is_empty());
    assert_eq!(visitor.permit.count(), 1);
}

#[tokio::test]
async fn failures_and_debug_hide_number_pin_and_cookies() {
    // A site that returns all secrets in every possible way.
    for n in 0..6 {
        let site = TestSite::start(move |request| {
            let all = format!("/{PIN}/x{NUMBER}?pin={PIN}&c=c00kie");
            match (path(request), n) {
                ("/login", _) => reply("200 OK", &["Set-Cookie: s=c00kie"], LOGIN),
                (_, 0) => reply(&format!("500 {PIN}"), &[], &all),
                (_, 1) => redirect("307 Temporary Redirect", &all),
                (_, 2) if path(request) == "/in" => redirect("302 Found", &all),
                (_, 3) => reply("302 Found", &[&format!("Location: ftp://x{all}")], ""),
                (_, 4) => Reply::Drop,
                _ => reply("404 Not Found", &["Content-Type: image/png"], &all),
            }
        })
        .await;
        let visitor = Visitor::to(&site.url);
        let mut session = visitor.session();
        let outcome = log_in(&mut session).await;
        let failure = outcome.as_ref().err();
        let shown = format!("{session:?} {outcome:?} {failure:?} {:?}", session.secret());
        for hidden in [NUMBER, "4711", "c00kie"] {
            assert!(!shown.contains(hidden), "{n}: {shown}");
        }
    }
}
