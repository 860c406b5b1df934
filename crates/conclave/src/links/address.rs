//! Where a peer can be reached: the bytes that travel in a knock and in the address book.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use iroh::{EndpointAddr, EndpointId, RelayUrl, TransportAddr};
use thiserror::Error;

/// The addresses of one endpoint: at most one relay and 16 socket addresses.
///
/// ```text
/// blob   = len u8 (0: no relay), relay (ASCII URL), count u8, count * socket
/// socket = 4 u8, ip 4 B, port u16  /  6 u8, ip 16 B, port u16      (big endian)
/// ```
/// One value has one encoding: the URL in its normal form, sockets strictly ascending, nothing
/// after them. At most 434 bytes, within the 512 that the protocol leaves for it.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressBlob {
    relay: Option<RelayUrl>,
    sockets: BTreeSet<SocketAddr>,
}

/// The most bytes that an encoded [`AddressBlob`] takes.
pub const MAX_ADDRESS_BLOB: usize = 512;

const MAX_SOCKETS: usize = 16;
const MAX_RELAY_URL: usize = 128;
const TAG_V4: u8 = 4;
const TAG_V6: u8 = 6;

impl AddressBlob {
    /// The addresses that an invite names; those that nobody can be reached at are refused.
    ///
    /// # Errors
    /// [`AddressError::Relay`], [`AddressError::Socket`] or [`AddressError::TooMany`].
    pub fn new(
        relay: Option<&str>,
        sockets: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, AddressError> {
        let relay = relay.map(str::parse).transpose().map_err(|_| AddressError::Relay)?;
        if let Some(url) = &relay {
            check_relay(url)?;
        }
        let sockets: BTreeSet<SocketAddr> = sockets.into_iter().collect();
        sockets.iter().try_for_each(check_socket)?;
        if sockets.len() > MAX_SOCKETS {
            return Err(AddressError::TooMany);
        }
        Ok(Self { relay, sockets })
    }

    /// Reads one blob, all of `bytes`.
    ///
    /// # Errors
    /// Names the first rule of the encoding that the bytes break.
    pub fn decode(bytes: &[u8]) -> Result<Self, AddressError> {
        if bytes.len() > MAX_ADDRESS_BLOB {
            return Err(AddressError::TooLong);
        }
        let mut input = Input(bytes);
        let relay = decode_relay(&mut input)?;
        let [count] = input.take()?;
        if usize::from(count) > MAX_SOCKETS {
            return Err(AddressError::TooMany);
        }
        let mut sockets = BTreeSet::new();
        for _ in 0..count {
            let socket = decode_socket(&mut input)?;
            if sockets.last().is_some_and(|last| *last >= socket) {
                return Err(AddressError::Order);
            }
            sockets.insert(socket);
        }
        if input.0.is_empty() { Ok(Self { relay, sockets }) } else { Err(AddressError::Trailing) }
    }

    /// The canonical bytes, at most [`MAX_ADDRESS_BLOB`] of them.
    pub fn encode(&self) -> Vec<u8> {
        let relay = self.relay.as_ref().map_or("", |url| url.as_str());
        let mut out = Vec::with_capacity(64);
        out.extend(u8::try_from(relay.len()));
        out.extend(relay.as_bytes());
        out.extend(u8::try_from(self.sockets.len()));
        for socket in &self.sockets {
            match socket.ip() {
                IpAddr::V4(ip) => {
                    out.push(TAG_V4);
                    out.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    out.push(TAG_V6);
                    out.extend(ip.octets());
                }
            }
            out.extend(socket.port().to_be_bytes());
        }
        out
    }

    /// The relay behind which the endpoint can be reached, as a URL.
    pub fn relay(&self) -> Option<&str> {
        self.relay.as_ref().map(|url| url.as_str())
    }

    /// Where the endpoint listens, in ascending order.
    pub fn sockets(&self) -> impl Iterator<Item = &SocketAddr> {
        self.sockets.iter()
    }

    /// The same address without its sockets: it reveals and reaches the relay only.
    #[must_use]
    pub fn relay_only(&self) -> Self {
        Self { relay: self.relay.clone(), sockets: BTreeSet::new() }
    }

    #[cfg(test)]
    pub(super) fn keep(&mut self, wanted: impl FnMut(&SocketAddr) -> bool) {
        self.sockets.retain(wanted);
    }

    /// What `own` says, with the loopback addresses of the same `ports` (two daemons on one
    /// machine). Public and local-network addresses come first where there are too many.
    pub(super) fn of_endpoint(own: &EndpointAddr, bound: &[SocketAddr]) -> Self {
        let relay = own.relay_urls().find(|url| check_relay(url).is_ok()).cloned();
        let loopback = bound.iter().map(|socket| {
            let ip = if socket.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            };
            SocketAddr::new(ip, socket.port())
        });
        let mut sockets: Vec<SocketAddr> = own
            .ip_addrs()
            .map(|socket| SocketAddr::new(socket.ip(), socket.port()))
            .chain(loopback)
            .filter(|socket| check_socket(socket).is_ok())
            .collect();
        sockets.sort_by_key(|socket| (socket.ip().is_loopback(), *socket));
        sockets.dedup();
        Self { relay, sockets: sockets.into_iter().take(MAX_SOCKETS).collect() }
    }

