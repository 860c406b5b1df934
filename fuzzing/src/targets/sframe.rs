//! A stream of packets, some of them hostile: none is opened that was not sealed, none twice.

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use conclave_meeting::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Header, Kid, MAX_SEALED, Opener, Sealer, StreamNo},
};
use conclave_protocol::{ChainId, DeviceId, Digest, Epoch, MeetingId, MemberIdx};

#[derive(Arbitrary, Debug)]
enum Step {
    /// The sender seals this many bytes.
    Seal(u16),
    /// The packet with this number arrives, perhaps for the second time.
    Deliver(u8),
    /// It arrives with a bit flipped, or cut.
    Damaged(u8, u16),
    Cut(u8, u16),
    /// Bytes of an attacker arrive.
    Forged(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Run {
    idx: u16,
    stream: u8,
    epoch: u32,
    steps: Vec<Step>,
}

pub(super) fn run(bytes: &[u8]) {
    let Ok(run) = Run::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mid = MeetingId([2; 32]);
    let id =
        EpochId { chain: ChainId([1; 32]), mid, epoch: Epoch(run.epoch), record: Digest([3; 32]) };
    let Some(stream) = StreamNo::new(run.stream & 63) else { return };
    let idx = MemberIdx(run.idx);
    let kid = id.kid(idx, stream).value();
    assert_eq!(Kid::from_value(kid).map(Kid::value), Some(kid));
    let mk = MeetingKey::danger_from_bytes([9; 32]);
    let key = || mk.stream_key(&id.stream(DeviceId([4; 32]), idx, stream, StreamKind::Video));
    let mut sealer = Sealer::new(key(), kid, metadata(&mid)).unwrap();
    let mut opener = Opener::new(key(), kid, metadata(&mid)).unwrap();
    let (mut sealed, mut opened): (Vec<(Vec<u8>, usize)>, _) = (Vec::new(), BTreeSet::new());
    for step in run.steps {
        let mut packet = match step {
            Step::Seal(len) => {
                let (len, mut out) = (usize::from(len) % (MAX_SEALED + 1), Vec::new());
                if let Ok(ctr) = sealer.seal(&vec![7; len], &mut out) {
                    assert!(out.len() <= MAX_SEALED);
                    let header = Header::read(&out).unwrap();
                    assert_eq!((header.kid, header.ctr), (kid, ctr));
                    sealed.push((out, len));
                }
                continue;
            }
            Step::Deliver(n) if !sealed.is_empty() => {
                sealed[usize::from(n) % sealed.len()].0.clone()
            }
            Step::Damaged(n, bit) if !sealed.is_empty() => {
                let mut packet = sealed[usize::from(n) % sealed.len()].0.clone();
                let at = usize::from(bit / 8) % packet.len();
                packet[at] ^= 1 << (bit % 8);
                packet
            }
            Step::Cut(n, len) if !sealed.is_empty() => {
                let mut packet = sealed[usize::from(n) % sealed.len()].0.clone();
                packet.truncate(usize::from(len));
                packet
            }
            Step::Forged(bytes) => bytes,
            _ => continue,
        };
        let before = packet.clone();
        let end = opener.end();
        match opener.open(&mut packet) {
            Ok((ctr, plain)) => {
                let genuine = sealed.iter().find(|(bytes, _)| *bytes == before);
                let Some((_, len)) = genuine else { panic!("{ctr} was opened that nobody sealed") };
                assert_eq!((plain.len(), plain.iter().all(|byte| *byte == 7)), (*len, true));
                assert!(opened.insert(ctr), "packet {ctr} was opened twice");
            }
            Err(_) => assert_eq!(opener.end(), end, "a refused packet moved the window"),
        }
    }
}
