//! The ledger that the frozen answers are about.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_runtime::{Runner as _, deterministic};
use conclave_protocol::{
    Contact, Context, Ed25519Signer, Epk, Genesis, Key, Ledger, MeetingId, Npk, Params,
    PublishMeeting, RegisterUser, Seconds, Signer as _, Tx, UserInfo, ValidatorChange,
    ValidatorVote,
    codec::Text,
    encode,
    identity::Gate,
    meeting::{Policy, Suite},
    tx::Role,
};

use crate::{
    answer::{Entry, HeaderAnswer},
    audit::{Quill, Sealed},
    block::{Header, RawTx},
    committee::Committee,
    handover::Handover,
    state::{Databases, state_key},
    validator::{Runtime, Seed, prove},
};

pub(super) const BEGIN: u64 = 1_700_000_000_000;

/// Four validators found the network, a fifth one follows in block 4.
pub(super) const FOUNDERS: [u8; 4] = [1, 2, 3, 4];
pub(super) const FIVE: [u8; 5] = [1, 2, 3, 4, 5];

pub(super) const MID: MeetingId = MeetingId([5; 32]);

/// Nine blocks in epochs of four.
pub(super) struct Story {
    pub(super) genesis: Genesis,
    pub(super) sealed: Vec<Sealed>,
    /// What is proven after the first and after the last block.
    pub(super) proven: [Vec<(Key, Entry)>; 2],
}

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32])
}

pub(super) fn public(seed: u8) -> PublicKey {
    private(seed).public_key()
}

fn private(seed: u8) -> PrivateKey {
    PrivateKey::decode(Copying(&[seed; 32])).unwrap()
}

pub(super) fn genesis() -> Genesis {
    let keys = FOUNDERS.map(|seed| signer(seed).validator());
    let params = Params { epoch_blocks: 4, ..Params::default() };
    Genesis::new("answers", BEGIN, keys.to_vec(), params).unwrap()
}

fn registration(genesis: &Genesis, number: u8, now: u64) -> (RegisterUser, Tx) {
    let (device, sponsor) = (signer(100 + number), signer(1));
    let chain = genesis.chain_id();
    let info = UserInfo::Clear(Text::new("somebody").unwrap());
    let gate = Gate::Sponsor(sponsor.validator());
    let body = RegisterUser::new(&chain, device.ivk(), [3; 16], info, gate);
    let word = sponsor.sign(Context::Sponsor, &chain, &body.sponsor_message());
    let tx = Tx::new(chain, body.dev, 0, Seconds(now + 300), body.clone());
    (body, tx.sign(&device).with(Role::Sponsor, word))
}

fn vote(genesis: &Genesis, by: u8, now: u64) -> Tx {
    let text = |text| Text::new(text).unwrap();
    let contact = Contact {
        name: Text::new("fifth").unwrap(),
        p2p: Text::new("five:1").unwrap(),
        rpc: text("http://five:2"),
    };
    let change = ValidatorChange::Add(signer(5).validator(), contact);
    let (chain, key) = (genesis.chain_id(), signer(by));
    let body = ValidatorVote { seq: 0, change };
    Tx::by_validator(chain, key.validator(), 0, Seconds(now + 300), body).sign(&key)
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

fn raw(tx: &Tx) -> RawTx {
    RawTx::new(encode(tx).into()).unwrap()
}

impl Story {
    /// Tells it.
    pub(super) fn new() -> Self {
        let genesis = genesis();
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
