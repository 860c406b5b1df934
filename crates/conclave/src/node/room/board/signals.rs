//! What members show each other, as the page sees it: it comes, and goes by itself.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use conclave_meeting::wire::{Favour, Reaction};
use conclave_protocol::MemberIdx;

use super::{Board, unix_millis};
use crate::http::wire;

/// Reactions that are shown, and how long.
const REACTIONS: usize = 20;
const REACTION_LIFE: Duration = Duration::from_secs(10);
/// Questions that wait for an answer, and how long.
const QUESTIONS: usize = 10;
const QUESTION_LIFE: Duration = Duration::from_secs(60);

/// Hands, reactions, questions, and who records.
#[derive(Debug, Default)]
pub(super) struct Signals {
    hands: BTreeMap<MemberIdx, u64>,
    recording: BTreeSet<MemberIdx>,
    reactions: VecDeque<(Instant, wire::Reacted)>,
    asked: VecDeque<(Instant, wire::Asked)>,
}

impl Signals {
    pub(super) fn hand(&mut self, idx: MemberIdx, up: bool) {
        match up {
            true => {
                self.hands.entry(idx).or_insert_with(unix_millis);
            }
            false => {
                self.hands.remove(&idx);
            }
        }
    }

    pub(super) fn record(&mut self, idx: MemberIdx, on: bool) {
        match on {
            true => self.recording.insert(idx),
            false => self.recording.remove(&idx),
        };
    }

    pub(super) fn answered(&mut self, id: &str) {
        self.asked.retain(|(_, asked)| asked.id != id);
    }

    /// Who left asks nothing any more; how they took what they heard may still be seen.
    pub(super) fn forget(&mut self, idx: MemberIdx) {
        self.hands.remove(&idx);
        self.recording.remove(&idx);
        self.asked.retain(|(_, asked)| asked.idx != idx.0);
    }

    pub(super) fn hand_ms(&self, idx: MemberIdx) -> Option<u64> {
        self.hands.get(&idx).copied()
    }

    pub(super) fn records(&self, idx: MemberIdx) -> bool {
        self.recording.contains(&idx)
    }

    /// What is young enough to be shown, oldest first.
    pub(super) fn shown(&self, now: Instant) -> (Vec<wire::Reacted>, Vec<wire::Asked>) {
        (young(&self.reactions, now, REACTION_LIFE), young(&self.asked, now, QUESTION_LIFE))
    }
}

impl Board {
    pub(super) fn react(&mut self, idx: MemberIdx, reaction: Reaction, now: Instant) {
        let (id, name, at_ms) = (self.id(), self.name(idx), unix_millis());
        let emoji = reaction.as_str().to_owned();
        let shown = wire::Reacted { id, idx: idx.0, name, emoji, at_ms };
        push(&mut self.signals.reactions, (now, shown), REACTIONS);
    }

    pub(super) fn ask(&mut self, idx: MemberIdx, favour: Favour, now: Instant) {
        let what = wire_favour(favour);
        // Who asks the same again asks once.
        self.signals.asked.retain(|(_, old)| (old.idx, old.what) != (idx.0, what));
        let (id, name, at_ms) = (self.id(), self.name(idx), unix_millis());
        let asked = wire::Asked { id, idx: idx.0, name, what, at_ms };
        push(&mut self.signals.asked, (now, asked), QUESTIONS);
    }
}

const fn wire_favour(favour: Favour) -> wire::Favour {
    match favour {
        Favour::Mute => wire::Favour::Mute,
        Favour::Unmute => wire::Favour::Unmute,
        Favour::CameraOff => wire::Favour::CameraOff,
        Favour::HandDown => wire::Favour::HandDown,
    }
}

fn push<T>(items: &mut VecDeque<T>, item: T, most: usize) {
    if items.len() >= most {
        items.pop_front();
    }
    items.push_back(item);
}

fn young<T: Clone>(items: &VecDeque<(Instant, T)>, now: Instant, life: Duration) -> Vec<T> {
    let young = items.iter().filter(|(at, _)| now.saturating_duration_since(*at) < life);
    young.map(|(_, item)| item.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire::Role;

    #[test]
    fn reactions_and_questions_go_by_themselves_and_a_question_when_it_is_answered() {
        let mut board = Board::new("11".into(), "Budget".into(), Role::Guest);
        let start = Instant::now();
        for second in 0..30 {
            board.react(MemberIdx(1), Reaction::Party, start + Duration::from_millis(second));
        }
        board.ask(MemberIdx(1), Favour::Mute, start);
        board.ask(MemberIdx(1), Favour::Mute, start);
        board.ask(MemberIdx(2), Favour::Unmute, start);
        let (reactions, asked) = board.signals.shown(start + Duration::from_secs(5));
        assert_eq!((reactions.len(), asked.len()), (20, 2));
        board.answered(&asked[0].id);
        let (reactions, asked) = board.signals.shown(start + Duration::from_secs(30));
        assert_eq!((reactions.len(), asked.len()), (0, 1));
        assert_eq!(asked[0].what, wire::Favour::Unmute);
        assert!(board.signals.shown(start + QUESTION_LIFE).1.is_empty());
        board.signals.hand(MemberIdx(2), true);
        board.signals.forget(MemberIdx(2));
        assert_eq!(board.signals.hand_ms(MemberIdx(2)), None);
        assert!(board.signals.shown(start).1.is_empty());
    }
}
