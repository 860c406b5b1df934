//! The keys of a meeting: MK, and the stream keys made from it (equation 18 of the paper).

use std::fmt;

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, Prk},
    hmac,
};
use conclave_protocol::{
    ChainId, DeviceId, Digest, Epoch, MeetingId, MemberIdx, Term,
    codec::{encode, fields, tags},
};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::media::{Kid, Metadata, StreamNo};

/// Starts every [`StreamId`], so that no other HMAC under MK has the same input.
const STREAM_LABEL: [u8; 18] = *b"CONCLAVE-V1/stream";

/// The key MK of one epoch: 32 bytes from the random source of the leader.
///
/// It is never derived from the one before, so whoever holds an old one learns nothing about it.
///
/// The bytes stay in one place from birth to erasure: moving the key moves a pointer, and leaves no
/// copy behind on a stack.
pub struct MeetingKey(Box<[u8; 32]>);

impl Drop for MeetingKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for MeetingKey {}

impl MeetingKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self(Box::new([0; 32]));
        rng.fill_bytes(key.0.as_mut());
        key
    }

    /// A key read from the record of a demonstration. Keys of real meetings come from
    /// [`generate`](Self::generate) or out of a wrap.
    #[must_use]
    pub fn danger_from_bytes(bytes: [u8; 32]) -> Self {
        Self(Box::new(bytes))
    }

    /// The key itself, for the record of a demonstration: whoever has it reads the epoch.
    #[must_use]
    pub fn danger_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Self(Box::new([0; 32]));
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one stream: `HMAC-SHA-256(MK, StreamID)`, equation 18.
    #[must_use]
    pub fn stream_key(&self, stream: &StreamId) -> StreamKey {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&key, &encode(stream)).as_ref());
        let stream_key = StreamKey(out);
        out.zeroize();
        stream_key
    }

    /// The value that binds this key to its epoch on the ledger:
    /// `HMAC-SHA-256(HKDF-Expand(MK, "commit", 32), mid, term, epoch, roster_hash, prev)`.
    ///
    /// AES-GCM commits to no key; this does, so a leader cannot give two members two keys.
    #[must_use]
    pub fn commit(&self, place: &Commitment) -> Digest {
        let mut key = Zeroizing::new([0; 32]);
        expand(self.0.as_slice(), &[b"commit"], key.as_mut());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), &encode(place));
        let mut out = Digest::default();
        out.0.copy_from_slice(tag.as_ref());
        out
    }

    /// What members put into the epoch code: `HKDF-Expand(MK, "code", 32)` (section 14).
    #[must_use]
    pub fn code_part(&self) -> Zeroizing<[u8; 32]> {
        let mut part = Zeroizing::new([0; 32]);
        expand(self.0.as_slice(), &[b"code"], part.as_mut());
        part
    }

    /// Whether this key is the one behind `commit`, in constant time.
    #[must_use]
    pub fn matches(&self, place: &Commitment, commit: &Digest) -> bool {
        self.commit(place).0.ct_eq(&commit.0).into()
    }
}

impl fmt::Debug for MeetingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeetingKey")
    }
}

/// What a commitment to MK is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Commitment {
    /// Meeting.
    pub mid: MeetingId,
    /// Generation of the leader.
    pub term: Term,
    /// Generation of the key.
    pub epoch: Epoch,
    /// Hash of everyone who gets the key.
    pub roster_hash: Digest,
    /// Hash of the record before.
    pub prev: Digest,
}

fields!(Commitment { mid, term, epoch, roster_hash, prev });

/// What a stream carries.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum StreamKind {
    /// Text of the chat.
    Chat,
    /// Microphone.
    Audio,
    /// Camera.
    Video,
    /// Screen.
    Screen,
    /// Sound of the screen.
    ScreenAudio,
}

tags!(StreamKind { 0 => Chat, 1 => Audio, 2 => Video, 3 => Screen, 4 => ScreenAudio });

impl StreamKind {
    /// Whether its decoder needs a keyframe to begin.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Video | Self::Screen)
    }
}

/// Everything that makes a stream key unique, in the order of section 10 of the protocol.
///
/// `record` separates members who saw different epoch records: they cannot hear each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamId {
    label: [u8; 18],
    chain: ChainId,
    mid: MeetingId,
    epoch: Epoch,
    record: Digest,
    dev: DeviceId,
    idx: MemberIdx,
    stream: u8,
    kind: StreamKind,
}

