//! Hands, reactions, questions and who records: told under the key, believed of their sender only.
//!
//! A hand that is up and a recording that runs are said anew to whoever comes in; a reaction and a
//! question are said once. Nothing here switches anything on or off: a question becomes an event.

use std::collections::BTreeMap;

use conclave_protocol::{MemberIdx, Npk, codec::Blob};

use super::{Session, command::CommandError, counters::Counters, output::Event};
use crate::{
    key::StreamKind,
    media::StreamNo,
    time::Millis,
    wire::{Ask, Favour, PeerMessage, Reaction, Recording, Signal},
};

/// What this device may send: 20 at once, then 2 a second.
const OWN: Pace = Pace { each: 500, most: 10_000 };
/// What is heard of another: more than it would send, for it says some things anew.
const HEARD: Pace = Pace { each: 250, most: 10_000 };

/// What this device shows, and what it was shown.
#[derive(Default)]
pub(super) struct Signals {
    hand: bool,
    recording: Option<Recording>,
    spent: Spent,
    others: BTreeMap<MemberIdx, Shown>,
}

/// What a member shows.
#[derive(Default)]
struct Shown {
    hand: bool,
    recording: Option<Recording>,
    spent: Spent,
}

impl Signals {
    pub(super) fn forget(&mut self, idx: MemberIdx) {
        self.others.remove(&idx);
    }
}

impl Session {
    /// What member `idx` signed when it began to record, as long as it does; the own word for the
    /// own index.
    #[must_use]
    pub fn recording(&self, idx: MemberIdx) -> Option<&Recording> {
        if self.me == Some(idx) {
            return self.signals.recording.as_ref();
        }
        self.signals.others.get(&idx)?.recording.as_ref()
    }

    pub(super) fn raise(&mut self, up: bool) -> Result<(), CommandError> {
        if self.signals.hand != up {
            self.may_signal()?;
            self.signals.hand = up;
            self.show(None, &Signal::Hand(up));
        }
        Ok(())
    }

    pub(super) fn say_recording(&mut self, on: bool) -> Result<(), CommandError> {
        if self.signals.recording.is_some() == on {
            return Ok(());
        }
        let (Some(me), Some(view)) = (self.me, self.view()) else {
            return Err(CommandError::NoKey);
        };
        let (chain, signer, at) = (&self.config.chain_id, &self.config.signer, view.time);
        let word = Recording::new(chain, &self.mid, me, (on, at), signer.as_ref());
        self.may_signal()?;
        self.signals.recording = Some(word).filter(|_| on);
        self.show(None, &Signal::Recording(word));
        Ok(())
    }

    pub(super) fn react(&mut self, reaction: Reaction) -> Result<(), CommandError> {
        self.epochs.sending_epoch().ok_or(CommandError::NoKey)?;
        self.may_signal()?;
        self.show(None, &Signal::Reaction(reaction));
        Ok(())
    }

    pub(super) fn ask(
        &mut self,
        to: Option<MemberIdx>,
        favour: Favour,
    ) -> Result<(), CommandError> {
        let live = self.epochs.newest().ok_or(CommandError::NoKey)?;
        let npk = match to {
            None if self.leader.is_none() => return Err(CommandError::NotLeader),
            None => None,
            Some(idx) => {
                let other = live.roster.get(&idx).filter(|_| self.me != Some(idx));
                Some(other.ok_or(CommandError::NoSuchMember)?.npk)
            }
        };
        if npk.is_some_and(|npk| self.peers.get(&npk).is_none_or(|peer| !peer.is_up())) {
            return Err(CommandError::NotLinked);
        }
        self.epochs.sending_epoch().ok_or(CommandError::NoKey)?;
        self.may_signal()?;
        self.show(npk, &Signal::Ask(Ask { to, favour }));
        Ok(())
    }

    /// Says again what still holds: to one member, or to all.
    pub(super) fn tell_standing(&mut self, to: Option<Npk>) {
        if self.signals.hand {
            self.show(to, &Signal::Hand(true));
        }
        if let Some(word) = self.signals.recording {
            self.show(to, &Signal::Recording(word));
        }
    }

