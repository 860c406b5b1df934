//! What lies in the key file.

use std::fmt;

use conclave_protocol::{ChainId, DeviceId, Ed25519Signer, Ivk, Signer as _, UserId};
use zeroize::Zeroizing;

use super::Tampered;

/// Everything this device must remember to be itself.
pub struct Secrets {
    /// The network the identity belongs to.
    pub chain_id: ChainId,
    /// `UserID` of the paper.
    pub user: UserId,
    /// `DeviceID` of the paper.
    pub device: DeviceId,
    /// Salt from which [`user`](Self::user) was made.
    pub salt: [u8; 16],
    /// The user info in the clear.
    pub info: String,
    /// What opens or proves it to those it is shown to.
    pub disclosure: Disclosure,
    seed: Zeroizing<[u8; 32]>,
}

/// What goes with user info that the ledger does not hold in the clear (paper, section IV.A).
pub enum Disclosure {
    /// Nothing: the ledger shows the text.
    Clear,
    /// `r` of the commitment (eq. 4).
    Commit(Zeroizing<[u8; 32]>),
    /// The AES-256 key of the ciphertext.
    Encrypted(Zeroizing<[u8; 32]>),
}

impl Secrets {
    /// Takes over the seed of the identity key (ISK) and all that belongs to it.
    #[must_use]
    pub const fn new(
        chain_id: ChainId,
        user: UserId,
        device: DeviceId,
        salt: [u8; 16],
        seed: Zeroizing<[u8; 32]>,
        info: String,
        disclosure: Disclosure,
    ) -> Self {
        Self { chain_id, user, device, salt, info, disclosure, seed }
    }

    /// Signs as this device (ISK).
    #[must_use]
    pub fn signer(&self) -> Ed25519Signer {
        Ed25519Signer::from_seed(&self.seed)
    }

    /// The public identity key (IVK).
    #[must_use]
    pub fn ivk(&self) -> Ivk {
        self.signer().ivk()
    }

    /// Four groups of four hex digits of the hash of the identity key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.ivk())
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (form, opener) = match &self.disclosure {
            Disclosure::Clear => (0, Zeroizing::default()),
            Disclosure::Encrypted(key) => (1, key.clone()),
            Disclosure::Commit(r) => (2, r.clone()),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED + self.info.len()));
        for part in [
            &self.chain_id.0[..],
            &self.user.0,
            &self.device.0,
            &self.salt,
            &*self.seed,
            &[form],
            &*opener,
            self.info.as_bytes(),
        ] {
            bytes.extend_from_slice(part);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Tampered> {
        let mut rest = bytes;
        let chain_id = ChainId(take(&mut rest)?);
        let user = UserId(take(&mut rest)?);
        let device = DeviceId(take(&mut rest)?);
        let salt = take(&mut rest)?;
        let seed = Zeroizing::new(take(&mut rest)?);
        let [form] = take(&mut rest)?;
        let opener = Zeroizing::new(take(&mut rest)?);
        let disclosure = match form {
            0 => Disclosure::Clear,
            1 => Disclosure::Encrypted(opener),
            2 => Disclosure::Commit(opener),
            _ => return Err(Tampered),
        };
        let info = std::str::from_utf8(rest).map_err(|_| Tampered)?.to_owned();
        Ok(Self { chain_id, user, device, salt, info, disclosure, seed })
    }
}

/// Four groups of four hex digits of the hash of an identity key ([`Ivk::fingerprint`]), for eyes and ears.
#[must_use]
pub fn fingerprint(ivk: &Ivk) -> String {
    let hex = hex::encode(ivk.fingerprint());
    format!("{} {} {} {}", &hex[..4], &hex[4..8], &hex[8..12], &hex[12..16])
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disclosure")
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Tampered> {
    let (head, tail) = rest.split_first_chunk().ok_or(Tampered)?;
    *rest = tail;
    Ok(*head)
}

/// Bytes before the info.
const FIXED: usize = 32 * 3 + 16 + 32 + 1 + 32;
