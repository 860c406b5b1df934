//! Video meetings that nobody has to be trusted for: the program, and all of its I/O.
//!
//! Read in this order: [`cli`] (what a person can ask for), [`http`] (what their browser and their
//! command line talk to), [`node`] (the daemon behind it), [`chain`] (what the validators say,
//! verified), [`mod@anchor`] (what Ethereum holds of it), [`audit`] (a whole ledger, checked by a
//! stranger), [`rpc`] and [`explorer`] (what a validator serves), [`links`], [`rtc`] and [`mod@ports`] (where packets
//! come from and go to), [`demo`] (all of it on one machine), [`mod@bench`] (what it costs). Everything that decides
//! lies in the pure crates; this one owns clocks, sockets, files and randomness.

// The person's side.
pub mod bench;
pub mod cli;
pub mod config;
pub mod demo;
mod doctor;
mod files;
pub mod http;
pub mod keystore;
mod landing;
pub mod node;
pub mod qr;
mod random;
mod stage;

// The ledger, from both sides, and what another one holds of it.
pub mod anchor;
pub mod audit;
pub mod chain;
pub mod explorer;
mod limits;
pub mod network;
pub mod rpc;
mod serve;
mod web;

// The other participants, and the browser.
pub mod clip;
pub mod links;
pub mod ports;
pub mod relay;
pub mod rtc;
mod sound;
mod udp;
