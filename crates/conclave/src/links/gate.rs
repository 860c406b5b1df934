//! Counts of strangers: how many may be here at once, in all and from one place.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
};

use iroh::{EndpointId, endpoint::IncomingAddr};

/// Where a connection comes from, as coarse as one person can be told from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    /// A key behind a relay, which hides the address but only serves keys that the ledger knows.
    Relayed(EndpointId),
    V4(Ipv4Addr),
    /// The /64 that a provider gives to one customer.
    V6([u16; 4]),
    /// A kind of transport that is not in use here.
    Unknown,
}

impl Source {
    pub(super) fn of(addr: &IncomingAddr) -> Self {
        match addr {
            IncomingAddr::Ip(addr) => Self::of_ip(addr.ip()),
            IncomingAddr::Relay { endpoint_id, .. } => Self::Relayed(*endpoint_id),
            _ => Self::Unknown,
        }
    }

    fn of_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// Gives out places, at most `per_source` to one source and `total` in all.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    per_source: usize,
    total: usize,
    places: Arc<Mutex<Places>>,
}

#[derive(Debug, Default)]
struct Places {
    total: usize,
    by_source: HashMap<Source, usize>,
}

impl Gate {
    pub(super) fn new(per_source: usize, total: usize) -> Self {
        Self { per_source, total, places: Arc::default() }
    }

    /// A place for as long as the returned value lives, if there is one.
    pub(super) fn enter(&self, source: Source) -> Option<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let here = places.by_source.get(&source).copied().unwrap_or_default();
        if here >= self.per_source || places.total >= self.total {
            return None;
        }
        places.by_source.insert(source, here + 1);
        places.total += 1;
        Some(Place { source, gate: self.clone() })
    }

    /// Whether more than half of all places are taken.
    pub(super) fn is_crowded(&self) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.total > self.total / 2
    }

    fn leave(&self, source: Source) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.total = places.total.saturating_sub(1);
        let left = places.by_source.remove(&source).unwrap_or_default().saturating_sub(1);
        if left > 0 {
            places.by_source.insert(source, left);
        }
    }
}

/// One place behind a [`Gate`], free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    source: Source,
    gate: Gate,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.leave(self.source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ip: &str) -> Source {
        Source::of_ip(ip.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_all_places() {
        let gate = Gate::new(2, 3);
        let first = gate.enter(source("192.0.2.1")).unwrap();
        let _second = gate.enter(source("192.0.2.1")).unwrap();
        assert!(gate.enter(source("192.0.2.1")).is_none());
        let _third = gate.enter(source("192.0.2.2")).unwrap();
        assert!(gate.enter(source("192.0.2.3")).is_none());
        drop(first);
        assert!(gate.enter(source("192.0.2.3")).is_some());
    }

    #[test]
    fn a_customer_of_ipv6_is_one_source() {
        assert_eq!(source("2001:db8:0:1::1"), source("2001:db8:0:1:ffff::2"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8:0:2::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }

    #[test]
    fn places_leave_nothing_behind() {
        let gate = Gate::new(1, 1);
        drop(gate.enter(source("192.0.2.1")));
        assert!(gate.places.lock().unwrap().by_source.is_empty());
        assert!(!gate.is_crowded());
    }
}
