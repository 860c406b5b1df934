//! What the participants wrote down, turned into figures.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    node::record::now_ns,
    stage::{
        Kick, Opened, Recording, blindness,
        figure::{ms, percentile},
    },
};

/// What is said about packets younger than this at the end would be about packets in flight.
const TAIL_NS: u64 = 500_000_000;

/// When what happened, as the script saw it.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    died_ns: u64,
    admitted_ns: u64,
    kick: Option<Kick>,
    left: BTreeSet<&'static str>,
    end_ns: u64,
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

    /// The leader clicks on kick in this meeting while this epoch is in use.
    pub(crate) fn kicked(&mut self, mid: &str, epoch: u32) {
        self.kick = Some(Kick { mid: mid.to_owned(), epoch, span: now_ns()..u64::MAX });
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
        let guest =
            recordings.iter().find(|r| r.name == kicked).context("no record of the guest")?;
        let kick = self.kick.as_ref().context("nobody was kicked")?;
        let blind = blindness(recordings, guest, kick)?;
        let mut latency = Vec::new();
        let mut lost = 0;
        for from in &stayers {
            for to in stayers.iter().filter(|to| to.name != from.name) {
                let journey = from.journey(to, 0..self.end_ns.saturating_sub(TAIL_NS));
                lost += journey.lost;
                latency.extend(journey.took_us);
            }
        }
        let mut first: Vec<f64> =
            recordings.iter().filter_map(|r| self.first_frame_ms(r)).collect();
        let (mut finality, mut one_dead) = (Vec::new(), Vec::new());
        for (at_ns, took_ms) in recordings.iter().flat_map(Recording::finalities) {
            if at_ns < self.died_ns { &mut finality } else { &mut one_dead }.push(took_ms);
        }
        let epochs: BTreeSet<u32> =
            recordings.iter().flat_map(Recording::keys).map(|key| key.epoch).collect();
        Ok(Figures {
            finality_ms_p50: percentile(&mut finality, 50),
            finality_ms_p99: percentile(&mut finality, 99),
            finality_one_dead_ms_p50: percentile(&mut one_dead, 50),
            finality_one_dead_ms_p99: percentile(&mut one_dead, 99),
            admit_to_first_frame_ms_p50: percentile(&mut first, 50),
            admit_to_first_frame_ms_p95: percentile(&mut first, 95),
            kick_to_blind_ms: blind.after_ms,
            kicked_opens_after_rekey: blind.later,
            rekey_gap_packets_lost: lost,
            packets_opened: recordings.iter().map(|recording| recording.opened().count()).sum(),
            packets_refused,
            added_latency_us_p50: percentile(&mut latency, 50),
            added_latency_us_p99: percentile(&mut latency, 99),
            epochs: epochs.len(),
        })
    }

    /// From the click on admit to the first whole keyframe at one guest: the first picture that
    /// its browser can decode.
    fn first_frame_ms(&self, recording: &Recording) -> Option<f64> {
        let mut packets = BTreeMap::new();
        let first = recording.opened().find(|packet| {
            packets.insert((packet.kid, packet.ctr), *packet);
            whole_keyframe(&packets, packet.kid, packet.ctr)
        })?;
        Some(ms(first.at_ns.checked_sub(self.admitted_ns)?))
    }
}

/// Whether all packets of the picture around `ctr` are there and the first begins a keyframe.
fn whole_keyframe(packets: &BTreeMap<(u64, u64), Opened>, kid: u64, ctr: u64) -> bool {
    let at = |ctr: u64| packets.get(&(kid, ctr));
    let of_this_picture = |n: u64| n == ctr || at(n).is_some_and(|packet| !packet.ends_picture);
    let begins = (0..=ctr)
        .rev()
        .map_while(|n| at(n).filter(|_| of_this_picture(n)))
        .any(|packet| packet.begins_keyframe);
    let ends = (ctr..).map_while(at).any(|packet| packet.ends_picture);
    begins && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with which a keyframe begins (1), a picture ends (2), or both.
    fn packet(ctr: u64, bits: u8) -> Opened {
        let (begins_keyframe, ends_picture) = (bits & 1 != 0, bits & 2 != 0);
        Opened { at_ns: 0, idx: 0, kid: 7, ctr, begins_keyframe, ends_picture }
    }

    #[test]
    fn a_keyframe_is_whole_when_nothing_is_missing_from_begin_to_end() {
        let packets = |list: &[(u64, u8)]| {
            list.iter().map(|&(ctr, bits)| ((7, ctr), packet(ctr, bits))).collect()
        };
        assert!(whole_keyframe(&packets(&[(4, 1), (5, 0), (6, 2)]), 7, 5));
        assert!(whole_keyframe(&packets(&[(4, 3)]), 7, 4));
        assert!(!whole_keyframe(&packets(&[(4, 1), (6, 2)]), 7, 6), "the middle is missing");
        assert!(!whole_keyframe(&packets(&[(4, 1), (5, 0)]), 7, 5), "the end is missing");
        assert!(!whole_keyframe(&packets(&[(4, 3), (5, 0), (6, 2)]), 7, 6), "a later picture");
    }
}
