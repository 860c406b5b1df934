//! The local API: what the page in the browser and the command line talk to, on loopback only.
//!
//! [`wire`] is the JSON, [`Backend`] is what every request ends in.

mod backend;
mod metrics;
pub mod wire;

pub use backend::{Backend, Fault, Refused};
pub use metrics::{Kind, Sample};
