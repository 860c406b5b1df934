//! The keys of one device in one meeting.

use conclave_protocol::Ed25519Signer;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::exchange::{ExchangeError, MemberKeys};

/// Everything that must not outlive the meeting.
pub(super) struct Secrets {
    pub(super) keys: MemberKeys,
    /// Those that take their place when the ledger says so.
    pub(super) next: Option<MemberKeys>,
    pub(super) nsk: Ed25519Signer,
    pub(super) seed: Zeroizing<[u8; 32]>,
}

impl Secrets {
    pub(super) fn generate(rng: &mut dyn CryptoRng) -> Result<Self, ExchangeError> {
        let keys = MemberKeys::generate(rng)?;
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        Ok(Self { keys, next: None, nsk: Ed25519Signer::from_seed(&seed), seed })
    }
}
