//! Headers, blocks and the answers of section 22, and what is wrong with others.

use commonware_codec::EncodeSize as _;
use conclave_protocol::{Key, TxId};

use super::{
    Case,
    story::{BEGIN, FIVE, FOUNDERS, Story},
};
use crate::{
    answer::{Entry, HeaderAnswer, InclusionAnswer, MAX_LINKS, StateAnswer},
    audit::certify,
    block::{Header, RawTx, to_bytes, tx_tree},
    handover::{Handover, HandoversAnswer, MAX_HANDOVERS},
};

/// Bytes of a header before its first section.
const FIRST_SECTION: usize = 1 + 8 + 8 + 32 + 3 * 8 + 32;

pub(super) fn all(story: &Story) -> Vec<Case> {
    [
        headers(story),
        blocks(story),
        records(story),
        header_answers(story),
        certificates(story),
        state_answers(story),
        inclusions(story),
        handovers(story),
    ]
    .concat()
}

fn headers(story: &Story) -> Vec<Case> {
    let header = |what, height| Case::new("Header", what, to_bytes(&story.at(height).block.header));
    let (full, empty) = (header("both sections", 5), header("no transactions", 4));
    let section = FIRST_SECTION + 32;
    let ops = section + 4 + 2 * 32;
    vec![
        full.clone(),
        header("one section", 2),
        header("another set comes next", 3),
        empty.but("of another version", |it| it[0] = 2),
        empty.but("cut short", |it| it.truncate(it.len() - 1)),
        empty.but("a byte more", |it| it.push(0)),
        empty.but("a root of no transactions", |it| it[section + 3] = 1),
        full.but("too many transactions", |it| {
            it[section..section + 4].copy_from_slice(&4_097u32.to_be_bytes());
        }),
        full.but("as many transactions as there may be", |it| {
            it[section..section + 4].copy_from_slice(&4_096u32.to_be_bytes());
        }),
        empty.but("no operations", |it| {
            let first = it[ops..ops + 8].to_vec();
            it[ops + 8..ops + 16].copy_from_slice(&first);
        }),
        empty.but("operations beyond the last one", |it| {
            it[ops + 8..ops + 16].copy_from_slice(&((1u64 << 62) + 1).to_be_bytes());
        }),
        empty,
    ]
}

fn blocks(story: &Story) -> Vec<Case> {
    let block = |what, height| Case::new("Block", what, to_bytes(&story.at(height).block));
    let (two, five) = (block("both ledgers", 5), block("five of one ledger", 2));
    let body = story.at(2).block.header.encode_size();
    let first = story.at(2).block.identity[0].encode_size();
    vec![
        two.but("cut short", |it| it.truncate(it.len() - 1)),
        two.but("a byte more", |it| it.push(0)),
        five.but("another transaction than the header names", |it| it[body + 40] ^= 1),
        five.but("transactions in another order", |it| {
            let second = story.at(2).block.identity[1].encode_size();
            it[body..body + first + second].rotate_left(first);
        }),
        five.but("a transaction of no length", |it| it[body..body + 2].fill(0)),
        five.but("a transaction over the bound", |it| {
            it[body..body + 2].copy_from_slice(&4_097u16.to_be_bytes());
        }),
        five.but("without its last transaction", |it| {
            let last = story.at(2).block.identity[4].encode_size();
            it.truncate(it.len() - last);
        }),
        two,
        five,
        block("no transactions", 4),
    ]
}

/// The payload of an exported record.
fn records(story: &Story) -> Vec<Case> {
    let sealed = Case::new("Record", "with its certificate", to_bytes(story.at(3)));
    let mut bare = story.at(4).clone();
    bare.certificate = None;
    let flag = story.at(3).block.encode_size();
    vec![
        sealed.but("neither with nor without", |it| it[flag] = 2),
        sealed.but("a certificate that is not there", |it| it.truncate(flag + 1)),
        sealed.but("a certificate too many", |it| it[flag] = 0),
        sealed,
        Case::new("Record", "without one", to_bytes(&bare)),
    ]
}

