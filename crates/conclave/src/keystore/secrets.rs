//! What lies in the key file.

use std::{fmt, sync::Arc};

use conclave_protocol::{
    Algorithm, ChainId, DeviceId, Ivk, Signer, UserId,
    codec::{decode, encode},
    key,
};
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
    /// How this device came to be one of the user's.
    pub origin: Origin,
    /// The user info in the clear.
    pub info: String,
    /// What opens or proves it to those it is shown to.
    pub disclosure: Disclosure,
    /// Seed of the identity key that is to replace the one in use, while the ledger decides.
    pub next: Option<Zeroizing<[u8; 32]>>,
    /// The info that is to replace the one in use, while the ledger decides.
    pub renaming: Option<Renaming>,
    /// Seed of the recovery key, until it has made this device one of the user's.
    pub recovering: Option<Zeroizing<[u8; 32]>>,
    key: IdentityKey,
}

/// Another user info on its way to the ledger.
pub struct Renaming {
    /// Number of the change that puts it there.
    pub seq: u32,
    /// The info in the clear.
    pub info: String,
    /// What opens or proves it.
    pub disclosure: Disclosure,
}

/// The identity key (ISK) of this device.
pub struct IdentityKey {
    /// What it is for.
    pub algorithm: Algorithm,
    /// 32 random bytes it is made of.
    pub seed: Zeroizing<[u8; 32]>,
}

impl IdentityKey {
    /// Signs with it.
    #[must_use]
    pub fn signer(&self) -> Arc<dyn Signer> {
        key::signer(self.algorithm, &self.seed)
    }
}

/// How a device came to be one of its user's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It founded the user, with this salt in the UserID.
    Founder([u8; 16]),
    /// Another device adds it, or a recovery key did.
    Added,
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

impl Disclosure {
    /// A number for the form, and what opens it: zeros where nothing does.
    fn parts(&self) -> (u8, Zeroizing<[u8; 32]>) {
        match self {
            Self::Clear => (0, Zeroizing::default()),
            Self::Encrypted(key) => (1, key.clone()),
            Self::Commit(r) => (2, r.clone()),
        }
    }

    fn of(form: u8, opener: Zeroizing<[u8; 32]>) -> Result<Self, Tampered> {
        match form {
            0 => Ok(Self::Clear),
            1 => Ok(Self::Encrypted(opener)),
            2 => Ok(Self::Commit(opener)),
            _ => Err(Tampered),
        }
    }

    fn copy(&self) -> Self {
        match self {
            Self::Clear => Self::Clear,
            Self::Encrypted(key) => Self::Encrypted(key.clone()),
            Self::Commit(r) => Self::Commit(r.clone()),
        }
    }
}

impl Renaming {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (form, opener) = self.disclosure.parts();
        // An info has at most 1,024 bytes.
        let len = u16::try_from(self.info.len()).unwrap_or(u16::MAX);
        let mut bytes = Zeroizing::new(Vec::with_capacity(RENAMING_FIXED + self.info.len()));
        for part in [
            &self.seq.to_be_bytes()[..],
            &[form],
            &*opener,
            &len.to_be_bytes(),
            self.info.as_bytes(),
        ] {
            bytes.extend_from_slice(part);
        }
        bytes
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, Tampered> {
        let seq = u32::from_be_bytes(take(rest)?);
        let [form] = take(rest)?;
        let disclosure = Disclosure::of(form, Zeroizing::new(take(rest)?))?;
        let len = u16::from_be_bytes(take(rest)?);
        let (info, tail) = rest.split_at_checked(len.into()).ok_or(Tampered)?;
        *rest = tail;
        let info = std::str::from_utf8(info).map_err(|_| Tampered)?.to_owned();
        Ok(Self { seq, info, disclosure })
    }
}

