//! What the ledger's records say of a height that is due, and whether that keeps this organisation
//! from posting it itself.
//!
//! A record is the word of one validator, who may lie. So only what Ethereum shows counts: a height
//! with a record that is ANCHORED is settled, and a transaction that is in a block is given the time
//! to become deep. One that waits keeps nobody back, for it may wait for ever and has cost nothing;
//! nor does one that only a silent endpoint could know. The price of that is a second anchor of the
//! same height now and then, which the ledger allows.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use conclave_protocol::{
    AnchorPlace,
    anchor::{Anchor, Required, Sighting, Verdict, judge},
};
use futures::{StreamExt as _, stream};

use super::{super::ledger, Event, LOOKED_AT, PostError, Poster};

/// What is true of a record; of several about one height the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claimed {
    /// It does not hold, or that does not show.
    No,
    /// Its transaction is in a block, and may become deep enough.
    InBlock,
    /// This validator recorded it, and whether it holds does not show now.
    Own,
    /// It holds.
    Anchored,
}

impl<S: FnMut(&Event)> Poster<S> {
    /// The best that is true of what the ledger says about this height.
    pub(super) async fn claimed(&self, own: &Anchor) -> Result<Claimed, PostError> {
        let claims = ledger::claims(&self.chain, LOOKED_AT).await?;
        let validator = self.signer.validator();
        // However many records name a transaction, it is looked for once.
        let mut txs: BTreeMap<[u8; 32], bool> = BTreeMap::new();
        for claim in claims.newest {
            let AnchorPlace::Ethereum(chain, tx, _) = claim.place else { continue };
            if chain == self.number && claim.height == own.height && claim.header == own.header {
                *txs.entry(tx).or_default() |= claim.by == Some(validator);
            }
        }
        let looks = txs.into_iter().map(|(tx, is_own)| async move {
            let seen = self.ethereum.sightings(self.number, tx).await;
            weigh(own, seen, is_own, self.options.required)
        });
        let found: Vec<Claimed> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
        Ok(found.into_iter().max().unwrap_or(Claimed::No))
    }

    /// Whether a transaction in a block is still waited for: counted by the clock of this machine, so
    /// that no endpoint makes it longer, and from the first time on that others were waited for
    /// since the last post, so that no further record does.
    pub(super) fn is_patient(&mut self) -> bool {
        let since = *self.held.get_or_insert_with(Instant::now);
        since.elapsed() < patience(self.options.required, self.options.poll)
    }
}

/// What follows from what endpoints show of the transaction of a record for this anchor.
fn weigh(own: &Anchor, mut seen: Vec<Sighting>, is_own: bool, required: Required) -> Claimed {
    let finding = judge(own, &own.header, &seen, required);
    match finding.verdict() {
        Verdict::Anchored => Claimed::Anchored,
        // Nobody else records in this validator's name, and it does so when a post is deep. A second
        // one would be its own, so it waits; but the endpoints that answer are enough.
        Verdict::Pending if is_own => {
            seen.retain(|seen| *seen != Sighting::Silent);
            match judge(own, &own.header, &seen, required).verdict() {
                Verdict::Anchored => Claimed::Anchored,
                _ => Claimed::Own,
            }
        }
        Verdict::Pending if finding.mined.is_some() => Claimed::InBlock,
        _ => Claimed::No,
    }
}

/// Twice the time that a transaction takes from its block to the depth that is required.
fn patience(required: Required, poll: Duration) -> Duration {
    let blocks = match required {
        Required::Blocks(blocks) => u32::try_from(blocks).unwrap_or(u32::MAX),
        Required::Finalized => FINAL,
    };
    poll.saturating_mul(2 * POLLS).saturating_mul(blocks)
}

/// Transactions that are looked for at the same time.
const AT_ONCE: usize = 8;
/// Blocks of Ethereum after which one is final, at most: three epochs.
const FINAL: u32 = 96;
/// Looks at Ethereum in the time of one of its blocks.
const POLLS: u32 = 2;

#[cfg(test)]
mod tests {
    use conclave_protocol::{ChainId, Digest, Height, Seconds, anchor::Mined};

    use super::*;

    const OWN: Anchor =
        Anchor { chain_id: ChainId([1; 32]), height: Height(600), header: Digest([2; 32]) };

    fn mined(depth: u64) -> Sighting {
        Sighting::Mined(Mined {
            block: Digest([3; 32]),
            number: 100,
            time: Seconds(0),
            depth,
            finalized: false,
            data: OWN.to_bytes(),
        })
    }

    fn weighed(seen: &[Sighting], is_own: bool) -> Claimed {
        weigh(&OWN, seen.to_vec(), is_own, Required::Blocks(64))
    }

    #[test]
    fn only_a_transaction_in_a_block_keeps_anybody_from_posting() {
        let waiting = || Sighting::Waiting(OWN.to_bytes());
        let cases: [(&[Sighting], Claimed); 10] = [
            (&[waiting()], Claimed::No),
            (&[waiting(), Sighting::Silent], Claimed::No),
            (&[Sighting::Absent(500), Sighting::Silent], Claimed::No),
            (&[Sighting::Silent], Claimed::No),
            (&[Sighting::Absent(500)], Claimed::No),
            (&[Sighting::Unproven, mined(64)], Claimed::No),
            (&[mined(63)], Claimed::InBlock),
            (&[mined(63), waiting()], Claimed::InBlock),
            (&[mined(64), Sighting::Silent], Claimed::InBlock),
            (&[mined(64)], Claimed::Anchored),
        ];
        for (seen, claimed) in cases {
            assert_eq!(weighed(seen, false), claimed, "{seen:?}");
        }
    }

    #[test]
    fn what_this_validator_recorded_is_not_posted_again_while_it_may_hold() {
        let waiting = || Sighting::Waiting(OWN.to_bytes());
        let cases: [(&[Sighting], Claimed); 6] = [
            (&[Sighting::Silent], Claimed::Own),
            (&[Sighting::Absent(500), Sighting::Silent], Claimed::Own),
            (&[waiting(), Sighting::Silent], Claimed::Own),
            (&[mined(63), Sighting::Silent], Claimed::Own),
            (&[mined(64), Sighting::Silent], Claimed::Anchored),
            (&[Sighting::Absent(500)], Claimed::No),
        ];
        for (seen, claimed) in cases {
            assert_eq!(weighed(seen, true), claimed, "{seen:?}");
        }
    }

    #[test]
    fn others_are_waited_for_for_twice_the_time_of_the_depth() {
        let poll = Duration::from_secs(6);
        assert_eq!(patience(Required::USUAL, poll), Duration::from_secs(2 * 64 * 12));
        assert_eq!(patience(Required::Finalized, poll), Duration::from_secs(2 * 96 * 12));
        assert_eq!(
            patience(Required::Blocks(u64::MAX), poll),
            patience(Required::Blocks(u64::from(u32::MAX)), poll)
        );
    }
}
