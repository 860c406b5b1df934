//! The digest of every header so far, to compare anchors with: on disk, because a ledger may have
//! more blocks than memory holds.

use commonware_cryptography::sha256::Digest;
use commonware_runtime::{Blob as _, Error, ReadOptions, Storage, WriteOptions};

/// Digests that are held back before they are written.
const HELD: usize = 1 << 12;

/// Bytes of a digest.
const WIDTH: usize = 32;

/// Digests by height, from 0 on.
pub(super) struct Headers<S: Storage> {
    blob: S::Blob,
    written: u64,
    held: Vec<Digest>,
}

impl<S: Storage> Headers<S> {
    /// None yet.
    pub(super) async fn open(storage: &S) -> Result<Self, Error> {
        let (blob, _) = storage.open("audit-headers", b"digests").await?;
        Ok(Self { blob, written: 0, held: Vec::with_capacity(HELD) })
    }

    /// Takes the digest of the next height.
    pub(super) async fn push(&mut self, digest: Digest) -> Result<(), Error> {
        self.held.push(digest);
        if self.held.len() >= HELD {
            let bytes: Vec<u8> = self.held.iter().flat_map(|digest| digest.0).collect();
            self.blob
                .write_at(self.written.saturating_mul(WIDTH as u64), bytes, WriteOptions::default())
                .await?;
            self.written = self.written.saturating_add(self.held.len() as u64);
            self.held.clear();
        }
        Ok(())
    }

    /// The digest of a height, if it was reached.
    pub(super) async fn get(&self, height: u64) -> Result<Option<Digest>, Error> {
        if let Some(place) = height.checked_sub(self.written) {
            let held = usize::try_from(place).ok().and_then(|place| self.held.get(place));
            return Ok(held.copied());
        }
        let offset = height.saturating_mul(WIDTH as u64);
        let bytes = self.blob.read_at(offset, WIDTH, ReadOptions::default()).await?.coalesce();
        Ok(<[u8; WIDTH]>::try_from(bytes.as_ref()).ok().map(Digest))
    }
}
