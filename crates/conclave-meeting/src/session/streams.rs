//! The streams of a session: opening and closing own ones, believing the announcements of others.

use conclave_protocol::{MemberIdx, Npk};

use super::{
    Session,
    command::CommandError,
    counters::Counters,
    output::{Event, Output},
};
use crate::{
    key::StreamKind,
    media::StreamNo,
    time::Millis,
    wire::{PeerMessage, StreamAnnounce},
};

impl Session {
    /// Announces an own stream and returns its number. A stream that stops takes a new number
    /// when it starts again.
    ///
    /// # Errors
    /// [`CommandError::NoSuchStream`] for chat, or if all numbers of this epoch are used.
    pub fn open_stream(&mut self, kind: StreamKind, now: Millis) -> Result<StreamNo, CommandError> {
        self.now = self.now.max(now);
        if self.ended {
            return Err(CommandError::Ended);
        }
        if kind == StreamKind::Chat {
            return Err(CommandError::NoSuchStream);
        }
        let stream = self.free_stream().ok_or(CommandError::NoSuchStream)?;
        self.media.own.insert(stream, kind);
        if let Some(announce) = self.announcement(stream, kind) {
            self.broadcast(&announce);
        }
        Ok(stream)
    }

    /// The next number that no live epoch has a counter for.
    fn free_stream(&self) -> Option<StreamNo> {
        let used = |stream: &StreamNo| {
            self.media.own.contains_key(stream)
                || self.media.retired.contains(stream)
                || self.epochs.iter().any(|live| live.sealers.contains_key(stream))
        };
        (1..StreamNo::COUNT).filter_map(StreamNo::new).find(|stream| !used(stream))
    }

    pub(super) fn close_stream(&mut self, stream: StreamNo) -> Result<(), CommandError> {
        self.media.own.remove(&stream).ok_or(CommandError::NoSuchStream)?;
        self.media.retired.insert(stream);
        self.broadcast(&PeerMessage::StreamClose(stream.value()));
        Ok(())
    }

    fn announcement(&self, stream: StreamNo, kind: StreamKind) -> Option<PeerMessage> {
        let (secrets, me) = (self.secrets.as_ref()?, self.me?);
        let (chain, number) = (&self.config.chain_id, stream.value());
        let announce = StreamAnnounce::new(chain, &self.mid, me, number, kind, &secrets.nsk);
        Some(PeerMessage::StreamAnnounce(announce))
    }

    /// Tells a newly linked member about every own stream.
    pub(super) fn announce_all(&mut self, npk: Npk) {
        let own: Vec<_> = self.media.own.iter().map(|(stream, kind)| (*stream, *kind)).collect();
        for (stream, kind) in own {
            if let Some(announce) = self.announcement(stream, kind) {
                self.send(npk, &announce);
            }
        }
    }

    pub(super) fn announced(&mut self, npk: Npk, idx: MemberIdx, announce: &StreamAnnounce) {
        let holds = announce.verify(&self.config.chain_id, &self.mid, idx, npk).is_ok();
        let stream = StreamNo::new(announce.stream).filter(|stream| *stream != StreamNo::CHAT);
        let (Some(stream), true, true) = (stream, holds, announce.kind != StreamKind::Chat) else {
            Counters::count(&mut self.counters.bad_messages);
            return;
        };
        let kind = announce.kind;
        let known = self.media.others.insert((idx, stream), kind);
        if known != Some(kind) {
            self.event(Event::StreamOpened { idx, stream, kind });
        }
        if kind.is_video() {
            self.send(npk, &PeerMessage::KeyframeRequest(stream.value()));
        }
        self.open_early();
    }

    pub(super) fn stream_closed(&mut self, idx: MemberIdx, stream: u8) {
        let Some(stream) = StreamNo::new(stream) else { return };
        if self.media.others.remove(&(idx, stream)).is_some() {
            for live in self.epochs.iter_mut() {
                live.incoming.remove(&(idx, stream));
            }
            self.event(Event::StreamClosed { idx, stream });
        }
    }

    pub(super) fn request_keyframe(
        &mut self,
        idx: MemberIdx,
        stream: StreamNo,
    ) -> Result<(), CommandError> {
        let live = self.epochs.newest().ok_or(CommandError::NoKey)?;
        let npk = live.roster.get(&idx).ok_or(CommandError::NoSuchMember)?.npk;
        self.media.others.get(&(idx, stream)).ok_or(CommandError::NoSuchStream)?;
        self.send(npk, &PeerMessage::KeyframeRequest(stream.value()));
        Ok(())
    }

    pub(super) fn keyframe_requested(&mut self, stream: u8) {
        let own = StreamNo::new(stream).filter(|stream| self.media.own.contains_key(stream));
        if let Some(stream) = own {
            self.push(Output::KeyframeWanted { stream });
        }
    }

    /// A new epoch begins with a picture, so that whoever joined sees it at once.
    pub(super) fn want_keyframes(&mut self) {
        let video = self.media.own.iter().filter(|(_, kind)| kind.is_video());
        let video: Vec<StreamNo> = video.map(|(stream, _)| *stream).collect();
        self.outputs.extend(video.into_iter().map(|stream| Output::KeyframeWanted { stream }));
    }
}
