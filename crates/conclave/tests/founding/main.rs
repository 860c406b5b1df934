//! Organisations found a network, watch it, repair it and change it, with the commands of
//! `docs/validators.md` and real processes.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod ceremony;
mod deploy;
mod keep;
#[path = "../shared/ports.rs"]
mod ports;
mod repair;
mod votes;
mod watch;
mod world;
