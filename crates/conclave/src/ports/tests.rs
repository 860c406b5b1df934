//! Other programs made of sockets talk to the ports of a meeting.

use std::time::Duration;

use rtcp_types::{Compound, Packet, RtcpPacketParser as _, SenderReport};
use rtp_types::{RtpPacket, RtpPacketBuilder, RtpPacketWriterVec};

use super::*;
use crate::rtc::AudioLevel;

const EVERYTHING: OpenPorts = OpenPorts {
    audio_in: Some(0),
    video_in: Some(0),
    audio_out: None,
    video_out: None,
    from: None,
    played: false,
};

/// The ports, and the first news of them.
async fn open(ports: &Ports, ask: OpenPorts) -> (Lease, PortNews) {
    let mut lease = ports.open(&ask).await.unwrap();
    let news = within(lease.news.recv()).await.unwrap();
    (lease, news)
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}

fn rtp(seq: u16, payload: &[u8]) -> Vec<u8> {
    RtpPacketBuilder::<&[u8], &[u8]>::new()
        .payload_type(96)
        .sequence_number(seq)
        .marker_bit(true)
        .payload(payload)
        .write(&mut RtpPacketWriterVec::default())
        .unwrap()
}

fn unit(seq: u16, payload: &[u8]) -> RtpUnit {
    RtpUnit {
        audio_level: Some(AudioLevel { below_max: 20, voice: true }),
        captured_ms: Some(u32::from(seq) * 20),
        marker: true,
        orientation: None,
        payload: payload.into(),
        rtp_ts: u32::from(seq) * 960,
        seq,
    }
}

/// What arrives at a socket.
async fn packet(socket: &UdpSocket) -> (u16, u32, Vec<u8>) {
    let mut buffer = vec![0; 2_000];
    let length = within(socket.recv(&mut buffer)).await.unwrap();
    let packet = RtpPacket::parse(&buffer[..length]).unwrap();
    (packet.sequence_number(), packet.timestamp(), packet.payload().to_vec())
}

const KEY: &[u8] = &[0x10, 0, 9];
const DELTA: &[u8] = &[0x10, 1, 9];

#[tokio::test]
async fn what_another_program_sends_comes_out_as_units_until_the_ports_close() {
    let (ports, mut events) = Ports::new();
    let (lease, news) = open(&ports, EVERYTHING).await;
    let PortNews::Open { audio_in: Some(audio), video_in: Some(video), sdp: None, .. } = news
    else {
        panic!("{news:?}");
    };
    let program = bind(0).await.unwrap();
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    program.send_to(&rtp(7, &[0xf8, 1]), local(audio)).await.unwrap();
    let long = [KEY, &[0; 1_400]].concat();
    program.send_to(&rtp(9, &long), local(video)).await.unwrap();
    let mut got = Vec::new();
    while got.len() < 3 {
        let PortEvent::MediaIn { kind, unit, .. } = within(events.recv()).await.unwrap() else {
            panic!("something else came");
        };
        got.push((kind, unit.seq, unit.marker, unit.payload.len()));
    }
    got.sort_unstable();
    let expected = [
        (MediaKind::Audio, 0, true, 2),
        (MediaKind::Video, 0, false, 1_300),
        (MediaKind::Video, 1, true, 104),
    ];
    assert_eq!(got, expected);
    drop(lease);
    assert!(matches!(within(events.recv()).await, Some(PortEvent::Closed(_))));
}

