//! Messages on a stream: a length of four bytes, big endian, and the message.

use bytes::Bytes;
use iroh::endpoint::{ReadExactError, RecvStream, SendStream, WriteError};
use thiserror::Error;

/// The bytes of the length before each message.
pub(super) const HEADER: usize = 4;

/// Reads the length of the next message; `None` where the peer has finished its stream.
pub(super) async fn read_len(
    recv: &mut RecvStream,
    max: usize,
) -> Result<Option<usize>, ReadError> {
    let mut header = [0; HEADER];
    match recv.read_exact(&mut header).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(_) => return Err(ReadError::Lost),
    }
    // A length that does not fit is above the maximum too.
    let len = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if len > max { Err(ReadError::TooLarge) } else { Ok(Some(len)) }
}

/// Reads the message after its length.
pub(super) async fn read_body(recv: &mut RecvStream, len: usize) -> Result<Bytes, ReadError> {
    let mut body = vec![0; len];
    recv.read_exact(&mut body).await.map_err(|_| ReadError::Lost)?;
    Ok(body.into())
}

/// Writes one message, of at most `u32::MAX` bytes.
pub(super) async fn write(send: &mut SendStream, body: Bytes) -> Result<(), WriteError> {
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let header = Bytes::copy_from_slice(&len.to_be_bytes());
    send.write_all_chunks(&mut [header, body]).await
}

/// Reads the empty message by which each end says that it takes the link.
pub(super) async fn read_hello(recv: &mut RecvStream) -> Result<(), ReadError> {
    match read_len(recv, 0).await? {
        Some(_) => Ok(()),
        None => Err(ReadError::Lost),
    }
}

/// Why there is no next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum ReadError {
    #[error("the connection is gone")]
    Lost,
    #[error("the message is larger than allowed")]
    TooLarge,
}
