//! Where a validator is reached by the others: an address, or a name that is looked up at each dial.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use commonware_p2p::{Address, Ingress};
use commonware_utils::Hostname;

/// `host:port`, the host a name, an IPv4 address or an IPv6 address in brackets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerAddress(Place);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    Name(Hostname, u16),
    Socket(SocketAddr),
}

impl PeerAddress {
    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.0 {
            Place::Name(_, port) => *port,
            Place::Socket(address) => address.port(),
        }
    }

    /// As the engine dials it.
    pub(crate) fn dialled(&self) -> Address {
        match &self.0 {
            Place::Name(host, port) => Address::Asymmetric {
                ingress: Ingress::Dns { host: host.clone(), port: *port },
                egress: NOWHERE,
            },
            Place::Socket(address) => Address::Symmetric(*address),
        }
    }

    /// The address of a peer that only calls.
    pub(crate) const fn nowhere() -> Address {
        Address::Asymmetric { ingress: Ingress::Socket(NOWHERE), egress: NOWHERE }
    }
}

/// Nothing answers here, and where a packet comes from is not looked at: the handshake proves the key.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1);

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self(Place::Socket(address))
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Name(host, port) => write!(f, "{}:{port}", host.as_str()),
            Place::Socket(address) => address.fmt(f),
        }
    }
}

impl FromStr for PeerAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.chars().take(80).collect());
        let place = if let Ok(address) = text.parse() {
            Place::Socket(address)
        } else {
            let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
            let port = port.parse().map_err(|_| bad())?;
            // 1.2.3.4.5 or 300.1.1.1 is no name either.
            if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
                return Err(bad());
            }
            Place::Name(Hostname::new(host).map_err(|_| bad())?, port)
        };
        let address = Self(place);
        if address.port() == 0 { Err(bad()) } else { Ok(address) }
    }
}

/// Not `host:port`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not host:port")]
pub struct BadAddress(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_as_they_are_written() {
        for text in ["192.0.2.1:4100", "[2001:db8::1]:4100", "a.example.org:4100", "localhost:1"] {
            assert_eq!(text.parse::<PeerAddress>().unwrap().to_string(), text);
        }
        let name: PeerAddress = "a.example.org:4100".parse().unwrap();
        let dialled = name.dialled().ingress();
        assert!(matches!(dialled, Ingress::Dns { port: 4100, .. }), "{dialled:?}");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            ":",
            "a.example.org",
            "a.example.org:",
            "a.example.org:0",
            "a.example.org:70000",
            "192.0.2.1:0",
            "300.1.1.1:4100",
            "1.2.3:4100",
            "2001:db8::1",
            "a b:1",
            "http://a:1",
            "-a:1",
            "a..b:1",
        ] {
            assert!(text.parse::<PeerAddress>().is_err(), "{text:?}");
        }
    }
}