#[tokio::test]
async fn who_listens_gets_whoever_speaks_in_one_stream_and_key_pictures_are_asked_for() {
    let (ports, mut events) = Ports::new();
    let (audio, video) = (bind_pair().await.unwrap(), bind_pair().await.unwrap());
    let ask = OpenPorts {
        audio_out: Some(audio.port),
        video_out: Some(video.port),
        ..OpenPorts::default()
    };
    let (mut lease, news) = open(&ports, ask).await;
    assert!(matches!(news, PortNews::Open { sdp: Some(_), .. }));
    assert!(matches!(within(events.recv()).await, Some(PortEvent::Kept(_))));
    let stream = |idx, stream_no| StreamKey { idx, stream_no };

    ports.hear(MediaKind::Audio, stream(3, 1), &unit(500, &[0xf8, 3]));
    assert_eq!(packet(&audio.media).await, (0, 0, vec![0xf8, 3]));
    assert_eq!(within(lease.news.recv()).await, Some(PortNews::From { video: false, idx: 3 }));
    let mut buffer = [0; 64];
    let length = within(audio._reports.recv(&mut buffer)).await.unwrap();
    let report = SenderReport::parse(&buffer[..length]).unwrap();
    assert_eq!((report.rtp_timestamp(), report.packet_count()), (0, 1));

    // In the middle of a picture nothing can be shown: a key picture is asked for, and begins it.
    ports.hear(MediaKind::Video, stream(3, 2), &unit(10, DELTA));
    let wanted = within(events.recv()).await;
    assert!(matches!(wanted, Some(PortEvent::KeyframeWanted(one)) if one == stream(3, 2)));
    ports.hear(MediaKind::Video, stream(3, 2), &unit(11, KEY));
    ports.hear(MediaKind::Video, stream(3, 2), &unit(12, DELTA));
    assert_eq!(packet(&video.media).await, (0, 0, KEY.to_vec()));
    assert_eq!(packet(&video.media).await, (1, 960, DELTA.to_vec()));

    // A quieter one is not heard meanwhile, and the screen is not the camera.
    let quiet = RtpUnit { audio_level: None, ..unit(1, &[0xf8, 4]) };
    ports.hear(MediaKind::Audio, stream(4, 1), &quiet);
    ports.hear(MediaKind::Screen, stream(3, 5), &unit(1, KEY));
    ports.hear(MediaKind::Audio, stream(3, 1), &unit(501, &[0xf8, 5]));
    assert_eq!(packet(&audio.media).await, (1, 960, vec![0xf8, 5]));

    // At the end a recorder is told to close its file.
    drop(lease);
    let mut said_goodbye = false;
    while !said_goodbye {
        let length = within(video._reports.recv(&mut buffer)).await.unwrap();
        let mut report = Compound::parse(&buffer[..length]).unwrap();
        said_goodbye = report.any(|packet| matches!(packet, Ok(Packet::Bye(_))));
    }
}

#[tokio::test]
async fn nothing_but_loopback_is_bound() {
    let Pair { media, _reports, .. } = bind_pair().await.unwrap();
    for socket in [bind(0).await.unwrap(), media, _reports] {
        assert_eq!(socket.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }
}

#[tokio::test]
async fn the_ports_close_with_the_meeting_and_are_bounded() {
    let (ports, events) = Ports::new();
    assert!(matches!(ports.open(&OpenPorts::default()).await, Err(PortError::Nothing)));
    let high = OpenPorts { audio_out: Some(u16::MAX), ..OpenPorts::default() };
    assert!(matches!(ports.open(&high).await, Err(PortError::Reports(u16::MAX))));
    let taken = bind(0).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let same = OpenPorts { audio_in: Some(port), ..OpenPorts::default() };
    assert!(matches!(ports.open(&same).await, Err(PortError::Bind { port: p, .. }) if p == port));

    let mut leases = Vec::new();
    for _ in 0..MOST {
        leases.push(open(&ports, EVERYTHING).await.0);
    }
    assert!(matches!(ports.open(&EVERYTHING).await, Err(PortError::TooMany)));
    drop(events);
    for lease in &mut leases {
        assert_eq!(within(lease.news.recv()).await, None, "closed");
    }
    assert!(matches!(ports.open(&EVERYTHING).await, Err(PortError::Over)));
}

#[tokio::test]
async fn what_is_only_played_is_announced_to_nobody() {
    let (ports, mut events) = Ports::new();
    let audio = bind_pair().await.unwrap();
    let ask = OpenPorts { audio_out: Some(audio.port), ..OpenPorts::default() };
    drop(open(&ports, OpenPorts { played: true, ..ask }).await);
    assert!(matches!(within(events.recv()).await, Some(PortEvent::Closed(_))));
    drop(open(&ports, ask).await);
    assert!(matches!(within(events.recv()).await, Some(PortEvent::Kept(_))));
    assert!(matches!(within(events.recv()).await, Some(PortEvent::Closed(_))));
}

#[tokio::test]
async fn what_is_dropped_is_told_once() {
    let (ports, _events) = Ports::new();
    let (mut lease, news) = open(&ports, EVERYTHING).await;
    let PortNews::Open { video_in: Some(video), .. } = news else { panic!("{news:?}") };
    let program = bind(0).await.unwrap();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, video));
    for bytes in [&b"hello"[..], b"hello", &[0; 3_000], b"hello", &rtp(1, &[0x90])] {
        program.send_to(bytes, local).await.unwrap();
    }
    let mut texts = Vec::new();
    while texts.len() < 2 {
        match within(lease.news.recv()).await {
            Some(PortNews::Dropped { video: true, text }) => texts.push(text),
            news => panic!("{news:?}"),
        }
    }
    assert!(texts[0].contains("no RTP") && texts[1].contains("VP8"), "{texts:?}");
}
