//! Pieces of packets in any order, with an attacker's pieces among them.

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use conclave_meeting::{
    media::{MAX_SEALED, Reassembler, split},
    time::Millis,
};

#[derive(Arbitrary, Debug)]
enum Step {
    /// An attacker's datagram.
    Datagram(Vec<u8>),
    /// A packet of this length is cut for this limit; its pieces come in this order.
    Packet { len: u16, id: u16, limit: u16, rotate: u8 },
    /// Milliseconds pass.
    Wait(u16),
}

pub(super) fn run(bytes: &[u8]) {
    let steps = Vec::<Step>::arbitrary_take_rest(Unstructured::new(bytes));
    let Ok(steps) = steps else { return };
    let (mut hostile, mut now) = (Reassembler::default(), Millis(0));
    for step in steps {
        match step {
            Step::Datagram(bytes) => {
                if let Ok(Some(packet)) = hostile.push(&Bytes::from(bytes), now) {
                    assert!(packet.len() <= MAX_SEALED, "{} bytes", packet.len());
                }
            }
            Step::Packet { len, id, limit, rotate } => {
                let packet: Vec<u8> = (0..len.min(1_400)).map(|n| n.to_be_bytes()[1]).collect();
                let mut pieces = split(&packet, id, limit.into());
                if let Some(largest) = pieces.iter().map(Bytes::len).max() {
                    assert!(largest <= limit.into(), "{largest} bytes for {limit}");
                }
                if pieces.is_empty() {
                    continue;
                }
                let by = usize::from(rotate) % pieces.len();
                pieces.rotate_left(by);
                // An honest packet comes whole over a link of its own.
                let mut fresh = Reassembler::default();
                let (last, first) = pieces.split_last().unwrap();
                for piece in first {
                    assert_eq!(fresh.push(piece, now), Ok(None));
                    let _ = hostile.push(piece, now);
                }
                assert_eq!(fresh.push(last, now), Ok(Some(packet)));
            }
            Step::Wait(ms) => now = now.plus(ms.into()),
        }
    }
}
