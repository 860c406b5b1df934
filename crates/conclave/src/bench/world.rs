//! A leader and its members, each with keys and a chain of its own.

use std::{hint::black_box, iter};

use anyhow::Context as _;
use conclave_meeting::{
    exchange::{Ek, EncMk, KemCt, MemberKeys, Pair, PairChain, Party},
    key::{Commitment, EpochId, MeetingKey, StreamKind},
    media::StreamNo,
    wire::{Bundle, PeerMessage, Wrap},
};
use conclave_protocol::{
    ChainId, Context as Purpose, DeviceId, Digest, Ed25519Signer, Epoch, EpochRecord, Ivk,
    MeetingId, MemberIdx, MemberRecord, Npk, Position, Roster, Seconds, Signature, Signer as _,
    Term, UserId,
    codec::{List, Set},
    encode,
    meeting::{MAX_INDEXES, MemberStatus, roster_hash},
};
use rand::rngs::StdRng;

const TERM: Term = Term(1);
const LEADER: MemberIdx = MemberIdx(0);

/// A meeting of one leader and some members, whose last epoch is final on both sides.
pub(super) struct World {
    chain: ChainId,
    mid: MeetingId,
    signer: Ed25519Signer,
    keys: MemberKeys,
    leader: MemberRecord,
    members: Vec<Member>,
    /// Secrets and chain of the first member, as that member holds them.
    first: MemberKeys,
    first_chain: PairChain,
    last: (Epoch, Digest),
    rng: StdRng,
}

/// What the leader holds of one member.
struct Member {
    idx: MemberIdx,
    record: MemberRecord,
    ek: Ek,
    pair: Pair,
    chain: PairChain,
}

/// A signed record and one wrap for each member.
pub(super) struct NewKey {
    record: EpochRecord,
    digest: Digest,
    sig: Signature,
    pub(super) wraps: Vec<Wrap>,
}

impl World {
    /// A meeting of a leader and `size` members.
    pub(super) fn new(size: u16) -> anyhow::Result<Self> {
        let mut rng: StdRng = rand::make_rng();
        let signer = Ed25519Signer::from_seed(&rand::random());
        let keys = MemberKeys::generate(&mut rng)?;
        let leader = member(&keys, Ivk::Ed25519(signer.public_bytes()));
        let (chain, mid) = (ChainId(rand::random()), MeetingId(rand::random()));
        let pair = |idx: MemberIdx, member: &MemberRecord| Pair {
            chain,
            mid,
            suite: 2,
            term: TERM,
            leader: party(&leader),
            member: party(member),
            idx,
            ek_hash: Digest(member.ek_hash),
        };
        let mut join = |idx: MemberIdx| -> anyhow::Result<(Member, MemberKeys, KemCt)> {
            let own = MemberKeys::generate(&mut rng)?;
            let record = member(&own, Ivk::Ed25519(rand::random()));
            let pair = pair(idx, &record);
            let (chain, kem_ct) = PairChain::offer(&pair, &keys, own.ek())?;
            Ok((Member { idx, record, ek: own.ek().clone(), pair, chain }, own, kem_ct))
        };
        let (one, first, kem_ct) = join(MemberIdx(1))?;
        let first_chain = PairChain::accept(&one.pair, &first, &kem_ct)?;
        let mut members = vec![one];
        for idx in 2..=size {
            members.push(join(MemberIdx(idx))?.0);
        }
        let last = (Epoch(1), Digest(rand::random()));
        Ok(Self { chain, mid, signer, keys, leader, members, first, first_chain, last, rng })
    }

    /// Who is in and the hash over all of them: what a record says beside the key.
    ///
    /// A meeting hands out [`MAX_INDEXES`] indexes at most. In a larger world the hash is over
    /// everyone, but the set of indexes ends there.
    pub(super) fn roster(&self) -> anyhow::Result<(Roster, Digest)> {
        let members = self.members.iter().map(|member| (member.idx, &member.record));
        let hash = roster_hash(iter::once((LEADER, &self.leader)).chain(members));
        let indexes = iter::once(LEADER).chain(self.members.iter().map(|member| member.idx));
        Ok((Roster::new(indexes.take(MAX_INDEXES))?, hash))
    }

    /// The leader's part of a chain step: every chain past the last record, a new key, its record
    /// with commitment and signature, one wrap for each member.
    pub(super) fn step(&mut self, roster: Roster, hash: Digest) -> anyhow::Result<NewKey> {
        for member in &mut self.members {
            member.chain.advance(self.last.0, &self.last.1);
        }
        let (mk, record, digest, sig) = self.sign(roster, hash);
        let mut wraps = Vec::with_capacity(self.members.len());
        for member in &mut self.members {
            let enc_mk = member.chain.wrap(record.epoch, &digest, &mk)?;
            wraps.push(pack(&record, member.idx, None, enc_mk));
        }
        Ok(NewKey { record, digest, sig, wraps })
    }

