//! The one-time identity under which a person asks to join a sealed meeting (docs/protocol.md,
//! section 13.1). Its key is in memory only, and gone with the meeting.

use std::sync::Arc;

use conclave_meeting::session::{Behind, Config};
use conclave_protocol::{
    DeviceId, Ed25519Signer, RegisterUser, Seconds, Signer as _, Tx, UserId, UserInfo, codec::Text,
    identity::Gate, tx::Role,
};

use super::{book::Book, outbox::Outbox, profile};
use crate::chain::{Chain, ChainError, Entry};

/// How long a registration may wait to be included, in seconds of chain time.
const EXPIRY: u64 = 300;

/// A user that the ledger has never seen and will not see again.
pub(super) struct Persona {
    user: UserId,
    dev: DeviceId,
    signer: Arc<Ed25519Signer>,
}

impl Persona {
    /// Makes one and registers it, without a word about whose it is.
    ///
    /// # Errors
    /// [`ChainError`].
    pub(super) async fn register(chain: &Chain) -> Result<Self, ChainError> {
        let signer = Arc::new(Ed25519Signer::from_seed(&profile::random()));
        let info = UserInfo::Clear(Text::default());
        // What lets it in takes the place of the gate.
        let (ivk, gate) = (signer.ivk(), Gate::Work(0));
        let body = RegisterUser::new(&chain.chain_id(), ivk, rand::random(), info, gate);
        let (user, dev) = (body.user, body.dev);
        // A sponsor would learn at which address the persona is.
        let (body, word) = chain.let_in(body, Entry::Unasked).await?;
        let expiry = Seconds(chain.time().await?.0.saturating_add(EXPIRY));
        let tx = Tx::new(chain.chain_id(), dev, 0, expiry, body).sign(&*signer);
        let tx = word.into_iter().fold(tx, |tx, word| tx.with(Role::Sponsor, word));
        chain.submit(&tx).await?;
        Ok(Self { user, dev, signer })
    }

    /// The same person, as this persona to the ledger.
    pub(super) fn veil(&self, real: Config) -> Config {
        let behind = Behind { user: real.user, dev: real.dev, signer: real.signer };
        let signer = Arc::clone(&self.signer) as _;
        Config { user: self.user, dev: self.dev, signer, behind: Some(behind), ..real }
    }

    /// Where the transactions of the persona go.
    pub(super) fn outbox(&self, chain: Chain, book: Book) -> Outbox {
        Outbox::start(chain, self.dev, Arc::clone(&self.signer) as _, book)
    }
}
