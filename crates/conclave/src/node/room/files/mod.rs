//! The files of one meeting: those offered from here, and those of others on their way.
//!
//! Offers, pieces and the clock go in; which piece to ask for and what the page shows come out.
//! `store` is the disk, `take` the pace of one fetch, `name` what is left of a hostile name. Every
//! piece is opened before it is kept, and nothing is ever opened for anybody but this person.

mod name;
mod store;
mod take;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use conclave_meeting::{
    file::{FileSeal, PIECE},
    wire::{FileId, FileOffer},
};
use conclave_protocol::MemberIdx;

pub(in crate::node) use self::store::sweep;
use self::{name::harmless, store::Store, take::Take};
use crate::{
    http::{
        Fault, Refused,
        wire::{File, FileBytes, FileState},
    },
    node::room::board::unix_millis,
};

/// A file that was asked for so lately is being sent.
const BUSY: Duration = Duration::from_secs(3);

/// All files of one meeting.
#[derive(Debug)]
pub(super) struct Files {
    store: Store,
    items: BTreeMap<FileId, Item>,
}

#[derive(Debug)]
struct Item {
    shown: File,
    idx: MemberIdx,
    seal: Arc<FileSeal>,
    take: Option<Take>,
    /// Of an own file: pieces that each member asked for, and when last.
    given: BTreeMap<MemberIdx, u32>,
    given_at: Option<Instant>,
}

/// Where a file lies sealed, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    path: PathBuf,
    seal: Arc<FileSeal>,
    name: String,
}

impl Sealed {
    /// Seals a file into its place; this takes a while.
    pub(super) fn fill(&self, bytes: &[u8]) -> Result<(), Refused> {
        store::seal_all(&self.path, &self.seal, bytes).map_err(|error| disk(&error))
    }

    /// Opens all of it; this takes a while.
    pub(super) fn open(self) -> Result<FileBytes, Refused> {
        let bytes = store::open_all(&self.path, &self.seal).map_err(|error| disk(&error))?;
        Ok(FileBytes { name: self.name, bytes })
    }
}

impl Files {
    pub(super) fn new(home: &Path) -> Self {
        Self { store: Store::new(home), items: BTreeMap::new() }
    }

    /// What a file that somebody chose is called for others.
    pub(super) fn call(name: &str) -> String {
        harmless(name)
    }

    /// A place for an own file that is not offered yet.
    pub(super) fn draft(&self, offer: &FileOffer, seal: FileSeal) -> Sealed {
        let name = harmless(offer.name.as_str());
        Sealed { path: self.store.place(&offer.id), seal: Arc::new(seal), name }
    }

    /// An own file that was sealed is not offered after all.
    pub(super) fn discard(&self, id: &FileId) {
        let _there = std::fs::remove_file(self.store.place(id));
    }

    /// A file is on offer: an own one that lies sealed already, or that of another. One that names a
    /// file that is there already is not looked at.
    pub(super) fn offered(
        &mut self,
        (idx, me, name): (MemberIdx, bool, String),
        offer: &FileOffer,
        seal: FileSeal,
    ) {
        let shown = File {
            id: hex::encode(offer.id.0),
            idx: idx.0,
            name,
            me,
            file: harmless(offer.name.as_str()),
            size: offer.size,
            at_ms: unix_millis(),
            ..File::default()
        };
        let (seal, given) = (Arc::new(seal), BTreeMap::new());
        let item = Item { shown, idx, seal, take: None, given, given_at: None };
        self.items.entry(offer.id).or_insert(item);
    }

    /// The person wants a file.
    pub(super) fn take(&mut self, id: &str, now: Instant) -> Result<(), Refused> {
        let (id, item) = find(&mut self.items, id)?;
        match item.shown.state {
            _ if item.shown.me => return Err(conflict("this file is offered from here")),
            FileState::Gone => return Err(conflict("whoever offered this file left")),
            FileState::Receiving | FileState::Here => return Ok(()),
            FileState::Offered | FileState::Sending | FileState::Failed => {}
        }
        // What is here of it already is kept.
        match &mut item.take {
            Some(take) => take.anew(now),
            None => {
                self.store.begin(&id).map_err(|error| disk(&error))?;
                item.take = Some(Take::new(item.seal.pieces(), now));
            }
        }
        item.shown.state = FileState::Receiving;
        item.shown.text = "on its way".to_owned();
        Ok(())
    }

    /// Every piece that is to be asked for now, and of whom.
    pub(super) fn asks(&mut self, now: Instant) -> Vec<(MemberIdx, FileId, u32)> {
        let mut asks = Vec::new();
        for (id, item) in &mut self.items {
            let Some(take) = item.take.as_mut() else { continue };
            if item.shown.state != FileState::Receiving {
                continue;
            }
            if take.is_late(now) {
                item.shown.state = FileState::Failed;
                item.shown.text =
                    "their device gives no more of it; what came is kept, fetch it again"
                        .to_owned();
                continue;
            }
            asks.extend(take.ask(now).map(|piece| (item.idx, *id, piece)));
        }
        asks
    }

