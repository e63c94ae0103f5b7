//! The network client: small answers in a short time, and no redirects.

use std::sync::OnceLock;
use std::time::Duration;

use hippo_core::sign_in::IdentityError;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use tower_service::Service as _;
use url::Url;

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Talks to a provider. Each request has a connection of its own: there are few.
pub(crate) struct HttpClient {
    /// Built for the first request.
    connector: OnceLock<HttpsConnector<HttpConnector>>,
    timeout: Duration,
}

/// An answer.
struct Answer {
    status: StatusCode,
    body: Bytes,
}

/// The error of a token endpoint (RFC 6749, section 5.2), as far as we read it.
#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl HttpClient {
    /// Creates the client with the time limit of a request. Sends nothing yet.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            connector: OnceLock::new(),
            timeout,
        }
    }

    /// Gets a document.
    pub(crate) async fn get(&self, url: &Url) -> Result<Bytes, IdentityError> {
        let request = Request::get(target(url)?);
        let request = request.body(Full::default()).map_err(|_| malformed())?;
        let answer = self.send(url, request).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status => Err(unexpected(status)),
        }
    }

    /// Posts an encoded form to a token endpoint.
    pub(crate) async fn post_form(
        &self,
        url: &Url,
        form: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<Bytes, IdentityError> {
        let mut request = Request::builder().method(Method::POST).uri(target(url)?);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = request
            .header(CONTENT_TYPE, form_type)
            .body(Full::from(form.to_owned()))
            .map_err(|_| malformed())?;
        let answer = self.send(url, request).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status if status.is_client_error() => Err(refusal(status, &answer.body)),
            status => Err(unexpected(status)),
        }
    }

    async fn send(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, IdentityError> {
        match tokio::time::timeout(self.timeout, self.exchange(url, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(unavailable("it didn't answer in time")),
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, IdentityError> {
        let uri: Uri = url.as_str().parse().map_err(|_| malformed())?;
        let host = uri.host().ok_or_else(malformed)?;
        let host = uri
            .port()
            .map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let headers = request.headers_mut();
        headers.insert(HOST, host.parse().map_err(|_| malformed())?);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let agent = HeaderValue::from_static(concat!("LibraryHippo/", env!("CARGO_PKG_VERSION")));
        headers.insert(USER_AGENT, agent);
        let connection = self.connector()?.call(uri).await;
        let connection = connection.map_err(|_| unavailable("it can't be reached"))?;
        let no_answer = |_| unavailable("it broke the connection off");
        let (mut sender, connection) = http1::handshake(connection).await.map_err(no_answer)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(no_answer)?;
            let (status, body) = (response.status(), response.into_body());
            // We stop reading a response that is too long.
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|_| unavailable("its response is too long, or was cut off"))?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The last bytes may have arrived with the end.
            _ = connection => answer.await,
        }
    }

    fn connector(&self) -> Result<HttpsConnector<HttpConnector>, IdentityError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|_| unavailable("this machine has no certificate authorities"))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(self.connector.get_or_init(|| connector).clone())
    }
}

/// The path alone is the request's target, as HTTP/1.1 wants it without a proxy.
fn target(url: &Url) -> Result<String, IdentityError> {
    let uri: Uri = url.as_str().parse().map_err(|_| malformed())?;
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Ok(target.to_owned())
}

/// Why a token endpoint refused. The answer's own text stays out: it may repeat what was sent.
fn refusal(status: StatusCode, body: &[u8]) -> IdentityError {
    let error: Option<TokenError> = serde_json::from_slice(body).ok();
    match error.as_ref().map(|error| &*error.error) {
        Some("invalid_client" | "unauthorized_client") => {
            unavailable("it refused our client id or secret")
        }
        Some("invalid_grant") => {
            IdentityError::Refused("it doesn't know the code, or not any more".to_owned())
        }
        _ if status == StatusCode::UNAUTHORIZED => {
            unavailable("it refused our client id or secret")
        }
        _ => IdentityError::Refused(format!("it answered with status {}", status.as_u16())),
    }
}

fn unexpected(status: StatusCode) -> IdentityError {
    unavailable(&format!("it answered with status {}", status.as_u16()))
}

fn malformed() -> IdentityError {
    unavailable("one of its addresses is malformed")
}

fn unavailable(reason: &str) -> IdentityError {
    IdentityError::Unavailable(reason.to_owned())
}
