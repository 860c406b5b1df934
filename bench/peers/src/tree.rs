//! What is measured: one member commits to a new key, another one processes it.

use std::time::Duration;

use anyhow::Context as _;

use crate::{
    Line,
    clock::{cpu_time, median},
};

/// Members of the largest full tree: its making grows with the square of them.
pub(crate) const MAX_FULL: u16 = 1_000;

/// CPU time one measurement may take, and how many commits it has at least and at most.
const PATIENCE: Duration = Duration::from_secs(4);
const COMMITS: (usize, usize) = (5, 101);

/// What is known of the tree of keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tree {
    /// The creator added everybody in one commit: only nodes above the creator have keys.
    Bare,
    /// Every node has a key and no unmerged leaf, as if every member had committed once. One of two
    /// neighbours is enough for that.
    Full,
}

impl Tree {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Full => "full",
        }
    }
}

/// An implementation of MLS: a group seen by its creator and by the member who came last.
pub(crate) trait Peer: Sized {
    /// Its name in the figures.
    const NAME: &'static str;

    /// A group of a creator alone.
    fn new() -> anyhow::Result<Self>;

    /// The creator adds some members in one commit; the first of them joins and is the member from
    /// here on.
    fn add(&mut self, count: u16) -> anyhow::Result<()>;

    /// The member commits to a new path, the creator processes it.
    fn member_commits(&mut self) -> anyhow::Result<()>;

    /// The creator commits to a new path and takes it; returns the commit as bytes.
    fn commit(&mut self) -> anyhow::Result<Vec<u8>>;

    /// The member reads and takes what [`commit`](Self::commit) made.
    fn process(&mut self, commit: &[u8]) -> anyhow::Result<()>;

    /// Keeps the state of both where the library leaves that to the application; not measured.
    fn store(&mut self) -> anyhow::Result<()>;

    /// Whether creator and member are in one epoch with one secret.
    fn agree(&self) -> anyhow::Result<bool>;
}

/// Creator, member and bytes of one commit in a group of a creator and `size` members.
pub(crate) fn measure<P: Peer>(tree: Tree, size: u16) -> anyhow::Result<Vec<Line>> {
    let mut group = grow::<P>(tree, size)?;
    let (mut leader, mut member, mut spent) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut bytes = 0;
    while leader.len() < COMMITS.0 || (leader.len() < COMMITS.1 && spent < PATIENCE) {
        let (commit, made) = cpu_time(|| group.commit());
        let commit = commit?;
        let (done, taken) = cpu_time(|| group.process(&commit));
        done?;
        group.store()?;
        anyhow::ensure!(group.agree()?, "two members of one epoch have two secrets");
        bytes = commit.len();
        leader.push(made);
        member.push(taken);
        spent = spent.saturating_add(made).saturating_add(taken);
    }
    let each = f64::from(u32::try_from(bytes).context("a commit beyond 4 GB")?);
    let line = |part: &str, value: f64, unit: &str| {
        Line::new(format!("rekey/{part}/{}-{}/{size}", P::NAME, tree.as_str()), value, unit)
    };
    Ok(vec![
        line("leader", median(leader), "ms"),
        line("member", median(member), "ms"),
        line("bytes", each * f64::from(size), "B"),
        line("bytes-each", each, "B"),
    ])
}

fn grow<P: Peer>(tree: Tree, size: u16) -> anyhow::Result<P> {
    let mut group = P::new()?;
    match tree {
        Tree::Bare => group.add(size)?,
        Tree::Full => {
            // The creator is the left one of the first two leaves.
            let mut left = size.saturating_sub(1);
            group.add(1)?;
            group.member_commits()?;
            group.store()?;
            while left > 0 {
                let pair = left.min(2);
                group.add(pair)?;
                group.member_commits()?;
                group.store()?;
                left = left.saturating_sub(pair);
            }
        }
    }
    Ok(group)
}
