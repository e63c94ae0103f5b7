//! The connections that all cards share: single requests within limits, without cookies.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hippo_core::card::CardSecret;
use hippo_core::failure::{Failure, Remedy};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Request, redirect, retry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::address::{self, AllowedAddressResolver, PrivateAddresses};
use super::redacted_path::redacted_path;
use crate::{BrowserOptions, ExchangeObserver, HttpResponse, Limits};

/// The largest body, in bytes after decompression.
pub(super) const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How many requests may be in flight to one library, over all cards.
const MAX_REQUESTS_IN_FLIGHT: usize = 2;

/// How long an idle connection is kept for the next card.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Error texts for a server that doesn't speak TLS, or no version that we accept.
const TLS_ERROR_TEXTS: [&str; 5] = [
    "received corrupt message",
    "received fatal alert",
    "received unexpected",
    "peer is incompatible",
    "peer misbehaved",
];

/// Why no site can be visited.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// The contact isn't allowed in a User-Agent.
    #[error(
        "The contact can't be sent to libraries. Use an email address or a URL in plain ASCII."
    )]
    Contact,
    /// The connections cannot be set up.
    #[error("Can't set up connections to the libraries.")]
    Connections(#[source] reqwest::Error),
}

/// The connections that all cards share.
#[derive(Debug)]
pub struct Connections {
    /// For public libraries. Uses the environment's proxy. Without one, connects to public addresses only.
    outside: Client,
    /// For hosts other than this machine, if the library is in a private network.
    private: Client,
    /// For this machine. Without a proxy, over which a PIN by http would not be safe.
    loopback: Client,
    /// Limits each library's requests in flight, by host and port of its `base_url`.
    request_limits: Mutex<HashMap<String, Arc<Semaphore>>>,
    private_addresses: PrivateAddresses,
    /// Whether a proxy resolves the names of public hosts.
    pub(super) leaves_names_to_proxy: bool,
    /// How long each part of a visit may take.
    pub limits: Limits,
    pub(super) observer: Option<Arc<dyn ExchangeObserver>>,
}

/// A permit for one request in flight, returned when dropped.
pub(super) type RequestSlot = OwnedSemaphorePermit;

/// A request that got no answer.
pub(super) struct RequestError {
    pub(super) failure: Failure,
    /// Whether a retry may succeed a moment later.
    pub(super) is_transient: bool,
}

impl Connections {
    /// Sets up the connections. Sends nothing yet.
    pub fn new(options: &BrowserOptions) -> Result<Self, BrowserError> {
        Self::with_clients(options, |builder| builder)
    }

    /// Tells the observer, if any, which number and PIN it must never record.
    pub fn announce_secret(&self, secret: &CardSecret) {
        if let Some(observer) = &self.observer {
            observer.observe_secret(secret);
        }
    }

    /// Like [`Self::new`], with an adjustment of each client.
    pub fn with_clients(
        options: &BrowserOptions,
        adjust: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, BrowserError> {
        let user_agent = user_agent(options.contact.as_deref()).ok_or(BrowserError::Contact)?;
        let build = |direct: bool, has_rule: bool| {
            let builder = || {
                let builder = adjust(client_builder(options, &user_agent));
                let builder = if has_rule {
                    builder
                        .dns_resolver(Arc::new(AllowedAddressResolver(options.private_addresses)))
                } else {
                    builder
                };
                if direct || options.private_addresses.are_refused() {
                    // A proxy resolves names itself and would bypass the address check.
                    builder.no_proxy()
                } else {
                    builder
                }
            };
            // A machine without its own certificate authorities uses Mozilla's.
            builder()
                .build()
                .or_else(|_| builder().tls_certs_only(bundled_authorities()).build())
                .map_err(BrowserError::Connections)
        };
        let is_always_refused = options.private_addresses.are_refused();
        let has_proxy = has_proxy();
        // A proxy's own name may resolve to a private address, and it resolves other names itself.
        let outside = build(false, is_always_refused || !has_proxy)?;
        // Equal clients are shared, because each client loads all certificate authorities.
        let loopback = match is_always_refused {
            true => outside.clone(),
            false => build(true, false)?,
        };
        let private = match has_proxy {
            true => outside.clone(),
            false => loopback.clone(),
        };
        Ok(Self {
            outside,
            private,
            loopback,
            request_limits: Mutex::default(),
            private_addresses: options.private_addresses,
            leaves_names_to_proxy: has_proxy && !is_always_refused,
            limits: options.limits,
            observer: options.observer.clone(),
        })
    }

    /// Waits for a permit for one request to the library.
    pub(super) async fn slot(&self, base_url: &Url) -> Result<RequestSlot, Failure> {
        let key = format!(
            "{}:{}",
            base_url.host_str().unwrap_or_default(),
            base_url.port_or_known_default().unwrap_or_default()
        );
        let limit = {
            let mut request_limits = self
                .request_limits
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                request_limits
                    .entry(key)
                    .or_insert_with(|| Arc::new(Semaphore::new(MAX_REQUESTS_IN_FLIGHT))),
            )
        };
        limit
            .acquire_owned()
            .await
            .map_err(|_| Failure::not_tried("the connections are being closed"))
    }

