//! The packets of a session: sealing own units and chat, opening those of others, repairing gaps.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use conclave_protocol::{
    DeviceId, Epoch, MemberIdx, Npk,
    codec::{Blob, Set, Text},
};

use super::{
    Session,
    command::CommandError,
    counters::Counters,
    epochs::{Incoming, Live},
    output::{Event, Output},
    peers::Link,
};
use crate::{
    key::{StreamKind, metadata},
    media::{
        GapTracker, Header, Kid, MAX_SEALED, OpenError, Opener, PacketId, Sealer, SentCache,
        StreamNo, split,
    },
    time::Millis,
    wire::{MAX_NACK, Nack, PeerMessage, StreamTail},
};

/// Packets that came before their key or announcement, kept this long and this many.
const EARLY_LIFE: u64 = 2_000;
const MAX_EARLY: usize = 512;
/// A stream first heard of at a higher counter is repaired from there, not from 0.
const FAR_START: u64 = 64;
/// A sender rekeys long before its counters matter (section 9).
const MAX_CTR: u64 = 1 << 31;

/// What a session knows of streams and packets.
#[derive(Default)]
pub(super) struct Media {
    pub(super) own: BTreeMap<StreamNo, StreamKind>,
    /// Numbers of own streams that stopped in the present epoch.
    pub(super) retired: BTreeSet<StreamNo>,
    pub(super) others: BTreeMap<(MemberIdx, StreamNo), StreamKind>,
    sent: SentCache,
    early: VecDeque<Early>,
    buffer: Vec<u8>,
}

/// A packet that may be understood in a moment.
struct Early {
    npk: Npk,
    at: Millis,
    sealed: Vec<u8>,
    form: Form,
}

/// How a sealed packet came, which says what is in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// As a datagram: of a stream that was announced.
    Media,
    /// In [`PeerMessage::Chat`].
    Chat,
    /// In [`PeerMessage::Signal`].
    Signal,
}

impl Media {
    pub(super) fn forget(&mut self, idx: MemberIdx) {
        self.others.retain(|(member, _), _| *member != idx);
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.early.front().map(|early| early.at.plus(EARLY_LIFE))
    }
}