    /// When to ask again.
    pub(super) fn due(&self) -> Option<Instant> {
        let running = self.items.values().filter(|item| item.shown.state == FileState::Receiving);
        running.filter_map(|item| item.take.as_ref()).map(Take::due).min()
    }

    /// A piece came.
    pub(super) fn came(
        &mut self,
        (idx, id, piece): (MemberIdx, FileId, u32),
        sealed: &[u8],
        now: Instant,
    ) {
        let Some(item) = self.items.get_mut(&id).filter(|item| item.idx == idx) else { return };
        let Some(take) = item.take.as_mut() else { return };
        if item.shown.state != FileState::Receiving || piece != take.next {
            return;
        }
        if item.seal.open(piece, sealed.to_vec()).is_none() {
            item.shown.state = FileState::Failed;
            item.shown.text = "a piece of it is not what was offered".to_owned();
            return;
        }
        if let Err(error) = store::append(&self.store.place(&id), piece, sealed) {
            item.shown.state = FileState::Failed;
            item.shown.text = format!("{}; make room and fetch it again", disk(&error).error);
            return;
        }
        take.came(piece, now);
        item.shown.done = reached(take.next, item.shown.size);
        if take.is_whole() {
            item.shown.state = FileState::Here;
            item.shown.text = "all of it is here until the meeting ends".to_owned();
        }
    }

    /// A member wants a piece of an own file.
    pub(super) fn wanted(
        &mut self,
        (idx, id, piece): (MemberIdx, FileId, u32),
        now: Instant,
    ) -> Option<Vec<u8>> {
        let item = self.items.get_mut(&id).filter(|item| item.shown.me)?;
        if piece >= item.seal.pieces() {
            return None;
        }
        let sealed = store::read(&self.store.place(&id), &item.seal, piece);
        let sealed = sealed.inspect_err(|error| tracing::warn!(%error, "an own file is lost"));
        let given = item.given.entry(idx).or_default();
        *given = (*given).max(piece.saturating_add(1));
        item.given_at = Some(now);
        sealed.ok()
    }

    /// Somebody left.
    pub(super) fn left(&mut self, idx: MemberIdx) {
        for item in self.items.values_mut().filter(|item| item.idx == idx) {
            if item.shown.state != FileState::Here {
                item.shown.state = FileState::Gone;
                item.shown.text = "whoever offered it left".to_owned();
            }
        }
    }

    /// A link with somebody stands again.
    pub(super) fn linked(&mut self, idx: MemberIdx, now: Instant) {
        let theirs = self.items.values_mut().filter(|item| item.idx == idx);
        theirs.filter_map(|item| item.take.as_mut()).for_each(|take| take.again(now));
    }

    /// A file that is here.
    pub(super) fn sealed(&mut self, id: &str) -> Result<Sealed, Refused> {
        let (id, item) = find(&mut self.items, id)?;
        if !item.shown.me && item.shown.state != FileState::Here {
            return Err(conflict("this file is not here yet"));
        }
        let (seal, name) = (Arc::clone(&item.seal), item.shown.file.clone());
        Ok(Sealed { path: self.store.place(&id), seal, name })
    }

    /// What the page shows, in the order of the offers.
    pub(super) fn shown(&self, now: Instant) -> Vec<File> {
        let mut shown: Vec<File> = self.items.values().map(|item| item.view(now)).collect();
        shown.sort_by(|a, b| (a.at_ms, &a.id).cmp(&(b.at_ms, &b.id)));
        shown
    }
}

impl Item {
    fn view(&self, now: Instant) -> File {
        let mut shown = self.shown.clone();
        if shown.me {
            let whole = self.given.values().filter(|given| **given >= self.seal.pieces()).count();
            let most = self.given.values().copied().max().unwrap_or_default();
            let busy = self.given_at.is_some_and(|at| now.saturating_duration_since(at) < BUSY);
            shown.done = reached(most, shown.size);
            shown.state = if busy { FileState::Sending } else { FileState::Offered };
            shown.text = format!("offered to everyone who was in; {whole} fetched it");
        } else if shown.state == FileState::Offered {
            shown.text = "can be fetched".to_owned();
        }
        shown
    }
}

/// Bytes of so many pieces.
fn reached(pieces: u32, size: u64) -> u64 {
    u64::from(pieces).saturating_mul(PIECE as u64).min(size)
}

fn find<'a>(
    items: &'a mut BTreeMap<FileId, Item>,
    id: &str,
) -> Result<(FileId, &'a mut Item), Refused> {
    let id = hex::decode(id).ok().and_then(|id| id.try_into().ok()).map(FileId);
    id.and_then(|id| Some((id, items.get_mut(&id)?))).ok_or_else(|| {
        let next = "look at the list of files";
        Refused::new(Fault::Missing, "there is no such file in this meeting", next)
    })
}

fn conflict(error: &str) -> Refused {
    Refused::new(Fault::Conflict, error, "look at the list of files")
}

/// What the disk said, in words.
fn disk(error: &io::Error) -> Refused {
    let text = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk of this machine is full".to_owned()
        }
        _ => format!("the disk of this machine refuses the file: {error}"),
    };
    Refused::new(Fault::Internal, text, "make room on the disk and try again")
}

#[cfg(test)]
mod tests;
