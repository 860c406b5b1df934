//! What one participant wrote down, for measuring afterwards.

use std::{collections::BTreeMap, ops::Range};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use conclave_meeting::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Header, Kid, Opener, Reassembler},
    time::Millis,
};
use conclave_protocol::{DeviceId, Digest, Epoch, MemberIdx};

use super::daemon::Daemon;
use crate::node::record::{self, Entry, KeyLine, What};

/// One participant's record.
#[derive(Debug)]
pub(crate) struct Recording {
    /// What people call the participant.
    pub(crate) name: &'static str,
    entries: Vec<Entry>,
    keys: Vec<KeyLine>,
}

/// A packet that was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    /// Nanoseconds since the Unix epoch.
    pub(crate) at_ns: u64,
    /// The member that sent it.
    pub(crate) idx: u16,
    /// KID of its SFrame header.
    pub(crate) kid: u64,
    /// CTR of its SFrame header.
    pub(crate) ctr: u64,
    /// Whether a keyframe begins with it.
    pub(crate) begins_keyframe: bool,
    /// Whether a picture ends with it.
    pub(crate) ends_picture: bool,
}

/// What came of the packets from one participant to another.
#[derive(Debug, Default)]
pub(crate) struct Journey {
    /// How many were never opened.
    pub(crate) lost: usize,
    /// How long each of the others took, from sealing to opening, microseconds.
    pub(crate) took_us: Vec<f64>,
}

impl Opened {
    fn read(entry: &Entry) -> Option<Self> {
        let (kid, rest) = entry.bytes.split_first_chunk()?;
        let (ctr, rest) = rest.split_first_chunk()?;
        let picture = rest.first()?;
        Some(Self {
            at_ns: entry.at_ns,
            idx: entry.idx,
            kid: u64::from_be_bytes(*kid),
            ctr: u64::from_be_bytes(*ctr),
            begins_keyframe: picture & 1 != 0,
            ends_picture: picture & 2 != 0,
        })
    }
}

impl Recording {
    /// Reads what `daemon` wrote down until now.
    ///
    /// # Errors
    /// There is no record.
    pub(crate) fn of(daemon: &Daemon) -> Result<Self> {
        let (entries, keys) = record::read(&daemon.record)
            .with_context(|| format!("reading the record of {}", daemon.name))?;
        Ok(Self { name: daemon.name, entries, keys })
    }

    /// When a transaction of this participant was proven final, and after how many milliseconds.
    pub(crate) fn finalities(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.entries.iter().filter(|e| e.what == What::Final).filter_map(|entry| {
            let micros = u64::from_be_bytes(entry.bytes.as_slice().try_into().ok()?);
            Some((entry.at_ns, micros as f64 / 1_000.0))
        })
    }

