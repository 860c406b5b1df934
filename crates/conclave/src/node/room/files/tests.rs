//! From an offer to a file on the disk, and what hinders it.

use conclave_meeting::{
    file::FilePlace,
    wire::{FileKey, FileName},
};
use conclave_protocol::{ChainId, MeetingId};
use tempfile::TempDir;

use super::*;

const ID: FileId = FileId([4; 16]);

/// Who offers the file, and who wants it.
struct Pair {
    _homes: [TempDir; 2],
    ada: Files,
    grace: Files,
    text: Vec<u8>,
    id: String,
}

fn seal(offer: &FileOffer) -> FileSeal {
    let place = FilePlace {
        chain: ChainId([1; 32]),
        mid: MeetingId([2; 32]),
        idx: MemberIdx(0),
        id: offer.id,
        size: offer.size,
    };
    FileSeal::new(&offer.key, &place).unwrap()
}

fn pair(name: &str, size: usize) -> Pair {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [mut ada, mut grace] = [Files::new(homes[0].path()), Files::new(homes[1].path())];
    let text: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let offer = FileOffer {
        id: ID,
        key: FileKey::new([9; 32]),
        size: text.len() as u64,
        name: FileName::new(name).unwrap(),
    };
    ada.draft(&offer, seal(&offer)).fill(&text).unwrap();
    let from = |me| (MemberIdx(0), me, "Ada".to_owned());
    ada.offered(from(true), &offer, seal(&offer));
    grace.offered(from(false), &offer, seal(&offer));
    Pair { _homes: homes, ada, grace, text, id: hex::encode(ID.0) }
}

impl Pair {
    /// Lets time pass until the file is here, or `until` pieces are.
    fn run(&mut self, start: Instant, until: u32) -> Instant {
        let mut now = start;
        for _ in 0..1_000 {
            for (of, id, piece) in self.grace.asks(now) {
                if piece >= until {
                    return now;
                }
                assert_eq!(of, MemberIdx(0));
                let sealed = self.ada.wanted((MemberIdx(1), id, piece), now).unwrap();
                now += Duration::from_millis(20);
                self.grace.came((of, id, piece), &sealed, now);
            }
            now = self.grace.due().unwrap_or(now).max(now);
        }
        now
    }

    fn seen(&self, now: Instant) -> File {
        self.grace.shown(now).remove(0)
    }
}

#[test]
fn a_file_comes_whole_and_its_progress_is_seen_on_both_sides() {
    let mut pair = pair("../minutes.pdf", 5 * PIECE + 7);
    let start = Instant::now();
    let offered = pair.seen(start);
    assert_eq!((offered.state, offered.file.as_str()), (FileState::Offered, "minutes.pdf"));
    assert!(pair.grace.sealed(&pair.id).is_err(), "it is not here");
    assert!(pair.ada.take(&pair.id, start).is_err(), "it is her own");
    pair.grace.take(&pair.id, start).unwrap();
    let half = pair.run(start, 3);
    assert_eq!(pair.seen(half).state, FileState::Receiving);
    assert_eq!(pair.seen(half).done, 3 * PIECE as u64);
    let own = pair.ada.shown(half).remove(0);
    assert_eq!((own.state, own.done), (FileState::Sending, 3 * PIECE as u64));
    // The link breaks; the piece under way is asked for again.
    pair.grace.linked(MemberIdx(0), half);
    let end = pair.run(half, u32::MAX);
    assert_eq!(
        (pair.seen(end).state, pair.seen(end).done),
        (FileState::Here, pair.text.len() as u64)
    );
    let own = pair.ada.shown(end + BUSY).remove(0);
    assert!(own.text.ends_with("1 fetched it"), "{}", own.text);
    let file = pair.grace.sealed(&pair.id).unwrap().open().unwrap();
    assert_eq!((file.name.as_str(), file.bytes == pair.text), ("minutes.pdf", true));
    // What is here stays when its sender leaves.
    pair.grace.left(MemberIdx(0));
    assert_eq!(pair.seen(end).state, FileState::Here);
}

#[test]
fn a_piece_that_is_not_of_the_file_ends_it_and_a_late_one_can_be_fetched_again() {
    let mut pair = pair("minutes.pdf", 3 * PIECE);
    let start = Instant::now();
    pair.grace.take(&pair.id, start).unwrap();
    let now = pair.run(start, 1);
    let sealed = pair.ada.wanted((MemberIdx(1), ID, 0), now).unwrap();
    pair.grace.came((MemberIdx(2), ID, 1), &sealed, now);
    assert_eq!(pair.seen(now).state, FileState::Receiving, "it came from somebody else");
    pair.grace.came((MemberIdx(0), ID, 1), &sealed, now);
    assert_eq!(pair.seen(now).state, FileState::Failed);

    pair.grace.take(&pair.id, now).unwrap();
    assert!(pair.grace.asks(now + Duration::from_secs(60)).is_empty());
    assert_eq!(pair.seen(now).state, FileState::Failed, "nothing came for a minute");
    let again = now + Duration::from_secs(61);
    pair.grace.take(&pair.id, again).unwrap();
    let end = pair.run(again, u32::MAX);
    assert_eq!(pair.seen(end).state, FileState::Here);
    assert!(pair.grace.sealed(&pair.id).unwrap().open().unwrap().bytes == pair.text);
}

#[test]
fn whoever_leaves_takes_the_file_along_and_a_disk_that_refuses_is_named() {
    let mut pair = pair("minutes.pdf", 3 * PIECE);
    let start = Instant::now();
    std::fs::write(pair._homes[1].path().join("files"), b"in the way").unwrap();
    let refused = pair.grace.take(&pair.id, start).unwrap_err();
    assert!(refused.error.contains("disk"), "{refused}");
    assert_eq!(pair.seen(start).state, FileState::Offered, "nothing changed");
    std::fs::remove_file(pair._homes[1].path().join("files")).unwrap();
    pair.grace.take(&pair.id, start).unwrap();
    let now = pair.run(start, 1);
    pair.grace.left(MemberIdx(0));
    assert_eq!(pair.seen(now).state, FileState::Gone);
    assert!(pair.grace.take(&pair.id, now).is_err() && pair.grace.due().is_none());
    assert!(pair.grace.take("00", now).is_err());
    let full = io::Error::from(io::ErrorKind::StorageFull);
    assert_eq!(disk(&full).error, "the disk of this machine is full");
}