    /// Refuses a URL that isn't http(s), or whose host is a private IP address.
    pub(super) fn check_url(&self, base_url: &Url, url: &Url) -> Result<(), Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::page_changed(
                "a link that is neither http nor https, not followed",
            ));
        }
        if self.private_addresses.is_refused_literal(base_url, url) {
            return Err(private_address(&redacted_path(url)));
        }
        Ok(())
    }

    /// The client for a URL that [`Self::check_url`] allows.
    pub(super) fn client(&self, base_url: &Url, url: &Url) -> &Client {
        if address::is_loopback(url) {
            &self.loopback
        } else if self.private_addresses.allows_any_address(base_url) {
            &self.private
        } else {
            &self.outside
        }
    }

    /// The client for public addresses only.
    pub(super) fn public_client(&self) -> &Client {
        &self.outside
    }

    /// Sends one request and reads its answer. Never retries, never follows a redirect.
    ///
    /// `at_head` gets the headers as soon as they arrive, even if the body fails.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    pub(super) async fn exchange(
        &self,
        base_url: &Url,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<String>,
        slot: RequestSlot,
        mut at_head: impl FnMut(&HeaderMap) + Send,
    ) -> Result<HttpResponse, RequestError> {
        let client = self.client(base_url, url);
        let mut request = Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(Into::into);
        let page_path = redacted_path(url);
        let answer = tokio::time::timeout(self.limits.response, async {
            let response = client
                .execute(request)
                .await
                .map_err(|error| self.request_error(&error, &page_path))?;
            at_head(response.headers());
            self.read_body(response, url, &page_path).await
        })
        .await;
        let_connection_return().await;
        drop(slot);
        answer.unwrap_or_else(|_| {
            Err(RequestError {
                failure: Failure::site_down(format!(
                    "no complete answer within {} s at {page_path}",
                    self.limits.response.as_secs_f32()
                )),
                is_transient: true,
            })
        })
    }

    async fn read_body(
        &self,
        mut response: reqwest::Response,
        url: &Url,
        page_path: &str,
    ) -> Result<HttpResponse, RequestError> {
        let too_long = || RequestError {
            failure: Failure::page_changed(format!("a page of more than 8 MiB at {page_path}")),
            is_transient: false,
        };
        if response
            .content_length()
            .is_some_and(|length| length > MAX_BODY_BYTES as u64)
        {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.request_error(&error, page_path))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse {
            url: url.clone(),
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        })
    }

    /// Converts a connection error. Its own text isn't used, because it may contain the whole URL.
    pub(super) fn request_error(&self, error: &reqwest::Error, page_path: &str) -> RequestError {
        let has_cause = |words: &[&str]| {
            let mut cause: Option<&dyn Error> = Some(error);
            std::iter::from_fn(|| {
                let this = cause?;
                cause = this.source();
                Some(this)
            })
            // The first is reqwest's own, which contains the URL.
            .skip(1)
            .any(|cause| {
                let text = cause.to_string();
                words.iter().any(|word| text.contains(word))
            })
        };
        if is_out_of_files(error) {
            return RequestError {
                failure: Failure::not_tried(OUT_OF_FILES),
                is_transient: false,
            };
        }
        let has_cause_with = |word: &str| has_cause(&[word]);
        if has_cause_with(address::NO_PUBLIC_ADDRESS) {
            return RequestError {
                failure: private_address(page_path),
                is_transient: false,
            };
        }
        if has_cause_with("certificate") {
            return RequestError {
                failure: Failure::site_down(format!(
                    "the site's certificate is not valid, at {page_path}"
                ))
                .with_remedy(Remedy::SetUrl),
                is_transient: false,
            };
        }
        let what = if has_cause_with("dns error") {
            "the site's name is not known,"
        } else if error.is_timeout() {
            "no connection in time"
        } else if has_cause(&TLS_ERROR_TEXTS) {
            "the server doesn't support a secure connection (https)"
        } else if error.is_connect() {
            "no connection"
        } else if error.is_body() || error.is_decode() {
            "the answer was cut off or couldn't be decompressed"
        } else {
            "the connection was closed before an answer"
        };
        let failure = Failure::site_down(format!("{what} at {page_path}"));
        RequestError {
            failure: if has_cause_with("dns error") {
                failure.with_remedy(Remedy::SetUrl)
            } else {
                failure
            },
            is_transient: true,
        }
    }
}

