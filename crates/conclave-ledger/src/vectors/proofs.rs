//! Proofs against validators: section 24.

use commonware_codec::Encode as _;
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalize, Notarize, Nullify, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::sha256;
use conclave_protocol::{Digest, ValidatorKey};
use serde_json::{Value, json};

use super::{
    Case,
    story::{FIVE, FOUNDERS, Story},
};
use crate::{
    answer::HeaderAnswer, audit::certify, block::to_bytes, evidence::Evidence, handover::Handover,
};

/// Who is accused.
pub(super) fn said(evidence: Evidence) -> Value {
    let hex = |key: &ValidatorKey| Digest(key.0).to_hex();
    match evidence {
        Evidence::Fork(fork) => json!({
            "height": fork.height.0,
            "signers": fork.signers.iter().map(hex).collect::<Vec<_>>(),
            "is_one_round": fork.is_one_round,
        }),
        Evidence::Votes(votes) => json!({
            "signers": [hex(&votes.signer)],
            "epoch": votes.epoch,
            "view": votes.view,
        }),
    }
}

pub(super) fn all(story: &Story) -> Vec<Case> {
    [forks(story), votes(story)].concat()
}

/// A proof as it is written.
fn proof(story: &Story, handovers: &[Handover], case: &[&[u8]]) -> Vec<u8> {
    let chain = story.genesis.chain_id();
    let mut bytes = [&b"CONCLAVE-EVIDENCE\x01"[..], &chain.0].concat();
    bytes.extend_from_slice(&handovers.to_vec().encode());
    bytes.extend_from_slice(&case.concat());
    bytes
}

fn forks(story: &Story) -> Vec<Case> {
    // Another block in the place of one of the story.
    let other = |height: usize, views: u64, by: &[u8]| {
        let mut header = story.at(height).block.header.clone();
        header.time_ms += 1;
        header.round.view += views;
        let certificate = certify(&story.signers(by), &header).unwrap();
        HeaderAnswer { header, links: Vec::new(), certificate }
    };
    let case = |what, handovers: &[Handover], sides: [&HeaderAnswer; 2]| {
        let [first, second] = sides.map(to_bytes);
        Case::new("Evidence", what, proof(story, handovers, &[&[1], &first, &second]))
    };
    let sorted = |mut sides: [HeaderAnswer; 2]| {
        sides.sort_by_key(|side| side.header.digest());
        sides
    };
    let [one, two] = sorted([story.answer(1, 0), other(1, 0, &FOUNDERS)]);
    let [late, later] = sorted([story.answer(9, 0), other(9, 3, &FIVE)]);
    let [linked, direct] = sorted([story.answer(1, 1), other(1, 0, &FOUNDERS)]);
    let [left, right] = sorted([story.answer(1, 0), other(1, 0, &FIVE)]);
    let step = [story.handover()];
    let good = case("two blocks of one round", &[], [&one, &two]);
    vec![
        case("two blocks of two rounds, after a handover", &step, [&late, &later]),
        case("by a later block", &[], [&linked, &direct]),
        case("without the handover", &[], [&late, &later]),
        case("a handover twice", &[step[0].clone(), step[0].clone()], [&late, &later]),
        case("sides in another order", &[], [&two, &one]),
        case("one block twice", &[], [&one, &one]),
        case("blocks of two heights", &[], [&story.answer(1, 0), &story.answer(2, 0)]),
        case("signed by others", &[], [&left, &right]),
        good.but("other first bytes", |it| it[0] ^= 1),
        good.but("another version", |it| it[17] = 2),
        good.but("another network", |it| it[18] ^= 1),
        good.but("of another form", |it| it[51] = 3),
        good.but("cut short", |it| it.truncate(it.len() - 1)),
        good.but("a byte more", |it| it.push(0)),
        good.turned(),
    ]
}

/// Two votes of one validator in view 7 of an epoch.
fn votes(story: &Story) -> Vec<Case> {
    let cast = |scheme: &Scheme, epoch: u64, tag: u8, block: u8| {
        let round = Round::new(Epoch::new(epoch), View::new(7));
        let proposal = Proposal::new(round, View::new(6), sha256::Digest([block; 32]));
        let vote = match tag {
            0 => Notarize::sign(scheme, proposal).unwrap().encode(),
            1 => Nullify::sign::<sha256::Digest>(scheme, round).unwrap().encode(),
            _ => Finalize::sign(scheme, proposal).unwrap().encode(),
        };
        let named = [&6u64.to_be_bytes()[..], &[block; 32]].concat();
        let named = if tag == 1 { Vec::new() } else { named };
        [&[tag][..], &named, &vote[vote.len() - 64..]].concat()
    };
    let case = |what, steps: &[Handover], set: &[u8], who: u8, epoch: u64, votes: [(u8, u8); 2]| {
        let at = set.iter().position(|seed| *seed == who).unwrap();
        let scheme = &story.signers(set)[at];
        let [first, second] = votes.map(|(tag, block)| cast(scheme, epoch, tag, block));
        let key = super::story::public(who);
        let head = [key.as_ref(), &epoch.to_be_bytes(), &7u64.to_be_bytes()].concat();
        Case::new("Evidence", what, proof(story, steps, &[&[2], &head, &first, &second]))
    };
    let old = |what, votes| case(what, &[], &FOUNDERS, 3, 0, votes);
    let step = [story.handover()];
    let good = old("two blocks notarized", [(0, 1), (0, 2)]);
    let key = 18 + 32 + 1 + 1;
    vec![
        old("two blocks made final", [(2, 1), (2, 2)]).turned(),
        old("given up and made final", [(1, 0), (2, 1)]).turned(),
        old("notarized, then given up", [(0, 1), (1, 0)]),
        old("notarized, then made final", [(0, 1), (2, 1)]),
        old("one vote twice", [(0, 1), (0, 1)]),
        old("votes in another order", [(0, 2), (0, 1)]),
        old("made final before it was given up", [(2, 1), (1, 0)]),
        case("of the fifth validator", &step, &FIVE, 5, 1, [(2, 1), (2, 2)]),
        case("without the handover that let it in", &[], &FIVE, 5, 1, [(2, 1), (2, 2)]),
        case("with a handover that is not needed", &step, &FOUNDERS, 3, 0, [(2, 1), (2, 2)]),
        good.but("of another validator", |it| {
            it[key..key + 32].copy_from_slice(super::story::public(1).as_ref());
        }),
        good.but("of another round", |it| it[key + 32 + 15] ^= 1),
        good.but("a vote for nothing known", |it| it[key + 48] = 3),
        good.turned(),
    ]
}
