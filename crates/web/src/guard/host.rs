//! Answers only requests for the public host; without https, also those for this machine by name.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::Host;

use crate::error::PageError;
use crate::ports::WebPorts;
use hippo_core::public_url::{PublicUrl, is_loopback};

/// The origin that a request was sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestOrigin {
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// Whether the browser sees https.
    pub(crate) is_secure: bool,
}

/// Refuses a request for an unknown host: another site's name may point here.
pub(crate) async fn refuse_unknown_hosts(
    State(ports): State<WebPorts>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(origin) = request_origin(request.headers(), &ports.settings.public_url) else {
        return PageError::unknown_host().into_response();
    };
    request.extensions_mut().insert(origin);
    next.run(request).await
}

/// The origin that the `Host` header names; `None`: it isn't ours.
pub(crate) fn request_origin(headers: &HeaderMap, public_url: &PublicUrl) -> Option<RequestOrigin> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, None) = (hosts.next()?, hosts.next()) else {
        return None;
    };
    let host = host.to_str().ok()?;
    if host.eq_ignore_ascii_case(&public_url.authority()) {
        return Some(RequestOrigin {
            origin: public_url.origin(),
            is_secure: public_url.is_secure(),
        });
    }
    if public_url.is_secure() {
        // A proxy that doesn't pass the name on would make every outside name a local one.
        return None;
    }
    let name = without_port(host)?;
    is_loopback(&Host::parse(name).ok()?).then(|| RequestOrigin {
        origin: format!("http://{}", host.to_ascii_lowercase()),
        is_secure: false,
    })
}

/// The host without its port; `None` if the port is not a number.
fn without_port(host: &str) -> Option<&str> {
    let end_of_name = host.rfind(']').unwrap_or_default();
    match host.rfind(':').filter(|colon| *colon > end_of_name) {
        None => Some(host),
        Some(colon) => {
            let (name, port) = host.split_at_checked(colon)?;
            port.get(1..)?.parse::<u16>().ok().map(|_| name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn origin(public_url: &str, host: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        let found = request_origin(&headers, &public_url.parse().unwrap());
        found.map(|found| found.origin)
    }

    #[rstest]
    #[case("hippo.example.org", Some("https://hippo.example.org"))]
    #[case("HIPPO.example.org", Some("https://hippo.example.org"))]
    #[case("127.0.0.1:8484", None)]
    #[case("localhost", None)]
    #[case("hippo.example.org:8484", None)]
    fn over_https_only_the_public_host_is_known(
        #[case] host: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(
            origin("https://hippo.example.org", host).as_deref(),
            expected
        );
    }

    #[rstest]
    #[case("127.0.0.1:8484", Some("http://127.0.0.1:8484"))]
    #[case("localhost:8484", Some("http://localhost:8484"))]
    #[case("[::1]:8484", Some("http://[::1]:8484"))]
    #[case("localhost", Some("http://localhost"))]
    #[case("hippo.example.org", None)]
    #[case("evil.example", None)]
    #[case("localhost.evil.example", None)]
    #[case("127.0.0.1.evil.example", None)]
    #[case("10.0.0.1", None)]
    #[case("localhost:x", None)]
    #[case("user@localhost", None)]
    #[case("", None)]
    fn without_https_this_machine_is_known_by_name(
        #[case] host: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(origin("http://127.0.0.1:8484", host).as_deref(), expected);
    }

    #[test]
    fn second_host_header_is_refused() {
        let public_url = "https://hippo.example.org".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append(HOST, "hippo.example.org".parse().unwrap());
        headers.append(HOST, "hippo.example.org".parse().unwrap());
        assert_eq!(request_origin(&headers, &public_url), None);
    }
}
