//! A consortium and its participants on this machine: what [`demo`](crate::demo) plays and
//! [`bench`](mod@crate::bench) measures with.
//!
//! Validators and participants are processes of this very program, with sockets and disks of their
//! own. Read in this order: [`World`] (who is there), [`Daemon`] (one participant, driven as its
//! page would), `process` (how one starts and dies), [`Recording`] (what one wrote down),
//! [`blindness`] (what a removed one can still open), [`figure`] (how samples become figures).

mod blind;
mod daemon;
pub(crate) mod figure;
mod process;
mod recording;
mod world;

pub(crate) use blind::{Kick, blindness};
pub(crate) use daemon::Daemon;
pub(crate) use recording::{Opened, Recording};
pub(crate) use world::{GUESTS, World};
