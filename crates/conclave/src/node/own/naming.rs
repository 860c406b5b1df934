//! What a user goes by on the ledger, and whether this device knows it: a person has several
//! devices, each may put another name there, and this program may be stopped while it does.

use conclave_protocol::{
    Key, Record, UserId, UserInfo, UserRecord,
    codec::Text,
    disclosure::{InfoDisclosure, Opener},
    identity::{INFO_CHUNKS, assemble},
};

use super::disclose::holds;
use crate::{
    chain::Snapshot,
    keystore::{Disclosure, Secrets},
};

/// Changes of the user that are tried as the one that put a hidden name there, the newest first.
const MOST: usize = 4_096;

/// Which name counts on this device.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Naming {
    /// The one of the key file, which the change of this number put there.
    Kept(u32),
    /// The one that was on its way from here when the key file was written.
    Renamed(u32),
    /// One that another device put there, for everyone to read.
    Plain(String),
    /// One that another device put there and this one cannot open.
    Hidden,
}

/// Everything that has to be proven at one height to know what a user goes by; the user first.
pub(super) fn keys(user: UserId) -> Vec<Key> {
    let parts = (0..INFO_CHUNKS).map(|part| Key::UserInfo(user, part));
    std::iter::once(Key::User(user)).chain(parts).collect()
}

/// What the user says of themselves, if it can be read.
pub(super) fn info(at: &Snapshot, user: UserId, record: &UserRecord) -> Option<UserInfo> {
    let parts = (0..record.info_chunks).map_while(|n| match at.record(&Key::UserInfo(user, n)) {
        Some(Record::Info(part)) => Some(part),
        _ => None,
    });
    assemble(parts).ok()
}

/// Compares what the ledger has after so many changes with what the key file says.
pub(super) fn judge(secrets: &Secrets, there: &UserInfo, changes: u32) -> Naming {
    let known = |text: &str, disclosure: &Disclosure, seq: u32| match (there, disclosure) {
        (UserInfo::Clear(there), Disclosure::Clear) => there.as_str() == text,
        (UserInfo::Commit(_), Disclosure::Commit(opener))
        | (UserInfo::Encrypted(..), Disclosure::Encrypted(opener)) => {
            let shown = InfoDisclosure {
                chain_id: secrets.chain_id,
                user: secrets.user,
                seq,
                opener: Opener::new(**opener),
                text: Text::new(text).unwrap_or_default(),
            };
            holds(there, &shown) == Some(true)
        }
        _ => false,
    };
    if let Some(next) = &secrets.renaming
        && known(&next.info, &next.disclosure, next.seq)
    {
        return Naming::Renamed(next.seq);
    }
    let mut tried = (0..=changes).rev().take(MOST);
    match (tried.find(|seq| known(&secrets.info, &secrets.disclosure, *seq)), there) {
        (Some(seq), _) => Naming::Kept(seq),
        (None, UserInfo::Clear(text)) => Naming::Plain(text.as_str().to_owned()),
        (None, _) => Naming::Hidden,
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{Algorithm, ChainId, DeviceId};
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        keystore::{IdentityKey, Origin, Renaming},
        node::profile::published_info,
    };

    fn hidden(opener: u8) -> [Disclosure; 2] {
        let opener = || Zeroizing::new([opener; 32]);
        [Disclosure::Commit(opener()), Disclosure::Encrypted(opener())]
    }

    fn secrets(disclosure: Disclosure) -> Secrets {
        Secrets::new(
            ChainId([1; 32]),
            UserId([2; 32]),
            DeviceId([3; 32]),
            Origin::Added,
            IdentityKey { algorithm: Algorithm::default(), seed: Zeroizing::new([5; 32]) },
            "Ada".into(),
            disclosure,
        )
    }

    fn on_ledger(name: &str, disclosure: &Disclosure, seq: u32) -> UserInfo {
        published_info(&UserId([2; 32]), name, disclosure, seq).unwrap()
    }

    #[test]
    fn the_own_name_is_known_whatever_was_changed_since() {
        for disclosure in hidden(4) {
            let there = on_ledger("Ada", &disclosure, 3);
            let own = secrets(disclosure);
            assert_eq!(judge(&own, &there, 3), Naming::Kept(3));
            assert_eq!(judge(&own, &there, 90), Naming::Kept(3));
        }
        let there = on_ledger("Ada", &Disclosure::Clear, 0);
        assert!(matches!(judge(&secrets(Disclosure::Clear), &there, 2), Naming::Kept(_)));
    }

    #[test]
    fn a_name_of_another_device_is_taken_up_where_it_can_be_read() {
        let plain = on_ledger("Grace", &Disclosure::Clear, 4);
        for own in hidden(4).into_iter().chain([Disclosure::Clear]) {
            assert_eq!(judge(&secrets(own), &plain, 4), Naming::Plain("Grace".into()));
        }
        for theirs in hidden(6) {
            let there = on_ledger("Ada", &theirs, 4);
            for own in hidden(4).into_iter().chain([Disclosure::Clear]) {
                assert_eq!(judge(&secrets(own), &there, 4), Naming::Hidden);
            }
        }
    }

    #[test]
    fn of_two_names_in_the_key_file_the_one_on_the_ledger_counts() {
        for disclosure in hidden(6).into_iter().chain([Disclosure::Clear]) {
            let there = on_ledger("Grace", &disclosure, 5);
            let mut own = secrets(Disclosure::Clear);
            own.renaming = Some(Renaming { seq: 5, info: "Grace".into(), disclosure });
            assert_eq!(judge(&own, &there, 7), Naming::Renamed(5));
            // It never came there.
            let before = on_ledger("Ada", &Disclosure::Clear, 0);
            assert!(matches!(judge(&own, &before, 4), Naming::Kept(_)));
        }
    }
}
