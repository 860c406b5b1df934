//! What the participants wrote down, turned into figures.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use conclave_meeting::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Header, Kid, Opener, Reassembler},
    time::Millis,
};
use conclave_protocol::{DeviceId, Digest, Epoch, MemberIdx};
use serde::Serialize;

use super::daemon::Daemon;
use crate::node::record::{self, Entry, KeyLine, What, now_ns};

/// What is said about packets younger than this at the end would be about packets in flight.
const TAIL_NS: u64 = 500_000_000;

/// When what happened, as the script saw it.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    died_ns: u64,
    admitted_ns: u64,
    kick: Option<(u64, u32)>,
    left: BTreeSet<&'static str>,
    end_ns: u64,
}

/// One participant's record.
#[derive(Debug)]
pub(crate) struct Recording {
    name: &'static str,
    entries: Vec<Entry>,
    keys: Vec<KeyLine>,
}

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) finality_ms_p50: Option<f64>,
    pub(crate) finality_ms_p99: Option<f64>,
    pub(crate) finality_one_dead_ms_p50: Option<f64>,
    pub(crate) finality_one_dead_ms_p99: Option<f64>,
    pub(crate) admit_to_first_frame_ms_p50: Option<f64>,
    pub(crate) admit_to_first_frame_ms_p95: Option<f64>,
    pub(crate) kick_to_blind_ms: f64,
    pub(crate) kicked_opens_after_rekey: usize,
    pub(crate) rekey_gap_packets_lost: usize,
    pub(crate) packets_opened: usize,
    pub(crate) packets_refused: u64,
    pub(crate) added_latency_us_p50: Option<f64>,
    pub(crate) added_latency_us_p99: Option<f64>,
    pub(crate) epochs: usize,
}

impl Scene {
    /// A validator is killed.
    pub(crate) fn validator_dies(&mut self) {
        self.died_ns = now_ns();
    }

    /// The leader clicked on admit.
    pub(crate) fn admitted(&mut self) {
        self.admitted_ns = now_ns();
    }

    /// The leader clicks on kick while this epoch is in use.
    pub(crate) fn kicked(&mut self, epoch: u32) {
        self.kick = Some((now_ns(), epoch));
    }

    /// This participant leaves.
    pub(crate) fn left(&mut self, name: &'static str) {
        self.left.insert(name);
    }

    /// The leader ends the meeting.
    pub(crate) fn ended(&mut self) {
        self.end_ns = now_ns();
    }

    /// The figures, from what everyone recorded. `kicked` is the removed guest's name.
    ///
    /// # Errors
    /// A recorded key is malformed.
    pub(crate) fn figures(
        &self,
        recordings: &[Recording],
        kicked: &str,
        packets_refused: u64,
    ) -> Result<Figures> {
        let stayed = |r: &&Recording| r.name != kicked && !self.left.contains(r.name);
        let stayers: Vec<&Recording> = recordings.iter().filter(stayed).collect();
        let blind = self.blindness(recordings, kicked)?;
        let mut latency = Vec::new();
        let mut lost = 0;
        for from in &stayers {
            for to in stayers.iter().filter(|to| to.name != from.name) {
                lost += self.compare(from, to, &mut latency);
            }
        }
        let mut first: Vec<f64> =
            recordings.iter().filter_map(|r| self.first_frame_ms(r)).collect();
        let (mut finality, mut one_dead) = (Vec::new(), Vec::new());
        for (at_ns, took_ms) in recordings.iter().flat_map(Recording::finalities) {
            if at_ns < self.died_ns { &mut finality } else { &mut one_dead }.push(took_ms);
        }
        let opened = |r: &Recording| r.entries.iter().filter(|e| e.what == What::Opened).count();
        let epochs: BTreeSet<u32> =
            recordings.iter().flat_map(|r| r.keys.iter().map(|key| key.epoch)).collect();
        Ok(Figures {
            finality_ms_p50: percentile(&mut finality, 50),
            finality_ms_p99: percentile(&mut finality, 99),
            finality_one_dead_ms_p50: percentile(&mut one_dead, 50),
            finality_one_dead_ms_p99: percentile(&mut one_dead, 99),
            admit_to_first_frame_ms_p50: percentile(&mut first, 50),
            admit_to_first_frame_ms_p95: percentile(&mut first, 95),
            kick_to_blind_ms: blind.0,
            kicked_opens_after_rekey: blind.1,
            rekey_gap_packets_lost: lost,
            packets_opened: recordings.iter().map(opened).sum(),
            packets_refused,
            added_latency_us_p50: percentile(&mut latency, 50),
            added_latency_us_p99: percentile(&mut latency, 99),
            epochs: epochs.len(),
        })
    }

    /// Milliseconds from the click to the last packet that the kicked guest's whole state opens,
    /// of all packets that reached anybody; and how many of those are of a later epoch.
    fn blindness(&self, recordings: &[Recording], kicked: &str) -> Result<(f64, usize)> {
        let guest =
            recordings.iter().find(|r| r.name == kicked).context("no record of the guest")?;
        let (click, epoch) = self.kick.context("nobody was kicked")?;
        let (mut last, mut later) = (click, 0);
        for recording in recordings {
            for (at_ns, _, packet) in recording.received().filter(|(at, ..)| *at >= click) {
                if let Some(opened) = guest.opens(&packet)? {
                    last = last.max(at_ns);
                    later += usize::from(opened > epoch);
                }
            }
        }
        Ok((ms(last - click), later))
    }

