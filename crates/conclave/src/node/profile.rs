//! Who the person is: their identity, made once, kept in the key file, proven on the ledger.

use std::{fmt, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use conclave_meeting::wire::Opening;
use conclave_protocol::{
    Algorithm, Key, RegisterUser, Seconds, Signer, Tx, UserId, UserInfo,
    codec::{Blob, Text},
    identity::{Gate, device_id, user_id},
    tx::Role,
};
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::{
    chain::{Chain, ChainError, Entry, Included},
    http::wire::{Identity, InfoForm, InfoView},
    keystore::{Disclosure, IdentityKey, Origin, Secrets},
    random::system,
};

/// Most bytes of user info.
const MAX_INFO: usize = 1_024;
/// How long a registration may wait to be included, in seconds of chain time.
const EXPIRY: u64 = 300;

/// The identity of this device, open for use.
pub(crate) struct Profile {
    /// What the key file holds.
    pub(crate) secrets: Secrets,
    /// Signs as this device.
    pub(crate) signer: Arc<dyn Signer>,
}

/// Why an identity was not made or not registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// No validator took the registration, or none answered.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The cipher refused, which no input of this program causes.
    #[error("the user info could not be sealed")]
    Seal,
    /// Another device of the person has to add this one first.
    #[error("this device waits to be added by another one of the same person")]
    NotAdded,
    /// Empty, too long, or with characters that nothing shows.
    #[error("the name cannot be used: {0}")]
    Name(String),
}

impl Profile {
    /// Takes over what the key file held.
    pub(crate) fn open(secrets: Secrets) -> Self {
        let signer = secrets.signer();
        Self { secrets, signer }
    }

    /// Makes an identity key (eq. 1) and the ids that follow from it. Nothing has left this
    /// function yet.
    ///
    /// # Errors
    /// [`ProfileError::Name`] or [`ProfileError::Seal`].
    pub(crate) fn create(
        chain: &Chain,
        name: &str,
        form: InfoForm,
        algorithm: Algorithm,
    ) -> Result<Self, ProfileError> {
        let name = checked(name)?;
        let key = IdentityKey { algorithm, seed: random() };
        let signer = key.signer();
        let chain_id = chain.chain_id();
        let salt: [u8; 16] = rand::random();
        let user = user_id(&chain_id, &signer.ivk(), &salt);
        let device = device_id(&user, &signer.ivk());
        let origin = Origin::Founder(salt);
        let secrets =
            Secrets::new(chain_id, user, device, origin, key, name, form.fresh_disclosure());
        Ok(Self::open(secrets))
    }

    /// Whether this device founded its user.
    pub(crate) const fn is_founder(&self) -> bool {
        matches!(self.secrets.origin, Origin::Founder(_))
    }

    /// Whether the ledger has this device, at the newest final height.
    ///
    /// # Errors
    /// [`ChainError`].
    pub(crate) async fn is_registered(&self, chain: &Chain) -> Result<bool, ChainError> {
        let key = Key::Device(self.secrets.device);
        Ok(chain.snapshot(std::slice::from_ref(&key)).await?.record(&key).is_some())
    }

    /// Registers the identity: UserID, DeviceID and IVK with the signature of ISK (eqs. 2, 3), and
    /// what lets the newcomer in. Returns when that is final and verified.
    ///
    /// # Errors
    /// [`ProfileError::Chain`] or [`ProfileError::Seal`].
    pub(crate) async fn register(
        &self,
        chain: &Chain,
        entry: Entry,
    ) -> Result<Included, ProfileError> {
        let secrets = &self.secrets;
        let Origin::Founder(salt) = secrets.origin else { return Err(ProfileError::NotAdded) };
        let info = published_info(&secrets.user, &secrets.info, &secrets.disclosure, 0)?;
        let body = RegisterUser::new(
            &secrets.chain_id,
            secrets.ivk(),
            salt,
            info,
            // What lets it in takes this place.
            Gate::Work(0),
        );
        let (body, word) = chain.let_in(body, entry).await?;
        let expiry = Seconds(chain.time().await?.0.saturating_add(EXPIRY));
        let tx = Tx::new(secrets.chain_id, secrets.device, 0, expiry, body).sign(&*self.signer);
        let tx = word.into_iter().fold(tx, |tx, word| tx.with(Role::Sponsor, word));
        Ok(chain.submit(&tx).await?)
    }

