//! Whom a validator keeps connections with, as its set changes.

use commonware_cryptography::ed25519::PublicKey;

/// One peer and where it is reached, if anyone said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Peer {
    /// Its key, which it proves at every connection.
    pub(crate) key: PublicKey,
    /// `host:port`, as the ledger says.
    pub(crate) contact: Option<String>,
}

/// Keeps connections with the present peers.
pub(crate) trait Links: Clone + Send + Sync + 'static {
    /// From now on these validators are the peers, besides those the operator configured to follow.
    /// Who was a peer until the call before this one stays connected, to learn of the change.
    fn track(&mut self, peers: Vec<Peer>);
}
