//! Whether others see the same ledger and the same records, and what proves that they do not.

use std::collections::BTreeMap;

use conclave_protocol::{Digest, Epoch, EpochRecord, Height, MemberIdx, Npk, Term, codec::Blob};

use super::{
    GOSSIP_EVERY, Session,
    counters::Counters,
    judge::hash_of,
    output::{Alarm, Event},
};
use crate::{
    evidence::{Equivocation, Fork, SignedRecord},
    time::Millis,
    wire::{Gossip, HeaderProof, PeerMessage},
};

/// Verified headers that are remembered.
const HEADERS: usize = 256;
/// Signed records that are remembered; more than may wait for the ledger.
const RECORDS: usize = 48;

/// What this device can hold against what others say.
#[derive(Default)]
pub(super) struct Memory {
    headers: BTreeMap<Height, Digest>,
    records: BTreeMap<(Term, Epoch), SignedRecord>,
    /// Whom this device asked for a proof, of which height, and when.
    asked: BTreeMap<MemberIdx, (Height, Millis)>,
    fork: Option<Fork>,
    equivocation: Option<Equivocation>,
}

/// What the light client says of a header answer another member gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HeaderVerdict {
    /// Both headers of that height are final: these answers prove it.
    Forked(Fork),
    /// It proves no other header than the one this device knows.
    Unproven,
}

impl Session {
    /// Two certificates for one height, once a member showed the other one.
    #[must_use]
    pub const fn fork(&self) -> Option<&Fork> {
        self.memory.fork.as_ref()
    }

    /// Two records for one epoch signed by one leader, once both are here; those of the newest term
    /// in which that happened.
    #[must_use]
    pub const fn equivocation(&self) -> Option<&Equivocation> {
        self.memory.equivocation.as_ref()
    }

    /// Remembers the header of the newest state.
    pub(super) fn remember_header(&mut self) {
        let Some((height, header)) = self.view().map(|view| (view.height, view.header)) else {
            return;
        };
        self.memory.headers.entry(height).or_insert(header);
        while self.memory.headers.len() > HEADERS {
            self.memory.headers.pop_first();
        }
    }

    /// Compares what a member says of a height with what is known here.
    pub(super) fn gossiped(&mut self, npk: Npk, idx: MemberIdx, gossip: Gossip) {
        let Gossip { height, header } = gossip;
        self.event(Event::Gossip { idx, height, header });
        if self.memory.headers.get(&height).is_none_or(|known| *known == header) {
            return;
        }
        let now = self.now;
        let soon = |(_, at): &(Height, Millis)| now.since(*at) < GOSSIP_EVERY;
        if self.memory.asked.get(&idx).is_some_and(soon) {
            return;
        }
        self.memory.asked.insert(idx, (height, now));
        self.event(Event::Alarm(Alarm::HeadersDiffer(idx, height)));
        self.send(npk, &PeerMessage::HeaderRequest(height));
    }

    /// A member wants to see what proves a header; the program keeps the answers.
    pub(super) fn header_requested(&mut self, idx: MemberIdx, height: Height) {
        if self.memory.headers.contains_key(&height) {
            self.event(Event::HeaderWanted { idx, height });
        }
    }

    /// Passes a header answer on to the member that asked for it.
    pub(super) fn show_header(&mut self, idx: MemberIdx, height: Height, answer: Vec<u8>) {
        let npk = self.index.iter().find(|(_, member)| **member == idx).map(|(npk, _)| *npk);
        let answer = Blob::new(answer).unwrap_or_default();
        if let Some(npk) = npk {
            self.send(npk, &PeerMessage::HeaderProof(HeaderProof { height, answer }));
        }
    }

    /// Hands what a member shows to the light client, if this device asked for it.
    pub(super) fn header_shown(&mut self, idx: MemberIdx, proof: HeaderProof) {
        let HeaderProof { height, answer } = proof;
        let asked = self.memory.asked.get(&idx).is_some_and(|(wanted, _)| *wanted == height);
        if asked {
            self.event(Event::HeaderShown { idx, height, answer: answer.into_vec() });
        } else {
            Counters::count(&mut self.counters.bad_messages);
        }
    }

    /// Takes the light client's verdict on what a member showed.
    pub(super) fn header_judged(&mut self, idx: MemberIdx, height: Height, verdict: HeaderVerdict) {
        match verdict {
            HeaderVerdict::Forked(fork) => {
                self.memory.fork.get_or_insert(fork);
                self.event(Event::Alarm(Alarm::LedgerForked(height)));
            }
            HeaderVerdict::Unproven => {
                self.event(Event::Alarm(Alarm::FalseHeader(idx, height)));
            }
        }
    }

