//! Hostile bytes for every decoder, hostile peers for the session: what the targets share.

#[path = "../../crates/conclave-meeting/tests/simulation/ledger.rs"]
mod ledger;
#[cfg(feature = "ledger")]
pub mod light;
pub mod seeds;
mod targets;
#[path = "../../crates/conclave-meeting/tests/simulation/world/mod.rs"]
#[expect(dead_code, reason = "the simulation of the tests, used in part")]
mod world;

/// Gives bytes to the target of that name.
///
/// # Panics
/// The bytes break one of its properties.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, run) = targets::TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    run(bytes);
}
