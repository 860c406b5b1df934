//! `conclave network`

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Subcommand;
use conclave_protocol::Params;
use serde_json::{Value, json};

use super::{Common, advice::Advised as _, output::utc};
use crate::{
    network::{Network, NetworkError, Peer, SignedCard, assemble, create_with},
    qr,
};

/// `Params::default().epoch_blocks`, which no constant can say: two hours of an idle ledger.
const EPOCH_BLOCKS: u32 = 3_600;

/// `Params::default().retention`: thirty days.
const RETENTION: u32 = 2_592_000;

/// Consortia.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make one network of the public files of all founders; everyone does, and compares the hash
    Assemble {
        /// The files NAME.validator.toml of all founders, your own too
        #[arg(value_name = "FILE", required = true, num_args = 1..=128)]
        files: Vec<PathBuf>,
        /// What the network is called; everyone says the same
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Where to write
        #[arg(long, value_name = "FILE", default_value = "network.toml")]
        out: PathBuf,
        /// When the ledger's time starts, as 2027-01-31T12:00:00Z; if not said, the newest time in
        /// the files
        #[arg(long, value_name = "TIME")]
        start: Option<jiff::Timestamp>,
        /// Blocks of an epoch, at whose end changes of the validators come into force
        #[arg(long, value_name = "N", default_value_t = EPOCH_BLOCKS, value_parser = clap::value_parser!(u32).range(2..))]
        epoch_blocks: u32,
        /// Seconds for which a meeting that is over stays in the state, and blocks with everybody
        #[arg(long, value_name = "SECONDS", default_value_t = RETENTION)]
        retention: u32,
    },
    /// Found a consortium on this machine: genesis, keys, network.toml
    New {
        /// How many validators; four survive one that fails or lies
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=128))]
        validators: u8,
        /// Where to write
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Blocks of an epoch, at whose end changes of the validators come into force
        #[arg(long, value_name = "N", default_value_t = EPOCH_BLOCKS, value_parser = clap::value_parser!(u32).range(2..))]
        epoch_blocks: u32,
        /// Seconds for which a meeting that is over stays in the state, and blocks with everybody
        #[arg(long, value_name = "SECONDS", default_value_t = RETENTION)]
        retention: u32,
        /// Bits of work that let a newcomer in without a validator's word, e.g. 22; 0 for none
        #[arg(long, value_name = "BITS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=32))]
        work: u8,
    },
    /// The genesis hash of a network file, to compare, and who is in it
    Show {
        /// The network file
        #[arg(value_name = "FILE", default_value = "network.toml")]
        file: PathBuf,
        /// Also draw the hash as a QR code
        #[arg(long)]
        qr: bool,
    },
}

pub(super) fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    match command {
        Command::Assemble { files, name, out, start, epoch_blocks, retention } => {
            let params = Params { epoch_blocks, retention, ..Params::default() };
            together(&files, (&name, start, params), &out, common)
        }
        Command::New { validators, dir, epoch_blocks, retention, work } => {
            let params = Params { epoch_blocks, retention, pow_bits: work, ..Params::default() };
            new(validators, &dir, params, common)
        }
        Command::Show { file, qr } => {
            let network = Network::load(&file)
                .with_context(|| format!("{} cannot be used", file.display()))
                .advise("ask another organisation for its network.toml, or assemble it again")?;
            let answer = json!({ "network": file });
            common.output().say(&described(&network, answer), || shown(&network, qr))
        }
    }
}

