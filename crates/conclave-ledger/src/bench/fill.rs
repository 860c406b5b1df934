//! Many users, registered through the rules and in blocks.
//!
//! One thread makes the registrations while another executes them. Signatures are left out: the
//! state does not depend on them, and whoever fills it believes itself.

use std::{
    ops::Range,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use commonware_cryptography::{Hasher as _, Sha256};
use commonware_glue::stateful::db::DatabaseSet as _;
use commonware_runtime::tokio::Context;
use conclave_protocol::{
    Ed25519Signer, Genesis, Key, RegisterUser, Rules, Seconds, Signer as _, Tx, UserInfo, encode,
    identity::Gate,
};

use super::BenchError;
use crate::{
    block::RawTx,
    execution::{At, Candidate, Overlay, attempt},
    state::Databases,
    validator::{Speculative, merkleize},
};

/// Users registered by one block.
const BLOCK: usize = 1_000;

/// Blocks after which the state is brought to the disk.
const DURABLE: u64 = 16;

/// Blocks of registrations made ahead of their execution.
const AHEAD: usize = 8;

/// Registers users and knows them again.
pub(super) struct Filler {
    rules: Rules,
    users: u64,
    height: u64,
}

impl Filler {
    /// Nobody yet.
    pub(super) fn new(genesis: &Genesis) -> Self {
        Self { rules: Rules::from(genesis), users: 0, height: 0 }
    }

    /// How many there are.
    pub(super) const fn users(&self) -> u64 {
        self.users
    }

    /// The device of one of them.
    pub(super) fn device(&self, user: u64) -> Option<Key> {
        registration(&self.rules, user).map(|body| Key::Device(body.dev))
    }

    /// Registers users until there are so many.
    pub(super) async fn fill(
        &mut self,
        databases: &Databases<Context>,
        users: u64,
    ) -> Result<(), BenchError> {
        let blocks = registrations(self.rules.clone(), self.height, self.users..users);
        while let Ok(block) = blocks.recv() {
            let count = u64::try_from(block.len()).map_err(|_| BenchError::NotRegistered)?;
            self.height += 1;
            self.execute(databases, &block).await?;
            self.users += count;
            if self.height.is_multiple_of(DURABLE) || self.users >= users {
                databases.finalize().await.durable().await;
            }
        }
        if self.users < users { Err(BenchError::NotRegistered) } else { Ok(()) }
    }

    async fn execute(
        &self,
        databases: &Databases<Context>,
        block: &[Candidate],
    ) -> Result<(), BenchError> {
        let at = At { height: self.height, time_ms: time(self.height).0 * 1_000 };
        let batches = databases.new_batches().await;
        let source = Speculative::<Context>(&batches);
        let mut overlay = Overlay::new(&source);
        for (index, candidate) in (0..).zip(block) {
            let changes =
                attempt(&self.rules, at.position(index), &mut overlay, candidate, false).await;
            overlay.write(&changes.map_err(|_| BenchError::NotRegistered)?);
        }
        let writes = overlay.into_writes().await;
        let executed =
            merkleize::<Context>(batches, writes).await.ok_or(BenchError::NotRegistered)?;
        databases.apply(executed).await;
        Ok(())
    }
}

/// The registrations of these users in blocks above `height`, made on a thread of their own.
fn registrations(rules: Rules, height: u64, users: Range<u64>) -> Receiver<Vec<Candidate>> {
    let (sender, blocks) = sync_channel(AHEAD);
    thread::spawn(move || {
        let numbers: Vec<u64> = users.collect();
        for (height, numbers) in (height + 1..).zip(numbers.chunks(BLOCK)) {
            let candidate = |number: &u64| {
                let body = registration(&rules, *number)?;
                let tx = Tx::new(rules.chain_id, body.dev, 0, time(height), body);
                Candidate::decode(RawTx::new(encode(&tx).into())?)
            };
            let block: Option<Vec<_>> = numbers.iter().map(candidate).collect();
            // Whoever executes them may have given up.
            if block.is_none_or(|block| sender.send(block).is_err()) {
                return;
            }
        }
    });
    blocks
}

/// The registration of the user with this number, always the same.
fn registration(rules: &Rules, number: u64) -> Option<RegisterUser> {
    let seed = Sha256::hash(&[b"CONCLAVE-V1/bench-user", &number.to_be_bytes()]).0;
    let ivk = Ed25519Signer::from_seed(&seed).ivk();
    let gate = Gate::Sponsor(*rules.validators.first()?);
    Some(RegisterUser::new(&rules.chain_id, ivk, [3; 16], UserInfo::Commit(seed), gate))
}

/// Chain time of the block of this height.
const fn time(height: u64) -> Seconds {
    Seconds(height)
}
