//! The network that a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName};

/// The header to which a reverse proxy appends the address of its client.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of the connection; the caller of the router inserts it into each
/// request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// The client's network: the address's first 24 bits, or its first 48 for IPv6.
///
/// Only a proxy on this machine is believed, and only the address that it appended itself: a client
/// can write the ones before.
pub(crate) fn client_network(extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
    let Some(PeerAddress(peer)) = extensions.get::<PeerAddress>().copied() else {
        return IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    };
    let peer = peer.to_canonical();
    let client = match peer.is_loopback() {
        true => appended_address(headers).unwrap_or(peer),
        false => peer,
    };
    network(client)
}

/// The last address of `X-Forwarded-For`.
fn appended_address(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(X_FORWARDED_FOR).iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    // Some proxies append the port, too.
    let with_port = || Some(last.parse::<SocketAddr>().ok()?.ip());
    let address = last.parse().ok().or_else(with_port)?;
    Some(IpAddr::to_canonical(&address))
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::direct("203.0.113.9", &[], "203.0.113.0")]
    #[case::direct_and_lying("203.0.113.9", &["198.51.100.7"], "203.0.113.0")]
    #[case::proxied("127.0.0.1", &["198.51.100.7"], "198.51.100.0")]
    #[case::proxied_and_lying("127.0.0.1", &["192.0.2.1, 198.51.100.7"], "198.51.100.0")]
    #[case::proxied_twice("::1", &["192.0.2.1", "198.51.100.7"], "198.51.100.0")]
    #[case::with_port("127.0.0.1", &["198.51.100.7:50123"], "198.51.100.0")]
    #[case::ipv6_with_port("127.0.0.1", &["[2001:db8:1:2:3::4]:50123"], "2001:db8:1::")]
    #[case::nonsense("127.0.0.1", &["unknown"], "127.0.0.0")]
    #[case::mapped("::ffff:203.0.113.9", &[], "203.0.113.0")]
    #[case::ipv6("2001:db8:1:2:3::4", &[], "2001:db8:1::")]
    fn client_network_is_the_peers_or_what_a_local_proxy_appended(
        #[case] peer: IpAddr,
        #[case] forwarded: &[&str],
        #[case] expected: IpAddr,
    ) {
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddress(peer));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        assert_eq!(client_network(&extensions, &headers), expected);
    }
}
