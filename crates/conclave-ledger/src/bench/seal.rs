//! A header over a state root and the certificate of a quorum, so that a client believes it.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round as ConsensusRound, View},
};
use commonware_cryptography::{ed25519::PrivateKey, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_utils::iter::NonEmpty;
use conclave_protocol::{Ed25519Signer, Genesis, Params};

use super::BenchError;
use crate::{
    answer::{Certificate, HeaderAnswer},
    block::Header,
    committee::Committee,
    light::LightClient,
    validator::Network,
};

/// The time of the client that verifies.
pub(super) const NOW_MS: u64 = 10_000;

/// The validators of the measurement.
const SEEDS: [[u8; 32]; 4] = [[1; 32], [2; 32], [3; 32], [4; 32]];

/// A network whose keys are known.
pub(super) struct Sealer {
    genesis: Genesis,
    /// The header of the first block.
    first: Header,
    schemes: Vec<Scheme>,
}

impl Sealer {
    /// Four validators.
    pub(super) fn new() -> Option<Self> {
        let validators: Vec<_> =
            SEEDS.iter().map(|seed| Ed25519Signer::from_seed(seed).validator()).collect();
        let genesis = Genesis::new("bench", 0, validators, Params::default()).ok()?;
        let committee = Committee::of(&genesis).ok()?;
        let signer =
            |seed: &[u8; 32]| committee.signer(PrivateKey::decode(Copying(seed.as_slice())).ok()?);
        let schemes = SEEDS.iter().map(signer).collect::<Option<_>>()?;
        let network = Network::of(&genesis).ok()?;
        let mut first = network.genesis_block().header.clone();
        first.height = 1;
        first.time_ms = NOW_MS - 1_000;
        first.round.view = 1;
        Some(Self { genesis, first, schemes })
    }

    /// The network.
    pub(super) const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// A client that has seen nothing.
    pub(super) fn client(&self) -> Result<LightClient, BenchError> {
        LightClient::new(&self.genesis).map_err(|_| BenchError::Network)
    }

    /// A final header over this state of the identity ledger.
    pub(super) fn seal(&self, root: Digest) -> Option<HeaderAnswer> {
        let mut header = self.first.clone();
        header.identity.state_root = root;
        let round = ConsensusRound::new(Epoch::zero(), View::new(header.round.view));
        let parent = View::new(header.round.parent_view);
        let proposal = Proposal::new(round, parent, header.digest());
        let quorum = self.schemes.get(..3)?;
        let vote = |scheme| Finalize::sign(scheme, proposal.clone());
        let mut votes = quorum.iter().map(vote).collect::<Option<Vec<_>>>()?.into_iter();
        let votes = NonEmpty::new(votes.next()?, votes);
        let certificate: Certificate =
            Finalization::from_owned_finalizes(quorum.first()?, votes, &Sequential).ok()?;
        Some(HeaderAnswer { header, links: Vec::new(), certificate })
    }
}
