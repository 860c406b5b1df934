//! Files on their way between the session and the disk.

use std::time::Instant;

use conclave_meeting::{
    session::Command,
    wire::{FileId, FileKey, FileName, FileOffer},
};
use conclave_protocol::MemberIdx;

use super::{
    super::files::{Files, Sealed},
    Actor,
};
use crate::http::{Fault, Refused};

impl Actor {
    /// A fresh id and key for a file, and where to seal it.
    pub(super) fn draft_file(
        &mut self,
        name: &str,
        size: u64,
    ) -> Result<(FileOffer, Sealed), Refused> {
        let name = FileName::new(&Files::call(name)).unwrap_or_default();
        let id = FileId(rand::random());
        let offer = FileOffer { id, key: FileKey::generate(&mut self.rng), size, name };
        let seal = self.session.me().and_then(|me| self.session.file_seal(me, &offer));
        let seal = seal.ok_or_else(|| {
            let next = "send a file of 1 byte to 64 MiB, once you are in the meeting";
            Refused::new(Fault::Conflict, "this file cannot be sent now", next)
        })?;
        let place = self.files.draft(&offer, seal);
        Ok((offer, place))
    }

    /// The file lies sealed on the disk: everyone who is in may have it.
    pub(super) fn offer_file(&mut self, offer: FileOffer) -> Result<(), Refused> {
        let shown = offer.clone();
        if let Err(refused) = self.command(Command::OfferFile { offer }) {
            self.files.discard(&shown.id);
            return Err(refused);
        }
        if let Some(me) = self.session.me() {
            self.file_offered(me, true, &shown);
        }
        Ok(())
    }

    pub(super) fn file_offered(&mut self, idx: MemberIdx, me: bool, offer: &FileOffer) {
        if let Some(seal) = self.session.file_seal(idx, offer) {
            let name = self.board.name(idx);
            self.files.offered((idx, me, name), offer, seal);
        }
    }

    pub(super) fn give_piece(&mut self, idx: MemberIdx, id: FileId, piece: u32) {
        let Some(sealed) = self.files.wanted((idx, id, piece), Instant::now()) else { return };
        // Who has no link any more asks again.
        let _gone = self.command(Command::SendPiece { to: idx, id, piece, sealed });
    }

    pub(super) fn ask_for_pieces(&mut self, now: Instant) {
        for (of, id, piece) in self.files.asks(now) {
            let _again = self.command(Command::AskPiece { of, id, piece });
        }
    }
}
