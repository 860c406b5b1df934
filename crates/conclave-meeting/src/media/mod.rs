//! Protected media: what happens to a packet between the browser and the link.
//!
//! The plaintext is bytes that only the two browsers' sides read. In this order: [`Kid`] names the key, [`Sealer`] and [`Opener`]
//! protect it (RFC 9605), [`ReplayWindow`] refuses a second copy, [`split`] and [`Reassembler`]
//! fit it to one hop, [`SentCache`] and [`GapTracker`] repair what a hop lost.

mod fragment;
mod header;
mod repair;
mod replay;
mod sframe;

pub use fragment::{FragmentError, Reassembler, split};
pub use header::{Header, HeaderError, Kid, MAX_HEADER, StreamNo};
pub use repair::{GapTracker, PacketId, SentCache};
pub use replay::ReplayWindow;
pub use sframe::{MAX_SEALED, Metadata, OpenError, Opener, SealError, Sealer, TAG};
