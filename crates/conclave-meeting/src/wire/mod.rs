//! Everything members say to each other over the reliable channel, in canonical bytes.
//!
//! The channel proves the sender's NPK; what must be believed later or by others is signed too.

mod bearer;
mod check;
mod file;
mod signal;

use conclave_protocol::{
    ChainId, Context, DecodeError, Digest, Ed25519Signer, Epoch, EpochRecord, Height, Ivk,
    MeetingId, MeetingRequest, MemberIdx, Npk, Signature, Signer, Term,
    codec::{Blob, List, Set, Text, fields, tags, variants},
    decode, encode,
    meeting::Absence,
    signed::{self, BadSignature},
};

pub use bearer::Bearer;
pub use check::{CodeCommit, CodeReveal, HeaderProof};
pub use file::{FileId, FileKey, FileName, FileOffer, Piece, PieceRequest, SealedPiece};
pub use signal::{Ask, Favour, Reaction, Recording, Signal};

use crate::{
    evidence::SignedRecord,
    exchange::{Ek, EncMk, KemCt},
    key::StreamKind,
};

/// Longest encoded message: a bundle with the addresses of 256 members stays below it.
pub const MAX_MESSAGE: usize = 256 << 10;
/// Longest address of a device, opaque to this crate.
pub const MAX_ADDRESS: usize = 512;
/// Most counters in one [`Nack`].
pub const MAX_NACK: usize = 64;

/// How to reach a device: bytes that only the link layer understands.
pub type Address = Blob<MAX_ADDRESS>;
/// The name a device gives itself.
pub type Name = Text<64>;

/// One message from one member to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PeerMessage {
    /// The sender does not hear the leader.
    Absent(Absence),
    /// The sender holds the key of this record.
    Ack(Ack),
    /// The sender is there, and this is the newest epoch it holds the key of.
    Alive(Epoch),
    /// From the leader: record, wrapped key and where the others are.
    Bundle(Bundle),
    /// The sender goes, or the leader sends the receiver away.
    Bye(Farewell),
    /// Keys and address of the sender, should the receiver come to lead.
    Card(Card),
    /// In a sealed meeting: who the sender is.
    Bearer(Bearer),
    /// The sender's commitment to its part of the short code.
    CodeCommit(CodeCommit),
    /// The sender's part of the short code.
    CodeReveal(CodeReveal),
    /// A chat line, sealed under the sender's chat stream.
    Chat(Blob<1_400>),
    /// The newest header the sender verified.
    Gossip(Gossip),
    /// From the leader: the receiver may take the chair.
    Handover(Handover),
    /// The header answer that proves what the sender said about a height.
    HeaderProof(HeaderProof),
    /// The sender asks what proves the header the receiver told of this height.
    HeaderRequest(Height),
    /// The receiver of that stream of the addressee needs a keyframe.
    KeyframeRequest(u8),
    /// A guest's first words to the leader.
    Knock(Knock),
    /// Packets that did not arrive.
    Nack(Nack),
    /// A piece of a file.
    Piece(Piece),
    /// A piece of a file that the sender lacks.
    PieceRequest(PieceRequest),
    /// The record the sender holds of an epoch, as the leader signed it.
    Record(SignedRecord),
    /// The sender lacks the key of this epoch.
    RecordRequest(Epoch),
    /// To a guest: who leads, and where.
    Refer(Referral),
    /// A [`Signal`], sealed under the sender's chat stream.
    Signal(Blob<1_400>),
    /// A stream begins.
    StreamAnnounce(StreamAnnounce),
    /// That stream of the sender is over.
    StreamClose(u8),
    /// How many packets a stream had in an epoch that is over.
    StreamTail(StreamTail),
}

variants!(PeerMessage {
    0 => Knock(knock: Knock),
    1 => Bundle(bundle: Bundle),
    2 => Ack(ack: Ack),
    3 => RecordRequest(epoch: Epoch),
    4 => StreamAnnounce(announce: StreamAnnounce),
    5 => StreamClose(stream: u8),
    6 => StreamTail(tail: StreamTail),
    7 => Chat(sealed: Blob<1_400>),
    8 => Nack(nack: Nack),
    9 => KeyframeRequest(stream: u8),
    10 => Gossip(gossip: Gossip),
    11 => Bye(farewell: Farewell),
    12 => CodeCommit(commit: CodeCommit),
    13 => CodeReveal(reveal: CodeReveal),
    14 => HeaderRequest(height: Height),
    15 => HeaderProof(proof: HeaderProof),
    16 => Record(record: SignedRecord),
    20 => Alive(epoch: Epoch),
    21 => Card(card: Card),
    22 => Absent(absence: Absence),
    23 => Handover(handover: Handover),
    24 => Refer(referral: Referral),
    25 => Bearer(bearer: Bearer),
    26 => Signal(sealed: Blob<1_400>),
    27 => PieceRequest(request: PieceRequest),
    28 => Piece(piece: Piece),
});