/// A header that the set of this story signs.
fn signed(story: &Story, header: Header, by: &[u8]) -> HeaderAnswer {
    let certificate = certify(&story.signers(by), &header).unwrap();
    HeaderAnswer { header, links: Vec::new(), certificate }
}

fn header_answers(story: &Story) -> Vec<Case> {
    let knows = to_bytes(&HandoversAnswer(vec![story.handover()])).to_vec();
    let old = |what, answer: &HeaderAnswer| Case::new("HeaderAnswer", what, to_bytes(answer));
    let new = |what, answer: &HeaderAnswer| {
        let knows = knows.clone();
        Case { knows, ..old(what, answer) }
    };
    let linked = |what, change: fn(&mut HeaderAnswer)| {
        let mut answer = story.answer(4, 3);
        change(&mut answer);
        new(what, &answer)
    };
    let header = |height, change: fn(&mut Header)| {
        let mut header: Header = story.at(height).block.header.clone();
        change(&mut header);
        header
    };
    let early =
        Case { now_ms: BEGIN - 60_000, ..old("far ahead of the clock", &story.answer(1, 0)) };
    vec![
        old("certified by itself", &story.answer(1, 0)).turned(),
        old("certified by the next block", &story.answer(1, 1)),
        new("of the next set, three blocks on", &story.answer(4, 3)).turned(),
        new("the last block of the old set", &story.answer(3, 0)),
        old("the last block before its handover is known", &story.answer(3, 0)),
        old("of a set that is not known", &story.answer(4, 0)),
        new("links over two epochs", &story.answer(7, 1)),
        linked("a link is missing", |it| _ = it.links.remove(0)),
        linked("two links in another order", |it| it.links.swap(0, 1)),
        linked("the certificate is of the last but one", |it| _ = it.links.pop()),
        linked("too many links", |it| it.links = vec![it.links[0].clone(); MAX_LINKS + 1]),
        new("signed by the set of before", &signed(story, header(9, |_| {}), &FOUNDERS)),
        new(
            "a block of the old set above its last one",
            &signed(
                story,
                Header { valset_hash: story.at(1).block.header.valset_hash, ..header(9, |_| {}) },
                &FOUNDERS,
            ),
        ),
        old(
            "signed in another epoch",
            &signed(story, header(1, |it| it.round.epoch = 1), &FOUNDERS),
        ),
        early.clone(),
        Case { now_ms: BEGIN - 59_000, what: "a minute ahead of the clock", ..early },
    ]
}

/// Certificates with other signers than they need.
fn certificates(story: &Story) -> Vec<Case> {
    let full = Case::new("HeaderAnswer", "all four signed", to_bytes(&story.answer(1, 0)));
    let end = full.bytes.len();
    // Number of validators, bits, number of signatures, signatures.
    let (size, bits) = (end - 4 * 64 - 10, end - 4 * 64 - 2);
    let without = |it: &mut Vec<u8>, count: u8| {
        it[bits] >>= count;
        it[bits + 1] -= count;
        it.truncate(end - 64 * usize::from(count));
    };
    let header = &story.at(1).block.header;
    let other = certify(&story.signers(&FOUNDERS), &story.at(2).block.header).unwrap();
    let five = certify(&story.signers(&FIVE), header).unwrap();
    let with = |certificate| {
        to_bytes(&HeaderAnswer { header: header.clone(), links: Vec::new(), certificate })
    };
    vec![
        full.but("three of four signed", |it| without(it, 1)),
        full.but("two of four signed", |it| without(it, 2)),
        full.but("nobody signed", |it| without(it, 4)),
        full.but("a signature of somebody else", |it| it.copy_within(end - 64..end, end - 128)),
        full.but("a signature less than signers", |it| {
            it[bits + 1] = 3;
            it.truncate(end - 64);
        }),
        full.but("a signature more than signers", |it| it[bits] = 7),
        full.but("a bit for no validator", |it| it[bits] |= 0x10),
        full.but("of five validators", |it| it[size + 7] = 5),
        full.but("of more validators than there can be", |it| {
            it[size + 6] = 1;
            it[size + 7] = 1;
        }),
        full.but("a number that is not in its shortest form", |it| {
            let epoch = header.encode_size() + 1;
            it[epoch] = 0x80;
            it.insert(epoch + 1, 0);
        }),
        full.but("cut short", |it| it.truncate(end - 1)),
        full.but("a byte more", |it| it.push(0)),
        Case::new("HeaderAnswer", "the certificate of another block", with(other)),
        Case::new("HeaderAnswer", "the certificate of a larger set", with(five)),
        full,
    ]
}

