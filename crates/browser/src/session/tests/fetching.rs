//! Pages, redirects, cookies and limits.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rstest::rstest;

use crate::PrivateAddresses;

use super::*;

#[tokio::test]
async fn url_is_below_the_base_path() {
    for (base, path, expected) in [
        (
            "https://x.test/",
            "/user/login?a=b",
            "https://x.test/user/login?a=b",
        ),
        (
            "https://x.test/opac",
            "user/login",
            "https://x.test/opac/user/login",
        ),
        (
            "https://x.test/opac/?x=y",
            "/user",
            "https://x.test/opac/user",
        ),
        ("https://x.test/opac/", "", "https://x.test/opac/"),
        (
            "https://x.test/",
            "//evil.test/",
            "https://x.test/evil.test/",
        ),
        (
            "https://x.test/",
            "http://evil.test/",
            "https://x.test/http://evil.test/",
        ),
    ] {
        let visitor = Visitor::to(&base.parse().unwrap());
        assert_eq!(visitor.session().url(path).unwrap().as_str(), expected);
    }
}

#[tokio::test]
async fn redirects_are_followed_with_their_cookies() {
    let site = TestSite::start(|request| match path(request) {
        "/a" => reply(
            "302 Found",
            &["Location: b/c#part", "Set-Cookie: one=1; Path=/"],
            "",
        ),
        "/b/c" => reply("301 Moved", &["Location: ../d", "Set-Cookie: two=2"], ""),
        _ => page(request),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let shown = session.get(&session.url("a#x").unwrap()).await.unwrap();
    assert_eq!(site.lines(), ["GET /a", "GET /b/c", "GET /d"]);
    assert_eq!(shown.url.path(), "/d");
    assert_eq!(shown.url.fragment(), None);
    assert!(shown.body.contains("cookie: one=1\r\n"), "{}", shown.body);
    assert_eq!(session.cookie("one").as_deref(), Some("1"));
    assert_eq!(session.cookie("absent"), None);
}

#[tokio::test]
async fn endless_redirects_are_stopped() {
    let count = AtomicUsize::new(0);
    let site = TestSite::start(move |request| match path(request) {
        "/loop" => redirect("302 Found", "/pool"),
        "/pool" => redirect("302 Found", "/loop"),
        "/blank" => reply("302 Found", &[], ""),
        _ => redirect(
            "302 Found",
            &format!("/endless?{}", count.fetch_add(1, Ordering::SeqCst)),
        ),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    for (start, most) in [("loop", 5), ("endless", 11), ("blank", 1)] {
        let before = site.lines().len();
        assert_eq!(
            kind(session.get(&session.url(start).unwrap()).await),
            "page_changed"
        );
        assert!(site.lines().len() - before <= most, "{:?}", site.lines());
    }
}

#[tokio::test]
async fn cookie_redirect_to_the_same_page_is_followed() {
    let site = TestSite::start(|request| {
        if request.contains("cookie: seen=1") {
            page("there")
        } else {
            reply("302 Found", &["Location: /", "Set-Cookie: seen=1"], "")
        }
    })
    .await;
    let visitor = Visitor::to(&site.url);
    assert_eq!(
        visitor.session().get(&site.url).await.unwrap().body,
        "there"
    );
}

#[tokio::test]
async fn sessions_do_not_share_cookies() {
    let site = TestSite::start(|request| {
        let who = path(request).trim_matches('/').to_owned();
        reply(
            "200 OK",
            &[&format!("Set-Cookie: who={who}; Path=/")],
            request,
        )
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let (mut first, mut second) = (visitor.session(), visitor.session());
    first.get(&first.url("anna").unwrap()).await.unwrap();
    let shown = second.get(&second.url("ben").unwrap()).await.unwrap();
    assert!(!shown.body.contains("anna"), "{}", shown.body);
    let shown = first.get(&first.url("x").unwrap()).await.unwrap();
    assert!(shown.body.contains("who=anna"), "{}", shown.body);
    assert_eq!(second.cookie("who").as_deref(), Some("ben"));
}

#[tokio::test]
async fn foreign_and_expired_cookies_are_ignored() {
    let site = TestSite::start(|_| {
        reply(
            "200 OK",
            &[
                "Set-Cookie: a=1; Domain=books.test",
                "Set-Cookie: b=1; Domain=test",
                "Set-Cookie: c=1; Domain=0.0.1",
                "Set-Cookie: d=1; Max-Age=0",
                "Set-Cookie: e=1",
            ],
            "x",
        )
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    session.get(&site.url).await.unwrap();
    session.get(&site.url).await.unwrap();
    let requests = site.asked();
    assert!(requests[1].contains("cookie: e=1\r\n"), "{}", requests[1]);
}

#[tokio::test]
async fn system_headers_stay_with_their_host() {
    let other = TestSite::start(page).await;
    let there = other.url.clone();
    let site = TestSite::start(move |request| match path(request) {
        "/away" => redirect("302 Found", there.as_str()),
        "/on" => redirect("302 Found", "/here"),
        _ => page(request),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let headers = [("X-Token", "t0ken")];
    for (start, expected) in [("on", true), ("away", false)] {
        let url = session.url(start).unwrap();
        let shown = session.get_with(&url, &headers).await.unwrap();
        assert_eq!(shown.body.contains("x-token: t0ken"), expected, "{start}");
        assert!(shown.body.contains("user-agent: LibraryHippo/"));
    }
    let bad = [("X-Token", "a\r\nb")];
    assert_eq!(
        kind(session.get_with(&site.url, &bad).await),
        "page_changed"
    );
}

#[tokio::test]
async fn transient_failure_is_retried_once_before_login() {
    for make in [
        (|| Reply::Drop) as fn() -> Reply,
        || reply("502 Bad Gateway", &[], "x"),
        || reply("503 Unavailable", &[], "x"),
        || Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()),
    ] {
        let count = AtomicUsize::new(0);
        let site = TestSite::start(move |request| {
            if path(request) == "/well" && count.fetch_add(1, Ordering::SeqCst) > 0 {
                page("well")
            } else {
                make()
            }
        })
        .await;
        let visitor = Visitor::to(&site.url);
        let mut session = visitor.session();
        session.get(&session.url("well").unwrap()).await.unwrap();
        assert_eq!(
            kind(session.get(&session.url("ill").unwrap()).await),
            "site_down"
        );
        assert_eq!(
            site.lines(),
            ["GET /well", "GET /well", "GET /ill", "GET /ill"]
        );
        let posted = session.post(&session.url("post").unwrap(), &[], &[]).await;
        assert_eq!(kind(posted), "site_down");
        assert_eq!(site.lines().len(), 5, "a POST is not retried");
    }
}

#[tokio::test]
async fn request_with_retry_after_is_not_retried() {
    let site = TestSite::start(|request| match path(request) {
        "/429" => reply("429 Too Many", &["Retry-After: 90"], "x"),
        _ => reply("503 Unavailable", &["Retry-After: 120"], "x"),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    for (path, kind, wait) in [("429", "site_refused", 90), ("503", "site_down", 120)] {
        let failure = session.get(&session.url(path).unwrap()).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), kind);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(wait)));
    }
    assert_eq!(site.lines().len(), 2);
}

#[rstest]
#[case("403 Forbidden", "x", "site_refused")]
#[case("404 Not Found", "x", "page_changed")]
#[case("404 Not Found", "<h1>Down for maintenance</h1>", "site_down")]
#[case("401 Unauthorized", "x", "page_changed")]
#[case("304 Not Modified", "", "page_changed")]
#[case("200 OK", " \n", "page_changed")]
#[case("204 No Content", "", "page_changed")]
#[case("500 Oh No", "x", "site_down")]
#[tokio::test]
async fn unexpected_answer_has_its_failure_kind(
    #[case] status: &'static str,
    #[case] body: &'static str,
    #[case] expected: &str,
) {
    let site = TestSite::start(move |_| reply(status, &[], body)).await;
    let visitor = Visitor::to(&site.url);
    assert_eq!(kind(visitor.session().get(&site.url).await), expected);
}

#[tokio::test]
async fn too_large_page_is_refused() {
    let zeros = vec![b'x'; 50 * 1024 * 1024];
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&zeros).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1024 * 1024);
    let (zeros, bomb) = (Arc::new(zeros), Arc::new(bomb));
    let site = TestSite::start(move |request| match path(request) {
        "/said" => reply("200 OK", &[], &*zeros),
        "/unsaid" => {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            Reply::Bytes([head, zeros.as_slice()].concat())
        }
        _ => reply("200 OK", &["Content-Encoding: gzip"], &*bomb),
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    for path in ["said", "unsaid", "bomb"] {
        let failure = session.get(&session.url(path).unwrap()).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed");
        assert!(failure.detail.contains("8 MiB"), "{failure}");
    }
    assert_eq!(site.lines().len(), 3, "and is not requested again");
}

#[tokio::test]
async fn gzip_page_is_decoded_or_fails() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all("<p>Čapek".as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let site = TestSite::start(move |request| {
        let body: &[u8] = if path(request) == "/well" {
            &packed
        } else {
            b"no gzip"
        };
        reply("200 OK", &["Content-Encoding: gzip"], body)
    })
    .await;
    let visitor = Visitor::to(&site.url);
    let mut session = visitor.session();
    let shown = session.get(&session.url("well").unwrap()).await.unwrap();
    assert_eq!(shown.body, "<p>Čapek");
    assert_eq!(
        kind(session.get(&session.url("ill").unwrap()).await),
        "site_down"
    );
}

#[tokio::test]
async fn missing_answer_times_out() {
    let site = TestSite::start(|_| Reply::Hang).await;
    let mut visitor = Visitor::to(&site.url);
    let mut options = options();
    options.limits.response = Duration::from_millis(50);
    visitor.connections = Connections::new(&options).unwrap();
    assert_eq!(kind(visitor.session().get(&site.url).await), "site_down");
    assert_eq!(site.lines().len(), 2);
}

#[tokio::test]
async fn refused_connection_is_site_down() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let visitor = Visitor::to(&url.parse().unwrap());
    let failure = visitor
        .session()
        .get(&visitor.library.base_url)
        .await
        .unwrap_err();
    assert_eq!(failure.kind.as_str(), "site_down");
    assert!(failure.detail.contains("no connection"), "{failure}");
}

#[tokio::test]
async fn at_most_two_requests_per_library_are_in_flight() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    let app = axum::Router::new().fallback(move || {
        let (count, peak) = (Arc::clone(&count), Arc::clone(&peak));
        async move {
            peak.fetch_max(count.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            count.fetch_sub(1, Ordering::SeqCst);
            "page"
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let visitor = Visitor::to(&url);
    let visits = (0..8).map(|_| async {
        let mut session = visitor.session();
        session.get(&url).await.unwrap();
    });
    futures::future::join_all(visits).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn private_addresses_are_refused_by_number_and_name() {
    let site = TestSite::start(|_| page("inside")).await;
    let mut visitor = Visitor::to(&site.url);
    let mut options = options();
    options.private_addresses = PrivateAddresses::Refused;
    visitor.connections = Connections::new(&options).unwrap();
    let mut session = visitor.session();
    let mut by_name = site.url.clone();
    by_name.set_host(Some("localhost")).unwrap();
    for url in [&site.url, &by_name] {
        let failure = session.get(url).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed", "{failure}");
    }
    assert!(site.asked().is_empty());
}

#[tokio::test]
async fn only_private_library_may_lead_to_private_address() {
    const HOST: &str = "books.example.org";
    for to in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let site = TestSite::start(move |request| {
            let port = request
                .lines()
                .find_map(|line| line.rsplit_once(':').filter(|_| line.starts_with("host")))
                .map_or("80", |(_, port)| port);
            if request.starts_with("GET /inside") {
                return page("inside");
            }
            redirect("302 Found", &format!("http://{to}:{port}/inside"))
        })
        .await;
        let mut public = site.url.clone();
        public.set_host(Some(HOST)).unwrap();
        let mut visitor = Visitor::to(&public);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let connections =
            Connections::with_clients(&options(), |builder| builder.resolve(HOST, address));
        visitor.connections = connections.unwrap();
        let failure = visitor.session().get(&public).await.unwrap_err();
        assert_eq!(failure.kind.as_str(), "page_changed", "{to}: {failure}");
        assert!(failure.detail.contains("private"), "{to}: {failure}");
        assert_eq!(
            site.lines().len(),
            1,
            "{to}: only the library got a request"
        );
        if to == "127.0.0.1" {
            let private = Visitor::to(&site.url);
            let inside = private.session().get(&site.url).await.unwrap();
            assert_eq!(inside.body, "inside");
        }
    }
}

#[tokio::test]
async fn missing_https_differs_from_no_connection() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let url = format!("https://127.0.0.1:{port}/").parse().unwrap();
    let failure = Visitor::to(&url).session().get(&url).await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "site_down");
    assert!(failure.detail.contains("https"), "{failure}");
    let nobody = "https://127.0.0.1:1/".parse().unwrap();
    let visitor = Visitor::to(&nobody);
    let failure = visitor.session().get(&nobody).await.unwrap_err();
    assert!(failure.detail.starts_with("no connection"), "{failure}");
}

#[tokio::test]
async fn untrusted_certificate_is_site_down() {
    let (site, _) = TestSite::start_tls(|_| page("x")).await;
    let visitor = Visitor::to(&site.url);
    let failure = visitor.session().get(&site.url).await.unwrap_err();
    assert_eq!(failure.kind.as_str(), "site_down");
    assert!(failure.detail.contains("certificate"), "{failure}");
    assert!(site.asked().is_empty());
}