impl PeerMessage {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one message of at most [`MAX_MESSAGE`] bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything but the canonical bytes of one message.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        decode(bytes)
    }
}

/// What a guest shows the leader beside its request on the ledger.
///
/// # Deviations
/// The ledger keeps a request's content, not its signature, so the device signs the same content
/// again for the leader: step 3 of section 7 is checked here and not only by the validators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Knock {
    /// Index the ledger gave to the request.
    pub idx: MemberIdx,
    /// The encapsulation key whose hash the ledger holds.
    pub ek: Ek,
    /// Proof of the invite, see [`InviteSecret::tag`](conclave_protocol::invite::InviteSecret::tag).
    pub invite: [u8; 32],
    /// The name the guest goes by.
    pub name: Name,
    /// Opens a user info that is only committed to on the ledger.
    pub opening: Option<Opening>,
    /// Where the guest can be reached.
    pub address: Address,
    /// The device's signature over [`knock_body`](Self::body).
    pub sig: Signature,
}

fields!(Knock { idx, ek, invite, name, opening, address, sig });

impl Knock {
    /// What the signature covers: the request as it stands on the ledger, and this knock.
    #[must_use]
    pub fn body(&self, request: &MeetingRequest) -> Vec<u8> {
        let mut body = encode(request);
        body.extend(encode(&self.idx));
        body.extend(self.invite);
        body.extend(encode(&self.name));
        body.extend(encode(&self.address));
        body
    }

    /// Checks the signature of the device with key `ivk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(
        &self,
        chain: &ChainId,
        ivk: Ivk,
        request: &MeetingRequest,
    ) -> Result<(), BadSignature> {
        signed::verify(ivk, Context::Knock, chain, &self.body(request), &self.sig)
    }
}

/// What a member needs of another one to lead it: what a knock told the first leader.
///
/// The link proves who sent it, and the ledger holds the hash of `ek`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Card {
    /// The encapsulation key whose hash the ledger holds.
    pub ek: Ek,
    /// The name the member goes by.
    pub name: Name,
    /// Where the member can be reached.
    pub address: Address,
}

fields!(Card { ek, name, address });

/// Where the leader is, from a member that an invite names and that does not lead any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Referral {
    /// The leader's transport key; the guest holds it against the ledger.
    pub npk: Npk,
    /// Where it can be reached.
    pub address: Address,
}

fields!(Referral { npk, address });

/// The leader's word that the receiver shall lead (equation 21).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handover {
    /// The term that ends.
    pub term: Term,
    /// By the leader's identity key, over
    /// [`handover_message`](conclave_protocol::LeaderReassign::handover_message) of the claim that
    /// the receiver makes with the keys the ledger has of it.
    pub sig: Signature,
}

fields!(Handover { term, sig });

/// The text and the random value behind a committed user info (equation 4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// Number of the change that set the info; part of the commitment.
    pub seq: u32,
    /// Random value.
    pub r: [u8; 32],
    /// Text.
    pub text: Text<1_024>,
}

fields!(Opening { seq, r, text });

/// One epoch for one member: section 8 of the protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    /// What stands on the ledger, or soon will.
    pub record: EpochRecord,
    /// The leader's identity key over the record, context `epoch`.
    pub sig: Signature,
    /// The key for the member it is sent to.
    pub wrap: Wrap,
    /// The others.
    pub book: List<Entry, 256>,
}

fields!(Bundle { record, sig, wrap, book });

impl Bundle {
    /// Checks the leader's signature over the record.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(&self, chain: &ChainId, leader: Ivk) -> Result<(), BadSignature> {
        signed::verify(leader, Context::Epoch, chain, &encode(&self.record), &self.sig)
    }
}

