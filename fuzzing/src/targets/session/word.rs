//! Every message that a member may send, made of the fuzzer's bytes and well formed.

use arbitrary::Arbitrary;
use conclave_meeting::{
    evidence::SignedRecord,
    exchange::Ek,
    wire::{
        Ack, Address, Bearer, Bundle, Card, CodeCommit, CodeReveal, Farewell, Gossip, Handover,
        HeaderProof, Nack, Name, PeerMessage, Referral, StreamAnnounce, StreamTail,
    },
};
use conclave_protocol::{
    Context, Digest, Epoch, Height, Key, MeetingRecord, Npk, Record, Seconds, Signer, Term,
    codec::{Blob, Set},
    encode,
    meeting::{Absence, absence_message},
};

use super::{INSIDER, Scene, victim};
use crate::world::MID;

/// What the insider says; it signs what wants a signature.
#[derive(Arbitrary, Debug)]
pub(super) enum Word {
    Absent { idx: bool, at: i8 },
    Ack { epoch: u8, of: [u8; 32] },
    AckNewest,
    Alive(u32),
    Announce { stream: u8, kind: u8 },
    Bearer { other: bool },
    Bye(u8),
    Card { ek: bool, address: Vec<u8> },
    Chat(Vec<u8>),
    Close(u8),
    Commit { epoch: u8, hash: [u8; 32] },
    Gossip { height: u64, header: [u8; 32] },
    Handover { term: u8 },
    HeaderProof { height: u64, answer: Vec<u8> },
    HeaderRequest(u64),
    Keyframe(u8),
    Nack { epoch: u8, stream: u8, ctrs: Vec<u64> },
    Record { change: Change },
    RecordRequest(u32),
    Refer { npk: [u8; 32], address: Vec<u8> },
    Reveal { nonce: [u8; 32] },
    Tail { epoch: u8, stream: u8, end: u64 },
    Usurp { change: Change },
}

/// How the insider's record differs from the leader's newest.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Change {
    epoch: u8,
    term: u8,
    /// It follows the newest one.
    next: bool,
    /// It bears the leader's signature, over what it was.
    genuine: bool,
}