fields!(StreamId { label, chain, mid, epoch, record, dev, idx, stream, kind });

/// The part of a [`StreamId`] that all streams of an epoch share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EpochId {
    /// Network.
    pub chain: ChainId,
    /// Meeting.
    pub mid: MeetingId,
    /// Generation of the key.
    pub epoch: Epoch,
    /// Hash of its record.
    pub record: Digest,
}

impl EpochId {
    /// The id of stream `stream` of member `idx`, whose device is `dev`.
    #[must_use]
    pub const fn stream(
        &self,
        dev: DeviceId,
        idx: MemberIdx,
        stream: StreamNo,
        kind: StreamKind,
    ) -> StreamId {
        StreamId {
            label: STREAM_LABEL,
            chain: self.chain,
            mid: self.mid,
            epoch: self.epoch,
            record: self.record,
            dev,
            idx,
            stream: stream.value(),
            kind,
        }
    }

    /// The key id of that stream.
    #[must_use]
    pub fn kid(&self, idx: MemberIdx, stream: StreamNo) -> Kid {
        let [.., epoch] = self.epoch.0.to_be_bytes();
        Kid { idx: idx.0, stream, epoch }
    }
}

/// The associated data of every packet of a meeting: `SHA-256(mid)[0..16]`.
#[must_use]
pub fn metadata(mid: &MeetingId) -> Metadata {
    let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = Digest::of(&[&mid.0]).0;
    head
}

/// The base key of one stream in one epoch, 32 bytes; consumed by the sealer or opener made of it.
#[derive(ZeroizeOnDrop)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    #[cfg(test)]
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey")
    }
}

/// HKDF-Expand with SHA-256 (RFC 5869, section 2.3) into 12 or 32 bytes.
pub(crate) fn expand(prk: &[u8], info: &[&[u8]], out: &mut [u8]) {
    struct Length(usize);
    impl aws_lc_rs::hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let prk = Prk::new_less_safe(HKDF_SHA256, prk);
    #[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8,160 bytes")]
    prk.expand(info, Length(out.len())).and_then(|okm| okm.fill(out)).expect("at most 32 bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(epoch: u32, idx: u16, stream: u8) -> StreamId {
        let id = EpochId {
            chain: ChainId([1; 32]),
            mid: MeetingId([2; 32]),
            epoch: Epoch(epoch),
            record: Digest([3; 32]),
        };
        let stream = StreamNo::new(stream).unwrap();
        id.stream(DeviceId([4; 32]), MemberIdx(idx), stream, StreamKind::Video)
    }

    #[test]
    fn every_part_of_a_stream_id_changes_the_key() {
        let key = MeetingKey::danger_from_bytes([9; 32]);
        let base = *key.stream_key(&stream(1, 1, 1)).as_bytes();
        for other in [stream(2, 1, 1), stream(1, 2, 1), stream(1, 1, 2)] {
            assert_ne!(&base, key.stream_key(&other).as_bytes());
        }
        assert_ne!(
            &base,
            MeetingKey::danger_from_bytes([8; 32]).stream_key(&stream(1, 1, 1)).as_bytes()
        );
    }

    #[test]
    fn a_commitment_holds_for_one_key_and_one_place() {
        let place = Commitment {
            mid: MeetingId([1; 32]),
            term: Term(1),
            epoch: Epoch(2),
            roster_hash: Digest([3; 32]),
            prev: Digest([4; 32]),
        };
        let commit = MeetingKey::danger_from_bytes([9; 32]).commit(&place);
        assert!(MeetingKey::danger_from_bytes([9; 32]).matches(&place, &commit));
        assert!(!MeetingKey::danger_from_bytes([8; 32]).matches(&place, &commit));
        assert!(
            !MeetingKey::danger_from_bytes([9; 32])
                .matches(&Commitment { epoch: Epoch(3), ..place }, &commit)
        );
    }

    #[test]
    fn no_key_shows_its_bytes() {
        assert_eq!(format!("{:?}", MeetingKey::danger_from_bytes([9; 32])), "MeetingKey");
        assert_eq!(format!("{:?}", StreamKey([9; 32])), "StreamKey");
    }

    #[test]
    fn no_key_of_a_file_shows_its_bytes() {
        assert_eq!(format!("{:?}", crate::wire::FileKey::new([9; 32])), "FileKey");
    }
}
