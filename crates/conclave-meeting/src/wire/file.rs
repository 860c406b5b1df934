//! Offers of files, and their pieces on the way (section 10.2).

use conclave_protocol::codec::{Blob, Text, fields, newtype};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use crate::file::{PIECE, PIECE_TAG};

/// Longest name of a file.
pub type FileName = Text<255>;
/// One sealed piece.
pub type SealedPiece = Blob<{ PIECE + PIECE_TAG }>;

/// Names one file of a meeting: random.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FileId(pub [u8; 16]);

newtype!(FileId([u8; 16]));

/// The key of one file: 32 random bytes, in memory and inside sealed offers only. An offer is
/// cloned and compared, so this is, too, in constant time; every copy is erased.
#[derive(Clone, ZeroizeOnDrop)]
pub struct FileKey([u8; 32]);

impl FileKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// A key from bytes of a random source.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the derivation of what seals.
    #[must_use]
    pub const fn danger_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

newtype!(FileKey([u8; 32]));

impl PartialEq for FileKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for FileKey {}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey")
    }
}

/// A file that the sender has for those who are in now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileOffer {
    /// The file.
    pub id: FileId,
    /// What its pieces are sealed under.
    pub key: FileKey,
    /// Its length: 1 to [`MAX_FILE`](crate::file::MAX_FILE) bytes.
    pub size: u64,
    /// What it is called: as hostile as everything that is said.
    pub name: FileName,
}

fields!(FileOffer { id, key, size, name });

/// The sender of this lacks a piece.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PieceRequest {
    /// The file.
    pub id: FileId,
    /// Number of the piece, from 0.
    pub piece: u32,
}

fields!(PieceRequest { id, piece });

/// One piece, sealed when the file was offered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// The file.
    pub id: FileId,
    /// Number of the piece, from 0.
    pub piece: u32,
    /// See [`FileSeal`](crate::file::FileSeal).
    pub sealed: SealedPiece,
}

fields!(Piece { id, piece, sealed });