    /// Every meeting key with its epoch.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyLine> {
        self.keys.iter()
    }

    /// Every meeting key that was written down.
    pub(crate) fn meeting_keys(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.keys.iter().filter_map(|line| hex::decode(&line.mk).ok()?.try_into().ok())
    }

    /// Messages of other members that came in.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.what == What::Message)
    }

    /// Sealed packets that came in, put together again: when, from whom, what.
    pub(crate) fn received(&self) -> impl Iterator<Item = (u64, u16, Vec<u8>)> + '_ {
        reassembled(self.entries.iter().filter(|entry| entry.what == What::In))
    }

    /// Packets that were opened and handed to the browser, in the order in which they were.
    pub(crate) fn opened(&self) -> impl Iterator<Item = Opened> + '_ {
        self.entries.iter().filter(|entry| entry.what == What::Opened).filter_map(Opened::read)
    }

    /// What came of the packets that this participant sealed for `to` within `span`, in
    /// nanoseconds since the Unix epoch.
    pub(crate) fn journey(&self, to: &Self, span: Range<u64>) -> Journey {
        let mut journey = Journey::default();
        let Some(idx) = to.idx_at(span.start) else { return journey };
        let mut opened: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for packet in to.opened() {
            opened.entry((packet.kid, packet.ctr)).or_insert(packet.at_ns);
        }
        let mut sent: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (at_ns, packet) in self.sealed_to(idx).filter(|(at_ns, _)| span.contains(at_ns)) {
            if let Ok(header) = Header::read(&packet) {
                sent.entry((header.kid, header.ctr)).or_insert(at_ns);
            }
        }
        for (name, at_ns) in sent {
            match opened.get(&name) {
                Some(opened) => {
                    journey.took_us.push(opened.saturating_sub(at_ns) as f64 / 1_000.0);
                }
                None => journey.lost += 1,
            }
        }
        journey
    }

    /// The longest time within `span` in which nothing of member `idx` was opened, nanoseconds.
    pub(crate) fn silence(&self, idx: u16, span: Range<u64>) -> u64 {
        let (mut before, mut longest) = (span.start, 0);
        for packet in self.opened().filter(|p| p.idx == idx && span.contains(&p.at_ns)) {
            longest = longest.max(packet.at_ns.saturating_sub(before));
            before = packet.at_ns;
        }
        longest.max(span.end.saturating_sub(before))
    }

    fn sealed_to(&self, idx: u16) -> impl Iterator<Item = (u64, Vec<u8>)> + '_ {
        reassembled(self.entries.iter().filter(move |e| e.what == What::Out && e.idx == idx))
            .map(|(at_ns, _, packet)| (at_ns, packet))
    }

    /// The epoch of meeting `mid` whose key opens the packet, if one that this participant ever
    /// held does.
    ///
    /// # Errors
    /// A recorded key is malformed.
    pub(crate) fn opens(&self, mid: &str, packet: &[u8]) -> Result<Option<u32>> {
        let Ok(header) = Header::read(packet) else { return Ok(None) };
        let Some(kid) = Kid::from_value(header.kid) else { return Ok(None) };
        let of_epoch = |line: &&KeyLine| line.epoch.to_be_bytes()[3] == kid.epoch;
        for line in self.keys.iter().filter(|line| line.mid == mid).filter(of_epoch) {
            let dev = line.members.iter().find(|(idx, _)| *idx == kid.idx);
            let Some((_, dev)) = dev else { continue };
            let mid = line.mid.parse().context("a recorded meeting id")?;
            let epoch = EpochId {
                chain: line.chain.parse().context("a recorded chain id")?,
                mid,
                epoch: Epoch(line.epoch),
                record: line.record.parse::<Digest>().context("a recorded hash")?,
            };
            let dev: DeviceId = dev.parse().context("a recorded device id")?;
            let mk: [u8; 32] = hex::FromHex::from_hex(&line.mk).context("a recorded key")?;
            let mk = MeetingKey::danger_from_bytes(mk);
            for kind in
                [StreamKind::Audio, StreamKind::Video, StreamKind::Screen, StreamKind::ScreenAudio]
            {
                let stream = epoch.stream(dev, MemberIdx(kid.idx), kid.stream, kind);
                let opener = Opener::new(mk.stream_key(&stream), header.kid, metadata(&mid));
                if opener.is_some_and(|mut opener| opener.open(&mut packet.to_vec()).is_ok()) {
                    return Ok(Some(line.epoch));
                }
            }
        }
        Ok(None)
    }

    /// The member index of this participant in the first meeting it recorded.
    pub(crate) fn idx(&self) -> Option<u16> {
        self.own().next().map(|own| own.idx)
    }

    /// Its index in the meeting in which it was at `at_ns`, nanoseconds since the Unix epoch.
    pub(crate) fn idx_at(&self, at_ns: u64) -> Option<u16> {
        let before = self.own().take_while(|own| own.at_ns <= at_ns).last();
        before.map(|own| own.idx).or_else(|| self.idx())
    }

    /// Its seats, one for each meeting.
    fn own(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.what == What::Own)
    }
}

fn reassembled<'a>(
    entries: impl Iterator<Item = &'a Entry> + 'a,
) -> impl Iterator<Item = (u64, u16, Vec<u8>)> + 'a {
    let mut hops: BTreeMap<u16, Reassembler> = BTreeMap::new();
    entries.filter_map(move |entry| {
        let hop = hops.entry(entry.idx).or_default();
        let now = Millis(entry.at_ns / 1_000_000);
        let packet = hop.push(&Bytes::copy_from_slice(&entry.bytes), now).ok()??;
        Some((entry.at_ns, entry.idx, packet))
    })
}
