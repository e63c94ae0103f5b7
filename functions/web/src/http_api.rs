//! The HTTP API's payload format 2.0: an event becomes a request, and a page becomes the response.
//!
//! Source: “Create AWS Lambda proxy integrations for HTTP APIs in API Gateway”, in the API Gateway Developer Guide.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hippo_web::PeerAddress;
use serde::{Deserialize, Serialize};

/// The header that a client can begin itself. The API adds to it, so it isn't needed.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest response that Lambda passes on.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// A request, as the API passes it on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiRequest {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    request_context: RequestContext,
}

#[derive(Deserialize)]
struct RequestContext {
    http: RequestLine,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestLine {
    method: String,
    /// The client's address, as the API saw it.
    source_ip: Option<IpAddr>,
}

impl ApiRequest {
    /// Converts it for the pages. Leaves out headers that can't be ones, since anybody may send them. `None` if the API
    /// itself is wrong.
    pub(crate) fn into_request(self) -> Option<Request> {
        let body = match self.body {
            Some(body) if self.is_base64_encoded => Body::from(BASE64.decode(body).ok()?),
            Some(body) => Body::from(body),
            None => Body::empty(),
        };
        let mut request = Request::new(body);
        *request.method_mut() =
            Method::from_bytes(self.request_context.http.method.as_bytes()).ok()?;
        *request.uri_mut() = valid_address(&self.raw_path, &self.raw_query_string)?;
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
        let cookies = HeaderValue::from_bytes(self.cookies.join("; ").as_bytes());
        if let (Ok(cookies), false) = (cookies, self.cookies.is_empty()) {
            headers.insert(COOKIE, cookies);
        }
        headers.remove(X_FORWARDED_FOR);
        if let Some(peer) = self.request_context.http.source_ip {
            request.extensions_mut().insert(PeerAddress(peer));
        }
        Some(request)
    }
}

/// Joins an address. Its parts are encoded first, since the API passes on what anybody sends. In the path, it has
/// decoded everything but `%25`.
fn valid_address(path: &str, query: &str) -> Option<Uri> {
    let start = if path.starts_with('/') { "" } else { "/" };
    let mut address = format!("{start}{}", encode(path, "/:@!$&'()*+,;=-._~%"));
    if !query.is_empty() {
        address.push('?');
        address.push_str(&encode(query, "/:@!$&'()*+,;=-._~%?"));
    }
    Uri::builder().path_and_query(address).build().ok()
}

/// Encodes every byte that is neither a letter, nor a digit, nor one of these.
fn encode(text: &str, allowed: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || allowed.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A page, as the API takes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiResponse {
    status_code: u16,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: String,
    is_base64_encoded: bool,
}

impl ApiResponse {
    /// Converts a page. Fails if it's too long, or a header isn't text.
    pub(crate) async fn from_response(page: Response) -> Result<Self, axum::Error> {
        let (parts, body) = page.into_parts();
        let (mut headers, mut cookies) = (BTreeMap::<String, String>::new(), Vec::new());
        for (name, value) in &parts.headers {
            let value = value.to_str().map_err(axum::Error::new)?;
            if name == SET_COOKIE {
                cookies.push(value.to_owned());
                continue;
            }
            headers
                .entry(name.to_string())
                .and_modify(|values| *values = format!("{values}, {value}"))
                .or_insert_with(|| value.to_owned());
        }
        let body = to_bytes(body, MAX_RESPONSE_BYTES).await?;
        let (body, is_base64_encoded) = match String::from_utf8(body.into()) {
            Ok(text) => (text, false),
            Err(not_text) => (BASE64.encode(not_text.into_bytes()), true),
        };
        Ok(Self {
            status_code: parts.status.as_u16(),
            headers,
            cookies,
            body,
            is_base64_encoded,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use axum::response::IntoResponse as _;
    use serde_json::json;

    #[tokio::test]
    async fn encoded_body_is_decoded_and_odd_headers_are_left_out() {
        let request: ApiRequest = serde_json::from_value(json!({
            "rawPath": "/",
            "headers": {"x-zoë": "1", "x-odd": "a\nb", "x-umlaut": "ü", "x-forwarded-for": "198.51.100.7"},
            "cookies": ["a=1", "b=2"],
            "body": "aMO8cHBv",
            "isBase64Encoded": true,
            "requestContext": {"http": {"method": "POST", "sourceIp": "2001:db8::9"}},
        }))
        .unwrap();
        let request = request.into_request().unwrap();
        let names: BTreeSet<_> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, BTreeSet::from(["cookie", "x-umlaut"]));
        assert_eq!(request.headers()[COOKIE], "a=1; b=2");
        let peer = request.extensions().get::<PeerAddress>().unwrap().0;
        assert_eq!(peer.to_string(), "2001:db8::9");
        let body = to_bytes(request.into_body(), 100).await.unwrap();
        assert_eq!(body, "hüppo".as_bytes());
    }

    #[tokio::test]
    async fn repeated_headers_are_joined_and_cookies_stay_separate() {
        let headers = [
            ("vary", "a"),
            ("vary", "b"),
            ("set-cookie", "x=1"),
            ("set-cookie", "y=2"),
        ];
        let mut page = b"\xff\xfe".as_slice().into_response();
        for (name, value) in headers {
            page.headers_mut()
                .append(name, HeaderValue::from_static(value));
        }
        let answer = ApiResponse::from_response(page).await.unwrap();
        assert_eq!(answer.headers["vary"], "a, b");
        assert_eq!(answer.cookies, ["x=1", "y=2"]);
        assert_eq!(
            (answer.body.as_str(), answer.is_base64_encoded),
            ("//4=", true)
        );
    }
}
