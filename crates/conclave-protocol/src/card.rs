//! The card of a validator: the small public file that organisations exchange before a network
//! exists (paper, section V.B(4)).
//!
//! It is signed by the key it names, so that nobody can bring a key into a genesis that it does
//! not have, and nobody can say another address for one.

use crate::{
    codec::{Text, encode},
    id::ChainId,
    key::{Ed25519Signer, Signature, Signer as _, ValidatorKey, WeakKey},
    signed::{BadSignature, Context, verify},
};

/// Who one validator is and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorCard {
    /// Its key.
    pub key: ValidatorKey,
    /// What people call the organisation.
    pub name: Text<24>,
    /// Where the other validators reach it, `host:port`.
    pub p2p: Text<56>,
    /// Where clients reach it, an http or https URL.
    pub rpc: Text<64>,
    /// Where its relay is, if it has one, an http or https URL.
    pub relay: Option<Text<64>>,
    /// Unix time in milliseconds at which it was made.
    pub created: u64,
}

crate::fields!(ValidatorCard { key, name, p2p, rpc, relay, created });

impl ValidatorCard {
    /// Signs the card with the key it names. There is no network yet, so the signature is for the
    /// chain id of 32 zero bytes, which no network has.
    pub fn sign(&self, signer: &Ed25519Signer) -> Signature {
        signer.sign(Context::ValidatorCard, &NO_NETWORK, &encode(self))
    }

    /// Whether the key is sound and has signed the card.
    ///
    /// # Errors
    /// See [`BadCard`].
    pub fn check(&self, signature: &Signature) -> Result<(), BadCard> {
        self.key.check()?;
        verify(self.key, Context::ValidatorCard, &NO_NETWORK, &encode(self), signature)?;
        Ok(())
    }
}

/// Why a card is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCard {
    /// Something was changed after the key signed, or another key signed.
    #[error("the signature of the key does not hold over what the file says")]
    Signature(#[from] BadSignature),
    /// Anyone could sign for this key.
    #[error("the key is weak: {0}")]
    Weak(#[from] WeakKey),
}

const NO_NETWORK: ChainId = ChainId([0; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> (Ed25519Signer, ValidatorCard) {
        let signer = Ed25519Signer::from_seed(&[7; 32]);
        let card = ValidatorCard {
            key: signer.validator(),
            name: Text::new("org-a").unwrap(),
            p2p: Text::new("a.example.org:4100").unwrap(),
            rpc: Text::new("https://a.example.org").unwrap(),
            relay: None,
            created: 1_790_000_000_000,
        };
        (signer, card)
    }

    #[test]
    fn whoever_has_the_key_signs_its_card_and_nobody_changes_it() {
        let (signer, card) = card();
        let signature = card.sign(&signer);
        assert_eq!(card.check(&signature), Ok(()));
        assert_eq!(crate::decode::<ValidatorCard>(&encode(&card)).as_ref(), Ok(&card));
        let changed = [
            ValidatorCard { key: Ed25519Signer::from_seed(&[8; 32]).validator(), ..card.clone() },
            ValidatorCard { name: Text::new("org-b").unwrap(), ..card.clone() },
            ValidatorCard { p2p: Text::new("b.example.org:4100").unwrap(), ..card.clone() },
            ValidatorCard { rpc: Text::new("https://b.example.org").unwrap(), ..card.clone() },
            ValidatorCard {
                relay: Some(Text::new("https://b.example.org").unwrap()),
                ..card.clone()
            },
            ValidatorCard { created: card.created + 1, ..card },
        ];
        for other in changed {
            assert!(matches!(other.check(&signature), Err(BadCard::Signature(_))), "{other:?}");
        }
    }

    #[test]
    fn a_key_that_anyone_can_sign_for_has_no_card() {
        let (_, card) = card();
        // The neutral point, with the signature that holds under it for every message.
        let mut identity = [0; 32];
        identity[0] = 1;
        let mut anyone = [0; 64];
        anyone[0] = 1;
        let card = ValidatorCard { key: ValidatorKey(identity), ..card };
        let refused = card.check(&Signature::Ed25519(anyone));
        assert!(matches!(refused, Err(BadCard::Weak(_))), "{refused:?}");
    }

    #[test]
    fn a_signature_for_another_purpose_is_none() {
        let (signer, card) = card();
        let message = encode(&card);
        let other = signer.sign(Context::Sponsor, &NO_NETWORK, &message);
        assert!(card.check(&other).is_err());
        let network = signer.sign(Context::ValidatorCard, &ChainId([1; 32]), &message);
        assert!(card.check(&network).is_err());
    }
}