    /// What iroh dials. A relay that is not in `relays` is left out: a peer must not make this
    /// program send a request to a server of the peer's choice.
    pub(super) fn to_endpoint(&self, id: EndpointId, relays: &[RelayUrl]) -> EndpointAddr {
        let relay = self.relay.iter().filter(|url| relays.contains(url)).cloned();
        let sockets = self.sockets.iter().copied().map(TransportAddr::Ip);
        EndpointAddr::from_parts(id, relay.map(TransportAddr::Relay).chain(sockets))
    }
}

/// Addresses of people stay out of logs, so this prints counts.
impl fmt::Debug for AddressBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressBlob")
            .field("relay", &self.relay.is_some())
            .field("sockets", &self.sockets.len())
            .finish()
    }
}

/// Why bytes are not an [`AddressBlob`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Sockets are not strictly ascending.
    #[error("the sockets are not in order")]
    Order,
    /// The relay is not a plain http or https URL in its normal form.
    #[error("the relay is not a plain http or https address")]
    Relay,
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Short,
    /// A socket that nobody can be reached at.
    #[error("a socket that nobody can be reached at")]
    Socket,
    /// An unknown kind of socket.
    #[error("an unknown kind of socket")]
    Tag,
    /// More bytes than [`MAX_ADDRESS_BLOB`].
    #[error("more than 512 bytes")]
    TooLong,
    /// More than 16 sockets.
    #[error("more than 16 sockets")]
    TooMany,
    /// Bytes after the last socket.
    #[error("bytes after the end")]
    Trailing,
}

fn decode_relay(input: &mut Input<'_>) -> Result<Option<RelayUrl>, AddressError> {
    let [len] = input.take()?;
    if len == 0 {
        return Ok(None);
    }
    let text = std::str::from_utf8(input.slice(len.into())?).map_err(|_| AddressError::Relay)?;
    let url: RelayUrl = text.parse().map_err(|_| AddressError::Relay)?;
    check_relay(&url)?;
    if url.as_str() == text { Ok(Some(url)) } else { Err(AddressError::Relay) }
}

/// A relay is a place only: no user, no query, no fragment that could carry anything else.
pub(super) fn check_relay(url: &RelayUrl) -> Result<(), AddressError> {
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.as_str().len() <= MAX_RELAY_URL;
    if plain { Ok(()) } else { Err(AddressError::Relay) }
}

fn decode_socket(input: &mut Input<'_>) -> Result<SocketAddr, AddressError> {
    let ip = match input.take()? {
        [TAG_V4] => IpAddr::from(input.take::<4>()?),
        [TAG_V6] => IpAddr::from(input.take::<16>()?),
        _ => return Err(AddressError::Tag),
    };
    let socket = SocketAddr::new(ip, u16::from_be_bytes(input.take()?));
    check_socket(&socket)?;
    Ok(socket)
}

/// Refuses what cannot be a unicast listener, and IPv4 in the clothes of IPv6.
fn check_socket(socket: &SocketAddr) -> Result<(), AddressError> {
    let ip = socket.ip();
    let wrong = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        // A link-local address means nothing without the scope, which is local too.
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some() || ip.is_unicast_link_local(),
    };
    if wrong || ip.is_unspecified() || ip.is_multicast() || socket.port() == 0 {
        return Err(AddressError::Socket);
    }
    Ok(())
}

