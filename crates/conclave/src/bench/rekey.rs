//! `conclave bench rekey`: the cost of a new key, for the leader and for one member.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context as _;
use conclave_meeting::wire::PeerMessage;
use conclave_protocol::encode;

use super::{
    Line,
    clock::{cpu_time, median},
    world::World,
};

/// Members beside the leader, one measurement for each size.
pub const SIZES: [u16; 4] = [10, 100, 1_000, 5_000];

/// Key changes of one measurement, at least and at most, and the CPU time after which it ends.
const LEAST: usize = 5;
const MOST: usize = 801;
const PATIENCE: Duration = Duration::from_secs(2);

/// How the leader and its members come to a common secret.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One symmetric step of the chain they share.
    ChainStep,
    /// A new X25519 and ML-KEM-768 exchange.
    Fresh,
}

/// Everything about one size, in a fixed order.
///
/// # Errors
/// A key that does not open what was made for it: then nothing was measured.
pub fn measure(size: u16) -> anyhow::Result<Vec<Line>> {
    let mut world = World::new(size).context("the meeting was not made")?;
    let mut lines = kind(&mut world, Kind::ChainStep, size)?;
    lines.extend(kind(&mut world, Kind::Fresh, size)?);
    Ok(lines)
}

fn kind(world: &mut World, kind: Kind, size: u16) -> anyhow::Result<Vec<Line>> {
    let mut samples = Samples::default();
    let mut bytes = Vec::new();
    while samples.wants_more() {
        bytes = once(world, kind, &mut samples)?;
    }
    let name = |part: &str| format!("rekey/{part}/{}/{size}", kind.as_str());
    let times = samples.parts.into_iter();
    let mut lines: Vec<_> =
        times.map(|(part, samples)| Line::new(name(part), median(samples), "ms")).collect();
    for (part, bytes) in bytes {
        let bytes = u32::try_from(bytes).context("more bytes than can be counted")?;
        lines.push(Line::new(name(part), bytes.into(), "B"));
    }
    Ok(lines)
}

/// CPU time of each part of each key change.
#[derive(Default)]
struct Samples {
    parts: BTreeMap<&'static str, Vec<Duration>>,
    spent: Duration,
    runs: usize,
}

impl Samples {
    fn wants_more(&self) -> bool {
        self.runs < LEAST || (self.runs < MOST && self.spent < PATIENCE)
    }

    /// Notes the parts of one side, and all of them together as `whole`.
    fn note(&mut self, whole: &'static str, parts: &[(&'static str, Duration)]) {
        let sum = parts.iter().map(|(_, spent)| *spent).sum();
        for (part, spent) in parts.iter().copied().chain([(whole, sum)]) {
            self.parts.entry(part).or_default().push(spent);
        }
        self.spent += sum;
    }
}

/// One key change: made, sent, opened, final. Returns how many bytes it took.
fn once(
    world: &mut World,
    kind: Kind,
    samples: &mut Samples,
) -> anyhow::Result<Vec<(&'static str, usize)>> {
    let (roster, listed) = cpu_time(|| world.roster());
    let (indexes, hash) = roster?;
    let (new, made) = cpu_time(|| match kind {
        Kind::ChainStep => world.step(indexes, hash),
        Kind::Fresh => world.exchange(indexes, hash),
    });
    let new = new.context("the leader made no key")?;
    let (messages, written) = cpu_time(|| world.messages(&new));
    let parts = [("leader-roster", listed), ("leader", made), ("leader-encode", written)];
    samples.note("leader-whole", &parts);

    let first = messages.first().context("nobody is there")?;
    let (message, read) = cpu_time(|| PeerMessage::from_bytes(first));
    let PeerMessage::Bundle(bundle) = message? else {
        anyhow::bail!("a bundle is another message")
    };
    let (seen, checked) = cpu_time(|| world.roster());
    anyhow::ensure!(seen?.1 == bundle.record.roster_hash, "the record is about another roster");
    let (opened, taken) = cpu_time(|| world.open(&bundle));
    opened.context("a member did not get the key")?;
    let parts = [("member-decode", read), ("member-roster", checked), ("member", taken)];
    samples.note("member-whole", &parts);

    samples.runs += 1;
    world.confirm(&new);
    let wrap = encode(&bundle.wrap).len();
    let total = messages.iter().map(Vec::len).sum();
    Ok(vec![("bytes", total), ("bytes-each", first.len()), ("bytes-wrap", wrap)])
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ChainStep => "chain-step",
            Self::Fresh => "fresh",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [(&str, &str); 11] = [
        ("leader", "ms"),
        ("leader-encode", "ms"),
        ("leader-roster", "ms"),
        ("leader-whole", "ms"),
        ("member", "ms"),
        ("member-decode", "ms"),
        ("member-roster", "ms"),
        ("member-whole", "ms"),
        ("bytes", "B"),
        ("bytes-each", "B"),
        ("bytes-wrap", "B"),
    ];

    #[test]
    fn names_and_units_are_those_that_others_read() {
        let lines = measure(10).unwrap();
        let found: Vec<_> = lines.iter().map(|line| (line.name.clone(), &*line.unit)).collect();
        let expected: Vec<_> = ["chain-step", "fresh"]
            .iter()
            .flat_map(|kind| {
                PARTS.map(move |(part, unit)| (format!("rekey/{part}/{kind}/10"), unit))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_wrap_is_as_long_as_the_protocol_says() {
        let lines = measure(10).unwrap();
        let value = |name: &str| lines.iter().find(|line| line.name == name).unwrap().value;
        assert!((value("rekey/bytes-wrap/chain-step/10") - 87.0).abs() < 0.5);
        assert!((value("rekey/bytes-wrap/fresh/10") - 1_175.0).abs() < 0.5);
        let (total, each) = (value("rekey/bytes/fresh/10"), value("rekey/bytes-each/fresh/10"));
        assert!((total - 10.0 * each).abs() < 0.5, "every member gets as much as the first");
    }
}
