//! Own streams: which of the meeting's numbers a browser, a port or the clip sends under.

use std::collections::BTreeMap;

use conclave_meeting::{key::StreamKind, media::StreamNo};

use crate::{
    ports::PortId,
    rtc::{MediaKind, SessionId},
};

/// Where own media comes from.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Origin {
    /// A connection of the browser.
    Browser(SessionId),
    /// The built-in clip.
    Clip,
    /// Another program of this machine.
    Port(PortId),
}

/// Own streams by origin and kind.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: BTreeMap<(Origin, MediaKind), StreamNo>,
}

impl Streams {
    /// The number under which this media is sent, if it has one.
    pub(super) fn number(&self, origin: Origin, kind: MediaKind) -> Option<StreamNo> {
        self.open.get(&(origin, kind)).copied()
    }

    /// This media is sent under `number` from now on.
    pub(super) fn insert(&mut self, origin: Origin, kind: MediaKind, number: StreamNo) {
        self.open.insert((origin, kind), number);
    }

    /// Takes all streams of `origin` away.
    pub(super) fn remove(&mut self, origin: Origin) -> Vec<StreamNo> {
        let (gone, kept) =
            std::mem::take(&mut self.open).into_iter().partition(|((from, _), _)| *from == origin);
        self.open = kept;
        let gone: BTreeMap<_, _> = gone;
        gone.into_values().collect()
    }

    /// Who can make a keyframe for `number`.
    pub(super) fn origin(&self, number: StreamNo) -> Option<(Origin, MediaKind)> {
        self.open.iter().find(|(_, open)| **open == number).map(|(from, _)| *from)
    }
}

/// The kind of media of a stream; chat is none.
pub(super) const fn media_kind(kind: StreamKind) -> Option<MediaKind> {
    match kind {
        StreamKind::Audio => Some(MediaKind::Audio),
        StreamKind::Screen => Some(MediaKind::Screen),
        StreamKind::ScreenAudio => Some(MediaKind::ScreenAudio),
        StreamKind::Video => Some(MediaKind::Video),
        _ => None,
    }
}

/// The meeting's word for a kind of media.
pub(super) const fn stream_kind(kind: MediaKind) -> StreamKind {
    match kind {
        MediaKind::Audio => StreamKind::Audio,
        MediaKind::Screen => StreamKind::Screen,
        MediaKind::ScreenAudio => StreamKind::ScreenAudio,
        MediaKind::Video => StreamKind::Video,
    }
}
