//! VP8 packets (RFC 7741) of other programs: checked, and cut to the length that travels.

use std::sync::Arc;

use crate::rtc::MAX_PAYLOAD;

/// The payloads that travel for one that came in: itself, or two or three with the same
/// descriptor, of which only the first one says that it begins a partition.
///
/// Nothing for what is not VP8: no data, or a descriptor that is cut short.
pub(super) fn cut(payload: &[u8]) -> Option<Vec<Arc<[u8]>>> {
    let (descriptor, data) = payload.split_at_checked(descriptor_len(payload)?)?;
    if data.is_empty() {
        return None;
    }
    let mut later = descriptor.to_vec();
    if let Some(first) = later.first_mut() {
        *first &= !BEGINS;
    }
    let room = MAX_PAYLOAD.checked_sub(descriptor.len())?;
    let cuts = data.chunks(room).enumerate();
    Some(
        cuts.map(|(at, chunk)| {
            let descriptor = if at == 0 { descriptor } else { &later };
            [descriptor, chunk].concat().into()
        })
        .collect(),
    )
}

/// Bytes before the data (section 4.2).
fn descriptor_len(payload: &[u8]) -> Option<usize> {
    let first = *payload.first()?;
    if first & EXTENDED == 0 {
        return Some(1);
    }
    let extension = *payload.get(1)?;
    let mut length = 2;
    if extension & PICTURE_ID != 0 {
        length += if payload.get(2)? & LONG_ID == 0 { 1 } else { 2 };
    }
    length += usize::from(extension & TL0_INDEX != 0);
    length += usize::from(extension & (TEMPORAL_ID | KEY_INDEX) != 0);
    Some(length)
}

const BEGINS: u8 = 0x10;
const EXTENDED: u8 = 0x80;
const KEY_INDEX: u8 = 0x10;
const LONG_ID: u8 = 0x80;
const PICTURE_ID: u8 = 0x80;
const TEMPORAL_ID: u8 = 0x20;
const TL0_INDEX: u8 = 0x40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_that_is_too_long_travels_as_two_of_one_picture() {
        // What ffmpeg writes: a descriptor with a picture number, and as much as a datagram holds.
        let long = [&[0x90, 0x80, 0x05][..], &[7; 1_457]].concat();
        let cut = cut(&long).unwrap();
        assert_eq!(cut.iter().map(|one| one.len()).collect::<Vec<_>>(), [1_300, 163]);
        assert_eq!((&cut[0][..3], &cut[1][..3]), (&[0x90, 0x80, 5][..], &[0x80, 0x80, 5][..]));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bytes in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0xf0, 0x81, 1, 9, 9]] {
            assert_eq!(cut(bytes), None, "{bytes:?}");
        }
        assert!(cut(&[0x90, 0xf0, 0x81, 1, 9, 9, 0]).is_some());
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_is_lost_and_nothing_is_too_long(
            bytes in prop::collection::vec(any::<u8>(), 0..4_000)
        ) {
            let Some(parts) = cut(&bytes) else { return Ok(()) };
            let descriptor = descriptor_len(&bytes).unwrap();
            let data: Vec<u8> = parts.iter().flat_map(|part| part[descriptor..].to_vec()).collect();
            prop_assert_eq!(&data, &bytes[descriptor..]);
            prop_assert!(parts.iter().all(|part| part.len() <= MAX_PAYLOAD));
        }
    }
}
