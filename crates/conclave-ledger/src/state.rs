//! The authenticated state of one ledger: its database, the fixed-width slot, and its proofs.

use commonware_cryptography::{Sha256, sha256::Digest};
use commonware_glue::stateful::db::{DatabaseSet, Shared};
use commonware_parallel::Sequential;
use commonware_storage::{
    mmb,
    qmdb::{
        any::{ordered::fixed::Operation as AnyOperation, value::FixedEncoding},
        current::ordered::{
            fixed,
            proof::constant::{ExclusionProof, KeyValueProof},
        },
        sync::Target,
    },
    translator::EightCap,
};
use commonware_utils::sequence::FixedBytes;
use conclave_protocol::{Key, Ledger, Record, decode, encode, state::MAX_RECORD};

/// Bytes of a slot: the record's length and the longest record.
pub(crate) const SLOT: usize = 2 + MAX_RECORD;

/// Bytes of one chunk of the activity bitmap.
const CHUNK: usize = 32;

/// Most digests one proof carries: far more than a log of 2^62 operations needs.
pub(crate) const MAX_PROOF_DIGESTS: usize = 192;

/// The tree under the state: an append-only Merkle structure made for proofs of recent operations.
pub(crate) type Family = mmb::Family;

/// What the state stores under each key: records have different lengths, state sync needs one.
pub(crate) type Slot = FixedBytes<SLOT>;

/// One entry of the operations log, as state sync transfers it.
pub(crate) type Operation = AnyOperation<Family, Digest, Slot>;

/// One ledger's state on disk.
pub(crate) type Db<E> = fixed::Db<Family, E, Digest, Slot, Sha256, EightCap, CHUNK, Sequential>;

/// Both ledgers: identity, then meeting.
pub(crate) type Databases<E> = (Shared<Db<E>>, Shared<Db<E>>);

/// A batch of reads and writes on top of a block's parent.
pub(crate) type Batches<E> = <Databases<E> as DatabaseSet<E>>::Unmerkleized;

/// The result of executing a block, not yet on disk.
pub(crate) type Executed<E> = <Databases<E> as DatabaseSet<E>>::Merkleized;

/// What a late validator synchronises one ledger to.
pub(crate) type SyncTarget = Target<Family, Digest>;

/// Proof that a key holds a slot.
pub(crate) type PresenceProof = KeyValueProof<Family, Digest, Digest, CHUNK>;

/// Proof that a key holds nothing.
pub(crate) type AbsenceProof = ExclusionProof<Family, Digest, FixedEncoding<Slot>, Digest, CHUNK>;

/// Whether `proof` shows that `key` holds `slot` in the state with this root.
pub(crate) fn holds(proof: &PresenceProof, key: Digest, slot: Slot, root: &Digest) -> bool {
    proof.verify::<Sha256, FixedEncoding<Slot>>(key, slot, root)
}

/// Whether `proof` shows that `key` holds nothing in the state with this root.
pub(crate) fn lacks(proof: &AbsenceProof, key: Digest, root: &Digest) -> bool {
    proof.verify::<Sha256>(&key, root)
}

/// Where a key of the rules lies in the state.
pub(crate) fn state_key(key: &Key) -> (Ledger, Digest) {
    (key.ledger(), Digest(key.digest().0))
}

/// Packs a record: length, bytes, zeros. `None` if it is longer than a slot.
pub(crate) fn pack(record: &Record) -> Option<Slot> {
    let bytes = encode(record);
    let mut slot = [0; SLOT];
    let length = u16::try_from(bytes.len()).ok()?;
    let (head, body) = slot.split_at_mut(2);
    head.copy_from_slice(&length.to_be_bytes());
    body.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    Some(Slot::new(slot))
}

/// Unpacks a record; `None` unless the slot is exactly what [`pack`] makes of it.
pub(crate) fn unpack(slot: &Slot) -> Option<Record> {
    let (head, body) = slot.as_ref().split_at_checked(2)?;
    let length = usize::from(u16::from_be_bytes(head.try_into().ok()?));
    let (bytes, rest) = body.split_at_checked(length)?;
    if rest.iter().any(|byte| *byte != 0) {
        return None;
    }
    decode(bytes).ok()
}
