//! Clears away what the meetings of this device left in the state of the ledger, once they are over
//! for long enough (docs/protocol.md, section 25).
//!
//! In: the meetings that the book remembers, and the proven state. Out: transactions through the
//! outbox, a few at a time and at random moments, each after a look at the state, so that the devices
//! that were in seldom say the same; a step that another one took first is refused and changes
//! nothing. It insists on nothing: what is not pruned costs disk and nothing else.

use std::time::Duration;

use conclave_protocol::{
    Key, MeetingId, MeetingRecord, MemberIdx, PruneMeeting, Record, meeting::PRUNED_AT_ONCE,
};
use tokio::sync::watch;

use super::{Person, book::Book, outbox::Outbox, room::Room};
use crate::{
    chain::{Chain, ChainError},
    http::wire::{Left, PrunedMeeting},
};

/// Transactions of one round: what a person does meanwhile needs tokens too.
const STEPS: u16 = 8;
/// Meetings that one round looks at.
const MEETINGS: usize = 16;
/// Steps that the largest meeting takes.
const ALL: u16 = 17;
/// Longest and shortest time from one round to the next, but for chance.
const LONGEST: u64 = 3_600;
const SHORTEST: u64 = 1;

/// Clears away for one identity.
#[derive(Clone, Debug)]
pub(super) struct Tidy {
    chain: Chain,
    book: Book,
    outbox: Outbox,
}

impl Tidy {
    pub(super) fn new(chain: &Chain, person: &Person) -> Self {
        let Person { book, outbox, .. } = person.clone();
        Self { chain: chain.clone(), book, outbox }
    }

    /// Clears away for as long as this is the identity of the daemon, and rests while the person is
    /// in a meeting.
    pub(super) async fn run(
        self,
        person: watch::Receiver<Option<Person>>,
        room: watch::Receiver<Option<Room>>,
    ) {
        loop {
            tokio::time::sleep(pause(self.chain.params().retention)).await;
            let is_current = |person: &Person| person.outbox.is(&self.outbox);
            if !person.borrow().as_ref().is_some_and(is_current) {
                return;
            }
            let registered = person.borrow().as_ref().is_some_and(|person| person.view.registered);
            let busy =
                room.borrow().as_ref().is_some_and(|room| !room.view.borrow().phase.is_over());
            if !registered || busy {
                continue;
            }
            match self.due(STEPS).await {
                Ok(cleared) => {
                    for one in cleared.iter().filter(|one| one.steps > 0) {
                        tracing::debug!(mid = one.mid, steps = one.steps, "cleared away");
                    }
                }
                Err(error) => tracing::debug!(%error, "old meetings stay in the state for now"),
            }
        }
    }

    /// Clears away those meetings of the book that are over for long enough, within so many
    /// transactions.
    ///
    /// # Errors
    /// No validator answers, or the ledger refuses a step that the state allows.
    pub(super) async fn due(&self, steps: u16) -> Result<Vec<PrunedMeeting>, ChainError> {
        let retention = u64::from(self.chain.params().retention);
        let until = self.chain.time().await?.0.saturating_sub(retention).saturating_mul(1_000);
        let mut cleared: Vec<PrunedMeeting> = Vec::new();
        for mid in self.book.meetings(until).into_iter().take(MEETINGS) {
            let said: u16 = cleared.iter().map(|one| one.steps).sum();
            if said >= steps {
                break;
            }
            cleared.push(self.clear(mid, steps.saturating_sub(said)).await?);
        }
        Ok(cleared)
    }

    /// Clears away one meeting, whoever was in it.
    ///
    /// # Errors
    /// As [`due`](Self::due).
    pub(super) async fn whole(&self, mid: MeetingId) -> Result<PrunedMeeting, ChainError> {
        self.clear(mid, ALL).await
    }

    async fn clear(&self, mid: MeetingId, most: u16) -> Result<PrunedMeeting, ChainError> {
        let mut cleared = PrunedMeeting { mid: mid.to_hex(), ..PrunedMeeting::default() };
        let mut refused = 0_u16;
        // Once the state is known, the steps follow from each other; another device that was faster
        // is a reason to look again.
        'look: loop {
            let Some(mut next) = self.look(mid, &mut cleared).await? else {
                self.note(mid, &cleared);
                return Ok(cleared);
            };
            loop {
                if cleared.steps >= most {
                    cleared.left = Left::Some;
                    return Ok(cleared);
                }
                match self.outbox.submit(PruneMeeting { mid, next }).await {
                    Ok(_) => cleared.steps = cleared.steps.saturating_add(1),
                    Err(ChainError::Refused(_)) if refused < ALL => {
                        refused = refused.saturating_add(1);
                        continue 'look;
                    }
                    Err(error) => return Err(error),
                }
                if next == MemberIdx(0) {
                    cleared.left = Left::Name;
                    self.note(mid, &cleared);
                    return Ok(cleared);
                }
                next = MemberIdx(next.0.saturating_sub(PRUNED_AT_ONCE));
            }
        }
    }

    /// The index that the next step names, if there is anything to take; else `cleared` says why
    /// not.
    async fn look(
        &self,
        mid: MeetingId,
        cleared: &mut PrunedMeeting,
    ) -> Result<Option<MemberIdx>, ChainError> {
        let keys = [Key::Meeting(mid), Key::Roster(mid)];
        let at = self.chain.snapshot(&keys).await?;
        let Some(Record::Meeting(meeting)) = at.record(&keys[0]) else {
            cleared.left = Left::Nothing;
            return Ok(None);
        };
        let params = self.chain.params();
        if !meeting.may_be_pruned_at(&params, at.time()) {
            let MeetingRecord { last_activity, .. } = meeting;
            let due = last_activity.plus(params.retention.into()).next();
            (cleared.left, cleared.due_ms) = (Left::All, due.0.saturating_mul(1_000));
            return Ok(None);
        }
        if meeting.next_idx == MemberIdx(0) && at.record(&keys[1]).is_none() {
            cleared.left = Left::Name;
            return Ok(None);
        }
        Ok(Some(meeting.next_idx))
    }

    /// The book keeps what has still to go, with the time before which nobody needs to look again.
    fn note(&self, mid: MeetingId, cleared: &PrunedMeeting) {
        let retention = u64::from(self.chain.params().retention).saturating_mul(1_000);
        let noted = match cleared.left {
            Left::All => self.book.attended(mid, cleared.due_ms.saturating_sub(retention), false),
            Left::Name | Left::Nothing => self.book.cleared(mid),
            Left::Some => Ok(()),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "the list of own meetings could not be written");
        }
    }
}

/// From one round to the next: an eighth of the retention time, within bounds, and up to as much
/// again by chance.
fn pause(retention: u32) -> Duration {
    let usual = Duration::from_secs(u64::from(retention / 8).clamp(SHORTEST, LONGEST));
    usual.saturating_add(usual.mul_f64(rand::random::<f64>()))
}

#[cfg(test)]
mod tests {
    use conclave_protocol::meeting::MAX_INDEXES;

    use super::*;

    #[test]
    fn rounds_are_far_apart_and_follow_the_retention_time() {
        let parts = MAX_INDEXES.div_ceil(usize::from(PRUNED_AT_ONCE));
        assert_eq!(usize::from(ALL), parts + 1);
        for (retention, least) in [(0, 1), (40, 5), (2_592_000, 3_600)] {
            let least = Duration::from_secs(least);
            for _ in 0..100 {
                let pause = pause(retention);
                assert!(least <= pause && pause <= 2 * least, "{pause:?}");
            }
        }
    }
}
