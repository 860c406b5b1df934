//! Sound between files and the daemon's ports: read and written on threads of their own, because
//! files and pipes block; sent at the pace at which it sounds.

use std::{net::Ipv4Addr, thread, time::Duration};

use anyhow::Context as _;
use rtp_types::{RtpPacket, RtpPacketBuilder, RtpPacketWriterVec};
use tokio::{
    net::UdpSocket,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::{
    ports::Pair,
    sound::{Sink, SoundError, Source, Spoken},
};

/// Sends a sound to a port of the daemon, and returns when all of it was heard.
pub(super) async fn speak(source: Source, port: u16) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).await?;
    let live = source.is_live();
    let mut packets = read(source);
    let (mut due, mut ts, mut seq) = (Instant::now(), 0_u32, 0_u16);
    while let Some(spoken) = packets.recv().await {
        let Spoken { packet, ticks } = spoken.context("reading the sound")?;
        let late = due.elapsed();
        if late > SLACK {
            // The pipe was empty, or the microphone blocked, for a while: what comes now sounds now.
            due += late;
            ts = ts.wrapping_add(ticks_of(late));
        }
        if !live {
            sleep_until(due).await;
        }
        let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(PAYLOAD_TYPE)
            .marker_bit(seq == 0)
            .sequence_number(seq)
            .timestamp(ts)
            .ssrc(1)
            .payload(&packet)
            .write(&mut RtpPacketWriterVec::default())?;
        // The daemon closes its port when the meeting is over.
        if socket.send(&packet).await.is_err() {
            return Ok(());
        }
        due += Duration::from_secs(1) * ticks / TICKS_PER_SECOND;
        (ts, seq) = (ts.wrapping_add(ticks), seq.wrapping_add(1));
    }
    sleep_until(due + REPAIR).await;
    Ok(())
}

/// Reads ahead on a thread that nobody waits for: a pipe may be silent for ever.
fn read(mut source: Source) -> mpsc::Receiver<Result<Spoken, SoundError>> {
    let (send, packets) = mpsc::channel(AHEAD);
    thread::spawn(move || {
        while let Some(spoken) = source.next().transpose() {
            let over = spoken.is_err();
            if send.blocking_send(spoken).is_err() || over {
                return;
            }
        }
    });
    packets
}

/// A file that is being written. It is whole after [`finish`](Self::finish).
#[derive(Debug)]
pub(super) struct Writing {
    ears: JoinHandle<()>,
    hand: JoinHandle<Result<(), SoundError>>,
}

impl Writing {
    /// Writes what comes in at these ports.
    pub(super) fn start(mut sink: Sink, ports: Pair) -> Self {
        let (send, mut packets) = mpsc::channel::<(u32, Vec<u8>)>(AHEAD_OF_DISK);
        let hand = tokio::task::spawn_blocking(move || {
            while let Some((ts, packet)) = packets.blocking_recv() {
                sink.write(ts, &packet)?;
            }
            sink.finish()
        });
        Self { ears: tokio::spawn(listen(ports, send)), hand }
    }

    /// Whether the file can be written no more, e.g. because the disk is full.
    pub(super) async fn failed(&mut self) -> anyhow::Result<()> {
        (&mut self.hand).await?.context("writing the sound")
    }

    /// Ends the file.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        self.ears.abort();
        // What has come is still written; the file ends when the ears are gone.
        let _aborted = self.ears.await;
        self.hand.await?.context("writing the sound")
    }
}

/// Hands on what one sender sends to a port; the daemon sends in order.
async fn listen(ports: Pair, packets: mpsc::Sender<(u32, Vec<u8>)>) {
    let (mut buffer, mut ssrc) = (vec![0; MAX_DATAGRAM], None);
    loop {
        let Ok(length) = ports.media.recv(&mut buffer).await else { continue };
        let Ok(packet) = RtpPacket::parse(buffer.get(..length).unwrap_or_default()) else {
            continue;
        };
        let source = packet.ssrc();
        if *ssrc.get_or_insert(source) != source {
            continue;
        }
        match packets.try_send((packet.timestamp(), packet.payload().to_vec())) {
            // A disk that is too slow loses sound, as a network does.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}

fn ticks_of(time: Duration) -> u32 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    crate::rtc::low_u32(micros.saturating_mul(TICKS_PER_SECOND.into()) / 1_000_000)
}

/// Packets read ahead.
const AHEAD: usize = 16;
/// Packets that may wait for the disk: ten seconds.
const AHEAD_OF_DISK: usize = 512;
const MAX_DATAGRAM: usize = 2_048;
/// As ffmpeg counts: the first one for sound.
const PAYLOAD_TYPE: u8 = 97;
/// So long the last packets may still be asked for again.
const REPAIR: Duration = Duration::from_millis(300);
/// A sound that is later than this was not there.
const SLACK: Duration = Duration::from_millis(100);
const TICKS_PER_SECOND: u32 = 48_000;
