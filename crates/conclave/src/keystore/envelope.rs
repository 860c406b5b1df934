//! The format of the key file: a clear head, then XChaCha20-Poly1305 over the secrets.
//!
//! ```text
//! magic "conclave-identity" | version u8 | lock u8 | memory KiB u32 | passes u32 | lanes u32
//!   | salt [16] | chain_id [32] | device [32] | nonce [24] | ciphertext, tag [16]
//! ```
//! Key: Argon2id (RFC 9106) of the passphrase (lock 1), or 32 random bytes from the file beside it
//! (lock 0) or from the key store of the system (lock 2). All before the nonce is the AAD, so the
//! ids, the version and the price of guessing cannot be changed. Numbers are big-endian; without a
//! passphrase the price and the salt are zero.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use conclave_protocol::{ChainId, DeviceId};
use rand::Rng as _;
use zeroize::Zeroizing;

use super::{Passphrase, Secrets};

/// Most bytes of a key file.
pub(super) const MAX_FILE: u64 = 4_096;

/// What one guess at a passphrase costs (Argon2id).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cost {
    /// Memory in KiB.
    memory: u32,
    /// Passes over it.
    passes: u32,
    /// Lanes.
    lanes: u32,
}

impl Cost {
    /// The least that is accepted: what OWASP asks for at least (19 MiB, two passes, one lane).
    pub const LOWEST: Self = Self { memory: 19 * 1_024, passes: 2, lanes: 1 };

    /// A cost of a foreign vector, below what a file may ask for.
    #[cfg(test)]
    pub(super) const fn new(memory: u32, passes: u32, lanes: u32) -> Self {
        Self { memory, passes, lanes }
    }

    /// Bounds on what a file may ask for, since a changed one must not exhaust the machine before
    /// its tag is checked.
    const fn is_sane(self) -> bool {
        self.memory >= Self::LOWEST.memory
            && self.memory <= 1_024 * 1_024
            && self.passes >= Self::LOWEST.passes
            && self.passes <= 10
            && self.lanes >= 1
            && self.lanes <= 16
    }
}

/// 64 MiB, three passes, four lanes.
impl Default for Cost {
    fn default() -> Self {
        Self { memory: 64 * 1_024, passes: 3, lanes: 4 }
    }
}

/// What opens the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lock {
    KeyFile,
    Passphrase { cost: Cost, salt: [u8; 16] },
    System,
}

/// A key file in memory, still sealed.
#[derive(Debug)]
pub(super) struct Envelope {
    lock: Lock,
    chain_id: ChainId,
    device: DeviceId,
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

impl Envelope {
    pub(super) fn seal(
        lock: Lock,
        chain_id: ChainId,
        device: DeviceId,
        key: &[u8; 32],
        secrets: &Secrets,
    ) -> Result<Self, Tampered> {
        let mut nonce = [0; 24];
        rand::rng().fill_bytes(&mut nonce);
        let mut envelope = Self { lock, chain_id, device, nonce, sealed: Vec::new() };
        let payload = Payload { msg: &secrets.encode(), aad: &envelope.head() };
        envelope.sealed = XChaCha20Poly1305::new(key.into())
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Tampered)?;
        Ok(envelope)
    }

    pub(super) fn open(&self, key: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, Tampered> {
        let payload = Payload { msg: &self.sealed, aad: &self.head() };
        XChaCha20Poly1305::new(key.into())
            .decrypt(XNonce::from_slice(&self.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| Tampered)
    }

    pub(super) const fn lock(&self) -> &Lock {
        &self.lock
    }

    pub(super) const fn chain_id(&self) -> ChainId {
        self.chain_id
    }

    pub(super) const fn device(&self) -> DeviceId {
        self.device
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Tampered> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Tampered)?;
        let [version, lock] = take(&mut rest)?;
        let [memory, passes, lanes] =
            [take(&mut rest)?, take(&mut rest)?, take(&mut rest)?].map(u32::from_be_bytes);
        let salt = take(&mut rest)?;
        let cost = Cost { memory, passes, lanes };
        let lock = match lock {
            0 if (memory, passes, lanes, salt) == (0, 0, 0, [0; 16]) => Lock::KeyFile,
            2 if (memory, passes, lanes, salt) == (0, 0, 0, [0; 16]) => Lock::System,
            1 if cost.is_sane() => Lock::Passphrase { cost, salt },
            _ => return Err(Tampered),
        };
        let chain_id = ChainId(take(&mut rest)?);
        let device = DeviceId(take(&mut rest)?);
        let nonce = take(&mut rest)?;
        if version != VERSION {
            return Err(Tampered);
        }
        Ok(Self { lock, chain_id, device, nonce, sealed: rest.to_vec() })
    }

    fn head(&self) -> Vec<u8> {
        const FREE: Cost = Cost { memory: 0, passes: 0, lanes: 0 };
        let (lock, Cost { memory, passes, lanes }, salt) = match self.lock {
            Lock::KeyFile => (0, FREE, [0; 16]),
            Lock::System => (2, FREE, [0; 16]),
            Lock::Passphrase { cost, salt } => (1, cost, salt),
        };
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&[VERSION, lock]);
        for number in [memory, passes, lanes] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        head.extend_from_slice(&salt);
        head.extend_from_slice(&self.chain_id.0);
        head.extend_from_slice(&self.device.0);
        head
    }
}

/// The key of a passphrase.
pub(super) fn derive(
    passphrase: &Passphrase,
    cost: Cost,
    salt: &[u8; 16],
) -> Result<Zeroizing<[u8; 32]>, NotDerived> {
    let params =
        argon2::Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(NotDerived)?;
    let mut key = Zeroizing::new([0; 32]);
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(passphrase.bytes(), salt, &mut *key)
        .map_err(NotDerived)?;
    Ok(key)
}

/// The passphrase is wrong, or the file is not what this program wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("wrong passphrase, or the identity file is damaged")]
pub struct Tampered;

/// Argon2 does not take the passphrase, e.g. because it is longer than 4 GiB.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot derive a key from the passphrase: {0}")]
pub struct NotDerived(argon2::Error);

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Tampered> {
    let (head, tail) = rest.split_first_chunk().ok_or(Tampered)?;
    *rest = tail;
    Ok(*head)
}

const MAGIC: &[u8] = b"conclave-identity";
const VERSION: u8 = 1;
