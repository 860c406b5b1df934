//! The cost of a new key in OpenMLS and mls-rs, as JSON lines.
//!
//! `conclave bench rekey --peers` builds and runs this: `mls 10,100,1000`. One
//! line of standard output is one figure; standard error says what was left out.

#[path = "../../../crates/conclave/src/bench/clock.rs"]
mod clock;
#[path = "../../../crates/conclave/src/bench/line.rs"]
mod line;
mod mls_rs;
mod openmls;
mod tree;

use std::io::Write as _;

use anyhow::Context as _;

use self::{
    line::Line,
    tree::{Peer, Tree, measure},
};

fn main() -> anyhow::Result<()> {
    let sizes = std::env::args().nth(1).context("usage: mls 10,100,1000")?;
    for size in sizes.split(',') {
        let size = size.parse().with_context(|| format!("{size:?} is no number of members"))?;
        for tree in [Tree::Bare, Tree::Full] {
            run::<openmls::OpenMls>(tree, size)?;
            run::<mls_rs::MlsRs>(tree, size)?;
        }
    }
    Ok(())
}

fn run<P: Peer>(tree: Tree, size: u16) -> anyhow::Result<()> {
    let name = format!("{}-{}", P::NAME, tree.as_str());
    if tree == Tree::Full && size > tree::MAX_FULL {
        writeln!(std::io::stderr(), "left out: {name}/{size}, making the group takes too long")?;
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    for line in measure::<P>(tree, size).with_context(|| format!("{name}/{size}"))? {
        writeln!(out, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}