/// MK for one member and one epoch: 87 bytes, or 1,175 with a fresh exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wrap {
    /// Meeting.
    pub mid: MeetingId,
    /// Epoch.
    pub epoch: Epoch,
    /// For whom.
    pub idx: MemberIdx,
    /// Starts a new chain.
    pub kem_ct: Option<KemCt>,
    /// The wrapped key.
    pub enc_mk: EncMk,
}

fields!(Wrap { mid, epoch, idx, kem_ct, enc_mk });

/// One line of the leader's address book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Who.
    pub idx: MemberIdx,
    /// The name the member gave to the leader.
    pub name: Name,
    /// Where.
    pub address: Address,
}

fields!(Entry { idx, name, address });

/// A member's receipt of a record: it holds the key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ack {
    /// Epoch of the record.
    pub epoch: Epoch,
    /// Its hash.
    pub record: Digest,
    /// The member's transport key over meeting, epoch and hash, context `ack`.
    pub sig: Signature,
}

fields!(Ack { epoch, record, sig });

impl Ack {
    /// A signed receipt.
    #[must_use]
    pub fn new(
        chain: &ChainId,
        mid: &MeetingId,
        epoch: Epoch,
        record: Digest,
        nsk: &Ed25519Signer,
    ) -> Self {
        let sig = nsk.sign(Context::Ack, chain, &Self::body(mid, epoch, &record));
        Self { epoch, record, sig }
    }

    /// Checks the signature of the member with transport key `npk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(&self, chain: &ChainId, mid: &MeetingId, npk: Npk) -> Result<(), BadSignature> {
        let body = Self::body(mid, self.epoch, &self.record);
        signed::verify(npk, Context::Ack, chain, &body, &self.sig)
    }

    fn body(mid: &MeetingId, epoch: Epoch, record: &Digest) -> Vec<u8> {
        [encode(mid), encode(&epoch), encode(record)].concat()
    }
}

/// A stream begins; what comes under an unannounced number is dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamAnnounce {
    /// Number of the stream, 1 to 63.
    pub stream: u8,
    /// What it carries.
    pub kind: StreamKind,
    /// The member's transport key over meeting, index, number and kind, context `stream`.
    pub sig: Signature,
}

fields!(StreamAnnounce { stream, kind, sig });

impl StreamAnnounce {
    /// A signed announcement of member `idx`.
    #[must_use]
    pub fn new(
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        stream: u8,
        kind: StreamKind,
        nsk: &Ed25519Signer,
    ) -> Self {
        let sig = nsk.sign(Context::Stream, chain, &Self::body(mid, idx, stream, kind));
        Self { stream, kind, sig }
    }

    /// Checks the signature of member `idx` with transport key `npk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(
        &self,
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        npk: Npk,
    ) -> Result<(), BadSignature> {
        let body = Self::body(mid, idx, self.stream, self.kind);
        signed::verify(npk, Context::Stream, chain, &body, &self.sig)
    }

    fn body(mid: &MeetingId, idx: MemberIdx, stream: u8, kind: StreamKind) -> Vec<u8> {
        [encode(mid), encode(&idx), vec![stream], encode(&kind)].concat()
    }
}

/// How many packets a stream had in an epoch, so that a lost last one is noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamTail {
    /// Epoch.
    pub epoch: Epoch,
    /// Stream.
    pub stream: u8,
    /// One past the last counter.
    pub end: u64,
}

fields!(StreamTail { epoch, stream, end });

/// Packets of one stream and epoch that did not arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nack {
    /// Epoch.
    pub epoch: Epoch,
    /// Stream.
    pub stream: u8,
    /// Their counters.
    pub ctrs: Set<u64, MAX_NACK>,
}

fields!(Nack { epoch, stream, ctrs });

/// The newest header a member verified: differing hashes at one height prove a fork.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gossip {
    /// Height.
    pub height: Height,
    /// Hash of the header.
    pub header: Digest,
}

fields!(Gossip { height, header });

/// Why a link ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Farewell {
    /// The leader does not admit the guest.
    Denied,
    /// The leader ended the meeting.
    Dismissed,
    /// The sender leaves.
    Leaving,
    /// The leader removed the receiver.
    Removed,
}

tags!(Farewell { 0 => Leaving, 1 => Denied, 2 => Removed, 3 => Dismissed });

#[cfg(test)]
mod tests;
