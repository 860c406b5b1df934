//! Showing the own info to a chosen person, and checking what somebody showed (eq. 4).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use conclave_protocol::{
    Record, UserInfo,
    codec::Text,
    disclosure::{InfoDisclosure, Opener},
};

use super::naming;
use crate::{
    chain::{Chain, ChainError},
    http::wire::Disclosed,
    keystore::{Disclosure, Secrets},
};

/// Why an info is not disclosed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDisclosed {
    /// Everyone can read it on the ledger.
    #[error("the ledger shows your info to everyone; there is nothing to disclose")]
    Clear,
    /// This device would show a text that is not there.
    #[error("the ledger has not shown your info yet, or holds one that another device put there")]
    Unknown,
}

/// What opens the own info. `seq` is the number of the change that set it, if that is known.
pub(super) fn disclose(
    secrets: &Secrets,
    seq: Option<u32>,
) -> Result<InfoDisclosure, NotDisclosed> {
    let opener = match &secrets.disclosure {
        Disclosure::Clear => return Err(NotDisclosed::Clear),
        Disclosure::Commit(opener) | Disclosure::Encrypted(opener) => Opener::new(**opener),
    };
    let seq = seq.ok_or(NotDisclosed::Unknown)?;
    let text = Text::new(&secrets.info).unwrap_or_default();
    Ok(InfoDisclosure { chain_id: secrets.chain_id, user: secrets.user, seq, opener, text })
}

/// Compares a disclosure with what the ledger holds of that user.
///
/// # Errors
/// The ledger cannot be asked.
pub(super) async fn check(chain: &Chain, shown: &InfoDisclosure) -> Result<Disclosed, ChainError> {
    let user = shown.user;
    let keys = naming::keys(user);
    let at = chain.snapshot(&keys).await?;
    let verdict = |ok, text: &str| Disclosed {
        user: user.to_hex(),
        ok,
        shown: shown.text.as_str().to_owned(),
        text: text.to_owned(),
        proof_height: at.height().0,
    };
    let Some(Record::User(record)) = keys.first().and_then(|key| at.record(key)) else {
        return Ok(verdict(false, "the ledger proves that there is no such user"));
    };
    let Some(info) = naming::info(&at, user, record) else {
        return Ok(verdict(false, "the ledger's part of it cannot be read"));
    };
    Ok(match holds(&info, shown) {
        Some(true) => verdict(true, "this is what that user put on the ledger"),
        Some(false) => verdict(false, "this is NOT what that user put on the ledger"),
        None => verdict(false, "the ledger shows that user's info to everyone; compare it there"),
    })
}

/// Whether the info on the ledger is the text that was shown; nothing if it hides nothing.
pub(super) fn holds(info: &UserInfo, shown: &InfoDisclosure) -> Option<bool> {
    let opener = shown.opener.danger_bytes();
    let text = shown.text.as_str();
    match info {
        UserInfo::Clear(_) => None,
        UserInfo::Commit(_) => Some(info.commit_matches(opener, &shown.user, shown.seq, text)),
        UserInfo::Encrypted(_, nonce, ciphertext) => {
            let aad = info_aad(shown);
            let mut bytes = ciphertext.as_slice().to_vec();
            let cipher = UnboundKey::new(&AES_256_GCM, opener).ok()?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let plain = LessSafeKey::new(cipher).open_in_place(nonce, Aad::from(aad), &mut bytes);
            Some(plain.is_ok_and(|plain| plain == text.as_bytes()))
        }
    }
}

fn info_aad(shown: &InfoDisclosure) -> Vec<u8> {
    [shown.user.as_bytes().as_slice(), b"userinfo", &shown.seq.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{ChainId, UserId, codec::Blob};

    use super::*;

    fn shown(text: &str) -> InfoDisclosure {
        InfoDisclosure {
            chain_id: ChainId([1; 32]),
            user: UserId([2; 32]),
            seq: 3,
            opener: Opener::new([4; 32]),
            text: Text::new(text).unwrap(),
        }
    }

    fn sealed(shown: &InfoDisclosure) -> UserInfo {
        let cipher = UnboundKey::new(&AES_256_GCM, shown.opener.danger_bytes()).unwrap();
        let mut bytes = shown.text.as_str().as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([5; 12]);
        LessSafeKey::new(cipher)
            .seal_in_place_append_tag(nonce, Aad::from(info_aad(shown)), &mut bytes)
            .unwrap();
        UserInfo::Encrypted([6; 8], [5; 12], Blob::new(bytes).unwrap())
    }

    #[test]
    fn only_the_text_on_the_ledger_is_believed() {
        let ada = shown("Ada");
        let user = ada.user;
        for info in [UserInfo::commitment(&[4; 32], &user, 3, "Ada"), sealed(&ada)] {
            assert_eq!(holds(&info, &ada), Some(true));
            assert_eq!(holds(&info, &shown("Eve")), Some(false));
            assert_eq!(holds(&info, &InfoDisclosure { seq: 4, ..shown("Ada") }), Some(false));
            let other = UserId([9; 32]);
            assert_eq!(holds(&info, &InfoDisclosure { user: other, ..shown("Ada") }), Some(false));
            let opener = Opener::new([8; 32]);
            assert_eq!(holds(&info, &InfoDisclosure { opener, ..shown("Ada") }), Some(false));
        }
        assert_eq!(holds(&UserInfo::Clear(Text::new("Ada").unwrap()), &ada), None);
    }

    #[test]
    fn a_link_gives_the_disclosure_back() {
        let link = shown("Ada").to_string();
        let back: InfoDisclosure = link.parse().unwrap();
        assert_eq!(back.to_string(), link);
        assert!(link[..link.len() - 1].parse::<InfoDisclosure>().is_err());
        assert!(!format!("{back:?}").contains("04"));
    }
}
