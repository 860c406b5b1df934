//! Fitting one sealed packet to the datagrams of one hop.
//!
//! A unit is sealed once. Where it exceeds what the hop carries, the sealed bytes are cut; the
//! pieces mean nothing to the next hop. Datagram = `0 || packet` or
//! `1 || id u16 || (index << 4 | last index) || piece`.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use super::MAX_SEALED;
use crate::time::Millis;

const WHOLE: u8 = 0;
const PIECE: u8 = 1;
const PIECE_HEADER: usize = 4;
/// A packet has at most 16 pieces.
const MAX_PIECES: usize = 16;
/// Unfinished packets kept at once.
const MAX_OPEN: usize = 32;
/// Unfinished packets are dropped after this many milliseconds.
const MAX_AGE: u64 = 1_000;

/// Why a datagram is no packet or piece of one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FragmentError {
    /// The pieces of one packet do not belong together.
    #[error("pieces do not fit together")]
    Mismatch,
    /// The datagram is empty, too long, or of an unknown form.
    #[error("datagram is malformed")]
    Malformed,
}

/// Cuts `sealed` into datagrams of at most `limit` bytes; none if that needs over 16 pieces, or if
/// nothing fits.
#[must_use]
pub fn split(sealed: &[u8], id: u16, limit: usize) -> Vec<Bytes> {
    if sealed.len() < limit {
        let mut whole = BytesMut::with_capacity(sealed.len().saturating_add(1));
        whole.put_u8(WHOLE);
        whole.put_slice(sealed);
        return vec![whole.freeze()];
    }
    let room = limit.saturating_sub(PIECE_HEADER);
    if room == 0 || sealed.len().div_ceil(room) > MAX_PIECES {
        return Vec::new();
    }
    let count = sealed.len().div_ceil(room);
    // Pieces of equal length: two datagrams of 700 bytes travel better than 1,150 and 250.
    let size = sealed.len().div_ceil(count).max(1);
    let last = u8::try_from(count.saturating_sub(1)).unwrap_or(15);
    (0_u8..=last)
        .zip(sealed.chunks(size))
        .map(|(index, bytes)| piece(id, index, last, bytes))
        .collect()
}

fn piece(id: u16, index: u8, last: u8, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(bytes.len().saturating_add(PIECE_HEADER));
    out.put_u8(PIECE);
    out.put_u16(id);
    out.put_u8(index << 4 | last);
    out.put_slice(bytes);
    out.freeze()
}

/// Puts the pieces of one hop together again. Bounded in count, bytes and age.
#[derive(Debug, Default)]
pub struct Reassembler {
    open: VecDeque<Partial>,
}

#[derive(Debug)]
struct Partial {
    id: u16,
    since: Millis,
    pieces: Vec<Option<Bytes>>,
}

impl Reassembler {
    /// Takes one datagram and returns the sealed packet it completes, if any.
    ///
    /// # Errors
    /// [`FragmentError`] for a datagram no honest peer sends.
    pub fn push(
        &mut self,
        datagram: &Bytes,
        now: Millis,
    ) -> Result<Option<Vec<u8>>, FragmentError> {
        match datagram.split_first() {
            Some((&WHOLE, packet)) if packet.len() <= MAX_SEALED => Ok(Some(packet.to_vec())),
            Some((&PIECE, rest)) => self.piece(datagram, rest, now),
            _ => Err(FragmentError::Malformed),
        }
    }

    fn piece(
        &mut self,
        datagram: &Bytes,
        rest: &[u8],
        now: Millis,
    ) -> Result<Option<Vec<u8>>, FragmentError> {
        let (id, rest) = rest.split_first_chunk().ok_or(FragmentError::Malformed)?;
        let (place, bytes) = rest.split_first().ok_or(FragmentError::Malformed)?;
        let (index, count) = (usize::from(place >> 4), usize::from(place & 15).saturating_add(1));
        if index >= count || count == 1 || bytes.is_empty() || bytes.len() > MAX_SEALED {
            return Err(FragmentError::Malformed);
        }
        let bytes = datagram.slice_ref(bytes);
        let at = self.partial(u16::from_be_bytes(*id), count, now);
        let partial = self.open.get_mut(at).ok_or(FragmentError::Malformed)?;
        if partial.pieces.len() != count {
            self.open.remove(at);
            return Err(FragmentError::Mismatch);
        }
        if let Some(place) = partial.pieces.get_mut(index) {
            *place = Some(bytes);
        }
        if partial.pieces.iter().any(Option::is_none) {
            return Ok(None);
        }
        let whole: Vec<u8> =
            self.open.remove(at).into_iter().flat_map(|p| p.pieces).flatten().flatten().collect();
        if whole.len() > MAX_SEALED { Err(FragmentError::Mismatch) } else { Ok(Some(whole)) }
    }

