//! `conclave bench audit`: how fast a stranger executes a whole ledger again.
//!
//! The ledger is made first, by a committee of four whose keys are known: every run makes the same
//! bytes. It is written to a file and verified as any other.

use std::time::Instant;

use anyhow::Context as _;
use bytes::Bytes;
use conclave_ledger::{
    audit::{Author, Outline},
    validator::Seed,
};
use conclave_protocol::{
    Body, ChainId, Context, DeviceId, Digest, Ed25519Signer, Epk, Genesis, Heartbeat, MeetingId,
    MeetingLeave, MeetingRequest, MemberIdx, Npk, Params, PublishMeeting, RefreshKeys,
    RegisterUser, Seconds, Signer as _, Term, Tx, TxId, UpdateInfo, UserId, UserInfo, encode,
    identity::Gate,
    meeting::{Policy, Suite},
    tx::Role,
};

use super::Line;
use crate::audit::{
    file::{Last, Writer},
    verify_files,
};

/// Transactions of the ledger that is verified by default.
pub const TXS: u32 = 100_000;

/// Transactions of a block by default: what arrives in a tenth of a second at 5,000 a second.
pub const PER_BLOCK: u32 = 500;

/// Validators whose keys everybody knows.
const VALIDATORS: u8 = 4;

/// Chain time of the genesis.
const BEGIN_MS: u64 = 1_700_000_000_000;

/// Transactions that one user sends.
const EACH: u32 = 20;

/// Makes a ledger of so many transactions, verifies it, and says how fast.
///
/// # Errors
/// The ledger cannot be made here, or does not hold: then nothing was measured.
pub fn measure(
    txs: u32,
    per_block: u32,
    mut progress: impl FnMut(&str),
) -> anyhow::Result<Vec<Line>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("ledger");
    let seeds: Vec<[u8; 32]> = (1..=VALIDATORS).map(|seed| [seed; 32]).collect();
    let keys: Vec<_> =
        seeds.iter().map(|seed| Ed25519Signer::from_seed(seed).validator()).collect();
    let genesis = Genesis::new("bench", BEGIN_MS, keys, Params::default())?;

    progress("making the ledger");
    let states = dir.path().join("author");
    let author = Author::start(&states, &genesis, seeds.into_iter().map(Seed::new).collect())?;
    let origin = Outline::origin(&genesis)?;
    let before = Last { height: origin.height, digest: origin.digest };
    let mut file = Writer::create(&path, &genesis, before)?;
    let people = txs.div_ceil(EACH);
    // Nobody speaks twice in a block, where the identity ledger comes first.
    let per_block = per_block.min(people);
    let mut crowd = Crowd::new(&genesis, people);
    let mut time_ms = BEGIN_MS;
    let mut left = txs;
    while left > 0 {
        time_ms += 100;
        let count = left.min(per_block);
        let block = crowd.next(count, Seconds(time_ms / 1_000));
        let record = author.block(time_ms, block).context("the rules refuse the ledger")?;
        let outline = Outline::of(&record).context("a record is none")?;
        file.append(&record, &outline)?;
        left -= count;
    }
    file.finish()?;
    drop(author);
    let bytes = path.metadata()?.len();

    progress("verifying it");
    let began = Instant::now();
    let report = verify_files(&[path], Some(&genesis), |_| ())?;
    let seconds = began.elapsed().as_secs_f64();
    let counted = report.totals.transactions();
    anyhow::ensure!(counted == u64::from(txs), "only {counted} transactions were verified");
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let figure =
        |name: &str, value: u64, unit| Line::new(format!("audit/{name}"), value as f64, unit);
    Ok(vec![
        figure("txs", counted, "tx"),
        figure("blocks", report.totals.blocks, "blocks"),
        figure("signatures", report.totals.signatures, "signatures"),
        figure("bytes", bytes, "B"),
        Line::new("audit/verify_s", seconds, "s"),
        Line::new("audit/verify_tx_s", f64::from(txs) / seconds, "tx/s"),
    ])
}

/// People who register, meet, and go on.
struct Crowd {
    chain: ChainId,
    sponsor: Ed25519Signer,
    people: Vec<Person>,
    /// Whose turn it is, and what they say then.
    turn: usize,
    round: u32,
}

/// One of them, with one device.
struct Person {
    signer: Ed25519Signer,
    user: UserId,
    dev: DeviceId,
    last: Digest,
}

impl Crowd {
    fn new(genesis: &Genesis, people: u32) -> Self {
        let chain = genesis.chain_id();
        let sponsor = Ed25519Signer::from_seed(&[1; 32]);
        let person = |number: u32| {
            let signer = Ed25519Signer::from_seed(&key(number, 0));
            let body = registration(&chain, &signer, &sponsor);
            Person { signer, user: body.user, dev: body.dev, last: Digest([0; 32]) }
        };
        let people = (0..people).map(person).collect();
        Self { chain, sponsor, people, turn: 0, round: 0 }
    }