    /// The leader's part of a fresh exchange with every member, in place of their chains.
    pub(super) fn exchange(&mut self, roster: Roster, hash: Digest) -> anyhow::Result<NewKey> {
        let (mk, record, digest, sig) = self.sign(roster, hash);
        let mut wraps = Vec::with_capacity(self.members.len());
        let mut chains = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let (mut chain, kem_ct) = PairChain::offer(&member.pair, &self.keys, &member.ek)?;
            let enc_mk = chain.wrap(record.epoch, &digest, &mk)?;
            wraps.push(pack(&record, member.idx, Some(kem_ct), enc_mk));
            chains.push(chain);
        }
        for (member, chain) in self.members.iter_mut().zip(chains) {
            member.chain = chain;
        }
        Ok(NewKey { record, digest, sig, wraps })
    }

    /// The messages of the leader to all members, as bytes, without addresses.
    pub(super) fn messages(&self, new: &NewKey) -> Vec<Vec<u8>> {
        let bundle = |wrap: &Wrap| {
            let (record, wrap) = (new.record.clone(), wrap.clone());
            PeerMessage::Bundle(Bundle { record, sig: new.sig, wrap, book: List::default() })
        };
        new.wraps.iter().map(|wrap| bundle(wrap).to_bytes()).collect()
    }

    /// The first member's part: the leader's signature, its own chain past the last record or a
    /// fresh one, the key out of the wrap, the commitment to it, the keys of its own sound and
    /// picture.
    pub(super) fn open(&mut self, bundle: &Bundle) -> anyhow::Result<()> {
        let Bundle { record, wrap, .. } = bundle;
        let one = self.members.first().context("nobody is there")?;
        bundle.verify(&self.chain, self.leader.ivk)?;
        let digest = record.digest();
        if let Some(kem_ct) = &wrap.kem_ct {
            self.first_chain = PairChain::accept(&one.pair, &self.first, kem_ct)?;
        } else {
            self.first_chain.advance(self.last.0, &self.last.1);
        }
        let mk = self.first_chain.unwrap(record.epoch, &digest, &wrap.enc_mk)?;
        let place = self.place(record.epoch, record.prev, record.roster_hash);
        anyhow::ensure!(mk.matches(&place, &record.mk_commit), "the record is about another key");
        let id = EpochId { chain: self.chain, mid: self.mid, epoch: record.epoch, record: digest };
        for (stream, kind) in [(0, StreamKind::Audio), (1, StreamKind::Video)] {
            let stream = StreamNo::new(stream).context("no such stream")?;
            black_box(mk.stream_key(&id.stream(one.record.dev, one.idx, stream, kind)));
        }
        Ok(())
    }

    /// The record is final: the next step begins behind it.
    pub(super) fn confirm(&mut self, new: &NewKey) {
        self.last = (new.record.epoch, new.digest);
    }

    fn sign(
        &mut self,
        roster: Roster,
        hash: Digest,
    ) -> (MeetingKey, EpochRecord, Digest, Signature) {
        let mk = MeetingKey::generate(&mut self.rng);
        let place = self.place(self.last.0.next(), self.last.1, hash);
        let record = EpochRecord {
            mid: place.mid,
            term: place.term,
            epoch: place.epoch,
            prev: place.prev,
            roster,
            added: Set::default(),
            removed: Set::default(),
            unbanned: Set::default(),
            mk_commit: mk.commit(&place),
            roster_hash: hash,
        };
        let sig = self.signer.sign(Purpose::Epoch, &self.chain, &encode(&record));
        let digest = record.digest();
        (mk, record, digest, sig)
    }

    const fn place(&self, epoch: Epoch, prev: Digest, roster_hash: Digest) -> Commitment {
        Commitment { mid: self.mid, term: TERM, epoch, roster_hash, prev }
    }
}

const fn pack(record: &EpochRecord, idx: MemberIdx, ct: Option<KemCt>, enc_mk: EncMk) -> Wrap {
    Wrap { mid: record.mid, epoch: record.epoch, idx, kem_ct: ct, enc_mk }
}

/// Somebody with these exchange keys; everything else of it is only hashed.
fn member(keys: &MemberKeys, ivk: Ivk) -> MemberRecord {
    MemberRecord {
        user: UserId(rand::random()),
        dev: DeviceId(rand::random()),
        ivk,
        epk: keys.epk(),
        ek_hash: keys.ek().hash().0,
        npk: Npk(rand::random()),
        status: MemberStatus::Admitted,
        term: TERM,
        requested: Seconds(0),
        admitted: Position::default(),
    }
}

const fn party(member: &MemberRecord) -> Party {
    Party { user: member.user, dev: member.dev, ivk: member.ivk, epk: member.epk }
}
