//! A provider's issuer: where its configuration is, and what its tokens name.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// A provider's issuer, spelled as the provider spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// A text isn't an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Use an https address, as the provider spells it, such as https://accounts.google.com.")]
pub struct InvalidIssuer;

impl Issuer {
    /// The issuer as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host, as people know it.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether it is on this machine and without https, as in a test.
    fn is_loopback(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// Where the provider's configuration is.
    pub fn discovery_url(&self) -> Url {
        let mut url = self.url.clone();
        let path = url.path().trim_end_matches('/');
        let path = format!("{path}/.well-known/openid-configuration");
        url.set_path(&path);
        url
    }

    /// Whether an address of the provider's configuration may be used.
    pub fn may_name(&self, url: &Url) -> bool {
        is_allowed(url) && (url.scheme() == "https" || self.is_loopback())
    }
}

/// Whether a URL is https, or `http://127.0.0.1`. A provider may be in a home's own network.
fn is_allowed(url: &Url) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none();
    is_plain
        && match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
            _ => false,
        }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        let url: Url = text.parse().map_err(|_| InvalidIssuer)?;
        let is_bare = url.query().is_none() && url.fragment().is_none();
        match is_bare && is_allowed(&url) {
            true => Ok(Self {
                text: text.to_owned(),
                url,
            }),
            false => Err(InvalidIssuer),
        }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "https://accounts.google.com",
        "https://accounts.google.com/.well-known/openid-configuration"
    )]
    #[case(
        "https://login.example.com/1/v2.0",
        "https://login.example.com/1/v2.0/.well-known/openid-configuration"
    )]
    #[case(
        "https://id.example.org/",
        "https://id.example.org/.well-known/openid-configuration"
    )]
    #[case(
        "https://192.168.1.5:9443/a",
        "https://192.168.1.5:9443/a/.well-known/openid-configuration"
    )]
    #[case(
        "http://127.0.0.1:4000",
        "http://127.0.0.1:4000/.well-known/openid-configuration"
    )]
    fn configuration_of_an_issuer_is_at_its_well_known_path(
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        let issuer: Issuer = text.parse().unwrap();
        assert_eq!(issuer.as_str(), text);
        assert_eq!(issuer.discovery_url().as_str(), expected);
    }

    #[rstest]
    #[case("http://id.example.org")]
    #[case("http://10.0.0.1")]
    #[case("http://localhost:4000")]
    #[case("https://id.example.org?a=b")]
    #[case("https://id.example.org#a")]
    #[case("https://ana@id.example.org")]
    #[case("ftp://id.example.org")]
    #[case("id.example.org")]
    fn issuer_without_https_is_refused(#[case] text: &str) {
        assert_eq!(text.parse::<Issuer>(), Err(InvalidIssuer));
    }

    #[test]
    fn only_a_loopback_provider_may_use_http() {
        let outside: Issuer = "https://id.example.org".parse().unwrap();
        let loopback: Issuer = "http://127.0.0.1:4000".parse().unwrap();
        for (url, is_allowed) in [
            ("https://other.example/token", [true, true]),
            ("http://127.0.0.1:4000/token", [false, true]),
            ("http://other.example/token", [false, false]),
        ] {
            let url = url.parse().unwrap();
            assert_eq!(
                [outside.may_name(&url), loopback.may_name(&url)],
                is_allowed,
                "{url}"
            );
        }
    }
}