    /// Keeps a record whose signature was verified; a second one for its epoch is evidence, or one of
    /// the two is void.
    pub(super) fn note_record(&mut self, signed: SignedRecord) {
        let place = (signed.record.term, signed.record.epoch);
        let late = self.memory.records.contains_key(&place) && !self.is_takeable(&signed.record);
        if late || self.accuse(&signed) {
            return;
        }
        let digest = signed.record.digest();
        let old = self.memory.records.insert(place, signed);
        // What followed the one that it replaces is void as well.
        if old.is_some_and(|old| old.record.digest() != digest) {
            let (term, epoch) = place;
            self.memory.records.retain(|(of, later), _| *of != term || *later <= epoch);
        }
        while self.memory.records.len() > RECORDS {
            self.memory.records.pop_first();
        }
    }

    /// Shows a member the record this device holds where that member holds another one.
    pub(super) fn show_record(&mut self, idx: MemberIdx, epoch: Epoch) {
        let mut newest = self.memory.records.iter().rev();
        let held = newest.find(|((_, of), _)| *of == epoch).map(|(_, signed)| signed.clone());
        let npk = self.index.iter().find(|(_, member)| **member == idx).map(|(npk, _)| *npk);
        if let (Some(npk), Some(held)) = (npk, held) {
            self.send(npk, &PeerMessage::Record(held));
        }
    }

    /// What is remembered of these epochs of one term, both ends among them.
    pub(super) fn signed_from(
        &self,
        term: Term,
        first: Epoch,
        last: Epoch,
    ) -> impl Iterator<Item = &SignedRecord> {
        self.memory.records.range((term, first)..=(term, last)).map(|(_, signed)| signed)
    }

    /// The record of this term and epoch that came first.
    pub(super) fn signed(&self, term: Term, epoch: Epoch) -> Option<&SignedRecord> {
        self.memory.records.get(&(term, epoch))
    }

    /// Keeps the evidence if the leader signed another record for the same epoch without need.
    pub(super) fn accuse(&mut self, second: &SignedRecord) -> bool {
        let place = (second.record.term, second.record.epoch);
        let (Some(first), Some(leader)) = (self.memory.records.get(&place), self.leader_ivk())
        else {
            return false;
        };
        let evidence = Equivocation {
            chain: self.config.chain_id,
            leader,
            first: first.clone(),
            second: second.clone(),
        };
        let (one, two) = (&evidence.first.record, &evidence.second.record);
        // Records of other keys follow each other where a member replaced its own meanwhile.
        let keys = one.roster_hash == two.roster_hash
            || [one, two].into_iter().all(|record| self.has_keys_of(record));
        // Of two that follow different ones the ledger could take one at most: honest leaders sign
        // both where an earlier record was void, and others sign two of that epoch.
        let sound = keys && one.prev == two.prev && self.is_takeable(one) && self.is_takeable(two);
        if !sound || evidence.verify().is_err() {
            return false;
        }
        let (epoch, term) = (evidence.epoch(), evidence.first.record.term);
        let known = self.memory.equivocation.as_ref().map(|known| known.first.record.term);
        if known.is_none_or(|known| known < term) {
            self.memory.equivocation = Some(evidence);
            self.event(Event::Alarm(Alarm::LeaderEquivocated(epoch)));
        }
        true
    }

    /// Whether whoever leads now is proven to have signed two records of one epoch.
    pub(super) fn is_betrayed(&self) -> bool {
        let term = self.view().and_then(|view| view.meeting.as_ref()).map(|meeting| meeting.term);
        let proven = self.memory.equivocation.as_ref().map(|proven| proven.first.record.term);
        proven.is_some_and(|proven| Some(proven) == term)
    }

    /// Whether a record names the keys that the ledger has of its members.
    fn has_keys_of(&self, record: &EpochRecord) -> bool {
        let hash = self.view().and_then(|view| hash_of(view, record.roster.iter()));
        hash == Some(record.roster_hash)
    }

    fn leader_ivk(&self) -> Option<conclave_protocol::Ivk> {
        let view = self.view()?;
        Some(view.members.get(&view.meeting.as_ref()?.leader)?.member.ivk)
    }
}
