//! Every answer of a source, over loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::PrivateAddresses;
use crate::test_site::{Reply, TestSite, options, redirect, reply};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x01";
const KEY: &str = "api_key=canary";

fn fetcher() -> HttpPictureFetcher {
    HttpPictureFetcher::new(&options()).unwrap()
}

fn picture() -> Reply {
    reply("200 OK", &["Content-Type: image/png"], PNG)
}

fn source(site: &TestSite, kind: &str, path: &str) -> PictureSource {
    PictureSource {
        url: site.url.join(path).unwrap(),
        ..source_of_kind(kind)
    }
}

fn source_of_kind(kind: &str) -> PictureSource {
    let image = PictureSource::image("http://x.test/".parse().unwrap());
    match kind {
        "json" => PictureSource {
            kind: SourceKind::Json,
            address: Some("url".to_owned()),
            title: Some("title".to_owned()),
            credit: Some("by".to_owned()),
            ..image
        },
        "rss" => PictureSource {
            kind: SourceKind::Rss,
            ..image
        },
        _ => image,
    }
}

fn date() -> NaiveDate {
    "2026-11-29".parse().unwrap()
}

async fn fetch(
    fetcher: &HttpPictureFetcher,
    source: &PictureSource,
) -> Result<Option<Picture>, PictureFailure> {
    let fetched = fetcher.fetch_picture(source, date()).await;
    if let Err(failure) = &fetched {
        let words = format!("{failure} {failure:?}");
        assert!(
            !words.contains("canary") && !words.contains("127.0.0.1"),
            "{words}"
        );
    }
    fetched
}

/// The failure's kind of an image source whose every request gets this reply.
async fn kind_of(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> &'static str {
    let site = TestSite::start(answer).await;
    let source = source(&site, "image", &format!("today.png?{KEY}"));
    fetch(&fetcher(), &source).await.unwrap_err().kind.as_str()
}

fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap()
}

#[tokio::test]
async fn picture_is_fetched_as_it_is() {
    let site = TestSite::start(|request| match path(request) {
        "/today.png" => redirect("302 Found", "/a"),
        "/a" => redirect("301 Moved", "b?c=d"),
        _ => picture(),
    })
    .await;
    let fetched = fetch(&fetcher(), &source(&site, "image", "today.png")).await;
    let fetched = fetched.unwrap().unwrap();
    assert_eq!(&*fetched.bytes, PNG);
    assert_eq!(fetched.format, PictureFormat::Png);
    assert_eq!((fetched.title, fetched.credit), (None, None));
    assert_eq!(site.lines(), ["GET /today.png", "GET /a", "GET /b?c=d"]);
    let request = &site.asked()[0];
    assert!(request.contains("user-agent: LibraryHippo/"), "{request}");
    assert!(
        request.contains(&format!("accept: {ACCEPT_PICTURE}")),
        "{request}"
    );
}

#[tokio::test]
async fn json_document_leads_to_the_picture() {
    let site = TestSite::start(|request| match path(request) {
        "/api" => reply(
            "200 OK",
            &["Content-Type: application/json"],
            r#"{"url":"/p.png?x=1&y=2","title":"A hill","by":"Zo\u00eb"}"#,
        ),
        "/p.png?x=1&y=2" => picture(),
        _ => reply("404 Not Found", &[], ""),
    })
    .await;
    let fetched = fetch(&fetcher(), &source(&site, "json", "api")).await;
    let fetched = fetched.unwrap().unwrap();
    assert_eq!(fetched.title.as_deref(), Some("A hill"));
    assert_eq!(fetched.credit.as_deref(), Some("Zoë"));
    assert_eq!(&*fetched.bytes, PNG);
}

#[tokio::test]
async fn feed_in_its_own_charset_leads_to_the_picture() {
    let feed = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><channel><item>\
                 <title>Zo\xeb</title><pubDate>Sun, 29 Nov 2026 05:00:00 GMT</pubDate>\
                 <enclosure url=\"p.png\" type=\"image/png\"/></item></channel></rss>";
    let site = TestSite::start(move |request| match path(request) {
        "/f/feed" => reply("200 OK", &["Content-Type: application/rss+xml"], feed),
        "/f/p.png" => picture(),
        _ => reply("404 Not Found", &[], ""),
    })
    .await;
    let fetched = fetch(&fetcher(), &source(&site, "rss", "f/feed")).await;
    assert_eq!(fetched.unwrap().unwrap().title.as_deref(), Some("Zoë"));
}

#[rstest]
#[case("json", "200 OK", r#"{"url":null,"title":"A video"}"#)]
#[case("rss", "200 OK", "<rss><channel></channel></rss>")]
#[case("json", "204 No Content", "")]
#[case("image", "204 No Content", "")]
#[tokio::test]
async fn source_without_a_picture_today_is_no_failure(
    #[case] kind: &str,
    #[case] status: &'static str,
    #[case] body: &'static str,
) {
    let site = TestSite::start(move |_| reply(status, &["Content-Type: text/plain"], body)).await;
    let fetched = fetch(&fetcher(), &source(&site, kind, "x")).await;
    assert_eq!(fetched, Ok(None));
    assert_eq!(site.lines().len(), 1);
}

