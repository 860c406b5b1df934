//! Frozen stream keys and packets: three streams in two epochs.

use conclave_protocol::{ChainId, DeviceId, Digest, Epoch, MeetingId, MemberIdx, encode};
use serde_json::{Value, json};

use super::*;
use crate::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::StreamNo,
    vectors::frozen,
};

const STREAMS: [(u16, u8, StreamKind); 3] =
    [(0, 0, StreamKind::Chat), (7, 1, StreamKind::Audio), (1_000, 63, StreamKind::Screen)];

#[test]
fn streams_keep_their_keys_and_packets() {
    let mid = MeetingId([2; 32]);
    let streams: Vec<Value> = [1_u32, 258]
        .into_iter()
        .flat_map(|epoch| STREAMS.map(|(idx, number, kind)| stream(mid, epoch, idx, number, kind)))
        .collect();
    frozen("streams", &json!({ "mid": mid.to_hex(), "streams": streams }));
}

fn stream(mid: MeetingId, epoch: u32, idx: u16, number: u8, kind: StreamKind) -> Value {
    let mk = MeetingKey::danger_from_bytes([u8::try_from(epoch & 0xff).unwrap(); 32]);
    let place =
        EpochId { chain: ChainId([1; 32]), mid, epoch: Epoch(epoch), record: Digest([3; 32]) };
    let number = StreamNo::new(number).unwrap();
    let id = place.stream(DeviceId([4; 32]), MemberIdx(idx), number, kind);
    let kid = place.kid(MemberIdx(idx), number).value();
    let (mut key, mut salt) = ([0; 32], [0; NONCE_LEN]);
    derive(mk.stream_key(&id).as_bytes(), kid, &mut key, &mut salt).unwrap();
    let mut sealer = Sealer::new(mk.stream_key(&id), kid, metadata(&mid)).unwrap();
    sealer.next = 6;
    let packets: Vec<Value> = (0..4_u8)
        .map(|n| {
            let plain = vec![n; 20 * usize::from(n)];
            let mut packet = Vec::new();
            let ctr = sealer.seal(&plain, &mut packet).unwrap();
            json!({ "ctr": ctr, "plain": hex::encode(plain), "packet": hex::encode(packet) })
        })
        .collect();
    json!({
        "mk": hex::encode(mk.as_bytes()),
        "id": hex::encode(encode(&id)),
        "kid": kid,
        "stream_key": hex::encode(mk.stream_key(&id).as_bytes()),
        "sframe_key": hex::encode(key),
        "sframe_salt": hex::encode(salt),
        "metadata": hex::encode(metadata(&mid)),
        "packets": packets,
    })
}
