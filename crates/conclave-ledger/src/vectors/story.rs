//! The ledger that the frozen answers are about.

use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_runtime::{Runner as _, deterministic};
use conclave_protocol::{
    Epk, Genesis, Key, Ledger, MeetingId, Npk, PublishMeeting, RegisterUser, Seconds, Tx, UserInfo,
    codec::Text,
    meeting::{Policy, Suite},
};

use crate::{
    answer::{Entry, HeaderAnswer},
    audit::{Quill, Sealed},
    block::Header,
    cast::{genesis, private, raw, registration, signer, vote},
    committee::Committee,
    handover::Handover,
    state::{Databases, state_key},
    validator::{Runtime, Seed, prove},
};

pub(super) use crate::cast::{BEGIN, FOUNDERS};

/// The founders, and the fifth that follows them in block 4.
pub(super) const FIVE: [u8; 5] = [1, 2, 3, 4, 5];

pub(super) const MID: MeetingId = MeetingId([5; 32]);

/// Nine blocks in epochs of four.
pub(super) struct Story {
    pub(super) genesis: Genesis,
    pub(super) sealed: Vec<Sealed>,
    /// What is proven after the first and after the last block.
    pub(super) proven: [Vec<(Key, Entry)>; 2],
}

pub(super) fn public(seed: u8) -> PublicKey {
    private(seed).public_key()
}

fn meeting(genesis: &Genesis, who: &RegisterUser, now: u64) -> Tx {
    let body = PublishMeeting {
        mid: MID,
        suite: Suite::Hybrid,
        policy: Policy::default(),
        info: UserInfo::Clear(Text::new("Budget").unwrap()),
        user: who.user,
        dev: who.dev,
        ivk: who.ivk,
        epk: Epk([9; 32]),
        ek_hash: [1; 32],
        npk: Npk(signer(90).validator().0),
    };
    Tx::new(genesis.chain_id(), who.dev, 1, Seconds(now + 300), body).sign(&signer(101))
}

impl Story {
    /// Tells it.
    pub(super) fn new() -> Self {
        let genesis = genesis("answers");
        deterministic::Runner::default().start(|context| async move {
            let seeds: Vec<_> = FIVE.iter().map(|seed| Seed::new([*seed; 32])).collect();
            let mut quill = Quill::open(&context, &genesis, &seeds).await.unwrap();
            let now = |height| (BEGIN + height * 1_000) / 1_000;
            let (first, _) = registration(&genesis, 1, now(1));
            let keys = [
                Key::User(first.user),
                Key::User([9; 32].into()),
                Key::Meeting(MID),
                Key::Device(first.dev),
                Key::Roster(MID),
                Key::ValidatorSet,
            ];
            let (mut sealed, mut proven) = (Vec::<Sealed>::new(), [Vec::new(), Vec::new()]);
            for height in 1..=9 {
                let now = now(height);
                let person = |number| raw(&registration(&genesis, number, now).1);
                let txs = match height {
                    1 => vec![person(1)],
                    2 => {
                        let votes = (1..=3).map(|by| raw(&vote(&genesis, by, now)));
                        [person(2), person(3)].into_iter().chain(votes).collect()
                    }
                    5 => vec![person(4), raw(&meeting(&genesis, &first, now))],
                    // More operations than one chunk of the state's bitmap has bits.
                    6 => (10..90).map(person).collect(),
                    _ => Vec::new(),
                };
                let block = quill.next(BEGIN + height * 1_000, txs).await.unwrap();
                let header = &block.block.header;
                match height {
                    1 => proven[0] = entries(quill.databases(), header, &keys[..3]).await,
                    9 => proven[1] = entries(quill.databases(), header, &keys).await,
                    _ => {}
                }
                sealed.push(block);
            }
            Self { genesis, sealed, proven }
        })
    }

    /// The block of a height, from 1 on.
    pub(super) fn at(&self, height: usize) -> &Sealed {
        &self.sealed[height - 1]
    }

    /// The answer about a block that proves it by another one, so many blocks later.
    pub(super) fn answer(&self, height: usize, links: usize) -> HeaderAnswer {
        let header = |height: usize| self.at(height).block.header.clone();
        HeaderAnswer {
            header: header(height),
            links: (height + 1..=height + links).map(header).collect(),
            certificate: self.at(height + links).certificate.clone().unwrap(),
        }
    }

    /// The step from the founders to the five.
    pub(super) fn handover(&self) -> Handover {
        let mut keys = FIVE.map(public).to_vec();
        keys.sort();
        Handover { boundary: self.answer(3, 0), keys }
    }

    /// Members of a set, as they sign.
    pub(super) fn signers(&self, set: &[u8]) -> Vec<Scheme> {
        let keys = set.iter().map(|seed| public(*seed)).collect();
        let committee = Committee::over(&self.genesis.chain_id(), keys).unwrap();
        set.iter().map(|seed| committee.signer(private(*seed)).unwrap()).collect()
    }
}

async fn entries<E: Runtime>(
    databases: &Databases<E>,
    header: &Header,
    keys: &[Key],
) -> Vec<(Key, Entry)> {
    let mut entries = Vec::new();
    for key in keys {
        let (ledger, place) = state_key(key);
        let proof = match ledger {
            Ledger::Identity => {
                prove(&databases.0, &header.identity.state_root, &[place]).await.unwrap()
            }
            Ledger::Meeting => {
                prove(&databases.1, &header.meeting.state_root, &[place]).await.unwrap()
            }
        };
        entries.extend(proof.into_iter().map(|entry| (key.clone(), entry)));
    }
    entries
}