    /// What so many of them say next.
    fn next(&mut self, count: u32, now: Seconds) -> Vec<Bytes> {
        (0..count).map(|_| self.one(now)).collect()
    }

    fn one(&mut self, now: Seconds) -> Bytes {
        let (turn, round) = (self.turn, self.round);
        self.turn += 1;
        if self.turn == self.people.len() {
            (self.turn, self.round) = (0, round.saturating_add(1));
        }
        let body = self.body(turn, round);
        let Some(person) = self.people.get_mut(turn) else { return Bytes::new() };
        let expiry = now.plus(300);
        let is_change = matches!(body, Body::RegisterUser(_) | Body::UpdateInfo(_));
        let word = match &body {
            Body::RegisterUser(body) => {
                Some(self.sponsor.sign(Context::Sponsor, &self.chain, &body.sponsor_message()))
            }
            _ => None,
        };
        let tx = Tx::new(self.chain, person.dev, round.into(), expiry, body).sign(&person.signer);
        let tx = word.map_or_else(|| tx.clone(), |word| tx.clone().with(Role::Sponsor, word));
        if is_change {
            let TxId(id) = tx.id();
            person.last = Digest(id);
        }
        encode(&tx).into()
    }

    /// Everybody publishes a meeting, asks to come into their neighbour's, renews the lease, takes
    /// other keys, leaves, and changes their name.
    fn body(&self, turn: usize, round: u32) -> Body {
        let number = u32::try_from(turn).unwrap_or(u32::MAX);
        let all = u32::try_from(self.people.len()).unwrap_or(u32::MAX).max(1);
        let own = meeting(number);
        let theirs = meeting(number.saturating_add(1) % all);
        let Some(Person { signer, user, dev, last }) = self.people.get(turn) else {
            return Heartbeat { mid: own, term: Term(1), epoch: Default::default() }.into();
        };
        let (user, dev, ivk) = (*user, *dev, signer.ivk());
        match round {
            0 => registration(&self.chain, signer, &self.sponsor).into(),
            1 => {
                let (epk, npk) = keys(number, 1);
                let (suite, policy, info) = (Suite::Hybrid, Policy::default(), info(number, 1));
                let ek_hash = [1; 32];
                PublishMeeting { mid: own, suite, policy, info, user, dev, ivk, epk, ek_hash, npk }
                    .into()
            }
            2 => {
                let (epk, npk) = keys(number, 2);
                let (mid, term, ek_hash) = (theirs, Term(1), [2; 32]);
                MeetingRequest { mid, user, dev, ivk, epk, ek_hash, npk, term }.into()
            }
            3 => UpdateInfo { user, info: info(number, 3), seq: 1, prev: *last }.into(),
            7 | 12 => {
                let (epk, _) = keys(number, round);
                RefreshKeys { mid: own, idx: MemberIdx(0), epk, ek_hash: [3; 32] }.into()
            }
            15 => MeetingLeave { mid: theirs, idx: MemberIdx(1) }.into(),
            _ => Heartbeat { mid: own, term: Term(1), epoch: Default::default() }.into(),
        }
    }
}

fn registration(chain: &ChainId, signer: &Ed25519Signer, sponsor: &Ed25519Signer) -> RegisterUser {
    let gate = Gate::Sponsor(sponsor.validator());
    RegisterUser::new(chain, signer.ivk(), [3; 16], info(0, 0), gate)
}

fn info(number: u32, round: u32) -> UserInfo {
    UserInfo::Commit(key(number, round))
}

fn meeting(number: u32) -> MeetingId {
    MeetingId(key(number, u32::MAX))
}

fn keys(number: u32, round: u32) -> (Epk, Npk) {
    let seed = key(number, round);
    (Epk(seed), Ed25519Signer::from_seed(&seed).npk())
}

/// Bytes that nobody else has.
fn key(number: u32, round: u32) -> [u8; 32] {
    Digest::of(&[b"bench audit", &number.to_be_bytes(), &round.to_be_bytes()]).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_that_was_made_is_verified_to_its_last_transaction() {
        let lines = measure(300, 40, |_| ()).unwrap();
        let names: Vec<_> = lines.iter().map(|line| &*line.name).collect();
        assert_eq!(
            names,
            [
                "audit/txs",
                "audit/blocks",
                "audit/signatures",
                "audit/bytes",
                "audit/verify_s",
                "audit/verify_tx_s"
            ]
        );
        // Fifteen people, each of whom needs a sponsor once.
        assert!((lines[2].value - 315.0).abs() < 0.5);
    }
}
