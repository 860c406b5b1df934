//! The secrets of one device in one meeting: X25519 and ML-KEM-768, in memory only.

use std::fmt;

use aws_lc_rs::{
    agreement::{self, PrivateKey, UnparsedPublicKey, X25519},
    encoding::{AsBigEndian as _, Curve25519SeedBin},
    kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768, SharedSecret},
};
use conclave_protocol::{
    Digest, Epk,
    codec::{Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write},
};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ExchangeError;

/// Length of an ML-KEM-768 encapsulation key (FIPS 203, table 3).
pub const EK: usize = 1_184;
/// Length of an ML-KEM-768 ciphertext.
pub const KEM_CT: usize = 1_088;

/// ESK and dk of one device, with their public halves.
///
/// `aws-lc-rs` erases both secrets when they are dropped.
///
/// # Deviations
/// The X25519 secret comes from the caller's random source; ML-KEM key generation and
/// encapsulation use the library's own, because it offers no other.
pub struct MemberKeys {
    esk: PrivateKey,
    epk: Epk,
    dk: DecapsulationKey,
    ek: Ek,
}

impl MemberKeys {
    /// Fresh keys for one meeting.
    ///
    /// # Errors
    /// [`ExchangeError::Library`] if the library cannot make a key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Result<Self, ExchangeError> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        let esk = PrivateKey::from_private_key(&X25519, seed.as_ref())?;
        let epk = esk.compute_public_key()?.as_ref().try_into().map(Epk);
        let dk = DecapsulationKey::generate(&ML_KEM_768)?;
        let ek = Ek::new(dk.encapsulation_key()?.key_bytes()?.as_ref());
        let (Ok(epk), Some(ek)) = (epk, ek) else {
            return Err(ExchangeError::Library);
        };
        Ok(Self { esk, epk, dk, ek })
    }

    /// The public exchange key EPK.
    #[must_use]
    pub const fn epk(&self) -> Epk {
        self.epk
    }

    /// The encapsulation key.
    #[must_use]
    pub const fn ek(&self) -> &Ek {
        &self.ek
    }

    /// X25519 with `peer`, equation 14 and 15.
    pub(super) fn agree(&self, peer: &Epk) -> Result<Zeroizing<[u8; 32]>, ExchangeError> {
        let peer = UnparsedPublicKey::new(&X25519, peer.0);
        agreement::agree(&self.esk, peer, ExchangeError::ZeroSecret, |secret| {
            let secret = <[u8; 32]>::try_from(secret).map_err(|_| ExchangeError::Library)?;
            let secret = Zeroizing::new(secret);
            if secret.ct_eq(&[0; 32]).into() { Err(ExchangeError::ZeroSecret) } else { Ok(secret) }
        })
    }

    /// Both secrets in the clear.
    ///
    /// Only for participants of a demonstration whose exchange strangers compute anew: whoever
    /// holds these opens every wrap that was made for this device.
    ///
    /// # Errors
    /// [`ExchangeError::Library`].
    pub fn danger_export(&self) -> Result<RawKeys, ExchangeError> {
        let seed: Curve25519SeedBin<'_> = self.esk.as_be_bytes()?;
        let esk = Zeroizing::new(seed.as_ref().to_vec());
        let dk = Zeroizing::new(self.dk.key_bytes()?.as_ref().to_vec());
        Ok(RawKeys { esk, dk })
    }

    pub(super) fn decapsulate(&self, kem_ct: &KemCt) -> Result<SharedSecret, ExchangeError> {
        Ok(self.dk.decapsulate(Ciphertext::from(kem_ct.as_bytes()))?)
    }
}

/// Keys of foreign vectors; without `dk` its half is fresh.
#[cfg(test)]
impl MemberKeys {
    pub(super) fn of(esk: &[u8; 32], dk: Option<&[u8]>) -> Self {
        Self::try_of(esk, dk).unwrap()
    }

