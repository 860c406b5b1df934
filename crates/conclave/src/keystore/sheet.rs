//! The recovery key as people write it down: 24 English words of BIP 39.
//!
//! The words are the 32 bytes of an Ed25519 seed and an eight-bit check, so that a word mistaken
//! for another one shows in 255 of 256 cases.

use std::fmt;

use bip39::Mnemonic;
use conclave_protocol::{Ed25519Signer, Ivk, Signer as _};
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::random::system;

/// Seed of a recovery key.
pub struct RecoverySeed(Zeroizing<[u8; 32]>);

/// Why words are no recovery key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadWords {
    /// Too few or too many.
    #[error("a recovery sheet has 24 words, these are {0}")]
    Count(usize),
    /// Not in the list.
    #[error("word {0} is not on the list of BIP 39; look at its spelling")]
    Unknown(usize),
    /// The check in the last word does not hold.
    #[error("one of the words is not what was written down, or two are swapped")]
    Check,
}

impl RecoverySeed {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        system().fill_bytes(&mut *seed);
        Self(seed)
    }

    /// The one that the key file kept.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*seed))
    }

    /// Reads words, however they are spaced and whatever their case.
    ///
    /// # Errors
    /// See [`BadWords`].
    pub fn read(words: &str) -> Result<Self, BadWords> {
        let words: Zeroizing<String> = Zeroizing::new(
            words.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase(),
        );
        let count = words.split(' ').filter(|word| !word.is_empty()).count();
        if count != 24 {
            return Err(BadWords::Count(count));
        }
        let mnemonic = Mnemonic::parse_normalized(&words).map_err(|error| match error {
            bip39::Error::UnknownWord(at) => BadWords::Unknown(at.saturating_add(1)),
            _ => BadWords::Check,
        })?;
        let (entropy, length) = mnemonic.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let seed = entropy.get(..length).and_then(|seed| <[u8; 32]>::try_from(seed).ok());
        seed.map(|seed| Self(Zeroizing::new(seed))).ok_or(BadWords::Check)
    }

    /// The words, parted by spaces.
    #[must_use]
    pub fn words(&self) -> Zeroizing<String> {
        // 32 bytes are one of the lengths that BIP 39 knows.
        let words = Mnemonic::from_entropy(&*self.0).map(|words| words.to_string());
        Zeroizing::new(words.unwrap_or_default())
    }

    /// The bytes, to keep them in the key file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// Signs recoveries.
    #[must_use]
    pub fn signer(&self) -> Ed25519Signer {
        Ed25519Signer::from_seed(&self.0)
    }

    /// The key that the ledger has.
    #[must_use]
    pub fn ivk(&self) -> Ivk {
        self.signer().ivk()
    }
}

impl fmt::Debug for RecoverySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverySeed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of BIP 39 (trezor/python-mnemonic, vectors.json) for 256 bits of entropy.
    #[test]
    fn words_are_those_of_bip_39() {
        let cases = [
            ([0x00; 32], "abandon ", "art"),
            ([0x7f; 32], "legal winner thank year wave sausage worth useful ", "title"),
            ([0x80; 32], "letter advice cage absurd amount doctor acoustic avoid ", "bless"),
            ([0xff; 32], "zoo ", "vote"),
        ];
        for (seed, begin, end) in cases {
            let words = RecoverySeed::new(&seed).words();
            assert!(words.starts_with(begin) && words.ends_with(end), "{}", &*words);
            assert_eq!(*RecoverySeed::read(&words).unwrap().to_bytes(), seed);
        }
    }

    #[test]
    fn careless_spaces_and_capitals_do_no_harm_and_wrong_words_do() {
        let seed = RecoverySeed::random();
        let words = seed.words();
        let shouted = words.to_uppercase().replace(' ', "\n \t");
        assert_eq!(*RecoverySeed::read(&shouted).unwrap().to_bytes(), *seed.to_bytes());
        let mut list: Vec<&str> = words.split(' ').collect();
        assert!(matches!(RecoverySeed::read(&list[..23].join(" ")), Err(BadWords::Count(23))));
        assert!(matches!(RecoverySeed::read(""), Err(BadWords::Count(0))));
        list[4] = "conclave";
        assert!(matches!(RecoverySeed::read(&list.join(" ")), Err(BadWords::Unknown(5))));
        let swapped = RecoverySeed::new(&[0x7f; 32]).words().replace("legal", "winner");
        assert!(matches!(RecoverySeed::read(&swapped), Err(BadWords::Check)));
    }
}
