//! A browser made of str0m talks to the task over real loopback sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind as Track, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use super::session::Session;
use super::*;

/// The other end of one connection.
struct Browser {
    got: Vec<(Mid, RtpPacket)>,
    pending: Option<SdpPendingOffer>,
    rtc: str0m::Rtc,
    socket: UdpSocket,
}

impl Browser {
    async fn new() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut rtc = str0m::RtcConfig::new()
            .set_crypto_provider(str0m::crypto::from_feature_flags().into())
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        Self { got: Vec::new(), pending: None, rtc, socket }
    }

    fn offer(&mut self, add: &[(Track, Direction)], stop: &[Mid]) -> (String, Vec<Mid>) {
        let mut change = self.rtc.sdp_api();
        stop.iter().for_each(|mid| change.set_direction(*mid, Direction::Inactive));
        let mids = add.iter().map(|(kind, dir)| change.add_media(*kind, *dir, None, None, None));
        let mids = mids.collect();
        let (offer, pending) = change.apply().unwrap();
        self.pending = Some(pending);
        (offer.to_sdp_string(), mids)
    }

    fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    fn send(&mut self, mid: Mid, codec: Codec, seq: u64) {
        let pt = self.rtc.codec_config().find(|known| known.spec().codec == codec).unwrap().pt();
        let packet =
            RtpWrite::new(pt, seq.into(), 7, Instant::now(), vec![0x10, 1, 2]).marker(true);
        self.rtc.direct_api().stream_tx_by_mid(mid, None).unwrap().write_rtp(packet);
    }

    /// Runs the connection until `done`, or for ever.
    async fn run(&mut self, mut done: impl FnMut(&mut Self) -> bool) {
        let mut buffer = vec![0; 2_000];
        while !done(self) {
            let until = loop {
                match self.rtc.poll_output().unwrap() {
                    Output::Event(Event::RtpPacket(packet)) => {
                        let mid =
                            self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                        self.got.push((mid, packet));
                    }
                    Output::Event(_) => {}
                    Output::Timeout(at) => break at,
                    Output::Transmit(out) => {
                        self.socket.send_to(&out.contents, out.destination).await.unwrap();
                    }
                }
            };
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, source) = received.unwrap();
                    let destination = self.socket.local_addr().unwrap();
                    let contents = (&buffer[..length]).try_into().unwrap();
                    let receive = Receive { proto: Protocol::Udp, source, destination, contents };
                    self.rtc.handle_input(Input::Receive(Instant::now(), receive)).unwrap();
                }
                () = tokio::time::sleep_until(until.min(Instant::now() + TICK).into()) => {
                    self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
                }
            }
        }
    }
}

fn unit(seq: u16) -> RtpUnit {
    RtpUnit {
        audio_level: None,
        captured_ms: Some(u32::from(seq)),
        marker: true,
        orientation: None,
        payload: vec![0x10, 9, 9].into(),
        rtp_ts: u32::from(seq) * 3_000,
        seq,
    }
}

fn want(mid: Mid, stream: StreamKey) -> Want {
    Want { mid: mid.to_string(), stream }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}

async fn until(
    events: &mut mpsc::Receiver<RtcEvent>,
    wanted: impl Fn(&RtcEvent) -> bool,
) -> RtcEvent {
    loop {
        let event = events.recv().await.unwrap();
        if wanted(&event) {
            return event;
        }
    }
}

const TICK: Duration = Duration::from_millis(5);
const PICTURE: StreamKey = StreamKey { idx: 1, stream_no: 0 };
const SOUND: StreamKey = StreamKey { idx: 1, stream_no: 1 };