    /// Packets that `from` sent to `to` and `to` never opened; collects how long the others took.
    fn compare(&self, from: &Recording, to: &Recording, latency: &mut Vec<f64>) -> usize {
        let mut opened: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for entry in to.entries.iter().filter(|e| e.what == What::Opened) {
            if let Some(name) = packet_name(&entry.bytes) {
                opened.entry(name).or_insert(entry.at_ns);
            }
        }
        let Some(idx) = to.idx() else { return 0 };
        let mut sent: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for (at_ns, packet) in from.sealed_to(idx) {
            if let Ok(header) = Header::read(&packet) {
                sent.entry((header.kid, header.ctr)).or_insert(at_ns);
            }
        }
        let mut lost = 0;
        for (name, at_ns) in sent {
            match opened.get(&name) {
                Some(opened) => latency.push(opened.saturating_sub(at_ns) as f64 / 1_000.0),
                None if at_ns + TAIL_NS < self.end_ns => lost += 1,
                None => {}
            }
        }
        lost
    }

    /// From the click on admit to the first whole keyframe at one guest: the first picture that
    /// its browser can decode.
    fn first_frame_ms(&self, recording: &Recording) -> Option<f64> {
        let mut packets: BTreeMap<(u64, u64), u8> = BTreeMap::new();
        for entry in recording.entries.iter().filter(|e| e.what == What::Opened) {
            let Some((kid, ctr)) = packet_name(&entry.bytes) else { continue };
            packets.insert((kid, ctr), entry.bytes.get(16).copied().unwrap_or_default());
            if whole_keyframe(&packets, kid, ctr) {
                return Some(ms(entry.at_ns.checked_sub(self.admitted_ns)?));
            }
        }
        None
    }
}

impl Recording {
    /// Reads what `daemon` wrote down.
    ///
    /// # Errors
    /// There is no record.
    pub(crate) fn of(daemon: &Daemon) -> Result<Self> {
        let (entries, keys) = record::read(&daemon.record)
            .with_context(|| format!("reading the record of {}", daemon.name))?;
        Ok(Self { name: daemon.name, entries, keys })
    }

    /// When a transaction of this participant was proven final, and after how many milliseconds.
    fn finalities(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
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

    fn sealed_to(&self, idx: u16) -> impl Iterator<Item = (u64, Vec<u8>)> + '_ {
        reassembled(self.entries.iter().filter(move |e| e.what == What::Out && e.idx == idx))
            .map(|(at_ns, _, packet)| (at_ns, packet))
    }

    /// The epoch whose key opens the packet, if one that this participant ever held does.
    fn opens(&self, packet: &[u8]) -> Result<Option<u32>> {
        let Ok(header) = Header::read(packet) else { return Ok(None) };
        let Some(kid) = Kid::from_value(header.kid) else { return Ok(None) };
        for line in self.keys.iter().filter(|line| line.epoch.to_be_bytes()[3] == kid.epoch) {
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

    /// The member index of this participant.
    pub(crate) fn idx(&self) -> Option<u16> {
        self.entries.iter().find_map(|e| (e.what == What::Own).then_some(e.idx))
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

/// KID and CTR of an opened packet.
fn packet_name(bytes: &[u8]) -> Option<(u64, u64)> {
    let (kid, rest) = bytes.split_first_chunk()?;
    let (ctr, _) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*kid), u64::from_be_bytes(*ctr)))
}

/// Whether all packets of the picture around `ctr` are there and the first begins a keyframe.
fn whole_keyframe(packets: &BTreeMap<(u64, u64), u8>, kid: u64, ctr: u64) -> bool {
    const BEGIN: u8 = 1;
    const END: u8 = 2;
    let has = |ctr: u64, bit: u8| packets.get(&(kid, ctr)).map(|bits| bits & bit != 0);
    let of_this_picture = |at: u64| at == ctr || has(at, END) == Some(false);
    let begins = (0..=ctr)
        .rev()
        .map_while(|at| has(at, BEGIN).filter(|_| of_this_picture(at)))
        .any(|begin| begin);
    let ends = (ctr..).map_while(|at| has(at, END)).any(|end| end);
    begins && ends
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1_000_000.0
}

/// The value that `percent` of all are not above; none of no values.
fn percentile(values: &mut [f64], percent: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).map(|value| (value * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_is_whole_when_nothing_is_missing_from_begin_to_end() {
        let packets =
            |list: &[(u64, u8)]| list.iter().map(|&(ctr, bits)| ((7, ctr), bits)).collect();
        assert!(whole_keyframe(&packets(&[(4, 1), (5, 0), (6, 2)]), 7, 5));
        assert!(whole_keyframe(&packets(&[(4, 3)]), 7, 4));
        assert!(!whole_keyframe(&packets(&[(4, 1), (6, 2)]), 7, 6), "the middle is missing");
        assert!(!whole_keyframe(&packets(&[(4, 1), (5, 0)]), 7, 5), "the end is missing");
        assert!(!whole_keyframe(&packets(&[(4, 3), (5, 0), (6, 2)]), 7, 6), "a later picture");
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(percentile(&mut [], 50), None);
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 50), Some(2.0));
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 99), Some(3.0));
    }
}