fn state_answers(story: &Story) -> Vec<Case> {
    let knows = to_bytes(&HandoversAnswer(vec![story.handover()])).to_vec();
    let answer = |what, at: &HeaderAnswer, keys: &[Key], entries: &[Entry]| {
        let answer = StateAnswer { at: at.clone(), entries: entries.to_vec() };
        let (keys, knows) = (keys.to_vec(), knows.clone());
        Case { keys, knows, ..Case::new("StateAnswer", what, to_bytes(&answer)) }
    };
    let [first, last] = &story.proven;
    let split =
        |proven: &[(Key, Entry)]| -> (Vec<Key>, Vec<Entry>) { proven.iter().cloned().unzip() };
    let ((early, of_early), (keys, entries)) = (split(first), split(last));
    let (at_first, at_last) = (story.answer(1, 0), story.answer(9, 0));
    let one = answer("one record", &at_last, &keys[..1], &entries[..1]);
    let head = at_last.encode_size() + 1;
    let mut swapped = entries.clone();
    swapped.swap(0, 3);
    let old = Case { now_ms: BEGIN + 69_001, ..one.but("older than a minute", |_| {}) };
    vec![
        answer("there, absent, and a ledger without records", &at_first, &early, &of_early)
            .turned(),
        answer("several of both ledgers", &at_last, &keys, &entries),
        answer("an absent one", &at_last, &keys[1..2], &entries[1..2]).turned(),
        answer("nothing was asked", &at_last, &[], &[]),
        answer("an entry too few", &at_last, &keys, &entries[1..]),
        answer("an entry too many", &at_last, &keys[1..], &entries),
        answer("entries in another order", &at_last, &keys, &swapped),
        answer("the absence of another key", &at_last, &keys[..1], &entries[1..2]),
        answer("a record of another key", &at_last, &keys[1..2], &entries[..1]),
        answer("the state of an older block", &at_last, &early, &of_early),
        one.but("another record", |it| it[head + 1 + 40] ^= 1),
        one.but("something after the record", |it| it[head + 258] = 1),
        one.but("an entry of another form", |it| it[head] = 2),
        one.but("cut short", |it| it.truncate(it.len() - 1)),
        one.but("a byte more", |it| it.push(0)),
        old.clone(),
        Case { now_ms: BEGIN + 69_000, what: "as old as it may be", ..old },
        one.turned(),
    ]
}

