//! What a network fixes at its start: its name, its validators, its constants.

use crate::{
    codec::{BadText, Set, Text, TooLong, encode},
    id::{ChainId, Digest, Seconds},
    key::{ValidatorKey, WeakKey},
};

/// Most validators a network may have.
pub const MAX_VALIDATORS: usize = 128;

/// The first agreement of a network. Its hash is the network's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// What people call the network, at most 64 bytes.
    pub name: Text<64>,
    /// Unix time of the start in milliseconds.
    pub time_ms: u64,
    /// The validators, in ascending order of their keys.
    pub validators: Set<ValidatorKey, MAX_VALIDATORS>,
    /// The constants.
    pub params: Params,
}

crate::fields!(Genesis { name, time_ms, validators, params });

impl Genesis {
    /// A genesis from its parts; the order of the validators does not matter.
    ///
    /// # Errors
    /// See [`BadGenesis`].
    pub fn new(
        name: &str,
        time_ms: u64,
        validators: impl Into<Vec<ValidatorKey>>,
        params: Params,
    ) -> Result<Self, BadGenesis> {
        let genesis =
            Self { name: Text::new(name)?, time_ms, validators: Set::new(validators)?, params };
        genesis.check()?;
        Ok(genesis)
    }

    /// What decoding alone does not ask: at least one validator, no weak key, and epochs of at
    /// least two blocks.
    ///
    /// # Errors
    /// See [`BadGenesis`].
    pub fn check(&self) -> Result<(), BadGenesis> {
        if self.validators.is_empty() {
            return Err(BadGenesis::NoValidator);
        }
        for key in &self.validators {
            key.check()?;
        }
        if self.params.epoch_blocks < 2 {
            return Err(BadGenesis::EpochTooShort);
        }
        Ok(())
    }

    /// The network this genesis starts.
    pub fn chain_id(&self) -> ChainId {
        ChainId(Digest::of(&[b"CONCLAVE-V1/genesis", &encode(self)]).0)
    }
}

/// Why a genesis cannot start a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadGenesis {
    /// Epochs of less than two blocks.
    #[error("an epoch needs at least two blocks")]
    EpochTooShort,
    /// The name cannot be written.
    #[error("name: {0}")]
    Name(#[from] BadText),
    /// Nobody to make blocks.
    #[error("a genesis needs at least one validator")]
    NoValidator,
    /// More than [`MAX_VALIDATORS`].
    #[error("validators: {0}")]
    TooMany(#[from] TooLong),
    /// A validator's key is weak.
    #[error("validator: {0}")]
    Weak(#[from] WeakKey),
}

/// The constants of a network (docs/protocol.md, section 0). Durations are seconds of chain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// How long a leader leads without a sign of life.
    pub lease: u32,
    /// Time between the claims of two members when a leader is gone.
    pub stagger: u32,
    /// How long a vote counts.
    pub vote_window: u32,
    /// How long a request may wait for its admission.
    pub request_ttl: u32,
    /// How long a meeting lives without a sign of life.
    pub idle_ttl: u32,
    /// How long a senior device may cancel what a junior one asked.
    pub junior_delay: u32,
    /// How long a leader may take to give new keys after somebody left.
    pub rekey_grace: u32,
    /// Longest life of one meeting key.
    pub rekey_max: u32,
    /// How far in the future a transaction may expire.
    pub expiry_max: u32,
    /// Age up to which a header is fresh.
    pub fresh: u32,
    /// Age from which a header is stale.
    pub stale: u32,
    /// Most members of a roster; four times as many requests may be numbered.
    pub max_members: u16,
    /// Most bytes of a transaction.
    pub max_tx: u16,
    /// Transactions a user may send at once.
    pub burst: u16,
    /// Seconds until a user may send one more.
    pub refill: u16,
    /// Requests a user may send to one meeting within `request_window`.
    pub request_burst: u8,
    /// Window of `request_burst`.
    pub request_window: u16,
    /// Leading zero bits a stamp of work needs; 0 means that only sponsors admit users.
    pub pow_bits: u8,
    /// Blocks of one epoch of the set of validators, at least 2: a change of the set agreed in one
    /// epoch is in force from the next one on.
    pub epoch_blocks: u32,
    /// How long after its last sign of life a meeting that is over is kept in the state, and blocks
    /// are kept by everybody.
    pub retention: u32,
}

crate::fields!(Params {
    lease,
    stagger,
    vote_window,
    request_ttl,
    idle_ttl,
    junior_delay,
    rekey_grace,
    rekey_max,
    expiry_max,
    fresh,
    stale,
    max_members,
    max_tx,
    burst,
    refill,
    request_burst,
    request_window,
    pow_bits,
    epoch_blocks,
    retention,
});

impl Params {
    /// What a bucket of tokens holds at `now`, and the time up to which that is counted.
    pub(crate) fn tokens_at(&self, tokens: u16, refilled: Seconds, now: Seconds) -> (u16, Seconds) {
        let step = u64::from(self.refill.max(1));
        let earned = now.since(refilled).checked_div(step).unwrap_or(0);
        let room = u64::from(self.burst.saturating_sub(tokens));
        if earned >= room {
            return (self.burst.max(tokens), now);
        }
        // The rest of a started step is kept: only whole steps move the time.
        let tokens = tokens.saturating_add(u16::try_from(earned).unwrap_or(u16::MAX));
        (tokens, refilled.plus(earned.saturating_mul(step)))
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            lease: 60,
            stagger: 5,
            vote_window: 60,
            request_ttl: 600,
            idle_ttl: 3_600,
            junior_delay: 86_400,
            rekey_grace: 10,
            rekey_max: 300,
            expiry_max: 600,
            fresh: 15,
            stale: 60,
            max_members: 256,
            max_tx: 4_096,
            burst: 60,
            refill: 10,
            request_burst: 4,
            request_window: 100,
            pow_bits: 0,
            epoch_blocks: 3_600,
            retention: 2_592_000,
        }
    }
}
