//! The page's recorder and ports whose output may be kept: one notice to the others for all of them.

use std::collections::BTreeSet;

use conclave_meeting::session::Command;

use super::Actor;
use crate::{http::Refused, ports::PortId};

/// What records here, and what the others were told.
#[derive(Debug, Default)]
pub(super) struct Recording {
    /// The page, or the person by hand.
    person: bool,
    ports: BTreeSet<PortId>,
    told: bool,
}

impl Actor {
    /// The person begins to record, or ends it.
    ///
    /// # Errors
    /// The others cannot be told; then nothing changed.
    pub(super) fn person_records(&mut self, on: bool) -> Result<(), Refused> {
        let was = std::mem::replace(&mut self.recording.person, on);
        let told = self.tell_recording();
        if told.is_err() {
            self.recording.person = was;
        }
        told
    }

    /// What goes out of a port may be kept, until it closes.
    pub(super) fn port_records(&mut self, port: PortId, on: bool) {
        let ports = &mut self.recording.ports;
        let news = if on { ports.insert(port) } else { ports.remove(&port) };
        if news {
            self.dirty = true;
            self.keep_telling();
        }
    }

    /// Tells the others what they do not know yet. A device that has no key, or that has said too
    /// much, is asked again with the next redraw; without a key it hears nothing either.
    pub(super) fn keep_telling(&mut self) {
        let _later = self.tell_recording();
    }

    fn tell_recording(&mut self) -> Result<(), Refused> {
        let Recording { person, ref ports, told } = self.recording;
        let on = person || !ports.is_empty();
        if on != told {
            self.command(Command::Record { on })?;
            self.recording.told = on;
        }
        Ok(())
    }
}