fn together(
    files: &[PathBuf],
    (name, start, params): (&str, Option<jiff::Timestamp>, Params),
    out: &Path,
    common: &Common,
) -> anyhow::Result<()> {
    let mut cards = Vec::new();
    for file in files {
        let card = SignedCard::load(file)
            .with_context(|| format!("{} is refused", file.display()))
            .advise("ask its organisation to send NAME.validator.toml again, unchanged")?;
        cards.push(card);
    }
    let start_ms = start.and_then(|start| u64::try_from(start.as_millisecond()).ok());
    let network =
        assemble(name, &cards, start_ms, params).context("these files make no network").advise(
            "ask the organisations concerned which file is theirs, and leave the other out",
        )?;
    if out.exists() {
        return Err(NetworkError::Exists(out.to_owned()))
            .suggest("conclave network assemble --out ANOTHER-FILE");
    }
    let text = network.to_toml()?;
    std::fs::write(out, text)
        .with_context(|| format!("writing {}", out.display()))
        .suggest("conclave network assemble --out ANOTHER-FILE")?;
    let answer = json!({ "network": out });
    common.output().say(&described(&network, answer), || {
        format!(
            "{}\n  written to {file}\n  compare the hash with all the others, aloud; then:\n    \
             conclave validator install {file} --dir DIR",
            shown(&network, true),
            file = out.display(),
        )
    })
}

fn new(validators: u8, dir: &Path, params: Params, common: &Common) -> anyhow::Result<()> {
    let network = create_with(dir, validators.into(), params)
        .context("the consortium was not founded")
        .suggest("conclave network new --dir ANOTHER-DIRECTORY")?;
    let chain_id = network.genesis.chain_id().to_hex();
    let file = dir.join("network.toml");
    let answer = json!({ "chain_id": chain_id, "network": file, "validators": validators });
    common.output().say(&answer, || {
        let first = dir.join("validator-0");
        format!(
            "consortium {chain_id}\n  run each validator:  conclave validator run --dir {}\n  \
             take part:           conclave up --network {}",
            first.display(),
            file.display()
        )
    })
}

/// A network for scripts.
pub(super) fn described(network: &Network, mut answer: Value) -> Value {
    let validators: Vec<Value> = network.validators.iter().map(entry).collect();
    answer["name"] = network.genesis.name.as_str().into();
    answer["chain_id"] = network.genesis.chain_id().to_hex().into();
    answer["start_ms"] = network.genesis.time_ms.into();
    answer["validators"] = validators.into();
    answer
}

fn entry(peer: &Peer) -> Value {
    json!({
        "name": peer.name,
        "key": hex::encode(peer.key.0),
        "p2p": peer.p2p.as_ref().map(ToString::to_string),
        "rpc": peer.rpc,
        "relay": peer.relay,
    })
}

/// A network for people: the hash in groups, and who is in it.
fn shown(network: &Network, with_qr: bool) -> String {
    let genesis = &network.genesis;
    let hash = genesis.chain_id().to_hex();
    let mut text = format!(
        "network {}, genesis hash\n\n{}\n  start {}, {} validators, {} of them decide\n",
        genesis.name.as_str(),
        groups(&hash),
        utc(genesis.time_ms),
        genesis.validators.len(),
        quorum(genesis.validators.len()),
    );
    for peer in &network.validators {
        let name = peer.name.as_deref().unwrap_or("-");
        let p2p = peer.p2p.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let _ = write!(text, "\n  {name:<24} {}  {p2p}  {}", peer.key, peer.rpc);
    }
    if with_qr && let Some(picture) = qr::print(&hash) {
        let _ = write!(text, "\n\n{picture}");
    }
    text
}

/// Sixteen groups of four digits, four a line: as many as a person reads aloud in one breath.
pub(super) fn groups(hash: &str) -> String {
    let mut text = String::new();
    for (n, c) in hash.chars().enumerate() {
        match n % 16 {
            0 => text.push_str("    "),
            4 | 8 | 12 => text.push(' '),
            _ => {}
        }
        text.push(c);
        if n % 16 == 15 {
            text.push('\n');
        }
    }
    text
}

/// How many of `n` validators decide: all but the third that may be faulty.
pub(super) const fn quorum(n: usize) -> usize {
    n - n.saturating_sub(1) / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_groups() {
        let hash: String = (0..64).map(|n| char::from_digit(n % 16, 16).unwrap()).collect();
        let line = "    0123 4567 89ab cdef\n";
        assert_eq!(groups(&hash), line.repeat(4));
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds() {
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 10].map(quorum), [1, 2, 3, 3, 4, 5, 5, 7]);
    }
}
