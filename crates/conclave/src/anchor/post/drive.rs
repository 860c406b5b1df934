//! The life of one post: signed, written down, sent; sent again when nobody knows it any more;
//! replaced when it takes too long; watched until its block is deep enough.

use alloy::primitives::{B256, U256};
use conclave_protocol::{
    ChainId, Digest, Height,
    anchor::{Anchor, Reason, Required, Sighting, judge},
};
use futures::future::join_all;

use super::{
    super::{
        ethereum::{Endpoint, EndpointError, Fees, Terms},
        journal::{Attempt, Done, Post},
    },
    Event, Place, PostError, Poster, Step,
    event::gwei,
};

/// What Ethereum shows of a post.
struct Look {
    /// The endpoint that answered first.
    endpoint: Endpoint,
    /// Number of its newest block.
    newest: u64,
    /// The transaction of the post that is in a block.
    mined: Option<Place>,
    /// Whether any endpoint knows the newest transaction of the post.
    known: bool,
}

/// What became of the nonce of a post.
enum Nonce {
    /// Nothing yet.
    Free,
    /// A transaction of the post has it.
    Mined,
    /// Another one has it, so deep that none of the post can be mined any more.
    Passed,
    /// Another one has it for now.
    Taken,
}

impl<S: FnMut(&Event)> Poster<S> {
    /// Begins the post of an anchor: its first transaction.
    pub(super) async fn begin(&mut self, own: Anchor) -> Result<Step, PostError> {
        let (endpoint, newest) = self.answering().await?;
        let address = self.account.address();
        let nonce = endpoint.nonce(address, None).await?;
        if let Some(last) = self.journal.last().filter(|last| last.nonce >= nonce) {
            // The chain forgot a post that was deep enough, or this endpoint is behind. The same
            // bytes cannot be mined twice.
            let (height, tx, raw) = (last.height, last.tx.to_string(), last.raw.clone());
            self.send(&raw).await?;
            self.tell(Event::Again { height, tx });
            return Ok(Step::Wait);
        }
        let post =
            Post { height: own.height.0, header: own.header.0.into(), nonce, attempts: Vec::new() };
        let asked = endpoint.fees().await?;
        let Some(fees) = asked.within(self.options.cap) else { return Ok(self.too_dear(asked)) };
        self.sign(&endpoint, post, fees, newest).await
    }

    /// One look at what is under way, and what it asks for.
    pub(super) async fn drive(&mut self, post: Post) -> Result<Step, PostError> {
        let look = self.observe(&post).await?;
        if let Some(place) = look.mined {
            return self.mined(&post, place, &look).await;
        }
        if let Some(place) = self.mined.take() {
            self.tell(Event::Vanished { height: post.height, tx: place.tx.to_string() });
        }
        let Some(newest) = post.attempts.last() else {
            // Never written so by this program.
            return self.begin(self.anchor(&post)).await;
        };
        let waited = look.newest.saturating_sub(newest.block);
        if !look.known {
            match self.nonce(&post, &look).await? {
                Nonce::Free => {}
                Nonce::Mined => return Ok(Step::Done),
                Nonce::Passed => return self.renew(post, &look).await,
                Nonce::Taken => {
                    self.wait(format!(
                        "height {}: another transaction took nonce {}; does anything else use this \
                         account?",
                        post.height, post.nonce
                    ));
                    return Ok(Step::Wait);
                }
            }
        }
        if waited >= self.options.bump_after {
            let old = Fees { max_fee: newest.max_fee, tip: newest.tip };
            let asked = look.endpoint.fees().await?;
            if let Some(fees) = asked.instead_of(old, self.options.cap) {
                return self.sign(&look.endpoint, post, fees, look.newest).await;
            }
            self.wait(format!(
                "height {}: it offers {} gwei, and a replacement would be over --max-fee-gwei",
                post.height,
                gwei(old.max_fee)
            ));
        }
        if !look.known {
            let (tx, raw) = (newest.hash.to_string(), newest.raw.clone());
            self.send(&raw).await?;
            self.tell(Event::Again { height: post.height, tx });
        }
        Ok(Step::Wait)
    }