#[rstest]
#[case("404 Not Found", "image/png", "not_found")]
#[case("410 Gone", "image/png", "not_found")]
#[case("403 Forbidden", "image/png", "refused")]
#[case("429 Too Many", "image/png", "refused")]
#[case("500 Oh No", "image/png", "source_down")]
#[case("503 Unavailable", "image/png", "source_down")]
#[case("206 Partial", "image/png", "source_down")]
#[case("200 OK", "text/html; charset=utf-8", "not_a_picture")]
#[case("200 OK", "application/octet-stream", "not_a_picture")]
#[case("200 OK", "image/svg+xml", "not_a_picture")]
#[case("200 OK", "image/jpeg", "wrong_type")]
#[tokio::test]
async fn unexpected_answer_has_its_failure_kind(
    #[case] status: &'static str,
    #[case] content_type: &'static str,
    #[case] kind: &str,
) {
    let header = format!("Content-Type: {content_type}");
    assert_eq!(kind_of(move |_| reply(status, &[&header], PNG)).await, kind);
}

#[tokio::test]
async fn html_instead_of_a_document_is_a_failure() {
    let site = TestSite::start(|_| {
        let headers = ["Content-Type: text/html"];
        reply("200 OK", &headers, "<!DOCTYPE html><title>Gone</title>")
    })
    .await;
    for kind in ["json", "rss"] {
        let failure = fetch(&fetcher(), &source(&site, kind, "x"))
            .await
            .unwrap_err();
        assert_eq!(failure.kind, PictureFailureKind::DocumentChanged, "{kind}");
    }
}

#[tokio::test]
async fn connection_without_an_answer_is_source_down() {
    assert_eq!(kind_of(|_| Reply::Drop).await, "source_down");
    let half = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100\r\n\r\nhalf";
    let half = half.to_vec();
    assert_eq!(
        kind_of(move |_| Reply::Bytes(half.clone())).await,
        "source_down"
    );
}

#[tokio::test]
async fn five_redirects_are_followed_and_a_sixth_is_not() {
    let site = TestSite::start(|request| {
        match path(request)
            .trim_start_matches('/')
            .parse::<u32>()
            .unwrap()
        {
            0 => picture(),
            left => redirect("302 Found", &format!("/{}", left - 1)),
        }
    })
    .await;
    assert!(
        fetch(&fetcher(), &source(&site, "image", "5"))
            .await
            .is_ok()
    );
    let before = site.lines().len();
    let failure = fetch(&fetcher(), &source(&site, "image", "6"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, PictureFailureKind::BadRedirect);
    assert_eq!(site.lines().len() - before, 6);
    for location in ["file:///etc/passwd", "https://"] {
        assert_eq!(
            kind_of(move |_| redirect("302 Found", location)).await,
            "bad_redirect"
        );
    }
}

#[rstest]
#[case("http://10.0.0.1/p.png")]
#[case("http://192.168.1.1/p.png")]
#[case("http://169.254.169.254/latest/meta-data")]
#[case("http://[fd00::1]/p.png")]
#[case("http://0x0a000001/p.png")]
#[case("http://router/p.png")]
#[case("http://nas.local/p.png")]
#[tokio::test]
async fn redirect_or_link_into_a_private_network_is_refused(#[case] location: &'static str) {
    let site = TestSite::start(move |request| match path(request) {
        "/link" => reply("200 OK", &[], format!(r#"{{"url":"{location}"}}"#)),
        _ => redirect("302 Found", location),
    })
    .await;
    for rule in [
        PrivateAddresses::OfPrivateLibraries,
        PrivateAddresses::LoopbackOnly,
    ] {
        let fetcher = HttpPictureFetcher::new(&BrowserOptions {
            private_addresses: rule,
            ..options()
        })
        .unwrap();
        for (kind, path) in [("image", "redirect"), ("json", "link")] {
            let failure = fetch(&fetcher, &source(&site, kind, path)).await;
            let failure = failure.unwrap_err();
            assert_eq!(failure.kind, PictureFailureKind::PrivateAddress, "{kind}");
        }
    }
}

#[tokio::test]
async fn public_source_never_leads_to_loopback() {
    let site = TestSite::start(|_| picture()).await;
    let public: Url = "https://pictures.example.org/today".parse().unwrap();
    for rule in [
        PrivateAddresses::OfPrivateLibraries,
        PrivateAddresses::Refused,
    ] {
        let fetcher = HttpPictureFetcher::new(&BrowserOptions {
            private_addresses: rule,
            ..options()
        })
        .unwrap();
        let sent = fetcher.send(&public, &site.url, ACCEPT_PICTURE).await;
        assert_eq!(
            sent.unwrap_err().kind,
            PictureFailureKind::PrivateAddress,
            "{rule:?}"
        );
    }
    // Where private addresses are refused, the source itself can't be private.
    let refused = HttpPictureFetcher::new(&BrowserOptions {
        private_addresses: PrivateAddresses::Refused,
        ..options()
    })
    .unwrap();
    let failure = fetch(&refused, &source(&site, "image", "x")).await;
    assert_eq!(
        failure.unwrap_err().kind,
        PictureFailureKind::PrivateAddress
    );
    assert!(site.lines().is_empty());
}

#[tokio::test]
async fn name_that_resolves_to_a_private_address_is_refused_when_connecting() {
    let site = TestSite::start(|_| picture()).await;
    let fetcher = HttpPictureFetcher::new(&BrowserOptions {
        private_addresses: PrivateAddresses::Refused,
        ..options()
    })
    .unwrap();
    // The check of the URL would refuse this name already, so it is left out here.
    let mut url = site.url.clone();
    url.set_host(Some("localhost")).unwrap();
    let error = fetcher
        .connections
        .public_client()
        .get(url)
        .send()
        .await
        .unwrap_err();
    let failure = fetcher.failure(&error, "/p");
    assert_eq!(failure.kind, PictureFailureKind::PrivateAddress);
    assert!(site.lines().is_empty());
}

#[tokio::test]
async fn too_large_picture_is_cut_off_early() {
    const TOTAL: usize = 20 * 1024 * 1024;
    for head in [
        format!("Content-Length: {TOTAL}\r\n"),
        // The end of the connection is the end of the picture.
        String::new(),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let written = Arc::new(AtomicUsize::new(0));
        let (count, has_length) = (Arc::clone(&written), !head.is_empty());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n{head}\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let block = [PNG, &[0; 64 * 1024]].concat();
            while count.load(Ordering::SeqCst) < TOTAL {
                if stream.write_all(&block).await.is_err() {
                    break;
                }
                count.fetch_add(block.len(), Ordering::SeqCst);
            }
        });
        let failure = fetch(&fetcher(), &PictureSource::image(url)).await;
        assert_eq!(failure.unwrap_err().kind, PictureFailureKind::TooLarge);
        serving.await.unwrap();
        // The rest is what the sockets' buffers hold.
        let limit = if has_length { 10 } else { 18 };
        assert!(written.load(Ordering::SeqCst) < limit * 1024 * 1024);
    }
}

#[tokio::test]
async fn compressed_answer_is_limited_by_its_real_size() {
    let body = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(PNG).unwrap();
        encoder.write_all(&vec![0; 20 * 1024 * 1024]).unwrap();
        encoder.finish().unwrap()
    };
    let headers = ["Content-Type: image/png", "Content-Encoding: gzip"];
    assert_eq!(
        kind_of(move |_| reply("200 OK", &headers, &body)).await,
        "too_large"
    );
}

