//! Video meetings that nobody has to be trusted for: the program, and all of its I/O.
//!
//! Read in this order: `cli` (what a person can ask for), [`http`] (what their browser and their
//! command line talk to), `chain` (what the validators say, verified), `rpc` (what a validator
//! serves). Everything that decides lies in the pure crates; this one owns clocks, sockets, files
//! and randomness.

// The person's side.
pub mod chain;
pub mod cli;
pub mod config;
mod files;
pub mod http;
//
pub mod keystore;
pub mod network;
pub mod qr;
pub mod rpc;
mod serve;
//
pub mod links;
//
pub mod relay;
//
pub mod rtc;
//
pub mod clip;
//
// mod node
//
// mod demo