    /// Signs the next transaction of a post, writes it down, and only then sends it.
    async fn sign(
        &mut self,
        endpoint: &Endpoint,
        mut post: Post,
        fees: Fees,
        newest: u64,
    ) -> Result<Step, PostError> {
        let (address, data) = (self.account.address(), self.anchor(&post).to_bytes());
        // The same data: what it took before, it takes again.
        let gas = match post.attempts.last() {
            Some(last) => last.gas,
            None => endpoint.gas(address, &data).await?,
        };
        if gas > MOST_GAS {
            return Err(PostError::Gas(gas));
        }
        let cost = U256::from(gas).saturating_mul(U256::from(fees.max_fee));
        let balance = endpoint.balance(address).await?;
        if balance < cost {
            self.wait(format!("account {address} has {balance} wei, and this may cost {cost}"));
            return Ok(Step::Wait);
        }
        let terms = Terms { chain: self.number, nonce: post.nonce, gas, fees };
        let (hash, raw) = self.account.sign(&terms, &data)?;
        let first = post.attempts.is_empty();
        let Fees { max_fee, tip } = fees;
        post.attempts.push(Attempt { hash, raw: raw.clone(), gas, max_fee, tip, block: newest });
        let (height, nonce, tx) = (post.height, post.nonce, hash.to_string());
        self.journal.begin(post)?;
        // If no endpoint takes it now, it is sent again: it is under way once it is written.
        self.send(&raw).await?;
        self.tell(if first {
            Event::Sent { height, tx, nonce, gas, max_fee }
        } else {
            Event::Replaced { height, tx, max_fee }
        });
        Ok(Step::Wait)
    }

    /// A transaction of the post is in a block.
    async fn mined(&mut self, post: &Post, place: Place, look: &Look) -> Result<Step, PostError> {
        let (height, tx) = (post.height, place.tx.to_string());
        if self.mined.replace(place) != Some(place) {
            self.tell(Event::Mined { height, tx: tx.clone(), block: place.number });
        }
        let depth = look.newest.saturating_add(1).saturating_sub(place.number);
        let is_deep = match self.options.required {
            Required::Blocks(blocks) => depth >= blocks,
            Required::Finalized => {
                let last = look.endpoint.finalized().await?;
                last.is_some_and(|last| last >= place.number)
            }
        };
        if !is_deep {
            return Ok(Step::Wait);
        }
        // By what one endpoint says: now all of them, and the proof of the block.
        let mut seen = self.ethereum.look(self.number, place.tx).await;
        seen.retain(|seen| seen.sighting != Sighting::Silent);
        let problem = seen.iter().find_map(|seen| seen.problem.clone());
        let sightings: Vec<Sighting> = seen.into_iter().map(|seen| seen.sighting).collect();
        let own = self.anchor(post);
        let finding = judge(&own, &own.header, &sightings, self.options.required);
        let (Reason::Deep, Some(mined)) = (finding.reason, finding.mined) else {
            if !matches!(finding.reason, Reason::Shallow | Reason::NoEndpoint) {
                let why = problem.unwrap_or_else(|| "the Ethereum endpoints disagree".to_owned());
                self.wait(format!("height {height}: {why}"));
            }
            return Ok(Step::Wait);
        };
        let raw = post.attempts.iter().find(|attempt| attempt.hash == place.tx);
        self.journal.finish(Done {
            height,
            header: post.header,
            nonce: post.nonce,
            tx: place.tx,
            raw: raw.map(|attempt| attempt.raw.clone()).unwrap_or_default(),
            block: B256::from(mined.block.0),
            recorded: false,
        })?;
        self.mined = None;
        self.tell(Event::Deep { height, tx, block: mined.number, depth: mined.depth });
        Ok(Step::Done)
    }

