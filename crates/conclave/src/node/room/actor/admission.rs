//! Whom a leader's device lets in: nobody by itself, those it met before, or whoever was invited.
//!
//! That an invite is enough is a rule of the meeting and stands on the ledger; whom this device has
//! met before is its own knowledge and stays here.

use conclave_meeting::session::Command;
use conclave_protocol::MemberIdx;

use super::Actor;
use crate::http::{Fault, Refused, wire::Admission};

impl Actor {
    /// The person chose whom this device lets in.
    pub(super) fn set_admission(&mut self, admission: Admission) -> Result<(), Refused> {
        let invited = admission == Admission::Everyone;
        if invited != (self.board.admission() == Admission::Everyone) {
            self.command(Command::AutoAdmit { invited })?;
        } else if self.session.me().is_none_or(|me| !self.board.leads(me)) {
            let next = "the leader decides whom to let in";
            return Err(Refused::new(Fault::Conflict, "only the leader may do that", next));
        }
        self.board.admit(admission);
        self.admit_by_policy();
        Ok(())
    }

    /// Lets in whom the person wants let in without being asked. As everything that decides by
    /// itself, it wants every check to hold, that of the invite, too.
    pub(super) fn admit_by_policy(&mut self) {
        if self.board.admission() != Admission::Met {
            return;
        }
        let sound = self.board.waiting().filter(|(_, sound)| *sound).map(|(idx, _)| idx);
        let known: Vec<MemberIdx> = sound.filter(|idx| self.people.is_known(*idx)).collect();
        for idx in known {
            if let Err(refused) = self.command(Command::Admit { idx }) {
                tracing::debug!(%refused, "somebody known was not let in yet");
            }
        }
    }

    /// Lets in everyone who waits and was met before.
    pub(super) fn admit_known(&mut self) -> Result<(), Refused> {
        let waiting = self.board.waiting().map(|(idx, _)| idx);
        let known: Vec<MemberIdx> = waiting.filter(|idx| self.people.is_known(*idx)).collect();
        if known.is_empty() {
            let next = "look at each of those who wait, and decide";
            let text = "nobody at the door was met before with the same keys";
            return Err(Refused::new(Fault::Conflict, text, next));
        }
        known.into_iter().try_for_each(|idx| self.command(Command::Admit { idx }))
    }
}
