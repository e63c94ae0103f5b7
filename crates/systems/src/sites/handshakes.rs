//! How often a visit shakes hands: TLS before a demo library, counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hippo_demo_library::{DemoLibrary, Site, SystemKind, generated_number, generated_pin};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::browser::test_site::{Permit, acceptor, library, options};

const CARDS: usize = 10;

/// Speaks TLS before a demo library, as `https://localhost:PORT`.
struct TlsFront {
    port: u16,
    handshakes: Arc<AtomicUsize>,
    authority: reqwest::Certificate,
}

impl TlsFront {
    async fn start(demo: &DemoLibrary) -> Self {
        let behind = demo.base_url().trim_start_matches("http://").to_owned();
        let (acceptor, authority) = acceptor();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let handshakes: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, counted, behind) =
                    (acceptor.clone(), Arc::clone(&counted), behind.clone());
                tokio::spawn(async move {
                    let stream = accept(&acceptor, stream, &counted).await;
                    let mut stream = BufReader::new(stream);
                    while forward(&mut stream, &behind, port).await.is_some() {}
                });
            }
        });
        Self {
            port,
            handshakes,
            authority,
        }
    }
}

async fn accept(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    counted: &AtomicUsize,
) -> TlsStream<TcpStream> {
    let stream = acceptor.accept(stream).await.unwrap();
    counted.fetch_add(1, Ordering::SeqCst);
    stream
}

/// Hands one request on, and its answer back; none once the connection is closed.
///
/// The demo library takes itself for http, in links and in parameters: they are changed on the way. By
/// HTTP/1.0 behind, so that an answer ends with its connection.
async fn forward(
    stream: &mut BufReader<TlsStream<TcpStream>>,
    behind: &str,
    port: u16,
) -> Option<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse::<usize>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body).await.ok()?;
    let head = head.replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n");
    let to_http = |text: &str| {
        text.replace("https://localhost", "http://localhost")
            .replace("https%3A%2F%2Flocalhost", "http%3A%2F%2Flocalhost")
    };
    let body = to_http(std::str::from_utf8(&body).unwrap());
    let request = message(&to_http(&head), &["accept-encoding"], &body);

    let mut demo = TcpStream::connect(behind).await.ok()?;
    demo.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    demo.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let to_https = |text: &str| {
        text.replace(
            &format!("http://localhost:{port}"),
            &format!("https://localhost:{port}"),
        )
    };
    let head = head.replacen("HTTP/1.0", "HTTP/1.1", 1);
    let answer = message(&to_https(&head), &["connection"], &to_https(body));
    stream.write_all(answer.as_bytes()).await.ok()
}

/// Such a message, without these headers, with the length of the body as it is now.
fn message(head: &str, without: &[&str], body: &str) -> String {
    let mut message = String::new();
    for line in head.lines().filter(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        if name != "content-length" && !without.contains(&name.as_str()) {
            message.push_str(line);
            message.push_str("\r\n");
        }
    }
    format!("{message}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn the_cards_of_a_visit_share_one_tls_handshake() {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    for system in SystemKind::ALL {
        let site = Site::generated(system, CARDS, 3, 1, today);
        let date_format = site.date_format.clone();
        let demo = DemoLibrary::start(site).await.unwrap();
        let front = TlsFront::start(&demo).await;
        let url = format!("https://localhost:{}", front.port);
        let mut library = library(&url.parse().unwrap());
        library.system = system.id().parse().unwrap();
        library.date_format = Some(date_format);
        let sites = Sites {
            connections: Connections::with(&options(), |builder| {
                builder.add_root_certificate(front.authority.clone())
            })
            .unwrap(),
        };
        for card in 0..CARDS {
            let secret = CardSecret {
                number: generated_number(card).into(),
                pin: generated_pin(card).into(),
            };
            let account = sites
                .check(&library, &secret, &Permit::default())
                .await
                .unwrap();
            assert_eq!(account.loans.unwrap().len(), 3, "{}", system.id());
        }
        assert!(demo.request_count() >= CARDS * 3);
        let handshakes = front.handshakes.load(Ordering::SeqCst);
        assert_eq!(handshakes, 1, "{}", system.id());
    }
}
