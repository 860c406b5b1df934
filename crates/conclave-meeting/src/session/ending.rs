//! The end of a session: every key is erased, and a last word is seen through.

use std::collections::BTreeSet;

use conclave_protocol::{MeetingLeave, Npk, invite::InviteSecret};

use super::{
    Ending, Event, Files, Input, Media, Output, Session, Signals, bearer::Bearers, submit::Purpose,
};
use crate::wire::{Farewell, PeerMessage};

impl Session {
    pub(super) fn leave(&mut self) {
        if let Some(idx) = self.me {
            self.submit(Purpose::Leave, MeetingLeave { mid: self.mid, idx });
        }
        self.broadcast(&PeerMessage::Bye(Farewell::Leaving));
        self.end(Ending::Left);
    }

    /// The only way out: every key is erased here.
    pub(super) fn end(&mut self, ending: Ending) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.secrets = None;
        self.epochs.clear();
        self.rounds.clear();
        self.media = Media::default();
        self.signals = Signals::default();
        self.files = Files::default();
        self.leader = None;
        self.guest = None;
        self.bearers = Bearers::default();
        // The old one is erased as it is dropped.
        self.invite = InviteSecret::new([0; 16]);
        self.index.clear();
        let linked: Vec<Npk> =
            self.peers.iter().filter(|(_, peer)| peer.is_up()).map(|(npk, _)| *npk).collect();
        self.peers.clear();
        for npk in linked {
            self.push(Output::Close { npk });
        }
        self.push(Output::Peers(BTreeSet::new()));
        self.event(Event::Ended(ending));
    }

    /// A session that is over only sees its last word through.
    pub(super) fn handle_ended(&mut self, input: Input) {
        const TRIES: u8 = 5;
        match input {
            Input::Ledger(view) => self.view = Some((self.now, *view)),
            Input::SubmitFailed { id, .. } => {
                let purpose = self.submits.remove(&id);
                if purpose == Some(Purpose::Dismiss) && self.farewell_tries < TRIES {
                    self.farewell_tries = self.farewell_tries.saturating_add(1);
                    self.push(Output::Refresh);
                    self.submit_dismissal();
                }
            }
            _ => {}
        }
    }
}
