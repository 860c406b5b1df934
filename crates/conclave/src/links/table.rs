//! Which link serves which peer: at most one each, chosen alike at both ends.

use std::{collections::HashMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Alpn, Npk, Reason, link::Link};

/// Two links of the same pair that are this close together were dialled without either end
/// knowing of the other's.
const GLARE: Duration = Duration::from_secs(2);

/// The links and the attempts to make one.
#[derive(Debug)]
pub(super) struct Table {
    own: Npk,
    links: HashMap<Npk, Link>,
    dials: HashMap<Npk, Dial>,
    closed: Option<Reason>,
}

/// An attempt to reach a peer. Dropping the attempt cancels `over`.
#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) alpn: Alpn,
    pub(super) cancel: CancellationToken,
    pub(super) over: CancellationToken,
}

impl Table {
    pub(super) fn new(own: Npk) -> Self {
        Self { own, links: HashMap::new(), dials: HashMap::new(), closed: None }
    }

    pub(super) fn link(&self, npk: &Npk) -> Option<&Link> {
        self.links.get(npk)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = (&Npk, &Link)> {
        self.links.iter()
    }

    /// Puts a new link in the place of the peer, and returns the one it replaces.
    ///
    /// # Errors
    /// The reason to close the new link with, where the old one stays.
    pub(super) fn insert(&mut self, npk: Npk, link: Link) -> Result<Option<Link>, Reason> {
        if let Some(reason) = self.closed {
            return Err(reason);
        }
        if self.links.get(&npk).is_some_and(|old| !self.wins(&npk, &link, old)) {
            return Err(Reason::Replaced);
        }
        // The other end will prefer this link, so the own attempt is of no use.
        if let Some(dial) = self.dials.get(&npk).filter(|dial| dial.alpn <= link.alpn) {
            dial.cancel.cancel();
        }
        Ok(self.links.insert(npk, link))
    }

    /// Whether a new link replaces the old one.
    ///
    /// The meeting beats the lobby. Among equals, of two that crossed on the way the one dialled
    /// by the smaller key stays; otherwise the newer one stays, because a peer that dials has
    /// lost the old one.
    fn wins(&self, npk: &Npk, new: &Link, old: &Link) -> bool {
        if new.alpn != old.alpn {
            return new.alpn > old.alpn;
        }
        let crossed = new.dialled != old.dialled
            && new.since.saturating_duration_since(old.since) < GLARE
            && !old.is_closed();
        !crossed || new.dialled == (self.own < *npk)
    }

    /// Forgets a link that has ended, unless another one has its place.
    pub(super) fn remove(&mut self, npk: &Npk, link: &Link) {
        if self.links.get(npk).is_some_and(|current| current.is_same(link)) {
            self.links.remove(npk);
        }
    }

    /// Notes an attempt to reach a peer; `None` if a link or an attempt serves the purpose.
    pub(super) fn begin_dial(&mut self, npk: Npk, alpn: Alpn) -> Option<Dial> {
        let linked =
            self.links.get(&npk).is_some_and(|link| link.alpn >= alpn && !link.is_closed());
        let dialling = self.dials.get(&npk).is_some_and(|dial| dial.alpn >= alpn);
        if linked || dialling || self.closed.is_some() || npk == self.own {
            return None;
        }
        let dial = Dial { alpn, cancel: CancellationToken::new(), over: CancellationToken::new() };
        if let Some(old) = self.dials.insert(npk, dial.clone()) {
            old.cancel.cancel();
        }
        Some(dial)
    }

    /// Whether an attempt to reach the peer is under way.
    pub(super) fn is_dialling(&self, npk: &Npk) -> bool {
        self.dials.contains_key(npk)
    }

    /// Forgets an attempt. Returns whether its failure leaves the caller without a link.
    pub(super) fn end_dial(&mut self, npk: &Npk, dial: &Dial) -> bool {
        dial.over.cancel();
        if self.dials.get(npk).is_some_and(|current| current.cancel == dial.cancel) {
            self.dials.remove(npk);
        }
        !self.links.contains_key(npk) && !self.dials.contains_key(npk)
    }

    /// The own attempt that an incoming link should wait for, because the other end prefers it.
    pub(super) fn preferred_dial(&self, npk: &Npk, alpn: Alpn) -> Option<CancellationToken> {
        let dial = self.dials.get(npk).filter(|dial| dial.alpn == alpn)?;
        (self.own < *npk).then(|| dial.over.clone())
    }

    /// Ends the link with one peer and any attempt to make one.
    pub(super) fn close(&self, npk: &Npk, reason: Reason) {
        if let Some(dial) = self.dials.get(npk) {
            dial.cancel.cancel();
        }
        if let Some(link) = self.links.get(npk) {
            link.close(reason);
        }
    }

    /// Ends everything and lets nothing new in.
    pub(super) fn close_all(&mut self, reason: Reason) {
        self.closed.get_or_insert(reason);
        for dial in self.dials.values() {
            dial.cancel.cancel();
        }
        for link in self.links.values() {
            link.close(reason);
        }
    }
}