    /// What became of the nonce of a post whose newest transaction no endpoint knows.
    async fn nonce(&self, post: &Post, look: &Look) -> Result<Nonce, PostError> {
        let (endpoint, address) = (&look.endpoint, self.account.address());
        if endpoint.nonce(address, None).await? <= post.nonce {
            return Ok(Nonce::Free);
        }
        let deep = match self.options.required {
            Required::Blocks(blocks) => look.newest.saturating_add(1).checked_sub(blocks),
            Required::Finalized => endpoint.finalized().await?,
        };
        let passed = match deep {
            Some(block) => endpoint.nonce(address, Some(block)).await? > post.nonce,
            None => false,
        };
        // One of the post may have been mined since the last look.
        if self.observe(post).await?.mined.is_some() {
            return Ok(Nonce::Mined);
        }
        Ok(if passed { Nonce::Passed } else { Nonce::Taken })
    }

    /// Goes on with a nonce that is free.
    async fn renew(&mut self, post: Post, look: &Look) -> Result<Step, PostError> {
        let nonce = look.endpoint.nonce(self.account.address(), None).await?;
        let asked = look.endpoint.fees().await?;
        let Some(fees) = asked.within(self.options.cap) else { return Ok(self.too_dear(asked)) };
        let post = Post { nonce, attempts: Vec::new(), ..post };
        self.sign(&look.endpoint, post, fees, look.newest).await
    }

    fn too_dear(&mut self, asked: Fees) -> Step {
        let asked = gwei(asked.max_fee / 2);
        self.wait(format!("gas costs {asked} gwei, more than --max-fee-gwei allows"));
        Step::Wait
    }

    /// Looks for every transaction of a post at every endpoint; what the first one that answers says
    /// counts.
    async fn observe(&self, post: &Post) -> Result<Look, PostError> {
        let (endpoint, newest) = self.answering().await?;
        let mut mined = None;
        let mut known = false;
        for attempt in post.attempts.iter().rev() {
            if let Some(found) = endpoint.find(attempt.hash).await? {
                known |= post.attempts.last() == Some(attempt);
                mined = mined.or_else(|| {
                    found.map(|(block, number)| Place { tx: attempt.hash, block, number })
                });
            }
        }
        if let (false, Some(last)) = (known, post.attempts.last()) {
            let others =
                self.ethereum.endpoints().iter().filter(|other| other.name() != endpoint.name());
            let found = join_all(others.map(|other| other.find(last.hash))).await;
            known = found.into_iter().any(|found| matches!(found, Ok(Some(_))));
        }
        Ok(Look { endpoint, newest, mined, known })
    }

    /// The first endpoint that answers, and its newest block.
    async fn answering(&self) -> Result<(Endpoint, u64), PostError> {
        let mut last = None;
        for endpoint in self.ethereum.endpoints() {
            match endpoint.newest().await {
                Ok(newest) => return Ok((endpoint.clone(), newest)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or(PostError::TwoChains, PostError::Endpoint))
    }

    /// Gives a transaction to every endpoint; one that takes it is enough.
    async fn send(&self, raw: &[u8]) -> Result<(), PostError> {
        let sent =
            join_all(self.ethereum.endpoints().iter().map(|endpoint| endpoint.send(raw))).await;
        let mut refusal = None;
        for answer in sent {
            match answer {
                Ok(()) => return Ok(()),
                Err(error @ EndpointError::Refused { .. }) => refusal = Some(error),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        refusal.map_or(Ok(()), |error| Err(error.into()))
    }

    fn anchor(&self, post: &Post) -> Anchor {
        let chain_id: ChainId = self.chain.chain_id();
        Anchor { chain_id, height: Height(post.height), header: Digest(post.header.0) }
    }
}

/// No anchor costs more, whatever an endpoint says: 24,080 at today's price of data.
const MOST_GAS: u64 = 120_000;
