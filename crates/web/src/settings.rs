//! The settings of the web pages.

use std::fmt;
use std::str::FromStr;

use chrono_tz::Tz;
use hippo_core::email_address::EmailAddress;
use url::{Host, Url};

/// The settings of the web pages.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// The address of the pages, as people type it.
    pub public_url: PublicUrl,
    /// The addresses that sign in as the operator.
    pub operators: Vec<EmailAddress>,
    /// The contact for questions: an email address or a few words.
    pub contact: Option<String>,
    /// The operator's time zone, for the console.
    pub timezone: Tz,
    /// Who the console's changes are recorded as. It is no address: others see it.
    pub operator_name: String,
}

impl WebSettings {
    /// Whether this address signs in as the operator.
    pub fn is_operator(&self, address: &EmailAddress) -> bool {
        let mut operators = self.operators.iter();
        operators.any(|operator| operator.is_same_mailbox(address))
    }
}

/// Where the pages are: `https://host`, or `http://` on this machine. It has no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Url);

/// Why a text is not the address of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// It is not a URL with a host, or it has more than that.
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
    pub(crate) fn authority(&self) -> String {
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
            "http" if is_bare && is_loopback(&host) => Ok(Self(url)),
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
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
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
