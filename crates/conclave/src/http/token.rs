//! The secret that opens the local API.

use std::fmt;

use aws_lc_rs::hmac;
use rand::Rng as _;
use subtle::ConstantTimeEq as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::random::system;

/// 256 random bits, new at every start of the daemon.
#[derive(ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    /// A new one from the operating system.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        system().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// From 64 hexadecimal digits, as in `daemon.json` and in the page's fragment.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// 64 hexadecimal digits, for the page's fragment and for `daemon.json` and nothing else.
    #[must_use]
    pub fn danger_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// The token for studios: it opens what publishes, and nothing else. Nobody gets from it to this
    /// one.
    #[must_use]
    pub fn studio(&self) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, b"conclave/v1 whip");
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// Whether an `Authorization` header carries this token, in time that does not depend on it.
    #[must_use]
    pub fn opens(&self, authorization: &str) -> bool {
        let Some(given) = authorization.strip_prefix("Bearer ").and_then(Self::from_hex) else {
            return false;
        };
        self.0.ct_eq(&given.0).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_opens_and_debug_does_not_tell_it() {
        let token = Token::random();
        let hex = token.danger_hex();
        assert!(token.opens(&format!("Bearer {}", *hex)));
        assert!(!token.opens(&hex));
        assert!(!token.opens("Bearer "));
        assert!(!token.opens(&format!("Bearer {}", &hex[..62])));
        assert!(!token.opens(&format!("Bearer {}", *Token::random().danger_hex())));
        assert_eq!(format!("{token:?}"), "Token");
    }

    #[test]
    fn the_token_for_studios_is_another_one_and_always_the_same() {
        let token = Token::random();
        let studio = format!("Bearer {}", *token.studio().danger_hex());
        assert!(!token.opens(&studio));
        assert!(token.studio().opens(&studio));
        assert!(!Token::random().studio().opens(&studio));
    }
}
