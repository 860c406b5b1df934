//! What the person wants, from the page or the command line.

use std::time::Instant;

use conclave_meeting::session::Command;

use super::{
    super::{Ask, streams::Origin},
    Actor,
};
use crate::http::{Fault, Refused};

impl Actor {
    pub(super) fn ask(&mut self, ask: Ask) {
        self.dirty = true;
        match ask {
            Ask::Command(Command::Record { on }, reply) => {
                let _gone = reply.send(self.person_records(on));
            }
            Ask::Command(command, reply) => {
                let _gone = reply.send(self.command(command));
            }
            Ask::Admission(admission, reply) => {
                let _gone = reply.send(self.set_admission(admission));
            }
            Ask::AdmitKnown(reply) => {
                let _gone = reply.send(self.admit_known());
            }
            Ask::DraftFile(name, size, reply) => {
                let _gone = reply.send(self.draft_file(&name, size));
            }
            Ask::OfferFile(offer, reply) => {
                let _gone = reply.send(self.offer_file(offer));
            }
            Ask::TakeFile(id, reply) => {
                let _gone = reply.send(self.files.take(&id, Instant::now()));
            }
            Ask::File(id, reply) => {
                let _gone = reply.send(self.files.sealed(&id));
            }
            Ask::Answered(id) => self.board.answered(&id),
            Ask::DismissNotice(id) => self.board.dismiss_notice(&id),
            Ask::Unpublish(session) => self.close(Origin::Browser(session)),
        }
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), Refused> {
        let now = self.now();
        let shown = command.clone();
        self.session.command(command, now, &mut self.rng).map_err(|error| {
            Refused::new(Fault::Conflict, error.to_string(), "look at the meeting and try again")
        })?;
        self.board.own(shown, Instant::now());
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        if self.command(Command::Leave).is_err() {
            self.over = true;
        }
    }
}