fn inclusions(story: &Story) -> Vec<Case> {
    let case = |what, height: usize, links, in_meeting, index: u32| {
        let block = &story.at(height).block;
        let txs: &[RawTx] = if in_meeting { &block.meeting } else { &block.identity };
        let path = tx_tree(txs).proof(index).unwrap();
        let at = story.answer(height, links);
        let bytes = to_bytes(&InclusionAnswer { at, in_meeting, index, path });
        let tx = Some(TxId(txs[usize::try_from(index).unwrap()].id().0));
        Case { tx, ..Case::new("InclusionAnswer", what, bytes) }
    };
    let knows = to_bytes(&HandoversAnswer(vec![story.handover()])).to_vec();
    let five: Vec<_> = (0..5).map(|index| case("one of five", 2, 0, false, index)).collect();
    let at = story.answer(2, 0).encode_size();
    let (third, other) = (&five[2], five[1].tx);
    let mut cases = vec![
        case("the only one, in an older block", 1, 1, false, 0),
        Case { knows: knows.clone(), ..case("of the meeting ledger", 5, 2, true, 0) }.turned(),
        Case { knows, ..case("of eighty", 6, 0, false, 79) },
        Case { tx: other, ..third.but("another transaction", |_| {}) },
        third.but("in the other ledger", |it| it[at] = 1),
        third.but("in no ledger", |it| it[at] = 2),
        third.but("at another place", |it| it[at + 4] = 3),
        third.but("beyond the last one", |it| it[at + 4] = 5),
        third.but("among fewer", |it| it[at + 8] = 4),
        third.but("among none", |it| it[at + 8] = 0),
        third.but("a sibling less", |it| {
            it[at + 9] -= 1;
            it.truncate(it.len() - 32);
        }),
        third.but("a sibling more", |it| {
            it[at + 9] += 1;
            it.extend([7; 32]);
        }),
        third.but("more siblings than there can be", |it| {
            it[at + 9] = 33;
            it.resize(at + 10 + 33 * 32, 7);
        }),
        third.but("cut short", |it| it.truncate(it.len() - 1)),
        third.but("a byte more", |it| it.push(0)),
        third.clone().turned(),
    ];
    cases.extend(five);
    cases
}

fn handovers(story: &Story) -> Vec<Case> {
    let case = |what, handovers: &[Handover]| {
        Case::new("Handovers", what, to_bytes(&HandoversAnswer(handovers.to_vec())))
    };
    let changed = |what, change: &dyn Fn(&mut Handover)| {
        let mut handover = story.handover();
        change(&mut handover);
        case(what, &[handover])
    };
    let good = story.handover();
    let other = |height: usize, change: fn(&mut Header), by: &[u8]| {
        let mut header = story.at(height).block.header.clone();
        change(&mut header);
        signed(story, header, by)
    };
    let one = case("one step", std::slice::from_ref(&good));
    let keys_at = 1 + good.boundary.encode_size();
    let known = Case {
        knows: one.bytes.clone(),
        ..case("a step that is known", std::slice::from_ref(&good))
    };
    let five = good.keys.clone();
    vec![
        one.clone().turned(),
        known,
        case("none", &[]),
        case("twice the same", &[good.clone(), good.clone()]),
        case("too many", &vec![good; MAX_HANDOVERS + 1]),
        changed("the next set speaks for itself", &|it| it.boundary = other(3, |_| {}, &FIVE)),
        changed("a key is missing", &|it| _ = it.keys.pop()),
        changed("a key stands twice", &|it| it.keys.push(it.keys[0].clone())),
        changed("keys in another order", &|it| it.keys.reverse()),
        changed("another key", &|it| it.keys[0] = five[1].clone()),
        changed("not the last block of an epoch", &|it| {
            it.boundary = other(3, |header| header.height = 2, &FOUNDERS);
        }),
        changed("of another epoch than its height", &|it| {
            it.boundary = other(3, |header| header.round.epoch = 1, &FOUNDERS);
        }),
        changed("nothing changes", &|it| {
            it.boundary =
                other(3, |header| header.next_valset_hash = header.valset_hash, &FOUNDERS);
            it.keys.retain(|key| *key != super::story::public(5));
        }),
        changed("of a set that is not known", &|it| it.boundary = story.answer(7, 0)),
        Case { now_ms: 0, ..one.but("far ahead of the clock", |_| {}) },
        one.but("no keys", |it| {
            it[keys_at] = 0;
            it.truncate(keys_at + 1);
        }),
        one.but("cut short", |it| it.truncate(it.len() - 1)),
        one.but("a byte more", |it| it.push(0)),
    ]
}
