//! A set of validators as the engine sees it.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{
    Hasher as _, Sha256,
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_utils::{
    Participant,
    ordered::{Quorum as _, Set},
};
use conclave_protocol::{ChainId, Genesis, ValidatorKey};

/// One validator set of one network and the namespace its votes are signed in.
#[derive(Clone, Debug)]
pub(crate) struct Committee {
    namespace: Vec<u8>,
    members: Set<PublicKey>,
}

/// Keys cannot form a committee.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCommittee {
    /// The genesis names nobody.
    #[error("the genesis names no validator")]
    Empty,
    /// A key is not a point of the curve.
    #[error("a validator key is not an Ed25519 key")]
    NotAKey,
}

impl Committee {
    /// The committee of a genesis.
    pub(crate) fn of(genesis: &Genesis) -> Result<Self, BadCommittee> {
        Self::new(&genesis.chain_id(), genesis.validators.iter())
    }

    /// The committee of these keys in this network.
    pub(crate) fn new<'a>(
        chain: &ChainId,
        keys: impl IntoIterator<Item = &'a ValidatorKey>,
    ) -> Result<Self, BadCommittee> {
        let mut members = Vec::new();
        for key in keys {
            members.push(public_key(&key.0)?);
        }
        Self::over(chain, members)
    }

    /// The committee of keys that were decoded already.
    pub(crate) fn over(chain: &ChainId, members: Vec<PublicKey>) -> Result<Self, BadCommittee> {
        if members.is_empty() {
            return Err(BadCommittee::Empty);
        }
        let mut namespace = b"CONCLAVE-V1/consensus/".to_vec();
        namespace.extend_from_slice(&chain.0);
        Ok(Self { namespace, members: Set::from_iter_dedup(members) })
    }

    /// The members in ascending order of their keys.
    pub(crate) const fn members(&self) -> &Set<PublicKey> {
        &self.members
    }

    /// The key of the member with this number; `None` if there is none.
    pub(crate) fn key(&self, member: Participant) -> Option<ValidatorKey> {
        let key = self.members.key(member)?;
        <[u8; 32]>::try_from(key.as_ref()).ok().map(ValidatorKey)
    }

    /// Separates this network's messages from every other's.
    pub(crate) fn namespace(&self) -> &[u8] {
        &self.namespace
    }

    /// SHA-256 over the keys in ascending order.
    pub(crate) fn hash(&self) -> Digest {
        let mut parts: Vec<&[u8]> = vec![b"CONCLAVE-V1/valset"];
        parts.extend(self.members.iter().map(AsRef::as_ref));
        Sha256::hash(&parts)
    }

    /// How many of the members may be faulty at most.
    pub(crate) fn faults(&self) -> usize {
        self.members.len().saturating_sub(1) / 3
    }

    /// Verifies certificates of this committee.
    pub(crate) fn verifier(&self) -> Scheme {
        Scheme::verifier(&self.namespace, self.members.clone())
    }

    /// Signs as a member; `None` if the key is not one.
    pub(crate) fn signer(&self, key: PrivateKey) -> Option<Scheme> {
        Scheme::signer(&self.namespace, self.members.clone(), key)
    }
}

/// Decodes the key of a validator.
pub(crate) fn public_key(bytes: &[u8; 32]) -> Result<PublicKey, BadCommittee> {
    PublicKey::decode(Copying(bytes.as_slice())).map_err(|_| BadCommittee::NotAKey)
}

#[cfg(test)]
mod tests {
    use conclave_protocol::Ed25519Signer;

    use super::*;

    #[test]
    fn the_engine_and_the_rules_put_keys_in_one_order() {
        let mut keys: Vec<ValidatorKey> =
            (1..=64).map(|byte| Ed25519Signer::from_seed(&[byte; 32]).validator()).collect();
        let committee = Committee::new(&ChainId([1; 32]), &keys).unwrap();
        keys.sort();
        let members: Vec<&[u8]> = committee.members().iter().map(AsRef::as_ref).collect();
        let sorted: Vec<&[u8]> = keys.iter().map(|key| key.0.as_slice()).collect();
        assert_eq!(members, sorted);
    }
}