/// Yields to the runtime's own thread, so that it returns a read connection to the pool. The next request,
/// from a visit's thread, can then reuse it without a handshake.
async fn let_connection_return() {
    for _ in 0..3 {
        // Fails only while the runtime shuts down.
        let _ = tokio::spawn(std::future::ready(())).await;
    }
}

/// The message if the process can't open more files or connections.
const OUT_OF_FILES: &str =
    "Too many open files: raise the limit (ulimit -n) or check fewer libraries at once.";

/// Whether the process or the machine has too many open files (EMFILE, ENFILE).
fn is_out_of_files(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(this) = cause {
        let code = this
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::raw_os_error);
        if matches!(code, Some(23 | 24)) || this.to_string().contains("Too many open files") {
            return true;
        }
        cause = this.source();
    }
    false
}

fn private_address(page_path: &str) -> Failure {
    Failure::page_changed(format!(
        "the way to {page_path} leads to an address that is private to a network; refused"
    ))
}

fn client_builder(options: &BrowserOptions, user_agent: &HeaderValue) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static(
            "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8",
        ),
    );
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en-US,en;q=0.8"));
    use_ring();
    Client::builder()
        .user_agent(user_agent.clone())
        .default_headers(headers)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .connect_timeout(options.limits.connect)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_REQUESTS_IN_FLIGHT)
}

/// Lets reqwest take TLS from ring. It takes what was installed in the process, and knows no other way.
fn use_ring() {
    // An error says that it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether the environment sets a proxy.
fn has_proxy() -> bool {
    ["http_proxy", "https_proxy", "all_proxy"]
        .iter()
        .any(|name| {
            let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            is_set(name) || is_set(&name.to_ascii_uppercase())
        })
}

/// `LibraryHippo/0.1.0 (+contact)`. `None` if the contact isn't printable ASCII.
fn user_agent(contact: Option<&str>) -> Option<HeaderValue> {
    let mut text = concat!("LibraryHippo/", env!("CARGO_PKG_VERSION")).to_owned();
    if let Some(contact) = contact.map(str::trim).filter(|contact| !contact.is_empty()) {
        if !contact.chars().all(|c| matches!(c, ' '..='~')) {
            return None;
        }
        text.push_str(&format!(" (+{contact})"));
    }
    HeaderValue::from_str(&text).ok()
}

fn bundled_authorities() -> Vec<reqwest::Certificate> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter_map(|der| reqwest::Certificate::from_der(der).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agent_names_project_version_and_contact() {
        let version = env!("CARGO_PKG_VERSION");
        for (contact, expected) in [
            (None, format!("LibraryHippo/{version}")),
            (Some(" "), format!("LibraryHippo/{version}")),
            (
                Some("me@example.test"),
                format!("LibraryHippo/{version} (+me@example.test)"),
            ),
        ] {
            assert_eq!(user_agent(contact).unwrap(), expected);
        }
        assert_eq!(user_agent(Some("me\r\nX-Evil: 1")), None);
        assert_eq!(user_agent(Some("mé@example.test")), None);
    }

    #[test]
    fn nested_out_of_files_error_is_recognised() {
        let deep = std::io::Error::other(std::io::Error::from_raw_os_error(24));
        assert!(is_out_of_files(&deep));
        assert!(is_out_of_files(&std::io::Error::from_raw_os_error(23)));
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(!is_out_of_files(&refused));
    }

    #[test]
    fn bundled_authorities_are_usable() {
        assert!(bundled_authorities().len() > 50);
        use_ring();
        Client::builder()
            .tls_certs_only(bundled_authorities())
            .build()
            .unwrap();
    }
}
