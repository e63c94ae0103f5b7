//! A site for tests. A closure answers each request, and all requests are recorded.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hippo_core::card::{CardSecret, LoginOutcome};
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::{LoginPermit, PermitError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Url;

use super::{BrowserOptions, Connections, Exchange, ExchangeObserver, Limits, Session};

/// A PIN that no log, error or page may show.
pub const PIN: &str = "canary-pin-4711";
/// A card number that no log, error or page may show.
pub const NUMBER: &str = "canary-number-0815";

/// How a request is answered.
pub enum Reply {
    /// Sends these bytes and closes the connection.
    Bytes(Vec<u8>),
    /// Closes the connection without an answer.
    Drop,
    /// Keeps the connection open without an answer.
    Hang,
}

/// A reply with this status, these header lines and this body.
pub fn reply(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        bytes.push_str(header);
        bytes.push_str("\r\n");
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

/// A page with this body.
pub fn page(body: &str) -> Reply {
    reply("200 OK", &["Content-Type: text/html; charset=utf-8"], body)
}

/// A redirect to `location`.
pub fn redirect(status: &str, location: &str) -> Reply {
    reply(status, &[&format!("Location: {location}")], "")
}

/// A site on loopback.
pub struct TestSite {
    pub url: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TestSite {
    /// Starts an http site. The closure gets the whole text of each request.
    pub async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(answer, None).await
    }

    /// Starts an https site with a self-signed certificate for `localhost`, which is returned.
    pub async fn start_tls(
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> (Self, reqwest::Certificate) {
        let (acceptor, authority) = acceptor("localhost");
        (Self::serve(answer, Some(acceptor)).await, authority)
    }

    async fn serve(
        answer: impl Fn(&str) -> Reply + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = if tls.is_some() {
            format!("https://localhost:{port}/")
        } else {
            format!("http://127.0.0.1:{port}/")
        };
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, log, tls) = (Arc::clone(&answer), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve_connection(stream, &*answer, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve_connection(stream, &*answer, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            url: url.parse().unwrap(),
            asked,
        }
    }

    /// All requests so far, as text.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The request lines so far, without the version: `GET /x`.
    pub fn lines(&self) -> Vec<String> {
        self.asked()
            .iter()
            .map(|request| {
                let line = request.lines().next().unwrap_or_default();
                line.trim_end_matches(" HTTP/1.1").to_owned()
            })
            .collect()
    }
}

/// A TLS acceptor with a self-signed certificate for this host, and that certificate.
pub fn acceptor(host: &str) -> (TlsAcceptor, reqwest::Certificate) {
    let certificate = rcgen::generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    let der = certificate.cert.der().to_vec();
    let config = ServerConfig::builder_with_provider(Arc::new(
        tokio_rustls::rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![CertificateDer::from(der.clone())],
        PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap(),
    )
    .unwrap();
    (
        TlsAcceptor::from(Arc::new(config)),
        reqwest::Certificate::from_der(&der).unwrap(),
    )
}

async fn serve_connection(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &(impl Fn(&str) -> Reply + Send + Sync),
    log: &Mutex<Vec<String>>,
) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let request = loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, length)| length.parse().unwrap());
            if body.len() >= length {
                break text;
            }
        }
    };
    log.lock().unwrap().push(request.clone());
    match answer(&request) {
        Reply::Bytes(bytes) => {
            // Fails if the visitor hangs up early.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Drop => {}
        Reply::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
    }
}

/// Counts the requests of visits, answered or not.
#[derive(Debug, Default)]
pub struct RequestCount(AtomicUsize);

impl RequestCount {
    /// The requests since the last call.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl ExchangeObserver for RequestCount {
    fn observe_secret(&self, _: &CardSecret) {}

    fn observe_exchange(&self, _: Exchange) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A login permit that counts the requests for it, and can refuse them.
#[derive(Default)]
pub struct TestLoginPermit {
    pub request_count: AtomicUsize,
    pub is_refusing: bool,
    pub outcomes: Mutex<Vec<LoginOutcome>>,
}

impl TestLoginPermit {
    pub fn count(&self) -> usize {
        self.request_count.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LoginPermit for TestLoginPermit {
    async fn permit_login(&self) -> Result<(), PermitError> {
        self.request_count.fetch_add(1, Ordering::SeqCst);
        if self.is_refusing {
            Err(PermitError::NotTried(Failure::not_tried("no mark")))
        } else {
            Ok(())
        }
    }

    async fn record_login_outcome(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        self.outcomes.lock().unwrap().push(outcome);
        Ok(())
    }
}

/// Everything that a session needs.
pub struct Visitor {
    pub connections: Connections,
    pub library: Library,
    pub secret: CardSecret,
    pub permit: TestLoginPermit,
}

impl Visitor {
    pub fn to(base_url: &Url) -> Self {
        Self {
            connections: Connections::new(&options()).unwrap(),
            library: library(base_url),
            secret: secret(),
            permit: TestLoginPermit::default(),
        }
    }

    pub fn session(&self) -> Session<'_> {
        Session::new(&self.connections, &self.library, &self.secret, &self.permit)
    }
}

/// Options with a short retry pause and the default limits.
pub fn options() -> BrowserOptions {
    BrowserOptions {
        limits: Limits {
            pause_before_retry: Duration::from_millis(1),
            ..Limits::default()
        },
        ..BrowserOptions::default()
    }
}

pub fn library(base_url: &Url) -> Library {
    Library {
        id: "books".parse().unwrap(),
        name: "Books".into(),
        system: "sierra".parse().unwrap(),
        base_url: base_url.clone(),
        account_url: None,
        timezone: chrono_tz::UTC,
        date_format: None,
        login_hosts: Vec::new(),
        options: Default::default(),
    }
}

pub fn secret() -> CardSecret {
    CardSecret {
        number: NUMBER.into(),
        pin: PIN.into(),
    }
}
