//! Files between members: cut into pieces, each sealed once under a key that only the offer carries
//! (section 10.2 of the protocol).
//!
//! A piece opens at its own place of its own file and nowhere else, so it does not matter on which
//! disk it lay or how often it was asked for. The same bytes are sent again, never a new seal.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use conclave_protocol::{ChainId, MeetingId, MemberIdx, codec::fields, encode};
use zeroize::Zeroizing;

use crate::{
    key::expand,
    wire::{FileId, FileKey},
};

/// Bytes of every piece of a file but the last one.
pub const PIECE: usize = 32 << 10;
const PIECE_LENGTH: u64 = 32 << 10;
/// Bytes that sealing adds to a piece.
pub const PIECE_TAG: usize = 16;
/// Longest file.
pub const MAX_FILE: u64 = 64 << 20;

/// Everything that makes the key of a file unique.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FilePlace {
    /// Network.
    pub chain: ChainId,
    /// Meeting.
    pub mid: MeetingId,
    /// Who offers it.
    pub idx: MemberIdx,
    /// The file.
    pub id: FileId,
    /// Its length in bytes.
    pub size: u64,
}

fields!(FilePlace { chain, mid, idx, id, size });

/// Seals and opens the pieces of one file.
pub struct FileSeal {
    key: LessSafeKey,
    size: u64,
}

impl FileSeal {
    /// For the file at `place`, under the key of its offer. `None` for a file that is empty or
    /// longer than [`MAX_FILE`].
    #[must_use]
    pub fn new(key: &FileKey, place: &FilePlace) -> Option<Self> {
        if place.size == 0 || place.size > MAX_FILE {
            return None;
        }
        let mut derived = Zeroizing::new([0; 32]);
        expand(key.danger_bytes(), &[b"CONCLAVE-V1/file", &encode(place)], derived.as_mut());
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok()?);
        Some(Self { key, size: place.size })
    }

    /// How many pieces there are.
    #[must_use]
    pub fn pieces(&self) -> u32 {
        u32::try_from(self.size.div_ceil(PIECE_LENGTH)).unwrap_or(u32::MAX)
    }

    /// Bytes of piece `piece`; 0 if there is none.
    #[must_use]
    pub fn length(&self, piece: u32) -> usize {
        let left = self.size.saturating_sub(u64::from(piece).saturating_mul(PIECE_LENGTH));
        usize::try_from(left).unwrap_or(usize::MAX).min(PIECE)
    }

    /// Seals piece `piece` in place. Each is sealed once: a piece with other bytes would need
    /// another file. `None` if it has not the length of that piece.
    #[must_use]
    pub fn seal(&self, piece: u32, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        if bytes.is_empty() || bytes.len() != self.length(piece) {
            return None;
        }
        self.key.seal_in_place_append_tag(nonce(piece), Aad::empty(), &mut bytes).ok()?;
        Some(bytes)
    }

    /// Opens piece `piece`; `None` if it is not that piece of this file.
    #[must_use]
    pub fn open(&self, piece: u32, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let length = self.length(piece);
        if length == 0 || sealed.len() != length.checked_add(PIECE_TAG)? {
            return None;
        }
        self.key.open_in_place(nonce(piece), Aad::empty(), &mut sealed).ok()?;
        sealed.truncate(length);
        Some(sealed)
    }
}

impl std::fmt::Debug for FileSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileSeal")
    }
}

/// The number of the piece: the key seals nothing else.
fn nonce(piece: u32) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    if let Some((_, tail)) = nonce.split_last_chunk_mut::<4>() {
        *tail = piece.to_be_bytes();
    }
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(size: u64) -> FilePlace {
        FilePlace {
            chain: ChainId([1; 32]),
            mid: MeetingId([2; 32]),
            idx: MemberIdx(3),
            id: FileId([4; 16]),
            size,
        }
    }

    fn seal(place: &FilePlace) -> FileSeal {
        FileSeal::new(&FileKey::new([9; 32]), place).unwrap()
    }

    #[test]
    fn a_piece_opens_at_its_own_place_and_nowhere_else() {
        const SIZE: u64 = (64 << 10) + 5;
        let file = seal(&place(SIZE));
        assert_eq!(
            (file.pieces(), file.length(1), file.length(2), file.length(3)),
            (3, PIECE, 5, 0)
        );
        let sealed = file.seal(1, vec![7; PIECE]).unwrap();
        assert_eq!(file.open(1, sealed.clone()), Some(vec![7; PIECE]));
        assert_eq!(file.open(0, sealed.clone()), None, "another place");
        for other in [
            FilePlace { chain: ChainId([8; 32]), ..place(SIZE) },
            FilePlace { mid: MeetingId([8; 32]), ..place(SIZE) },
            FilePlace { idx: MemberIdx(8), ..place(SIZE) },
            FilePlace { id: FileId([8; 16]), ..place(SIZE) },
            place(SIZE + 1),
        ] {
            assert_eq!(seal(&other).open(1, sealed.clone()), None, "{other:?}");
        }
        let other = FileSeal::new(&FileKey::new([8; 32]), &place(SIZE)).unwrap();
        assert_eq!(other.open(1, sealed.clone()), None, "another key");
        for at in [0, PIECE, PIECE + PIECE_TAG - 1] {
            let mut turned = sealed.clone();
            turned[at] ^= 1;
            assert_eq!(file.open(1, turned), None);
        }
        assert_eq!(file.open(1, sealed[..PIECE].to_vec()), None);
    }

    #[test]
    fn a_piece_of_another_length_and_an_endless_file_are_refused() {
        let file = seal(&place((32 << 10) + 1));
        assert!(file.seal(0, vec![0; PIECE - 1]).is_none());
        assert!(file.seal(1, vec![0; 1]).is_some());
        assert!(file.seal(2, Vec::new()).is_none());
        for size in [0, MAX_FILE + 1, u64::MAX] {
            assert!(FileSeal::new(&FileKey::new([9; 32]), &place(size)).is_none());
        }
    }
}
