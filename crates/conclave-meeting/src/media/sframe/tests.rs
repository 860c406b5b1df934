//! SFrame against the vectors of RFC 9605 and against hostile packets.

use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../../../../vectors/rfc9605.json");

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap()).unwrap()
}

fn pair() -> (Sealer, Opener) {
    let key = || StreamKey::from_bytes([7; 32]);
    (Sealer::new(key(), 300, [1; 16]).unwrap(), Opener::new(key(), 300, [1; 16]).unwrap())
}

#[test]
fn every_header_of_the_rfc_is_written_and_read() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["header"].as_array().unwrap();
    assert_eq!(cases.len(), 289);
    for case in cases {
        let (kid, ctr) = (case["kid"].as_u64().unwrap(), case["ctr"].as_u64().unwrap());
        let mut out = [0; MAX_HEADER];
        let len = Header::write(kid, ctr, &mut out);
        assert_eq!(&out[..len], bytes(case, "encoded"));
        assert_eq!(Header::read(&out[..len]), Ok(Header { kid, ctr, len }));
    }
}

#[test]
fn suite_5_of_the_rfc_gives_its_key_salt_nonce_and_packet() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let case = vectors["sframe"].as_array().unwrap().iter();
    let case = case.into_iter().find(|case| case["cipher_suite"] == 5).unwrap();
    let (kid, ctr) = (case["kid"].as_u64().unwrap(), case["ctr"].as_u64().unwrap());
    let (mut key, mut salt) = ([0; 32], [0; 12]);
    derive(&bytes(case, "base_key"), kid, &mut key, &mut salt).unwrap();
    assert_eq!(key.as_slice(), bytes(case, "sframe_key"));
    assert_eq!(salt.as_slice(), bytes(case, "sframe_salt"));

    // The metadata of the RFC is 14 bytes long and ours is 16, so the packet is checked with the
    // parts: nonce, associated data and AEAD.
    let cipher = Cipher {
        key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap()),
        salt,
        kid,
        metadata: [0; 16],
    };
    assert_eq!(cipher.nonce(ctr).as_ref().as_slice(), bytes(case, "nonce"));
    let mut header = [0; MAX_HEADER];
    let len = Header::write(kid, ctr, &mut header);
    let aad = [&header[..len], &bytes(case, "metadata")].concat();
    assert_eq!(aad, bytes(case, "aad"));
    let mut packet = bytes(case, "pt");
    cipher.key.seal_in_place_append_tag(cipher.nonce(ctr), Aad::from(&aad), &mut packet).unwrap();
    assert_eq!([&header[..len], &packet].concat(), bytes(case, "ct"));
}

#[test]
fn a_sealed_packet_opens_once() {
    let (mut sealer, mut opener) = pair();
    let mut packet = Vec::new();
    assert_eq!(sealer.seal(b"hello", &mut packet), Ok(0));
    assert_eq!(packet.len(), 1 + 2 + 5 + TAG);
    let mut copy = packet.clone();
    let (ctr, plaintext) = opener.open(&mut packet).unwrap();
    assert_eq!((ctr, &*plaintext), (0, b"hello".as_slice()));
    assert_eq!(opener.open(&mut copy).unwrap_err(), OpenError::Replay);
}

#[test]
fn a_forged_counter_does_not_move_the_window() {
    let (mut sealer, mut opener) = pair();
    let mut packet = Vec::new();
    sealer.seal(b"one", &mut packet).unwrap();
    let mut forged = vec![0x9f, 300_u16.to_be_bytes()[0], 300_u16.to_be_bytes()[1]];
    forged.extend([0x7f; 8]);
    forged.extend([0; 40]);
    assert_eq!(opener.open(&mut forged).unwrap_err(), OpenError::NotAuthentic);
    assert_eq!(opener.end(), 0);
    assert!(opener.open(&mut packet).is_ok());
}

#[test]
fn every_flipped_bit_is_refused() {
    let (mut sealer, mut opener) = pair();
    let mut packet = Vec::new();
    sealer.seal(&[3; 20], &mut packet).unwrap();
    for bit in 0..packet.len() * 8 {
        let mut bad = packet.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(opener.open(&mut bad).is_err(), "bit {bit}");
    }
    assert!(opener.open(&mut packet).is_ok());
}

#[test]
fn metadata_of_another_meeting_is_refused() {
    let (mut sealer, _) = pair();
    let mut packet = Vec::new();
    sealer.seal(b"x", &mut packet).unwrap();
    let mut other = Opener::new(StreamKey::from_bytes([7; 32]), 300, [2; 16]).unwrap();
    assert_eq!(other.open(&mut packet).unwrap_err(), OpenError::NotAuthentic);
}

#[test]
fn a_packet_over_the_limit_is_neither_sealed_nor_opened() {
    let (mut sealer, mut opener) = pair();
    assert_eq!(sealer.seal(&[0; MAX_SEALED], &mut Vec::new()), Err(SealError::TooLong));
    assert_eq!(opener.open(&mut [0; MAX_SEALED + 1]).unwrap_err(), OpenError::Malformed);
}

/// `cargo test --release -p conclave-meeting -- --ignored --nocapture overhead`
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "measures wall time")]
fn overhead_of_sealing_and_opening_against_the_bare_aead() {
    const ROUNDS: u32 = 300_000;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let (plain, mut buffer) = ([5_u8; 1_100], Vec::with_capacity(1_200));
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let start = std::time::Instant::now();
    for _ in 0..ROUNDS {
        buffer.clear();
        buffer.extend_from_slice(&plain);
        key.seal_in_place_append_tag(nonce(), Aad::from([0_u8; 20]), &mut buffer).unwrap();
        key.open_in_place(nonce(), Aad::from([0_u8; 20]), &mut buffer).unwrap();
    }
    let bare = start.elapsed() / ROUNDS;
    let (mut sealer, mut opener) = pair();
    let start = std::time::Instant::now();
    for _ in 0..ROUNDS {
        sealer.seal(&plain, &mut buffer).unwrap();
        opener.open(&mut buffer).unwrap();
    }
    let ours = start.elapsed() / ROUNDS;
    println!("bare {bare:?}, ours {ours:?}, ratio {:.3}", ours.as_secs_f64() / bare.as_secs_f64());
}
