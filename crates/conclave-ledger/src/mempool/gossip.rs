//! Transactions between validators: batches of raw transactions, never trusted, never passed on.
//!
//! Every validator talks to every other, so only what was submitted here is sent; what waits for
//! long is sent again, because a message may be lost.

use bytes::BufMut;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, RangeCfg, Read, Write};

use crate::block::RawTx;

/// Most transactions in one message.
pub(crate) const MAX_BATCH: usize = 256;

/// Transaction bytes after which a message is sent without waiting for more.
pub(crate) const FULL_BATCH: usize = 64 << 10;

/// One message of the mempool channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Batch(pub(crate) Vec<RawTx>);

impl Write for Batch {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for Batch {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for Batch {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Vec::<RawTx>::read_cfg(buf, &(RangeCfg::new(1..=MAX_BATCH), ())).map(Self)
    }
}
