//! The context to which a sealed number and PIN are bound.

use std::fmt;

use url::Url;

use crate::ids::{CardId, LibraryId};
use crate::library::Library;

/// The version of the format, the first part of the associated data.
const FORMAT_VERSION: &str = "1";

/// The origins to which a number and PIN may be sent: a library's site and its login hosts.
///
/// Sorted and normalised: order, case and an explicit default port make no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginOrigins(Vec<Origin>);

/// A scheme, a host and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl LoginOrigins {
    /// The origins of a library's stored entry.
    pub fn from_library(library: &Library) -> Self {
        let scheme = library.base_url.scheme();
        let login_hosts = library
            .login_hosts
            .iter()
            .map(|entry| Origin::from_login_host(scheme, entry));
        let mut origins: Vec<Origin> = std::iter::once(Origin::from_url(&library.base_url))
            .chain(login_hosts)
            .collect();
        origins.sort();
        origins.dedup();
        Self(origins)
    }
}

impl fmt::Display for LoginOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, origin) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{origin}")?;
        }
        Ok(())
    }
}

impl Origin {
    fn from_url(url: &Url) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or_default().to_ascii_lowercase(),
            port: url.port_or_known_default(),
        }
    }

    /// Parses a `host` or `host:port`. Other text is kept as written, and no login is allowed there.
    fn from_login_host(scheme: &str, entry: &str) -> Self {
        let entry = entry.trim();
        match Url::parse(&format!("{scheme}://{entry}")) {
            Ok(url) if is_plain(&url) => Self::from_url(&url),
            _ => Self {
                scheme: String::new(),
                host: entry.to_owned(),
                port: None,
            },
        }
    }
}

fn is_plain(url: &Url) -> bool {
    url.path().trim_matches('/').is_empty()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_usual = match self.scheme.as_str() {
            "https" => self.port == Some(443),
            "http" => self.port == Some(80),
            "" => return f.write_str(&crate::text::clean(&self.host)),
            _ => false,
        };
        write!(f, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) if !is_usual => write!(f, ":{port}"),
            _ => Ok(()),
        }
    }
}

/// The context of an envelope: a card, its library, and the origins of the library's stored entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealContext {
    card: CardId,
    library: LibraryId,
    origins: LoginOrigins,
}

impl SealContext {
    /// The context of a card at a library, whose entry must be the stored one.
    pub fn new(card: CardId, library: &Library) -> Self {
        Self {
            card,
            library: library.id.clone(),
            origins: LoginOrigins::from_library(library),
        }
    }

    /// The associated data: each part is prefixed with its length, so that no two contexts collide.
    pub(super) fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(128);
        push_part(&mut data, FORMAT_VERSION);
        push_part(&mut data, &self.card.to_string());
        push_part(&mut data, self.library.as_str());
        for origin in &self.origins.0 {
            push_part(&mut data, &origin.scheme);
            push_part(&mut data, &origin.host);
            let port = origin.port.map(|port| port.to_string());
            push_part(&mut data, &port.unwrap_or_default());
        }
        data
    }
}

fn push_part(data: &mut Vec<u8>, part: &str) {
    data.extend_from_slice(&(part.len() as u64).to_be_bytes());
    data.extend_from_slice(part.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::contract::sample;
    use proptest::prelude::*;

    fn library(base_url: &str, login_hosts: &[&str]) -> Library {
        Library {
            base_url: base_url.parse().unwrap(),
            login_hosts: login_hosts.iter().map(|host| (*host).to_owned()).collect(),
            ..sample::library("wpl")
        }
    }

    fn origins(base_url: &str, login_hosts: &[&str]) -> String {
        LoginOrigins::from_library(&library(base_url, login_hosts)).to_string()
    }

    #[test]
    fn origins_are_sorted_normalised_and_unique() {
        assert_eq!(
            origins(
                "https://Books.Example.org:443/client/default",
                &[
                    "LOGIN.example.org",
                    " login.example.org:443",
                    "books.example.org"
                ]
            ),
            "https://books.example.org, https://login.example.org"
        );
        assert_eq!(
            origins("http://127.0.0.1:8080", &["sso.example.org:8443"]),
            "http://127.0.0.1:8080, http://sso.example.org:8443"
        );
    }

    #[test]
    fn invalid_hosts_never_equal_a_valid_host() {
        let plain = origins("https://books.example.org", &["evil.example.org"]);
        for entry in ["evil.example.org/x", "me@evil.example.org", "", "a b"] {
            let other = origins("https://books.example.org", &[entry]);
            assert_ne!(other, plain, "{entry}");
        }
    }

    fn host() -> impl Strategy<Value = String> {
        "[a-z]{1,6}(\\.[a-z]{1,6}){0,2}\\.org(:(1|22|8443|65535))?"
    }

    proptest! {
        #[test]
        fn order_and_case_of_hosts_make_no_difference(
            hosts in proptest::collection::vec(host(), 0..4),
            upper in proptest::collection::vec(any::<bool>(), 4),
        ) {
            let card = CardId::generate();
            let plain: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let written: Vec<String> = hosts
                .iter()
                .rev()
                .zip(&upper)
                .map(|(host, upper)| if *upper { host.to_uppercase() } else { host.clone() })
                .collect();
            let written: Vec<&str> = written.iter().map(String::as_str).collect();
            let one = SealContext::new(card, &library("https://a.example.org", &plain));
            let other = SealContext::new(card, &library("https://A.example.ORG/catalogue", &written));
            prop_assert_eq!(one.associated_data(), other.associated_data());
        }

        #[test]
        fn different_contexts_have_different_associated_data(
            one in (host(), proptest::collection::vec(host(), 0..3), "[a-z]{1,4}"),
            other in (host(), proptest::collection::vec(host(), 0..3), "[a-z]{1,4}"),
        ) {
            let card = CardId::generate();
            let context = |(base, hosts, id): &(String, Vec<String>, String)| {
                let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
                let library = Library {
                    id: id.parse().unwrap(),
                    ..library(&format!("https://{base}"), &hosts)
                };
                SealContext::new(card, &library)
            };
            let (one, other) = (context(&one), context(&other));
            prop_assert_eq!(one == other, one.associated_data() == other.associated_data());
        }
    }
}