impl Session {
    /// Seals one unit of an own stream and sends it to every linked member.
    ///
    /// # Errors
    /// [`CommandError::NoSuchStream`] if the stream is not open or the unit is too long;
    /// [`CommandError::NoKey`] while there is no key or sending is stopped.
    pub fn send_media(
        &mut self,
        stream: StreamNo,
        unit: &[u8],
        now: Millis,
    ) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        if self.ended {
            return Err(CommandError::Ended);
        }
        let kind = *self.media.own.get(&stream).ok_or(CommandError::NoSuchStream)?;
        let (epoch, ctr, sealed) = self.seal(stream, kind, unit)?;
        let id = PacketId { epoch: epoch.0, stream, ctr };
        self.media.sent.insert(id, sealed.clone(), self.now);
        let members: Vec<Npk> = self.index.keys().copied().collect();
        for npk in members {
            self.send_sealed(npk, &sealed);
        }
        Ok(())
    }

    /// Sends a line of chat to all members.
    pub(super) fn chat(&mut self, text: &str) -> Result<(), CommandError> {
        let text = Text::<1_200>::new(text).map_err(|_| CommandError::Text)?;
        if text.as_str().is_empty() {
            return Err(CommandError::Text);
        }
        let line = text.as_str().as_bytes();
        let (_, _, sealed) = self.seal(StreamNo::CHAT, StreamKind::Chat, line)?;
        let sealed = Blob::new(sealed.to_vec()).map_err(|_| CommandError::Text)?;
        self.broadcast(&PeerMessage::Chat(sealed));
        Ok(())
    }

    pub(super) fn seal(
        &mut self,
        stream: StreamNo,
        kind: StreamKind,
        plaintext: &[u8],
    ) -> Result<(Epoch, u64, Bytes), CommandError> {
        let me = self.me.filter(|_| !self.blocked);
        let (Some(me), Some(live)) = (me, self.epochs.sending()) else {
            Counters::count(&mut self.counters.unsent);
            return Err(CommandError::NoKey);
        };
        let (dev, mid) = (self.config.dev, &self.mid);
        let sealer = match live.sealers.entry(stream) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let key = live.mk.stream_key(&live.id.stream(dev, me, stream, kind));
                let kid = live.id.kid(me, stream).value();
                let sealer = Sealer::new(key, kid, metadata(mid)).ok_or(CommandError::NoKey)?;
                entry.insert(sealer)
            }
        };
        let buffer = &mut self.media.buffer;
        let ctr = sealer.seal(plaintext, buffer).map_err(|_| CommandError::NoSuchStream)?;
        Counters::count(&mut self.counters.sealed);
        let (epoch, used_up) = (live.id.epoch, ctr >= MAX_CTR);
        let sealed = Bytes::copy_from_slice(buffer);
        if let Some(leader) = self.leader.as_mut().filter(|_| used_up) {
            leader.rekey_now = true;
        }
        Ok((epoch, ctr, sealed))
    }

    /// Sends sealed bytes over one hop, in pieces if they do not fit.
    fn send_sealed(&mut self, npk: Npk, sealed: &Bytes) {
        let Some(peer) = self.peers.get_mut(&npk).filter(|peer| peer.link == Link::Member) else {
            return;
        };
        peer.fragment = peer.fragment.wrapping_add(1);
        let pieces = split(sealed, peer.fragment, peer.limit);
        self.outputs.extend(pieces.into_iter().map(|bytes| Output::Datagram { npk, bytes }));
    }

    /// Takes one datagram of a peer.
    pub(super) fn datagram(&mut self, npk: Npk, bytes: &Bytes) {
        let now = self.now;
        if self.member_of(npk).is_none() {
            Counters::count(&mut self.counters.foreign);
            return;
        }
        let Some(peer) = self.peers.get_mut(&npk) else {
            Counters::count(&mut self.counters.foreign);
            return;
        };
        match peer.reassembler.push(bytes, now) {
            Ok(Some(sealed)) => self.open(npk, sealed, Form::Media),
            Ok(None) => {}
            Err(_) => Counters::count(&mut self.counters.malformed),
        }
    }

    /// Opens one sealed packet, or keeps it for a moment if its key may still come.
    pub(super) fn open(&mut self, npk: Npk, mut sealed: Vec<u8>, form: Form) {
        match self.try_open(npk, &mut sealed, form) {
            Ok(()) => {}
            Err(Refused::Count(counter)) => Counters::count(counter(&mut self.counters)),
            Err(Refused::Early(_)) if self.media.early.len() < MAX_EARLY => {
                self.media.early.push_back(Early { npk, at: self.now, sealed, form });
            }
            Err(Refused::Early(counter)) => Counters::count(counter(&mut self.counters)),
            Err(Refused::Key) => Counters::count(&mut self.counters.not_authentic),
            Err(Refused::Again) => Counters::count(&mut self.counters.replayed),
        }
    }

    fn try_open(&mut self, npk: Npk, sealed: &mut [u8], form: Form) -> Result<(), Refused> {
        let malformed = Refused::Count(|counters| &mut counters.malformed);
        if sealed.len() > MAX_SEALED {
            return Err(malformed);
        }
        let header = Header::read(sealed).map_err(|_| Refused::Count(|c| &mut c.malformed))?;
        let kid = Kid::from_value(header.kid).ok_or(malformed)?;
        let idx = MemberIdx(kid.idx);
        // Mode A of section 11: the link proves who may speak under this key id.
        if self.member_of(npk) != Some(idx) {
            return Err(Refused::Count(|counters| &mut counters.wrong_sender));
        }
        let said = form != Form::Media;
        if (kid.stream == StreamNo::CHAT) != said {
            return Err(Refused::Count(|counters| &mut counters.undeclared));
        }
        let declared = self.media.others.get(&(idx, kid.stream)).copied();
        let kind = if said { Some(StreamKind::Chat) } else { declared };
        let kind = kind.ok_or(Refused::Early(|counters| &mut counters.undeclared))?;
        let (now, metadata) = (self.now, metadata(&self.mid));
        // Failing garbles the packet, and there may be another key to try.
        let open = self.epochs.is_open(kid.epoch);
        let kept = open.then(|| sealed.to_vec());
        let mut refused = Refused::Early(|counters| &mut counters.unknown_epoch);
        let mut opened = None;
        for live in self.epochs.by_low_bits(kid.epoch) {
            match open_under(live, kid, kind, metadata, now, sealed) {
                Ok(unit) => {
                    opened = Some(unit);
                    break;
                }
                Err(why) => refused = why,
            }
            if let Some(kept) = &kept {
                sealed.copy_from_slice(kept);
            }
        }
        if let Some(Opened { ctr, unit, repaired }) = opened {
            Counters::count(&mut self.counters.opened);
            if repaired {
                Counters::count(&mut self.counters.repaired);
            }
            match form {
                Form::Media => self.push(Output::Media { idx, kid, ctr, kind, unit }),
                Form::Chat => self.chatted(idx, &unit),
                Form::Signal => self.signalled(idx, &unit),
            }
            return Ok(());
        }
        // A record may replace the one that is not final yet, and its sender may know already.
        Err(match refused {
            Refused::Key if open => Refused::Early(|counters| &mut counters.not_authentic),
            Refused::Again if open => Refused::Early(|counters| &mut counters.replayed),
            refused => refused,
        })
    }

    fn chatted(&mut self, idx: MemberIdx, unit: &[u8]) {
        let text = std::str::from_utf8(unit).ok().and_then(|text| Text::<1_200>::new(text).ok());
        match text {
            Some(text) => self.event(Event::Chat { idx, text: text.as_str().to_owned() }),
            None => Counters::count(&mut self.counters.malformed),
        }
    }

    /// Tries again what came before its key or announcement.
    pub(super) fn open_early(&mut self) {
        for Early { npk, at, mut sealed, form } in std::mem::take(&mut self.media.early) {
            match self.try_open(npk, &mut sealed, form) {
                Ok(()) => {}
                Err(Refused::Early(_)) if self.now.since(at) < EARLY_LIFE => {
                    self.media.early.push_back(Early { npk, at, sealed, form });
                }
                Err(Refused::Early(counter) | Refused::Count(counter)) => {
                    Counters::count(counter(&mut self.counters));
                }
                Err(Refused::Key) => Counters::count(&mut self.counters.not_authentic),
                Err(Refused::Again) => Counters::count(&mut self.counters.replayed),
            }
        }
    }

    /// Asks for what is missing, one message per stream and member.
    pub(super) fn ask_for_gaps(&mut self) {
        if self.media.deadline().is_some_and(|at| at <= self.now) {
            self.open_early();
        }
        let now = self.now;
        let mut asks = Vec::new();
        for live in self.epochs.iter_mut() {
            let epoch = live.id.epoch;
            for ((idx, stream), incoming) in &mut live.incoming {
                let ctrs = incoming.gaps.due(now, MAX_NACK);
                let npk = live.roster.get(idx).map(|seat| seat.npk);
                if let (Some(npk), false) = (npk, ctrs.is_empty()) {
                    asks.push((npk, epoch, stream.value(), ctrs));
                }
            }
        }
        for (npk, epoch, stream, ctrs) in asks {
            let count = u64::try_from(ctrs.len()).unwrap_or(0);
            if let Ok(ctrs) = Set::new(ctrs) {
                self.counters.asked = self.counters.asked.saturating_add(count);
                self.send(npk, &PeerMessage::Nack(Nack { epoch, stream, ctrs }));
            }
        }
    }

    /// Sends again what a member of the newest roster did not get: the same sealed bytes.
    pub(super) fn repair(&mut self, npk: Npk, nack: &Nack) {
        let Some(stream) = StreamNo::new(nack.stream) else { return };
        for ctr in &nack.ctrs {
            let id = PacketId { epoch: nack.epoch.0, stream, ctr: *ctr };
            if let Some(sealed) = self.media.sent.get(id).cloned() {
                Counters::count(&mut self.counters.repairs_sent);
                self.send_sealed(npk, &sealed);
            }
        }
    }

    /// Learns how many packets a stream had in an epoch that its sender left.
    pub(super) fn tail(&mut self, idx: MemberIdx, tail: &StreamTail) {
        let (now, metadata) = (self.now, metadata(&self.mid));
        let Some(stream) = StreamNo::new(tail.stream) else { return };
        let Some(kind) = self.media.others.get(&(idx, stream)).copied() else { return };
        let Some(live) = self.epochs.get_mut(tail.epoch) else { return };
        let Some(dev) = live.roster.get(&idx).map(|seat| seat.dev) else { return };
        if let Some(incoming) = incoming(live, dev, idx, stream, kind, metadata) {
            incoming.gaps.extend(tail.end, now);
        }
    }
}

