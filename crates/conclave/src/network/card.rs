//! The public file of a validator, `NAME.validator.toml`: what organisations send each other.

use std::path::Path;

use conclave_ledger::validator::PeerAddress;
use conclave_protocol::{Ed25519Signer, Signature, ValidatorCard, ValidatorKey, codec::Text};
use serde::{Deserialize, Serialize};

use super::{NetworkError, Peer, read, url};

/// A card whose signature holds and whose addresses can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedCard {
    card: ValidatorCard,
    signature: [u8; 64],
    peer: Peer,
}

impl SignedCard {
    /// Signs what a validator says about itself.
    ///
    /// # Errors
    /// A name or an address that does not fit.
    pub fn sign(peer: Peer, created: u64, signer: &Ed25519Signer) -> Result<Self, NetworkError> {
        let Peer { key, name, rpc, p2p, relay } = &peer;
        let p2p = p2p.as_ref().map(ToString::to_string).unwrap_or_default();
        let card = ValidatorCard {
            key: *key,
            name: short("name", name.as_deref().unwrap_or_default())?,
            p2p: short("p2p address", &p2p)?,
            rpc: short("RPC address", rpc)?,
            relay: relay.as_deref().map(|url| short("relay address", url)).transpose()?,
            created,
        };
        let Signature::Ed25519(signature) = card.sign(signer) else {
            return Err(NetworkError::Hex("signature"));
        };
        Ok(Self { card, signature, peer })
    }

    /// Reads and checks the file of a validator.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn load(path: &Path) -> Result<Self, NetworkError> {
        let file: CardFile = toml::from_str(&read(path, MOST)?)?;
        let mut key = [0; 32];
        hex::decode_to_slice(&file.key, &mut key).map_err(|_| NetworkError::Hex("key"))?;
        let mut signature = [0; 64];
        hex::decode_to_slice(&file.signature, &mut signature)
            .map_err(|_| NetworkError::Hex("signature"))?;
        let card = ValidatorCard {
            key: ValidatorKey(key),
            name: short("name", &file.name)?,
            p2p: short("p2p address", &file.p2p)?,
            rpc: short("RPC address", &file.rpc)?,
            relay: file.relay.as_deref().map(|url| short("relay address", url)).transpose()?,
            created: file.created_ms,
        };
        card.check(&Signature::Ed25519(signature))
            .map_err(|source| NetworkError::Card { path: path.to_owned(), source })?;
        // Read only now: what nobody signed is not worth a word about its addresses.
        let peer = Peer {
            key: card.key,
            name: Some(name(&file.name)?),
            rpc: url(&file.rpc)?,
            p2p: Some(file.p2p.parse::<PeerAddress>()?),
            relay: file.relay.as_deref().map(url).transpose()?,
        };
        Ok(Self { card, signature, peer })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never for a card that was made or read by this program.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let ValidatorCard { key, name, p2p, rpc, relay, created } = &self.card;
        let file = CardFile {
            name: name.as_str().to_owned(),
            key: hex::encode(key.0),
            p2p: p2p.as_str().to_owned(),
            rpc: rpc.as_str().to_owned(),
            relay: relay.as_ref().map(|relay| relay.as_str().to_owned()),
            created_ms: *created,
            signature: hex::encode(self.signature),
        };
        Ok(format!("{HEAD}{}", toml::to_string(&file)?))
    }

    /// What the file says.
    #[must_use]
    pub const fn card(&self) -> &ValidatorCard {
        &self.card
    }

    /// The entry of the network file it becomes.
    #[must_use]
    pub const fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// A name that can be a file name and be read aloud: `[A-Za-z0-9][A-Za-z0-9._-]*`.
pub(super) fn name(text: &str) -> Result<String, NetworkError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        let text = text.escape_debug();
        Err(NetworkError::Text(format!("the name \"{text}\" is not of letters, digits, . _ -")))
    }
}

fn short<const MAX: usize>(what: &str, text: &str) -> Result<Text<MAX>, NetworkError> {
    Text::new(text).map_err(|error| NetworkError::Text(format!("{what}: {error}")))
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    name: String,
    key: String,
    p2p: String,
    rpc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<String>,
    created_ms: u64,
    signature: String,
}

const MOST: u64 = 4_096;

const HEAD: &str = "\
# The public half of a Conclave validator: send it to the other organisations of the consortium.
# The signature is by the key, over everything else here.

";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn signed() -> SignedCard {
        let signer = Ed25519Signer::from_seed(&[3; 32]);
        let peer = Peer {
            key: signer.validator(),
            name: Some("org-a".into()),
            rpc: "https://a.example.org".into(),
            p2p: Some("a.example.org:4100".parse().unwrap()),
            relay: Some("https://relay.a.example.org".into()),
        };
        SignedCard::sign(peer, 1_790_000_000_000, &signer).unwrap()
    }

    #[test]
    fn the_file_says_what_was_signed_and_no_line_of_it_can_be_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("org-a.validator.toml");
        let card = signed();
        let text = card.to_toml().unwrap();
        fs::write(&path, &text).unwrap();
        assert_eq!(SignedCard::load(&path).unwrap(), card);
        for (from, to) in [
            ("name = \"org-a\"", "name = \"org-b\""),
            ("a.example.org:4100", "b.example.org:4100"),
            ("rpc = \"https://a.", "rpc = \"https://b."),
            ("relay = \"https://relay.a.example.org\"\n", ""),
            ("created_ms = 1790000000000", "created_ms = 1790000000001"),
        ] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from}");
            fs::write(&path, changed).unwrap();
            let refused = SignedCard::load(&path);
            assert!(matches!(refused, Err(NetworkError::Card { .. })), "{from}: {refused:?}");
        }
    }

    #[test]
    fn a_name_is_one_that_people_can_read_aloud() {
        for good in ["a", "org-a", "Org.2", "9_x"] {
            assert_eq!(name(good).unwrap(), good);
        }
        for bad in ["", "-a", ".a", "a b", "a/b", "ä", "a\n"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
