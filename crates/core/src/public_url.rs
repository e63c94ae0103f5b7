//! The base URL of the web pages, which mails link to.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The web pages' base URL: `https://host[:port]`, or `http://` on this machine. It has no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Why a text is not the web pages' base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// It isn't an http(s) URL with only a host and a port.
    #[error("Use an address like https://hippo.example.org, without a path.")]
    Malformed,
    /// It is not https, and not on this machine.
    #[error("Use https. Only an address on this machine may begin with http.")]
    NotSecure,
}

impl PublicUrl {
    /// The origin: scheme, host and port, without a slash at its end.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// Whether it is https.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host and port, as in the `Host` header.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        match self.0.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The address of a page. `path` begins with a slash.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url: Url = text.parse().map_err(|_| InvalidPublicUrl::Malformed)?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let host = url.host().ok_or(InvalidPublicUrl::Malformed)?;
        match url.scheme() {
            "https" if is_bare => Ok(Self(url)),
            "http" if is_bare && (is_loopback(&host) || is_below_localhost(&host)) => Ok(Self(url)),
            "http" if is_bare => Err(InvalidPublicUrl::NotSecure),
            _ => Err(InvalidPublicUrl::Malformed),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.origin())
    }
}

/// Whether a host is this machine.
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether a host is a name below `localhost`, which is always this machine (RFC 6761).
fn is_below_localhost<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().ends_with(".localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://hippo.example.org", Ok("https://hippo.example.org"))]
    #[case("https://hippo.example.org/", Ok("https://hippo.example.org"))]
    #[case("https://hippo.example.org:8443", Ok("https://hippo.example.org:8443"))]
    #[case("http://127.0.0.1:8484", Ok("http://127.0.0.1:8484"))]
    #[case("http://[::1]:8484", Ok("http://[::1]:8484"))]
    #[case("http://localhost", Ok("http://localhost"))]
    #[case("http://pages.localhost:4566", Ok("http://pages.localhost:4566"))]
    #[case("http://pages.localhost.example.org", Err(InvalidPublicUrl::NotSecure))]
    #[case("http://hippo.example.org", Err(InvalidPublicUrl::NotSecure))]
    #[case("http://127.0.0.1.example.org", Err(InvalidPublicUrl::NotSecure))]
    #[case("https://hippo.example.org/pages", Err(InvalidPublicUrl::Malformed))]
    #[case("https://ana@hippo.example.org", Err(InvalidPublicUrl::Malformed))]
    #[case("ftp://localhost", Err(InvalidPublicUrl::Malformed))]
    #[case("hippo.example.org", Err(InvalidPublicUrl::Malformed))]
    fn public_url_is_https_or_on_this_machine(
        #[case] text: &str,
        #[case] expected: Result<&str, InvalidPublicUrl>,
    ) {
        let origin = text.parse::<PublicUrl>().map(|url| url.origin());
        assert_eq!(origin, expected.map(str::to_owned));
    }
}