impl Scene {
    /// The message, if there is a key to speak about.
    pub(super) fn word(&self, leader: bool, word: Word) -> Option<PeerMessage> {
        let chain = self.world.ledger.rules().chain_id;
        let (idx, nsk) = (self.world.idx(INSIDER), &self.nsk);
        let (newest, _) = self.world.session(INSIDER).danger_export_keys().pop()?;
        Some(match word {
            Word::Absent { idx: own, at } => {
                let meeting = self.meeting()?;
                let idx = if own { idx } else { self.world.idx(victim(!leader)) };
                let at = Seconds(meeting.last_activity.0.saturating_add_signed(at.into()));
                let message = absence_message(&MID, &meeting, idx, at);
                let sig = nsk.sign(Context::Absent, &chain, &message);
                PeerMessage::Absent(Absence { idx, at, sig })
            }
            Word::Ack { epoch, of } => {
                PeerMessage::Ack(Ack::new(&chain, &MID, Epoch(epoch.into()), Digest(of), nsk))
            }
            Word::AckNewest => {
                PeerMessage::Ack(Ack::new(&chain, &MID, newest.epoch, newest.record, nsk))
            }
            Word::Alive(epoch) => PeerMessage::Alive(Epoch(epoch)),
            Word::Announce { stream, kind } => PeerMessage::StreamAnnounce(StreamAnnounce::new(
                &chain,
                &MID,
                idx,
                stream,
                super::kind(kind),
                nsk,
            )),
            Word::Bearer { other } => {
                let Record::Member(seat) = self.world.ledger.record(&Key::Member(MID, idx))? else {
                    return None;
                };
                let device = &self.world.devices[if other { victim(!leader) } else { INSIDER }];
                let signer = &*self.world.devices[INSIDER].signer;
                let behind = (device.user, device.dev);
                PeerMessage::Bearer(Bearer::new(&chain, &MID, &seat, behind, signer))
            }
            Word::Bye(why) => PeerMessage::Bye(match why % 3 {
                // A member that says it leaves may be taken at its word.
                0 => Farewell::Denied,
                1 => Farewell::Dismissed,
                _ => Farewell::Removed,
            }),
            Word::Card { ek, address } => {
                // The first knock is that of the other member.
                let ek = if ek { self.knock().ek } else { self.own_ek()? };
                let name = Name::new("somebody").ok()?;
                PeerMessage::Card(Card { ek, name, address: Address::new(address).ok()? })
            }
            Word::Chat(sealed) => PeerMessage::Chat(Blob::new(sealed).ok()?),
            Word::Close(stream) => PeerMessage::StreamClose(stream),
            Word::Commit { epoch, hash } => {
                let epoch = if epoch == 0 { newest.epoch } else { Epoch(epoch.into()) };
                let at = (epoch, newest.record);
                PeerMessage::CodeCommit(CodeCommit::new(&chain, &MID, idx, at, Digest(hash), nsk))
            }
            Word::Gossip { height, header } => {
                PeerMessage::Gossip(Gossip { height: Height(height), header: Digest(header) })
            }
            Word::Handover { term } => {
                let meeting = self.meeting()?;
                let term = Term(meeting.term.0.wrapping_add(term.into()));
                let sig = self.world.devices[INSIDER].signer.sign(Context::Handover, &chain, &[]);
                PeerMessage::Handover(Handover { term, sig })
            }
            Word::HeaderProof { height, answer } => PeerMessage::HeaderProof(HeaderProof {
                height: Height(height),
                answer: Blob::new(answer).ok()?,
            }),
            Word::HeaderRequest(height) => PeerMessage::HeaderRequest(Height(height)),
            Word::Keyframe(stream) => PeerMessage::KeyframeRequest(stream),
            Word::Nack { epoch, stream, mut ctrs } => {
                ctrs.truncate(64);
                let ctrs = Set::new(ctrs).unwrap_or_default();
                PeerMessage::Nack(Nack { epoch: Epoch(epoch.into()), stream, ctrs })
            }
            Word::Record { change } => {
                let bundle = self.usurped(leader, change)?;
                PeerMessage::Record(SignedRecord { record: bundle.record, sig: bundle.sig })
            }
            Word::RecordRequest(epoch) => PeerMessage::RecordRequest(Epoch(epoch)),
            Word::Refer { npk, address } => {
                PeerMessage::Refer(Referral { npk: Npk(npk), address: Address::new(address).ok()? })
            }
            Word::Reveal { nonce } => PeerMessage::CodeReveal(CodeReveal {
                epoch: newest.epoch,
                record: newest.record,
                nonce,
            }),
            Word::Tail { epoch, stream, end } => {
                PeerMessage::StreamTail(StreamTail { epoch: Epoch(epoch.into()), stream, end })
            }
            Word::Usurp { change } => PeerMessage::Bundle(self.usurped(leader, change)?),
        })
    }

    /// The leader's newest bundle, changed and signed by the insider as if it led.
    fn usurped(&self, leader: bool, change: Change) -> Option<Bundle> {
        let mut bundle = self.bundle()?;
        bundle.record.epoch.0 += u32::from(change.epoch);
        bundle.record.term.0 += u32::from(change.term);
        if change.next {
            bundle.record.prev = bundle.record.digest();
        }
        bundle.wrap.epoch = bundle.record.epoch;
        bundle.wrap.idx = self.world.idx(victim(leader));
        if !change.genuine {
            let (chain, signer) =
                (self.world.ledger.rules().chain_id, &self.world.devices[INSIDER].signer);
            bundle.sig = signer.sign(Context::Epoch, &chain, &encode(&bundle.record));
        }
        Some(bundle)
    }

    fn meeting(&self) -> Option<MeetingRecord> {
        match self.world.ledger.record(&Key::Meeting(MID))? {
            Record::Meeting(meeting) => Some(meeting),
            _ => None,
        }
    }

    fn own_ek(&self) -> Option<Ek> {
        let idx = self.world.idx(INSIDER);
        self.world.messages.iter().find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Knock(knock)) if knock.idx == idx => Some(knock.ek),
            _ => None,
        })
    }

    fn bundle(&self) -> Option<Bundle> {
        self.world.messages.iter().rev().find_map(|(_, _, bytes)| {
            match PeerMessage::from_bytes(bytes) {
                Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
                _ => None,
            }
        })
    }
}
