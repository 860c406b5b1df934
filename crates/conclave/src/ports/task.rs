//! The task that owns the sockets of one opening.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    sync::{OwnedSemaphorePermit, broadcast, mpsc},
};
use tokio_util::sync::CancellationToken;

use super::{
    Heard, PortError, PortEvent, PortId, bind,
    egress::Egress,
    ingress::{Dropped, Ingress},
    sdp,
    speaker::Speaker,
};
use crate::{
    http::wire::{OpenPorts, PortNews},
    rtc::{MediaKind, SenderClock},
    udp::receive,
};

/// What a task is given.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) closing: CancellationToken,
    pub(super) events: mpsc::Sender<PortEvent>,
    pub(super) heard: Option<broadcast::Receiver<Heard>>,
    pub(super) id: PortId,
    /// Whether what goes out may be kept.
    pub(super) kept: bool,
    pub(super) news: mpsc::Sender<PortNews>,
    pub(super) seat: OwnedSemaphorePermit,
}

/// Binds what is asked for, says where, and starts the task.
pub(super) async fn start(ground: Ground, ask: &OpenPorts) -> Result<(), PortError> {
    let now = Instant::now();
    let (mut sockets, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    for (port, kind) in [(ask.audio_in, MediaKind::Audio), (ask.video_in, MediaKind::Video)] {
        if let Some(port) = port {
            sockets.push(bind(port).await?);
            inputs.push(Ingress::new(kind, now));
        }
    }
    for (port, kind) in [(ask.audio_out, MediaKind::Audio), (ask.video_out, MediaKind::Video)] {
        if let Some(port) = port {
            outputs.push(Egress::open(kind, port, rand::random()).await?);
        }
    }
    let bound = |kind| {
        let at = inputs.iter().position(|input: &Ingress| input.kind == kind)?;
        sockets.get(at).and_then(|socket: &UdpSocket| Some(socket.local_addr().ok()?.port()))
    };
    let sent = |video| {
        let output = outputs.iter().find(|output: &&Egress| output.is_video() == video);
        output.map(Egress::port)
    };
    let (audio_out, video_out) = (sent(false), sent(true));
    let opened = PortNews::Open {
        audio_in: bound(MediaKind::Audio),
        video_in: bound(MediaKind::Video),
        audio_out,
        video_out,
        sdp: (!outputs.is_empty()).then(|| sdp::describe(audio_out, video_out)),
    };
    if ground.kept {
        // A meeting that reads no more has nobody to tell.
        let _over = ground.events.send(PortEvent::Kept(ground.id)).await;
    }
    // There is room for the first one.
    let _told = ground.news.try_send(opened);
    let task = Task {
        clocks: BTreeMap::new(),
        from: ask.from,
        ground,
        inputs,
        outputs,
        said: BTreeSet::new(),
        sockets,
        speaker: Speaker::default(),
        start: now,
    };
    tokio::spawn(task.run());
    Ok(())
}

#[derive(Debug)]
struct Task {
    clocks: BTreeMap<u16, SenderClock>,
    /// The member to send; else whoever speaks.
    from: Option<u16>,
    ground: Ground,
    inputs: Vec<Ingress>,
    outputs: Vec<Egress>,
    /// What was told about dropped datagrams: each once.
    said: BTreeSet<(usize, Dropped)>,
    /// Those of `inputs`, in their order.
    sockets: Vec<UdpSocket>,
    speaker: Speaker,
    start: Instant,
}

impl Task {
    async fn run(mut self) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let (mut heard, mut turn) = (self.ground.heard.take(), 0);
        loop {
            let deadline = self.outputs.iter().filter_map(Egress::deadline).min();
            let wake = deadline.unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                () = self.ground.closing.cancelled() => break,
                () = self.ground.events.closed() => break,
                (at, length, from) = receive(&self.sockets, turn, &mut buffer) => {
                    turn = at + 1;
                    self.on_datagram(at, from, buffer.get(..length).unwrap_or_default());
                }
                packet = next(heard.as_mut()) => match packet {
                    Ok(packet) => self.on_heard(&packet),
                    // This machine is behind: the packets are lost, as on a network.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            self.release();
        }
        self.outputs.iter().for_each(Egress::goodbye);
        let closed = self.ground.events.send(PortEvent::Closed(self.ground.id));
        // A meeting that reads no more has closed the stream itself.
        let _late = tokio::time::timeout(GOODBYE, closed).await;
        drop(self.ground.seat);
    }

    fn on_datagram(&mut self, at: usize, from: SocketAddr, datagram: &[u8]) {
        let now = Instant::now();
        let Some(input) = self.inputs.get_mut(at) else { return };
        let kind = input.kind;
        let taken = if datagram.len() < MAX_DATAGRAM {
            input.take(now, now.saturating_duration_since(self.start), from, datagram)
        } else {
            Err(Dropped::Codec)
        };
        match taken {
            Ok(units) => {
                for unit in units {
                    let port = self.ground.id;
                    // A meeting that is behind loses the packet.
                    let _full =
                        self.ground.events.try_send(PortEvent::MediaIn { port, kind, unit });
                }
            }
            Err(dropped) => {
                if self.said.insert((at, dropped)) {
                    let text = dropped.say().to_owned();
                    self.tell(PortNews::Dropped { video: !kind.is_audio(), text });
                }
            }
        }
    }

    fn on_heard(&mut self, heard: &Heard) {
        let now = Instant::now();
        let speaks = match (self.from, heard.kind) {
            (Some(from), _) => Some(from),
            (None, MediaKind::Audio) => self.speaker.hear(now, heard.stream.idx, &heard.unit),
            (None, _) => self.speaker.current(),
        };
        for output in &mut self.outputs {
            output.take(now, speaks, heard);
        }
    }

    /// Sends what is due, asks for key pictures, tells who is sent.
    fn release(&mut self) {
        let now = Instant::now();
        if self.clocks.len() > MOST_CLOCKS {
            self.clocks.clear();
        }
        for at in 0..self.outputs.len() {
            let Some(output) = self.outputs.get_mut(at) else { continue };
            let Some(member) = output.member() else { continue };
            output.release(now, self.clocks.entry(member).or_default());
            let (keyframe, news) = (output.keyframe(now), output.news());
            let video = output.is_video();
            if let Some(stream) = keyframe {
                let _full = self.ground.events.try_send(PortEvent::KeyframeWanted(stream));
            }
            if let Some(idx) = news {
                self.tell(PortNews::From { video, idx });
            }
        }
    }

    fn tell(&self, news: PortNews) {
        // Who does not read them misses some.
        let _full = self.ground.news.try_send(news);
    }
}

async fn next(
    heard: Option<&mut broadcast::Receiver<Heard>>,
) -> Result<Heard, broadcast::error::RecvError> {
    match heard {
        Some(heard) => heard.recv().await,
        None => pending().await,
    }
}

/// How long a meeting may take to hear that ports are closed.
const GOODBYE: Duration = Duration::from_secs(5);
/// The longest sleep.
const IDLE: Duration = Duration::from_secs(3_600);
/// A datagram of this length was longer, and cut.
const MAX_DATAGRAM: usize = 2_049;
/// Clocks of members kept at once.
const MOST_CLOCKS: usize = 256;
