//! Whole validators in virtual time: `crashes`, `faults` (split networks, torn disks), `hostile` (liars,
//! whom `traitor` plays), `pruning` (old blocks that are dropped), and `sets` (a set that grows, changes a key
//! and shrinks). Epochs are short, so most runs cross several. `world` starts the validators and those who write to them, `promises` is what
//! must hold of them, `campaign` plays a plan for many seeds.
//!
//! Every seed is run again and must leave the same transactions at the same heights and the same
//! trace of everything the simulator did: the second time, or with crashes one of a few times.
//! `LEDGER_SEEDS` says how many seeds all tests
//! play together (200).

mod campaign;
mod crashes;
mod faults;
mod hostile;
mod promises;
mod pruning;
mod sets;
mod traitor;
mod world;

use self::{
    campaign::{campaign, campaign_of, link, picked, seeds},
    promises::{Reached, assert_halted},
    traitor::Traitor,
    world::{Channel, Diary, Entries, Seat, State, World},
};

/// Validators of most worlds.
const VALIDATORS: u8 = 4;
/// Blocks of an epoch.
const EPOCH: u32 = 20;
