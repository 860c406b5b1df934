//! The account that pays for anchors: its key, and the one kind of transaction it signs.

use std::path::Path;

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    primitives::{Address, Bytes, TxKind, U256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use zeroize::Zeroizing;

use super::{Fees, TxHash};
use crate::files;

/// The environment variable that holds the key when no file does.
pub const KEY_VARIABLE: &str = "CONCLAVE_ETHEREUM_KEY";

/// An account of Ethereum. The library erases the key when this goes.
pub struct Account(PrivateKeySigner);

impl Account {
    /// The key in this file: 64 hexadecimal digits, `0x` before them or not, for nobody else to
    /// read.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn read(path: &Path) -> Result<Self, BadKey> {
        let text = files::read_private(path, 68).map(Zeroizing::new);
        let text = text.map_err(BadKey::File)?;
        let text = std::str::from_utf8(&text).map_err(|_| BadKey::NotAKey)?;
        Self::parse(text)
    }

    /// The key that [`KEY_VARIABLE`] holds.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn from_environment() -> Result<Self, BadKey> {
        let text = std::env::var(KEY_VARIABLE).map(Zeroizing::new).map_err(|_| BadKey::None)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut *key)
            .map_err(|_| BadKey::NotAKey)?;
        PrivateKeySigner::from_slice(&*key).map(Self).map_err(|_| BadKey::NotAKey)
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.0.address()
    }

    /// A signed transaction of nothing to itself that carries `data`; its hash and its bytes.
    pub(in crate::anchor) fn sign(
        &self,
        post: &Terms,
        data: &[u8],
    ) -> Result<(TxHash, Bytes), BadKey> {
        let tx = TxEip1559 {
            chain_id: post.chain,
            nonce: post.nonce,
            gas_limit: post.gas,
            max_fee_per_gas: post.fees.max_fee,
            max_priority_fee_per_gas: post.fees.tip,
            to: TxKind::Call(self.address()),
            value: U256::ZERO,
            access_list: Default::default(),
            input: Bytes::copy_from_slice(data),
        };
        let signature = self.0.sign_hash_sync(&tx.signature_hash()).map_err(|_| BadKey::NotAKey)?;
        let tx = TxEnvelope::from(tx.into_signed(signature));
        Ok((*tx.tx_hash(), tx.encoded_2718().into()))
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Account").field(&self.address()).finish()
    }
}

/// What a transaction says beside its data.
#[derive(Clone, Copy, Debug)]
pub(in crate::anchor) struct Terms {
    /// The chain it is good for.
    pub(in crate::anchor) chain: u64,
    /// Its place among those of its account.
    pub(in crate::anchor) nonce: u64,
    /// What it may use.
    pub(in crate::anchor) gas: u64,
    /// What it offers.
    pub(in crate::anchor) fees: Fees,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadKey {
    /// The file cannot be read, or others may read it.
    #[error("the key of the Ethereum account cannot be read: {0}")]
    File(std::io::Error),
    /// Neither file nor variable.
    #[error("no key of an Ethereum account is given")]
    None,
    /// Not a secp256k1 key in hexadecimal digits.
    #[error("not the key of an Ethereum account: 64 hexadecimal digits are")]
    NotAKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first account of every test node; known to the whole world.
    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn a_key_is_read_with_and_without_its_prefix_and_never_shown() {
        for text in [KEY.to_owned(), format!("0x{KEY}\n")] {
            let account = Account::parse(&text).unwrap();
            let address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
            assert_eq!(account.address().to_string(), address);
            assert!(!format!("{account:?}").contains(&KEY[..8]));
        }
        for text in ["", "0x", &KEY[1..], &"00".repeat(32), &"ff".repeat(32)] {
            assert!(matches!(Account::parse(text), Err(BadKey::NotAKey)), "{text}");
        }
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        files::replace(&path, KEY.as_bytes()).unwrap();
        assert!(Account::read(&path).is_ok());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Account::read(&path), Err(BadKey::File(_))));
    }
}