/// Why a packet is not opened now.
enum Refused {
    Count(fn(&mut Counters) -> &mut u64),
    /// It may be understood in a moment; if not, it is counted here.
    Early(fn(&mut Counters) -> &mut u64),
    /// It is not under this key.
    Key,
    /// Its counter was there already under this key, which may not be its own.
    Again,
}

/// A packet that was opened.
struct Opened {
    ctr: u64,
    unit: Vec<u8>,
    repaired: bool,
}

/// Opens a packet under one key.
fn open_under(
    live: &mut Live,
    kid: Kid,
    kind: StreamKind,
    metadata: crate::media::Metadata,
    now: Millis,
    sealed: &mut [u8],
) -> Result<Opened, Refused> {
    let idx = MemberIdx(kid.idx);
    let epoch = live.id.epoch;
    // Only who was in that epoch, and is still in, is heard.
    let dev = live.roster.get(&idx).map(|seat| seat.dev);
    let dev = dev.ok_or(Refused::Count(|counters| &mut counters.foreign))?;
    let incoming = incoming(live, dev, idx, kid.stream, kind, metadata)
        .ok_or(Refused::Count(|counters| &mut counters.malformed))?;
    let first = incoming.opener.end() == 0;
    let (ctr, plaintext) = incoming.opener.open(sealed)?;
    let unit = plaintext.to_vec();
    if first && ctr > FAR_START {
        incoming.gaps = GapTracker::new(ctr);
    }
    // What comes over the reliable channel is not sent again.
    let repaired = kind != StreamKind::Chat && incoming.gaps.opened(ctr, now);
    tracing::trace!(%idx, %epoch, ctr, "opened");
    Ok(Opened { ctr, unit, repaired })
}

impl From<OpenError> for Refused {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Malformed => Self::Count(|counters| &mut counters.malformed),
            OpenError::Replay => Self::Again,
            OpenError::NotAuthentic | OpenError::WrongKey => Self::Key,
        }
    }
}

/// The opener of one stream of one epoch, made at its first packet.
fn incoming(
    live: &mut Live,
    dev: DeviceId,
    idx: MemberIdx,
    stream: StreamNo,
    kind: StreamKind,
    metadata: crate::media::Metadata,
) -> Option<&mut Incoming> {
    match live.incoming.entry((idx, stream)) {
        std::collections::btree_map::Entry::Occupied(entry) => Some(entry.into_mut()),
        std::collections::btree_map::Entry::Vacant(entry) => {
            let key = live.mk.stream_key(&live.id.stream(dev, idx, stream, kind));
            let opener = Opener::new(key, live.id.kid(idx, stream).value(), metadata)?;
            Some(entry.insert(Incoming { opener, gaps: GapTracker::new(0) }))
        }
    }
}