    pub(super) fn try_of(esk: &[u8; 32], dk: Option<&[u8]>) -> Result<Self, ExchangeError> {
        let esk = PrivateKey::from_private_key(&X25519, esk)?;
        let epk = Epk(esk.compute_public_key()?.as_ref().try_into().unwrap());
        let fresh = DecapsulationKey::generate(&ML_KEM_768)?;
        let ek = Ek::new(fresh.encapsulation_key()?.key_bytes()?.as_ref()).unwrap();
        let dk = dk.map_or(Ok(fresh), |dk| DecapsulationKey::new(&ML_KEM_768, dk))?;
        Ok(Self { esk, epk, dk, ek })
    }
}

impl fmt::Debug for MemberKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberKeys")
    }
}

/// The secrets of one device in one meeting, outside of the library that made them.
pub struct RawKeys {
    /// The X25519 secret of RFC 7748, 32 bytes.
    pub esk: Zeroizing<Vec<u8>>,
    /// The ML-KEM-768 decapsulation key in the form of FIPS 203, 2,400 bytes.
    pub dk: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for RawKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawKeys")
    }
}

/// An ML-KEM-768 encapsulation key, 1,184 bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct Ek(Box<[u8]>);

impl Ek {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == EK).then(|| Self(bytes.into()))
    }

    /// SHA-256 of the key, as it stands on the ledger.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(&[&self.0])
    }

    /// The encapsulation-key check of FIPS 203, section 7.2: every coefficient is reduced.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let coefficients = self.0.iter().take(1_152).copied().collect::<Vec<_>>();
        coefficients.chunks_exact(3).all(|three| match *three {
            [a, b, c] => {
                let first = u16::from(a) | u16::from(b & 15) << 8;
                let second = u16::from(b >> 4) | u16::from(c) << 4;
                first < 3_329 && second < 3_329
            }
            _ => false,
        })
    }

    pub(super) fn encapsulate(&self) -> Result<(KemCt, SharedSecret), ExchangeError> {
        if !self.is_valid() {
            return Err(ExchangeError::BadEk);
        }
        let (kem_ct, secret) = EncapsulationKey::new(&ML_KEM_768, &self.0)?.encapsulate()?;
        Ok((KemCt::new(kem_ct.as_ref()).ok_or(ExchangeError::Library)?, secret))
    }
}

/// An ML-KEM-768 ciphertext, 1,088 bytes.
#[derive(Clone, Eq, PartialEq)]
pub struct KemCt(Box<[u8]>);

impl KemCt {
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == KEM_CT).then(|| Self(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! fixed {
    ($name:ident, $len:expr) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl Write for $name {
            fn write(&self, buf: &mut impl BufMut) {
                buf.put_slice(&self.0);
            }
        }

        impl EncodeSize for $name {
            fn encode_size(&self) -> usize {
                $len
            }
        }

        impl Read for $name {
            type Cfg = ();

            fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
                <[u8; $len]>::read(buf).map(|bytes| Self(bytes.into()))
            }
        }
    };
}

fixed!(Ek, EK);
fixed!(KemCt, KEM_CT);

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn generated_keys_pass_their_own_checks() {
        let keys = MemberKeys::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        assert!(keys.ek().is_valid());
        assert!(keys.epk().check().is_ok());
        assert_eq!(format!("{keys:?}"), "MemberKeys");
    }

    #[test]
    fn exported_keys_are_the_same_keys() {
        let keys = MemberKeys::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let raw = keys.danger_export().unwrap();
        assert_eq!((raw.esk.len(), raw.dk.len()), (32, 2_400));
        let esk = raw.esk.as_slice().try_into().unwrap();
        assert_eq!(MemberKeys::of(esk, Some(&raw.dk)).epk(), keys.epk());
        assert_eq!(raw.dk[1_152..1_152 + EK], *keys.ek().0, "dk holds ek");
        assert_eq!(format!("{raw:?}"), "RawKeys");
    }

    #[test]
    fn an_unreduced_encapsulation_key_is_refused() {
        let keys = MemberKeys::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let mut ek = keys.ek().clone();
        ek.0[0] = 0xff;
        ek.0[1] |= 0x0f;
        assert_eq!(ek.encapsulate().err(), Some(ExchangeError::BadEk));
    }

    #[test]
    fn a_point_of_small_order_gives_no_secret() {
        let keys = MemberKeys::generate(&mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        assert_eq!(keys.agree(&Epk([0; 32])).err(), Some(ExchangeError::ZeroSecret));
    }
}