#[tokio::test]
async fn what_the_browser_publishes_comes_out_as_units() {
    let (rtc, mut events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let mut browser = Browser::new().await;
    let send = Direction::SendOnly;
    let (offer, mids) = browser.offer(&[(Track::Audio, send), (Track::Video, send)], &[]);
    let answer = rtc.publish(offer, Source::Camera).await.unwrap();
    browser.accept(&answer.sdp);
    within(browser.run(|browser| browser.rtc.is_connected())).await;
    within(until(&mut events, |event| *event == RtcEvent::SessionUp(answer.session))).await;

    browser.send(mids[0], Codec::Opus, 40);
    within(browser.run({
        let mut rounds = 0;
        move |_| {
            rounds += 1;
            rounds > 3
        }
    }))
    .await;
    browser.send(mids[1], Codec::Vp8, 50);
    let mut got = Vec::new();
    within(browser.run(|_| {
        while let Ok(event) = events.try_recv() {
            if let RtcEvent::MediaIn { kind, unit, .. } = event {
                got.push((kind, unit.seq, unit.marker));
            }
        }
        got.len() >= 2
    }))
    .await;
    assert_eq!(got, [(MediaKind::Audio, 40, true), (MediaKind::Video, 50, true)]);

    rtc.unpublish(answer.session).await.unwrap();
    within(until(&mut events, |event| *event == RtcEvent::SessionDown(answer.session))).await;
}

#[tokio::test]
async fn streams_come_and_go_on_one_connection_by_renegotiation() {
    let (rtc, mut events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let mut browser = Browser::new().await;
    let receive = Direction::RecvOnly;
    let (offer, video) = browser.offer(&[(Track::Video, receive)], &[]);
    let answer = rtc.receive(None, offer, vec![want(video[0], PICTURE)]).await.unwrap();
    assert!(answer.sdp.contains("a=msid:member-1 stream-1-0\r\n"));
    browser.accept(&answer.sdp);
    within(browser.run(|browser| browser.rtc.is_connected())).await;
    within(until(&mut events, |event| *event == RtcEvent::KeyframeWanted(PICTURE))).await;

    (500..510).for_each(|seq| rtc.write(PICTURE, unit(seq)));
    within(browser.run(|browser| browser.got.len() == 10)).await;
    let seqs: Vec<_> =
        browser.got.iter().map(|(_, packet)| packet.header.sequence_number).collect();
    assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
    assert_eq!(browser.got[9].1.header.timestamp, 509 * 3_000);

    browser.got.clear();
    let (offer, audio) = browser.offer(&[(Track::Audio, receive)], &video);
    let wants = vec![want(audio[0], SOUND)];
    let again = rtc.receive(Some(answer.session), offer, wants).await.unwrap();
    assert_eq!(again.session, answer.session);
    browser.accept(&again.sdp);
    for seq in 0..5 {
        rtc.write(PICTURE, unit(600 + seq));
        rtc.write(SOUND, unit(seq));
    }
    within(browser.run(|browser| browser.got.len() == 5)).await;
    assert!(browser.got.iter().all(|(mid, _)| *mid == audio[0]));
}

#[tokio::test]
async fn whoever_may_end_what_is_published_ends_no_connection_that_receives() {
    let (rtc, mut events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let mut browser = Browser::new().await;
    let (offer, video) = browser.offer(&[(Track::Video, Direction::RecvOnly)], &[]);
    let answer = rtc.receive(None, offer, vec![want(video[0], PICTURE)]).await.unwrap();
    browser.accept(&answer.sdp);
    within(browser.run(|browser| browser.rtc.is_connected())).await;
    within(until(&mut events, |event| *event == RtcEvent::KeyframeWanted(PICTURE))).await;

    let refusal = rtc.unpublish(answer.session).await;
    assert!(matches!(refusal, Err(RtcError::NoPublication(id)) if id == answer.session));
    (0..3).for_each(|seq| rtc.write(PICTURE, unit(seq)));
    within(browser.run(|browser| browser.got.len() == 3)).await;
    rtc.unpublish(SessionId(99)).await.unwrap();
}

#[tokio::test]
async fn the_name_of_one_connection_says_nothing_about_that_of_another() {
    let (rtc, _events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let mut names = Vec::new();
    for _ in 0..8 {
        let (offer, _) = Browser::new().await.offer(&[(Track::Video, Direction::SendOnly)], &[]);
        names.push(rtc.publish(offer, Source::Camera).await.unwrap().session.0);
    }
    // All of them so small is a chance of one in 2^256.
    assert!(names.iter().any(|name| *name > u64::from(u32::MAX)), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 8);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_named_in_the_refusal() {
    let (rtc, _events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let gone = SessionId(99);
    let refusal = rtc.receive(Some(gone), "v=0".into(), Vec::new()).await;
    assert!(matches!(refusal, Err(RtcError::NoSession(id)) if id == gone));
}

#[tokio::test]
async fn a_want_without_a_transceiver_is_refused() {
    let (rtc, _events) = Rtc::start(RtcConfig::default()).await.unwrap();
    let (offer, _) = Browser::new().await.offer(&[(Track::Video, Direction::RecvOnly)], &[]);
    let refusal = rtc.receive(None, offer, vec![want("zz".into(), PICTURE)]).await;
    assert!(matches!(refusal, Err(RtcError::Want(mid)) if mid == "zz"));
}

fn publisher() -> Session {
    let at = [SocketAddr::from((Ipv4Addr::LOCALHOST, 4_000))];
    Session::publisher(Instant::now(), SessionId(1), Source::Camera, 1, 0, &at).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_offers_are_refused_without_a_panic(cut in 0usize..2_000, junk in "\\PC{0,40}") {
        let mut rtc = str0m::RtcConfig::new()
            .set_crypto_provider(str0m::crypto::from_feature_flags().into())
            .build(Instant::now());
        let mut change = rtc.sdp_api();
        change.add_media(Track::Video, Direction::SendOnly, None, None, None);
        let offer = change.apply().unwrap().0.to_sdp_string();
        let (head, tail) = offer.split_at(cut.min(offer.len()));
        let tail = tail.get(junk.len()..).unwrap_or_default();
        let _any = publisher().answer_publisher(&format!("{head}{junk}{tail}"));
        let _any = publisher().answer_publisher(&junk);
    }

    #[test]
    fn garbage_datagrams_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let now = Instant::now();
        let mut session = publisher();
        let Ok(contents) = bytes.as_slice().try_into() else { return Ok(()) };
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 4_000));
        let input = Input::Receive(
            now,
            Receive { proto: Protocol::Udp, source: at, destination: at, contents },
        );
        session.receive(now, input, &mut Vec::new());
    }
}
