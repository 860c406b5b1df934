//! Where a validator keeps final blocks and certificates, and how much of it may go.
//!
//! The engine drops blocks together with the log of the states, and the two are not worth the same:
//! the log is needed by whoever fetches a state just now, blocks by everybody who asks what
//! happened. So the log goes after [`Cuts::history`] blocks, and the [`Shelf`] around the archives
//! lets go of blocks and certificates only as far as the validator decided itself (`keep.rs`).

use std::{
    num::{NonZeroU64, NonZeroUsize},
    sync::Arc,
};

use commonware_consensus::{
    marshal::store::{Blocks, Certificates},
    simplex::types::Finalization,
    types::Height,
};
use commonware_cryptography::Digestible;
use commonware_glue::stateful::PruneConfig;
use commonware_runtime::Handle;
use commonware_storage::archive::Identifier;
use commonware_utils::{NZU64, NZUsize};

use super::finality::Finality;

/// How the files of a validator are cut. It cannot change later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cuts {
    /// Blocks and certificates of one file.
    pub(crate) blocks: NonZeroU64,
    /// Operations of one file of a state's log, and nodes of one file of its tree.
    pub(crate) operations: NonZeroU64,
    /// Blocks whose operations stay beside those that the state itself consists of: whoever fetches
    /// the state has so long to finish, or begins with a newer one.
    pub(crate) history: usize,
    /// Blocks after which the log is cut again.
    pub(crate) every: NonZeroUsize,
}

impl Cuts {
    /// Those of a validator that runs: a log of 5 MB a file, half an hour of an idle ledger. Each
    /// file of blocks, which are a day and a half of an idle ledger, stays open: many small ones
    /// would use up what a process may open.
    pub(crate) const USUAL: Self = Self {
        blocks: NZU64!(65_536),
        operations: NZU64!(16_384),
        history: 1_024,
        every: NZUsize!(256),
    };

    /// What the engine is told: blocks as soon as operations, for the [`Shelf`] knows better.
    pub(crate) const fn pruning(self) -> PruneConfig {
        PruneConfig {
            maintenance_interval: self.every,
            retained_marshal_blocks: self.history,
            retained_qmdb_blocks: self.history,
        }
    }
}

/// An archive by height, from which nothing goes that the validator wants to keep.
pub(crate) struct Shelf<A> {
    archive: A,
    finality: Arc<Finality>,
}

impl<A> Shelf<A> {
    pub(crate) const fn new(archive: A, finality: Arc<Finality>) -> Self {
        Self { archive, finality }
    }

    /// How far the archive may be cut that begins at `first` and is to be cut at `min`. Where nothing
    /// lies below, as after a state was fetched, the archive may as well know it.
    fn cut(&self, first: Option<Height>, min: Height) -> Height {
        let nothing_goes = first.is_none_or(|first| first >= min);
        if nothing_goes { min } else { min.min(Height::new(self.finality.lowest())) }
    }
}

impl<A: Certificates> Certificates for Shelf<A> {
    type BlockDigest = A::BlockDigest;
    type Commitment = A::Commitment;
    type Scheme = A::Scheme;
    type Error = A::Error;

    async fn put(
        mut self,
        height: Height,
        digest: Self::BlockDigest,
        finalization: &Finalization<Self::Scheme, Self::Commitment>,
    ) -> Result<Self, Self::Error> {
        self.archive = self.archive.put(height, digest, finalization).await?;
        Ok(self)
    }

    async fn sync(mut self) -> Result<Self, Self::Error> {
        self.archive = self.archive.sync().await?;
        Ok(self)
    }

    async fn start_sync(mut self) -> Result<(Self, Handle<()>), Self::Error> {
        let (archive, synced) = self.archive.start_sync().await?;
        self.archive = archive;
        Ok((self, synced))
    }

    async fn get(
        &self,
        id: Identifier<'_, Self::BlockDigest>,
    ) -> Result<Option<Finalization<Self::Scheme, Self::Commitment>>, Self::Error> {
        self.archive.get(id).await
    }

    async fn has(&self, height: Height) -> Result<bool, Self::Error> {
        self.archive.has(height).await
    }

    async fn prune(mut self, min: Height) -> Result<Self, Self::Error> {
        let first = self.ranges_from(Height::zero()).next().map(|(first, _)| first);
        let cut = self.cut(first, min);
        self.archive = self.archive.prune(cut).await?;
        Ok(self)
    }

    fn last_index(&self) -> Option<Height> {
        self.archive.last_index()
    }

    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        self.archive.ranges_from(from)
    }
}

impl<A: Blocks> Blocks for Shelf<A> {
    type Block = A::Block;
    type Error = A::Error;

    async fn put(
        mut self,
        digest: <Self::Block as Digestible>::Digest,
        block: &Self::Block,
    ) -> Result<Self, Self::Error> {
        self.archive = self.archive.put(digest, block).await?;
        Ok(self)
    }

    async fn sync(mut self) -> Result<Self, Self::Error> {
        self.archive = self.archive.sync().await?;
        Ok(self)
    }

    async fn start_sync(mut self) -> Result<(Self, Handle<()>), Self::Error> {
        let (archive, synced) = self.archive.start_sync().await?;
        self.archive = archive;
        Ok((self, synced))
    }

    async fn get(
        &self,
        id: Identifier<'_, <Self::Block as Digestible>::Digest>,
    ) -> Result<Option<Self::Block>, Self::Error> {
        self.archive.get(id).await
    }

    async fn prune(mut self, min: Height) -> Result<Self, Self::Error> {
        let zero = Height::zero();
        let first = match self.archive.next_gap(zero) {
            (Some(_), _) => Some(zero),
            (None, next) => next,
        };
        let cut = self.cut(first, min);
        self.archive = self.archive.prune(cut).await?;
        Ok(self)
    }

    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        self.archive.missing_items(start, max)
    }

    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        self.archive.next_gap(value)
    }

    fn last_index(&self) -> Option<Height> {
        self.archive.last_index()
    }
}