    /// What shows the leader that a committed name is the one on the ledger (eq. 4), where the
    /// change of number `seq` put it.
    pub(crate) fn opening(&self, seq: u32) -> Option<Opening> {
        let Disclosure::Commit(r) = &self.secrets.disclosure else { return None };
        Some(Opening { seq, r: **r, text: Text::new(&self.secrets.info).ok()? })
    }

    /// As the page shows it.
    pub(crate) fn view(&self, registered: bool) -> Identity {
        let form = match &self.secrets.disclosure {
            Disclosure::Clear => InfoForm::Clear,
            Disclosure::Commit(_) => InfoForm::Commit,
            Disclosure::Encrypted(_) => InfoForm::Encrypted,
        };
        Identity {
            user: self.secrets.user.to_hex(),
            device: self.secrets.device.to_hex(),
            fingerprint: self.secrets.fingerprint(),
            info: InfoView { form, text: self.secrets.info.clone() },
            registered,
            key: self.secrets.algorithm().name().to_owned(),
            ..Identity::default()
        }
    }
}

/// A name as it may stand on the ledger.
pub(crate) fn checked(name: &str) -> Result<String, ProfileError> {
    let text: Text<MAX_INFO> =
        Text::new(name.trim()).map_err(|error| ProfileError::Name(error.to_string()))?;
    if text.as_str().is_empty() {
        return Err(ProfileError::Name("it is empty".to_owned()));
    }
    Ok(text.as_str().to_owned())
}

impl InfoForm {
    /// What opens an info of this form, made anew.
    pub(crate) fn fresh_disclosure(self) -> Disclosure {
        match self {
            Self::Clear => Disclosure::Clear,
            Self::Commit => Disclosure::Commit(random()),
            Self::Encrypted => Disclosure::Encrypted(random()),
        }
    }
}

/// An info as the change of number `seq` puts it on the ledger, in one of the three forms of
/// section IV.A (eq. 4 for the HMAC).
pub(crate) fn published_info(
    user: &UserId,
    text: &str,
    disclosure: &Disclosure,
    seq: u32,
) -> Result<UserInfo, ProfileError> {
    Ok(match disclosure {
        Disclosure::Clear => {
            let text = Text::new(text).map_err(|error| ProfileError::Name(error.to_string()))?;
            UserInfo::Clear(text)
        }
        Disclosure::Commit(r) => UserInfo::commitment(r, user, seq, text),
        Disclosure::Encrypted(key) => seal(user, seq, text, key)?,
    })
}

/// AES-256-GCM with the user and the number of the change as associated data, so that the
/// ciphertext says nothing under another name.
fn seal(user: &UserId, seq: u32, text: &str, key: &[u8; 32]) -> Result<UserInfo, ProfileError> {
    let (key_id, nonce): ([u8; 8], [u8; 12]) = (rand::random(), rand::random());
    let cipher = UnboundKey::new(&AES_256_GCM, key).map_err(|_| ProfileError::Seal)?;
    let aad = [user.as_bytes().as_slice(), b"userinfo", &seq.to_be_bytes()].concat();
    let mut bytes = text.as_bytes().to_vec();
    LessSafeKey::new(cipher)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes)
        .map_err(|_| ProfileError::Seal)?;
    let bytes = Blob::new(bytes).map_err(|_| ProfileError::Seal)?;
    Ok(UserInfo::Encrypted(key_id, nonce, bytes))
}

pub(crate) fn random() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    system().fill_bytes(&mut *bytes);
    bytes
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("device", &self.secrets.device).finish_non_exhaustive()
    }
}
