//! Refuses addresses outside the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Which addresses outside the public internet may be connected to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PrivateAddresses {
    /// Any, for a library whose own URL is in a private network. For use on one machine.
    #[default]
    OfPrivateLibraries,
    /// Loopback addresses only. For test libraries where private addresses are refused.
    LoopbackOnly,
    /// None. For a machine in a network with other services.
    Refused,
}

impl PrivateAddresses {
    /// Whether they are refused for every library. Then no proxy may be used, because it resolves names
    /// itself.
    pub(super) fn are_refused(self) -> bool {
        self != Self::OfPrivateLibraries
    }

    fn is_allowed(self, address: IpAddr) -> bool {
        match self {
            Self::OfPrivateLibraries => is_public(address),
            Self::LoopbackOnly => is_public(address) || address.is_loopback(),
            Self::Refused => is_public(address),
        }
    }

    /// Whether a library at this URL may use any address.
    pub(super) fn allows_any_address(self, base_url: &Url) -> bool {
        self == Self::OfPrivateLibraries && is_private(base_url)
    }

    /// Whether the URL's host is an IP address that a library at `base_url` may not use. Names are checked
    /// when they are resolved: [`AllowedAddressResolver`].
    pub(super) fn is_refused_literal(self, base_url: &Url, url: &Url) -> bool {
        if self.allows_any_address(base_url) {
            return false;
        }
        match url.host() {
            Some(Host::Ipv4(address)) => !self.is_allowed(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => !self.is_allowed(IpAddr::V6(address)),
            Some(Host::Domain(_)) => self == Self::OfPrivateLibraries && is_loopback(url),
            None => false,
        }
    }
}

/// Suffixes of names outside the public DNS: RFC 6761, 6762, 8375, ICANN's `internal`, and those that home
/// and office networks use.
const PRIVATE_SUFFIXES: [&str; 9] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "lan",
    "home",
    "corp",
    "intranet",
    "test",
];

/// Whether the URL's host is in a private network, by its address or name.
pub(super) fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public_v4(address),
        Some(Host::Ipv6(address)) => !is_public_v6(address),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.')
                || PRIVATE_SUFFIXES.iter().any(|end| {
                    let before = name.strip_suffix(end);
                    before.is_some_and(|before| before.ends_with('.'))
                })
        }
        None => false,
    }
}

/// Whether every address of the URL's host is public, as this machine resolves it; `None`: it can't.
pub(super) async fn resolves_to_public(url: &Url) -> Option<bool> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    let mut addresses = tokio::net::lookup_host((host, 0)).await.ok()?.peekable();
    addresses.peek()?;
    Some(addresses.all(|address| is_public(address.ip())))
}

/// Whether the URL's host is `localhost` or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether an address is public: not private, loopback, link-local, multicast or reserved (IANA's
/// special-purpose registries). Checks IPv4 addresses within IPv6 addresses too.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, _, _)
    ))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let wrapped = |high: u16, low: u16| {
        let [first, second] = high.to_be_bytes();
        let [third, fourth] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(first, second, third, fourth))
    };
    match (a, b, c, d, e, f) {
        // An IPv4 address within IPv6: mapped, NAT64, 6to4.
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => wrapped(g, h),
        (0x2002, high, low, _, _, _) => wrapped(high, low),
        // Teredo, benchmarking, ORCHID, documentation.
        (0x2001, 0 | 2 | 0x10..=0x2f | 0xdb8, _, _, _, _) => false,
        (0x3fff, 0..=0xfff, _, _, _, _) => false,
        // Global unicast: without loopback, unique-local, link-local, multicast.
        _ => (0x2000..=0x3fff).contains(&a),
    }
}

/// The error text for a refused name, recognised by [`super::connections`].
pub(super) const NO_PUBLIC_ADDRESS: &str = "the name has no public address";

/// Resolves names to allowed addresses only, so that the checked address is the one that is connected to.
pub(super) struct AllowedAddressResolver(pub(super) PrivateAddresses);

impl Resolve for AllowedAddressResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.0;
        Box::pin(async move {
            let allowed: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| rule.is_allowed(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err(NO_PUBLIC_ADDRESS.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_public_addresses_are_recognised() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.9.10",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "8.8.8.8",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_literal_is_refused_in_every_notation() {
        for url in [
            "http://127.1/",
            "http://0x7f000001/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest",
        ] {
            let url = Url::parse(url).unwrap();
            let public = Url::parse("https://books.example.org/").unwrap();
            for rule in [
                PrivateAddresses::Refused,
                PrivateAddresses::OfPrivateLibraries,
            ] {
                assert!(rule.is_refused_literal(&public, &url), "{rule:?} {url}");
                assert!(!rule.is_refused_literal(&public, &public));
            }
            let rule = PrivateAddresses::OfPrivateLibraries;
            assert!(!rule.is_refused_literal(&url, &url), "{url}");
        }
    }

    #[tokio::test]
    async fn loopback_only_refuses_other_private_addresses() {
        for (url, expected) in [
            ("http://127.0.0.1:8000/", false),
            ("http://[::1]/", false),
            ("https://8.8.8.8/", false),
            ("http://169.254.169.254/latest", true),
            ("http://[::ffff:169.254.169.254]/latest", true),
            ("http://[fe80::1]/", true),
            ("http://10.0.0.1/", true),
            ("http://0.0.0.0/", true),
        ] {
            let url = Url::parse(url).unwrap();
            let is_refused = PrivateAddresses::LoopbackOnly.is_refused_literal(&url, &url);
            assert_eq!(is_refused, expected, "{url}");
        }
        let resolve = |rule| AllowedAddressResolver(rule).resolve("localhost".parse().unwrap());
        assert!(resolve(PrivateAddresses::LoopbackOnly).await.is_ok());
        assert!(resolve(PrivateAddresses::Refused).await.is_err());
    }

    #[test]
    fn library_is_private_by_its_own_url() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]/", true),
            ("http://192.168.1.7/opac", true),
            ("http://localhost/", true),
            ("http://library/", true),
            ("http://opac.school.lan/", true),
            ("https://books.test/", true),
            ("http://OPAC.Home.Arpa./", true),
            ("https://books.example.org/", false),
            ("https://localhost.example.org/", false),
            ("https://notlan/", true),
            ("https://my-lan.org/", false),
            ("https://8.8.8.8/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(is_private(&url), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn public_library_may_not_resolve_to_loopback() {
        let rule = PrivateAddresses::OfPrivateLibraries;
        let public = Url::parse("https://books.example.org/").unwrap();
        let here = Url::parse("http://LOCALHOST:8080/").unwrap();
        assert!(rule.is_refused_literal(&public, &here));
        assert!(!rule.is_refused_literal(&here, &here));
        let resolved = AllowedAddressResolver(rule).resolve("localhost".parse().unwrap());
        assert!(resolved.await.is_err());
    }

    #[test]
    fn loopback_is_exact_not_a_lookalike_name() {
        for (url, expected) in [
            ("http://127.0.0.1:80/", true),
            ("http://[::1]/", true),
            ("http://LOCALHOST/", true),
            ("http://localhost.example.test/", false),
            ("http://127.0.0.1.example.test/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
