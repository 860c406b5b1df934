//! Decides when a proposer asks for a block: at once when transactions wait or a change of the
//! validator set waits for the end of the epoch, else every 2 s; and when a voter answers for one.
//!
//! It waits in front of the stateful application, never inside it: finalization of state waits for
//! a build in progress, and the cut of its logs for every block under examination, so neither must
//! wait for anything.

use std::{sync::Arc, time::Duration};

use commonware_consensus::{Application, Handoff, marshal::ancestry::Ancestry};
use commonware_cryptography::Digested;
use commonware_macros::select;
use commonware_runtime::{Clock, Supervisor};
use futures::StreamExt as _;

use super::{clock::now_ms, schemes::Schemes};
use crate::{block::Block, mempool::Mempool};

/// Chain time between blocks of an idle ledger (protocol.md, section 0a).
pub(crate) const IDLE: Duration = Duration::from_millis(2_000);

/// How far a block's time may be ahead of a voter's clock before the vote waits.
pub(crate) const AHEAD: Duration = Duration::from_secs(2);

/// An application that is asked for a block only when one is due, and answers for none before its
/// time.
#[derive(Clone)]
pub(crate) struct Paced<A> {
    inner: A,
    mempool: Arc<Mempool>,
    schemes: Schemes,
}

impl<A> Paced<A> {
    /// Puts the pace of `mempool`, and of a change that waits in `schemes`, in front of `inner`.
    pub(crate) const fn new(inner: A, mempool: Arc<Mempool>, schemes: Schemes) -> Self {
        Self { inner, mempool, schemes }
    }

    /// Returns once a transaction or a change of the set waits, or the parent is [`IDLE`] old. A chain whose time lags
    /// behind the clock is never held up, so it catches up after a halt.
    async fn due(&self, clock: &impl Clock, parent_ms: u64) {
        let idle_ms = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        loop {
            let news = self.mempool.news();
            let now = now_ms(clock);
            let due = parent_ms.saturating_add(idle_ms);
            if self.mempool.is_waiting(now) || self.schemes.is_pending() || now >= due {
                return;
            }
            let wait = Duration::from_millis(due.saturating_sub(now).min(idle_ms));
            select! {
                () = news => {},
                () = clock.sleep(wait) => return,
            }
        }
    }
}

impl<E, A> Application<E> for Paced<A>
where
    E: Clock + Supervisor,
    A: Application<E, Block = Block> + Sync,
    A::Context: Send,
{
    type SigningScheme = A::SigningScheme;
    type Context = A::Context;
    type Block = Block;
    type Input = A::Input;

    async fn prepare(
        &mut self,
        _: (E, Self::Context),
        _: impl Ancestry<Block>,
        _: Self::Input,
    ) -> Handoff<Digested<Block>> {
        Handoff::Wait
    }

    async fn propose(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Block>,
        input: Self::Input,
    ) -> Option<Digested<Block>> {
        if let Some(parent) = ancestry.peek().map(|parent| parent.inner().header.time_ms) {
            self.due(&context.0, parent).await;
        }
        self.inner.propose(context, ancestry, input).await
    }

    async fn verify(
        &mut self,
        context: (E, Self::Context),
        ancestry: impl Ancestry<Block>,
    ) -> bool {
        let clock = context.0.child("pace");
        let Some(block) = ancestry.clone().next().await else { return false };
        let time_ms = block.inner().header.time_ms;
        if !self.inner.verify(context, ancestry).await {
            return false;
        }
        // The step from the parent is bounded, and was looked at, so this wait is bounded too.
        let ahead = u64::try_from(AHEAD.as_millis()).unwrap_or(u64::MAX);
        let early = time_ms.saturating_sub(now_ms(&clock).saturating_add(ahead));
        if early > 0 {
            clock.sleep(Duration::from_millis(early)).await;
        }
        true
    }
}