impl Secrets {
    /// Takes over the identity key (ISK) and all that belongs to it.
    #[must_use]
    pub const fn new(
        chain_id: ChainId,
        user: UserId,
        device: DeviceId,
        origin: Origin,
        key: IdentityKey,
        info: String,
        disclosure: Disclosure,
    ) -> Self {
        Self {
            chain_id,
            user,
            device,
            origin,
            info,
            disclosure,
            next: None,
            renaming: None,
            recovering: None,
            key,
        }
    }

    /// The same device under another info; none is on its way any more.
    #[must_use]
    pub fn known_as(&self, info: &str, disclosure: &Disclosure) -> Self {
        let Self { chain_id, user, device, origin, next, recovering, key, .. } = self;
        Self {
            chain_id: *chain_id,
            user: *user,
            device: *device,
            origin: *origin,
            info: info.to_owned(),
            disclosure: disclosure.copy(),
            next: next.clone(),
            renaming: None,
            recovering: recovering.clone(),
            key: IdentityKey { algorithm: key.algorithm, seed: key.seed.clone() },
        }
    }

    /// The same with the key that was to replace the one in use, now in use.
    #[must_use]
    pub fn rotated(mut self) -> Self {
        if let Some(next) = self.next.take() {
            self.key.seed = next;
        }
        self
    }

    /// The seed, to derive other keys at rest from.
    pub(crate) fn danger_seed(&self) -> &[u8; 32] {
        &self.key.seed
    }

    /// Signs as this device (ISK).
    #[must_use]
    pub fn signer(&self) -> Arc<dyn Signer> {
        self.key.signer()
    }

    /// The algorithm of the identity key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.key.algorithm
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
        let (form, opener) = self.disclosure.parts();
        let (added, salt) = match self.origin {
            Origin::Founder(salt) => (0, salt),
            Origin::Added => (ADDED, [0; 16]),
        };
        let rotating = if self.next.is_some() { ROTATING } else { 0 };
        let recovering = if self.recovering.is_some() { RECOVERING } else { 0 };
        let renaming = if self.renaming.is_some() { RENAMING } else { 0 };
        let other = self.renaming.as_ref().map(Renaming::encode).unwrap_or_default();
        let mut bytes = Zeroizing::new(Vec::with_capacity(FIXED + other.len() + self.info.len()));
        for part in [
            &self.chain_id.0[..],
            &self.user.0,
            &self.device.0,
            &salt,
            &*self.key.seed,
            &[form | added | rotating | recovering | renaming],
            &*opener,
            &encode(&self.key.algorithm),
            self.next.as_ref().map_or(&[], |next| &next[..]),
            self.recovering.as_ref().map_or(&[], |seed| &seed[..]),
            &other[..],
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
        let origin = if form & ADDED == 0 { Origin::Founder(salt) } else { Origin::Added };
        let algorithm = decode(&take::<1>(&mut rest)?).map_err(|_| Tampered)?;
        let mut secret = |flag: u8| match form & flag {
            0 => Ok(None),
            _ => take(&mut rest).map(|seed| Some(Zeroizing::new(seed))),
        };
        let (next, recovering) = (secret(ROTATING)?, secret(RECOVERING)?);
        let renaming = match form & RENAMING {
            0 => None,
            _ => Some(Renaming::decode(&mut rest)?),
        };
        let disclosure =
            Disclosure::of(form & !(ADDED | ROTATING | RECOVERING | RENAMING), opener)?;
        let info = std::str::from_utf8(rest).map_err(|_| Tampered)?.to_owned();
        let key = IdentityKey { algorithm, seed };
        let of = Self::new(chain_id, user, device, origin, key, info, disclosure);
        Ok(Self { next, renaming, recovering, ..of })
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

impl fmt::Debug for Renaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renaming")
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({})", self.algorithm.name())
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

/// Most bytes before the info, and before one on its way.
const FIXED: usize = 32 * 3 + 16 + 32 + 1 + 32 + 1 + 32 + 32;
const RENAMING_FIXED: usize = 4 + 1 + 32 + 2;
/// Flags beside the form.
const ADDED: u8 = 0x80;
const ROTATING: u8 = 0x40;
const RECOVERING: u8 = 0x20;
const RENAMING: u8 = 0x10;
