//! What is said to a peer in the moment between the link of the lobby and that of the meeting.
//!
//! Whoever is called closes the first one as it takes the second one, and the caller hears of the
//! second one a moment later. For that moment there is none, although the session has heard of no
//! end. A line of chat is said once, so it waits here for the next link.

use std::collections::BTreeMap;

use conclave_protocol::Npk;

/// Messages that wait for the link with one peer, at most.
const MOST: usize = 64;

/// Messages by whom they are for.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<Npk, Vec<Vec<u8>>>);

impl Held {
    /// Keeps a message until the peer is linked. Returns whether there was room.
    pub(super) fn keep(&mut self, npk: Npk, message: Vec<u8>) -> bool {
        let waiting = self.0.entry(npk).or_default();
        let has_room = waiting.len() < MOST;
        if has_room {
            waiting.push(message);
        }
        has_room
    }

    /// What waits for this peer, in order; it waits no longer.
    pub(super) fn take(&mut self, npk: &Npk) -> Vec<Vec<u8>> {
        self.0.remove(npk).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_out_once_in_order_and_is_bounded() {
        let (ada, grace) = (Npk([1; 32]), Npk([2; 32]));
        let mut held = Held::default();
        for n in 0..=u8::try_from(MOST).unwrap() {
            assert_eq!(held.keep(ada, vec![n]), usize::from(n) < MOST);
        }
        assert!(held.keep(grace, vec![7]));
        assert_eq!(held.take(&ada).concat(), (0..64).collect::<Vec<u8>>());
        assert!(held.take(&ada).is_empty());
        assert_eq!(held.take(&grace), [[7]]);
    }
}