/// What is left to decode.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], AddressError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(AddressError::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    fn slice(&mut self, len: usize) -> Result<&'a [u8], AddressError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(AddressError::Short)?;
        self.0 = rest;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blob(relay: Option<&str>, sockets: &[&str]) -> AddressBlob {
        AddressBlob {
            relay: relay.map(|url| url.parse().unwrap()),
            sockets: sockets.iter().map(|socket| socket.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn a_blob_survives_its_encoding() {
        for blob in [
            blob(None, &[]),
            blob(Some("http://127.0.0.1:3340/"), &[]),
            blob(Some("https://relay.example/"), &["192.0.2.1:9", "127.0.0.1:1", "[::1]:7"]),
        ] {
            assert_eq!(AddressBlob::decode(&blob.encode()).unwrap(), blob);
        }
    }

    #[test]
    fn malformed_blobs_are_refused_by_name() {
        let with_relay = |url: &str| {
            let mut bytes = vec![u8::try_from(url.len()).unwrap()];
            bytes.extend(url.as_bytes());
            bytes.push(0);
            bytes
        };
        let socket = |last: u8, port: u8| [4, 192, 0, 2, last, 0, port];
        let sockets = |list: &[[u8; 7]]| {
            let mut bytes = vec![0, u8::try_from(list.len()).unwrap()];
            bytes.extend(list.concat());
            bytes
        };
        for (bytes, error) in [
            (vec![], AddressError::Short),
            (vec![0], AddressError::Short),
            (vec![9, b'h'], AddressError::Short),
            (vec![0, 0, 0], AddressError::Trailing),
            (vec![0, 17], AddressError::TooMany),
            (vec![0, 1, 5], AddressError::Tag),
            (vec![0; MAX_ADDRESS_BLOB + 1], AddressError::TooLong),
            (vec![0, 1, 4, 0, 0, 0, 0, 0, 9], AddressError::Socket),
            (vec![0, 1, 4, 224, 0, 0, 1, 0, 9], AddressError::Socket),
            (sockets(&[socket(1, 0)]), AddressError::Socket),
            (sockets(&[socket(2, 9), socket(1, 9)]), AddressError::Order),
            (sockets(&[socket(1, 9), socket(1, 9)]), AddressError::Order),
            (with_relay("ftp://relay.example/"), AddressError::Relay),
            (with_relay("http://user@relay.example/"), AddressError::Relay),
            (with_relay("http://relay.example/?a=b"), AddressError::Relay),
            (with_relay("HTTP://relay.example/"), AddressError::Relay),
            (with_relay("http://relay.example"), AddressError::Relay),
        ] {
            assert_eq!(AddressBlob::decode(&bytes).unwrap_err(), error, "{bytes:?}");
        }
    }

    #[test]
    fn an_unknown_relay_is_not_dialled() {
        let id = iroh::SecretKey::from_bytes(&[7; 32]).public();
        let blob = blob(Some("http://127.0.0.1:1/"), &["127.0.0.1:2"]);
        assert_eq!(blob.to_endpoint(id, &[]).relay_urls().count(), 0);
        let known = ["http://127.0.0.1:1/".parse().unwrap()];
        assert_eq!(blob.to_endpoint(id, &known).relay_urls().count(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_their_own_encoding_or_not_at_all(bytes: Vec<u8>) {
            if let Ok(blob) = AddressBlob::decode(&bytes) {
                prop_assert_eq!(blob.encode(), bytes);
            }
        }

        #[test]
        fn any_addresses_encode_within_the_bound(
            v4: Vec<(u32, u16)>, v6: Vec<(u128, u16)>, relay in proptest::option::of("[a-z]{1,120}"),
        ) {
            let id = iroh::SecretKey::from_bytes(&[7; 32]).public();
            let relay = relay.map(|host| format!("http://{host}/").parse().unwrap());
            let v4 = v4.into_iter().map(|(ip, port)| SocketAddr::from((Ipv4Addr::from(ip), port)));
            let v6 = v6.into_iter().map(|(ip, port)| SocketAddr::from((Ipv6Addr::from(ip), port)));
            let own = EndpointAddr::from_parts(
                id,
                relay.map(TransportAddr::Relay).into_iter().chain(v4.chain(v6).map(TransportAddr::Ip)),
            );
            let blob = AddressBlob::of_endpoint(&own, &[SocketAddr::from(([0, 0, 0, 0], 5))]);
            let bytes = blob.encode();
            prop_assert!(bytes.len() <= MAX_ADDRESS_BLOB);
            prop_assert_eq!(AddressBlob::decode(&bytes).unwrap(), blob);
        }
    }
}
