//! What the fuzzer does with bytes: one module and one function per target, [`TARGETS`] is the list.
//!
//! A test of `conclave-meeting` includes this folder and replays the corpus through it, so nothing
//! in it may need the fuzzer.

mod apply;
mod bytes;
mod fragment;
mod session;
mod sframe;
pub(crate) mod values;

use std::fmt::Debug;

use conclave_protocol::{
    codec::{EncodeSize, Read, Write},
    decode, encode,
};

/// What one target does with bytes. It panics if they break a property.
pub(crate) type Target = fn(&[u8]);

/// Every target but those over the consensus engine.
pub(crate) const TARGETS: [(&str, Target); 11] = [
    ("apply", apply::run),
    ("evidence", bytes::evidence),
    ("fragment", fragment::run),
    ("header", bytes::header),
    ("link", bytes::link),
    ("session", session::run),
    ("sframe", sframe::run),
    ("signal", bytes::signal),
    ("tx", bytes::tx),
    ("value", values::run),
    ("wire", bytes::wire),
];

/// Whatever decodes encodes to the same bytes, in the size it says, and decodes to the same value;
/// one byte less or more is refused.
pub(crate) fn canonical<T>(bytes: &[u8]) -> Option<T>
where
    T: Read<Cfg = ()> + Write + EncodeSize + Debug,
{
    let value: T = decode(bytes).ok()?;
    let again = encode(&value);
    assert_eq!(again, bytes, "{value:?} has two encodings");
    assert_eq!(value.encode_size(), bytes.len(), "{value:?} says another size");
    assert!(decode::<T>(&[bytes, &[0]].concat()).is_err(), "{value:?} takes a trailing byte");
    if let Some((_, shorter)) = bytes.split_last() {
        assert!(decode::<T>(shorter).is_err(), "{value:?} needs no last byte");
    }
    Some(value)
}
