//! Files: who may have which, and that what is asked for and given belongs together. The bytes lie
//! with the caller; nobody is given anything that was not asked for.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{MemberIdx, Npk};

use super::{Session, command::CommandError, counters::Counters, output::Event};
use crate::{
    file::{FilePlace, FileSeal},
    wire::{FileId, FileOffer, PeerMessage, Piece, PieceRequest, SealedPiece, Signal},
};

/// Files that one member has on offer in one meeting.
const MAX_OFFERS: usize = 16;

/// Files of a meeting.
#[derive(Default)]
pub(super) struct Files {
    /// Own ones, and who was in when they were offered.
    own: BTreeMap<FileId, (FileOffer, BTreeSet<Npk>)>,
    /// Those of others.
    offered: BTreeMap<MemberIdx, BTreeMap<FileId, u32>>,
}

impl Files {
    pub(super) fn forget(&mut self, idx: MemberIdx) {
        self.offered.remove(&idx);
    }
}

impl Session {
    /// What seals and opens the pieces of a file that member `idx` offers.
    #[must_use]
    pub fn file_seal(&self, idx: MemberIdx, offer: &FileOffer) -> Option<FileSeal> {
        let (chain, mid) = (self.config.chain_id, self.mid);
        let place = FilePlace { chain, mid, idx, id: offer.id, size: offer.size };
        FileSeal::new(&offer.key, &place)
    }

    pub(super) fn offer_file(&mut self, offer: FileOffer) -> Result<(), CommandError> {
        self.epochs.sending_epoch().ok_or(CommandError::NoKey)?;
        let sound = self.me.is_some_and(|me| self.file_seal(me, &offer).is_some());
        if !sound || self.files.own.len() >= MAX_OFFERS {
            return Err(CommandError::File);
        }
        self.may_signal()?;
        let present = self.index.keys().copied().collect();
        self.show(None, &Signal::File(offer.clone()));
        self.files.own.insert(offer.id, (offer, present));
        Ok(())
    }

    /// Says again to one member what it was offered: it may have had no link.
    pub(super) fn offer_again(&mut self, npk: Npk) {
        let own = self.files.own.values().filter(|(_, present)| present.contains(&npk));
        let offers: Vec<FileOffer> = own.map(|(offer, _)| offer.clone()).collect();
        for offer in offers {
            self.show(Some(npk), &Signal::File(offer));
        }
    }

    /// Member `idx` offers a file; whether that can be.
    pub(super) fn file_offered(&mut self, idx: MemberIdx, offer: FileOffer) -> bool {
        let Some(seal) = self.file_seal(idx, &offer) else { return false };
        let theirs = self.files.offered.entry(idx).or_default();
        if theirs.contains_key(&offer.id) {
            return true;
        }
        if theirs.len() >= MAX_OFFERS || offer.name.as_str().is_empty() {
            return false;
        }
        theirs.insert(offer.id, seal.pieces());
        self.event(Event::FileOffered { idx, offer });
        true
    }

    pub(super) fn ask_piece(
        &mut self,
        of: MemberIdx,
        id: FileId,
        piece: u32,
    ) -> Result<(), CommandError> {
        let pieces = self.files.offered.get(&of).and_then(|theirs| theirs.get(&id));
        let pieces = *pieces.ok_or(CommandError::NoSuchFile)?;
        if piece >= pieces {
            return Err(CommandError::NoSuchFile);
        }
        self.tell(of, &PeerMessage::PieceRequest(PieceRequest { id, piece }))
    }

    pub(super) fn send_piece(
        &mut self,
        to: MemberIdx,
        id: FileId,
        piece: u32,
        sealed: Vec<u8>,
    ) -> Result<(), CommandError> {
        let sealed = SealedPiece::new(sealed).map_err(|_| CommandError::File)?;
        let npk = self.npk_of(to).ok_or(CommandError::NoSuchMember)?;
        if !self.may_have(npk, id) {
            return Err(CommandError::NoSuchFile);
        }
        self.tell(to, &PeerMessage::Piece(Piece { id, piece, sealed }))
    }

    /// A member asks for a piece.
    pub(super) fn piece_requested(&mut self, npk: Npk, idx: MemberIdx, request: PieceRequest) {
        let PieceRequest { id, piece } = request;
        if self.may_have(npk, id) {
            self.event(Event::PieceWanted { idx, id, piece });
        } else {
            Counters::count(&mut self.counters.bad_messages);
        }
    }

    /// A member gives a piece.
    pub(super) fn piece_came(&mut self, idx: MemberIdx, message: Piece) {
        let Piece { id, piece, sealed } = message;
        let pieces = self.files.offered.get(&idx).and_then(|theirs| theirs.get(&id));
        if pieces.is_some_and(|pieces| piece < *pieces) {
            self.event(Event::PieceCame { idx, id, piece, sealed: sealed.into_vec() });
        } else {
            Counters::count(&mut self.counters.bad_messages);
        }
    }

    /// Whether a device was in when the file was offered. Who left and came back has another key.
    fn may_have(&self, npk: Npk, id: FileId) -> bool {
        self.files.own.get(&id).is_some_and(|(_, present)| present.contains(&npk))
    }

    fn npk_of(&self, idx: MemberIdx) -> Option<Npk> {
        Some(self.epochs.newest()?.roster.get(&idx)?.npk)
    }

    fn tell(&mut self, idx: MemberIdx, message: &PeerMessage) -> Result<(), CommandError> {
        let npk = self.npk_of(idx).ok_or(CommandError::NoSuchMember)?;
        if self.send(npk, message) { Ok(()) } else { Err(CommandError::NotLinked) }
    }
}