#[tokio::test]
async fn slow_source_is_given_up_at_the_time_limit() {
    assert_eq!(FETCH_TIMEOUT, Duration::from_secs(10));
    let site = TestSite::start(|request| match path(request) {
        "/api" => {
            std::thread::sleep(Duration::from_millis(600));
            reply("200 OK", &[], r#"{"url":"/p"}"#)
        }
        _ => Reply::Hang,
    })
    .await;
    let fetcher = HttpPictureFetcher {
        timeout: Duration::from_millis(1000),
        ..fetcher()
    };
    let began = Instant::now();
    let failure = fetch(&fetcher, &source(&site, "json", "api")).await;
    assert_eq!(failure.unwrap_err().kind, PictureFailureKind::TooSlow);
    // The limit is for both requests together.
    assert!(
        began.elapsed() < Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(site.lines(), ["GET /api", "GET /p"]);
}

#[tokio::test]
async fn name_that_cannot_be_checked_is_not_left_to_a_proxy() {
    for (leaves_names_to_proxy, expected) in [
        (false, PictureFailureKind::SourceDown),
        (true, PictureFailureKind::PrivateAddress),
    ] {
        // RFC 6761: no resolver knows it.
        let site = TestSite::start(|_| redirect("302 Found", "http://pictures.invalid/a")).await;
        let mut fetcher = fetcher();
        fetcher.connections.leaves_names_to_proxy = leaves_names_to_proxy;
        let failure = fetch(&fetcher, &source(&site, "image", "today.png")).await;
        assert_eq!(failure.unwrap_err().kind, expected);
        assert_eq!(site.lines(), ["GET /today.png"]);
    }
}

#[rstest]
#[case("http://127.0.0.1/", Some(false))]
#[case("http://10.1.2.3/", Some(false))]
#[case("http://[::1]/", Some(false))]
#[case("http://localhost/", Some(false))]
#[case("http://9.9.9.9/", Some(true))]
#[case("http://[2620:fe::fe]/", Some(true))]
#[case("http://pictures.invalid/", None)]
#[tokio::test]
async fn host_is_public_only_if_all_its_addresses_are(
    #[case] url: Url,
    #[case] expected: Option<bool>,
) {
    assert_eq!(resolves_to_public(&url).await, expected);
}
