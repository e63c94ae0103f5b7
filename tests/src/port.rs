//! A loopback port that no other test has.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::SystemTime;

/// The first of the ports from which one is chosen.
const FIRST: u16 = 20_000;

/// How many there are. They lie below those that Linux gives to connections, which could take a port before
/// its server does.
const COUNT: u16 = 12_000;

/// A free port, reserved until this is dropped.
///
/// Its server takes the TCP port. Meanwhile the UDP port of the same number keeps other tests away: two
/// tests that found the same TCP port free would share the server that starts first.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    address: SocketAddr,
    _reservation: UdpSocket,
}

impl ReservedPort {
    /// Reserves a port.
    ///
    /// # Panics
    /// If none is free.
    pub(crate) fn reserve() -> Self {
        // Tests that run at the same time begin their searches at different ports.
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let start = std::process::id().wrapping_mul(7_919) ^ since.subsec_nanos();
        let start = u16::try_from(start % u32::from(COUNT)).unwrap_or_default();
        for port in (start..COUNT).chain(0..start).map(|index| FIRST + index) {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let Ok(reservation) = UdpSocket::bind(address) else {
                continue;
            };
            if TcpListener::bind(address).is_ok() {
                return Self {
                    address,
                    _reservation: reservation,
                };
            }
        }
        panic!("no port is free");
    }

    /// The address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_port_is_reserved_twice() {
        let reserved: Vec<ReservedPort> = (0..200).map(|_| ReservedPort::reserve()).collect();
        let ports: BTreeSet<u16> = reserved.iter().map(|one| one.address().port()).collect();
        assert_eq!(ports.len(), 200);
        let taken = reserved[0].address().port();
        drop(reserved);
        assert!(TcpListener::bind(("127.0.0.1", taken)).is_ok());
    }
}