    /// Takes what member `idx` sealed as a signal.
    pub(super) fn signalled(&mut self, idx: MemberIdx, unit: &[u8]) {
        let Ok(signal) = Signal::from_bytes(unit) else {
            Counters::count(&mut self.counters.malformed);
            return;
        };
        let now = self.now;
        let in_time = self.signals.others.entry(idx).or_default().spent.take(HEARD, now);
        if !in_time || !self.is_sound(idx, &signal) {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        self.shown(idx, signal);
    }

    fn shown(&mut self, idx: MemberIdx, signal: Signal) {
        let shown = self.signals.others.entry(idx).or_default();
        match signal {
            Signal::Hand(up) => {
                if std::mem::replace(&mut shown.hand, up) != up {
                    self.event(Event::Hand { idx, up });
                }
            }
            Signal::Recording(word) => {
                let now = Some(word).filter(|word| word.on);
                let before = std::mem::replace(&mut shown.recording, now);
                if before.is_some() != word.on {
                    self.event(Event::Recording { idx, on: word.on });
                }
            }
            Signal::Reaction(reaction) => self.event(Event::Reaction { idx, reaction }),
            Signal::Ask(Ask { favour, .. }) => self.event(Event::Asked { idx, favour }),
            Signal::File(offer) => {
                if !self.file_offered(idx, offer) {
                    Counters::count(&mut self.counters.bad_messages);
                }
            }
        }
    }

    /// Whether the member may say that.
    fn is_sound(&self, idx: MemberIdx, signal: &Signal) -> bool {
        let Some(view) = self.view() else { return false };
        match signal {
            Signal::File(_) | Signal::Hand(_) | Signal::Reaction(_) => true,
            Signal::Ask(Ask { to: None, .. }) => {
                view.meeting.as_ref().is_some_and(|meeting| meeting.leader == idx)
            }
            Signal::Ask(Ask { to, .. }) => *to == self.me,
            Signal::Recording(word) => {
                let chain = &self.config.chain_id;
                let ivk = view.members.get(&idx).map(|seat| seat.member.ivk);
                ivk.is_some_and(|ivk| word.verify(chain, &self.mid, idx, ivk).is_ok())
            }
        }
    }

    /// Whether this device may send one more signal now; it counts.
    pub(super) fn may_signal(&mut self) -> Result<(), CommandError> {
        if self.blocked || self.me.is_none() {
            return Err(CommandError::NoKey);
        }
        if self.signals.spent.take(OWN, self.now) { Ok(()) } else { Err(CommandError::TooFast) }
    }

    /// Seals a signal for one member, or for all. While there is no key nobody is there to see it;
    /// what stands is told with the first one.
    pub(super) fn show(&mut self, to: Option<Npk>, signal: &Signal) {
        if self.epochs.sending_epoch().is_none() {
            return;
        }
        let sealed = self.seal(StreamNo::CHAT, StreamKind::Chat, &signal.to_bytes());
        let Some(sealed) = sealed.ok().and_then(|(_, _, sealed)| Blob::new(sealed.to_vec()).ok())
        else {
            return;
        };
        let message = PeerMessage::Signal(sealed);
        match to {
            Some(npk) => {
                self.send(npk, &message);
            }
            None => self.broadcast(&message),
        }
    }
}

/// How often something may be said: each time takes so long of a store that holds so much, in
/// milliseconds.
#[derive(Clone, Copy)]
struct Pace {
    each: u64,
    most: u64,
}

/// Until when the store is used up.
#[derive(Default)]
struct Spent(Millis);

impl Spent {
    /// Whether there is room for one more now; if so it is taken.
    fn take(&mut self, pace: Pace, now: Millis) -> bool {
        let next = self.0.max(now).plus(pace.each);
        let room = next.since(now) <= pace.most;
        if room {
            self.0 = next;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_used_up_fills_with_time() {
        let mut spent = Spent::default();
        let many = (0..100).filter(|_| spent.take(OWN, Millis(5_000))).count();
        assert_eq!(many, 20);
        assert!(!spent.take(OWN, Millis(5_499)));
        assert!(spent.take(OWN, Millis(5_500)));
        assert!(!spent.take(OWN, Millis(5_500)));
    }
}