    /// The place of packet `id`, made if it is new; the oldest gives way to it.
    fn partial(&mut self, id: u16, count: usize, now: Millis) -> usize {
        self.open.retain(|partial| now.since(partial.since) < MAX_AGE);
        if let Some(at) = self.open.iter().position(|partial| partial.id == id) {
            return at;
        }
        if self.open.len() >= MAX_OPEN {
            self.open.pop_front();
        }
        self.open.push_back(Partial { id, since: now, pieces: vec![None; count] });
        self.open.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_give_the_packet_back(
            sealed in proptest::collection::vec(any::<u8>(), 1..MAX_SEALED),
            limit in 200_usize..1_500, swap: bool,
        ) {
            let mut pieces = split(&sealed, 7, limit);
            prop_assert!(pieces.iter().all(|piece| piece.len() <= limit));
            if swap {
                pieces.reverse();
            }
            let mut reassembler = Reassembler::default();
            let mut whole = None;
            for piece in &pieces {
                prop_assert_eq!(&whole, &None);
                whole = reassembler.push(piece, Millis(0)).unwrap();
            }
            prop_assert_eq!(whole, Some(sealed));
            prop_assert!(reassembler.open.is_empty());
        }

        #[test]
        fn arbitrary_datagrams_neither_panic_nor_grow(
            datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..300)
        ) {
            let mut reassembler = Reassembler::default();
            for datagram in datagrams {
                let _ = reassembler.push(&Bytes::from(datagram), Millis(0));
                prop_assert!(reassembler.open.len() <= MAX_OPEN);
            }
        }
    }

    #[test]
    fn an_unfinished_packet_is_forgotten_after_a_second() {
        let pieces = split(&[9; 1_300], 1, 1_162);
        assert_eq!(pieces.len(), 2);
        let mut reassembler = Reassembler::default();
        assert_eq!(reassembler.push(&pieces[0], Millis(0)), Ok(None));
        assert_eq!(reassembler.push(&pieces[1], Millis(1_000)), Ok(None));
    }

    #[test]
    fn a_path_without_room_carries_nothing() {
        for limit in 0..=PIECE_HEADER {
            for len in [limit, 5, 100] {
                assert!(split(&vec![9; len], 1, limit).is_empty());
            }
        }
    }

    #[test]
    fn pieces_that_contradict_each_other_are_refused() {
        let mut reassembler = Reassembler::default();
        let mut push = |place: u8, bytes: &[u8]| {
            let head = [PIECE, 0, 7, place];
            reassembler.push(&Bytes::from([&head, bytes].concat()), Millis(0))
        };
        // Number over the last one, a whole packet as a piece, no bytes, too many bytes.
        for (place, bytes) in [(0x21, &[9_u8][..]), (0, &[9]), (0x01, &[]), (0x01, &[9; 1_401])] {
            assert_eq!(push(place, bytes), Err(FragmentError::Malformed));
        }
        // Of two pieces, then of three.
        assert_eq!(push(0x01, &[9]), Ok(None));
        assert_eq!(push(0x12, &[9]), Err(FragmentError::Mismatch));
        // Together longer than any packet.
        assert_eq!(push(0x01, &[9; 1_400]), Ok(None));
        assert_eq!(push(0x11, &[9]), Err(FragmentError::Mismatch));
    }

    #[test]
    fn no_more_packets_wait_than_there_is_room_for() {
        let mut reassembler = Reassembler::default();
        for id in 0..100 {
            let [high, low] = u16::to_be_bytes(id);
            let piece = Bytes::from(vec![PIECE, high, low, 0x01, 9]);
            assert_eq!(reassembler.push(&piece, Millis(0)), Ok(None));
            assert!(reassembler.open.len() <= MAX_OPEN);
        }
    }
}
