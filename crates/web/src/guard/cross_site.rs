//! Refuses what another site sends.

use axum::extract::Request;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::host::RequestOrigin;
use crate::error::PageError;

/// The header by which a browser says where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request that may change something, unless one of our pages sent it.
///
/// The only exemption is one-click unsubscribing: a mail provider's server sends it, with neither header.
/// The token in its path is its authority, and it reads no cookie.
pub(crate) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_ours = request
        .extensions()
        .get::<RequestOrigin>()
        .is_some_and(|ours| comes_from(request.headers(), &ours.origin));
    if is_reading || is_ours || is_one_click_unsubscribing(&request) {
        next.run(request).await
    } else {
        PageError::cross_site().into_response()
    }
}

/// Whether a request is `POST /u/TOKEN`. Its handler refuses every body but the one of RFC 8058.
fn is_one_click_unsubscribing(request: &Request) -> bool {
    let token = request.uri().path().strip_prefix("/u/");
    *request.method() == Method::POST
        && token.is_some_and(|token| !token.is_empty() && !token.contains('/'))
}

/// Whether the browser says that a page of `ours` sent the request. A request without either header
/// doesn't come from a browser's form.
fn comes_from(headers: &HeaderMap, ours: &str) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin");
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => origin == ours,
        _ => false,
    }
}

/// Whether the browser says that another site sent the request. A person's own bookmark or typing doesn't
/// count, and old browsers say nothing.
pub(crate) fn is_from_another_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.any(|site| site != "same-origin" && site != "none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("POST", "/u/token", true)]
    #[case("POST", "/u/token?a=/", true)]
    #[case("PUT", "/u/token", false)]
    #[case("POST", "/u/", false)]
    #[case("POST", "/u/token/stop", false)]
    #[case("POST", "/u/token/", false)]
    #[case("POST", "//u/token", false)]
    #[case("POST", "/family", false)]
    fn only_one_click_unsubscribing_is_exempt(
        #[case] method: &str,
        #[case] path: &str,
        #[case] is_exempt: bool,
    ) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(axum::body::Body::empty()).unwrap();
        assert_eq!(is_one_click_unsubscribing(&request), is_exempt);
    }

    const OURS: &str = "https://hippo.example.org";

    #[rstest]
    #[case(&[("sec-fetch-site", "same-origin")], true)]
    #[case(&[("sec-fetch-site", "same-origin"), ("origin", "null")], true)]
    #[case(&[("origin", OURS)], true)]
    #[case(&[], false)]
    #[case(&[("sec-fetch-site", "same-site")], false)]
    #[case(&[("sec-fetch-site", "cross-site"), ("origin", OURS)], false)]
    #[case(&[("sec-fetch-site", "none")], false)]
    #[case(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false)]
    #[case(&[("origin", "null")], false)]
    #[case(&[("origin", "http://hippo.example.org")], false)]
    #[case(&[("origin", "https://hippo.example.org.evil.example")], false)]
    #[case(&[("origin", OURS), ("origin", "https://evil.example")], false)]
    fn only_our_own_pages_may_send_forms(
        #[case] sent: &[(&'static str, &str)],
        #[case] is_ours: bool,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        assert_eq!(comes_from(&headers, OURS), is_ours);
    }
}
