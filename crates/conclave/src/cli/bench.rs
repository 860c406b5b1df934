//! `conclave bench`

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Subcommand;

use super::{Common, advice::Advised as _, output::Output};
use crate::bench::{
    Line, audit,
    ledger::{self, Part, Plan},
    machine,
    meeting::{kick, stall, takeover},
    peers, rekey, table,
};

/// What things cost on this machine.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A new key: CPU time of the leader and of one member, bytes on the wire
    Rekey {
        /// Members beside the leader, several sizes separated by commas
        #[arg(
            long, value_name = "N,N", value_delimiter = ',', default_values_t = rekey::SIZES,
            value_parser = clap::value_parser!(u16).range(1..=20_000),
        )]
        members: Vec<u16>,
        /// OpenMLS and mls-rs too; builds them with cargo, from the source tree around here
        #[arg(long)]
        peers: bool,
    },
    /// The leader of a meeting of five is killed: time to another leader's key, media meanwhile
    Takeover {
        /// How often
        #[arg(long, default_value_t = takeover::RUNS, value_parser = runs())]
        runs: usize,
    },
    /// One of five is removed: time until they can open nothing more
    Kick {
        /// How often
        #[arg(long, default_value_t = kick::RUNS, value_parser = runs())]
        runs: usize,
    },
    /// All validators are killed during a meeting and come back: what goes on, what is confirmed
    Stall {
        /// How often
        #[arg(long, default_value_t = stall::RUNS, value_parser = runs())]
        runs: usize,
    },
    /// The ledger: finality, throughput, disk, memory and CPU at rest, recovery, proofs
    Ledger(Ledger),
    /// A ledger is made and verified from its genesis: transactions a second
    Audit {
        /// Transactions of the ledger
        #[arg(long, value_name = "N", default_value_t = audit::TXS, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
        txs: u32,
        /// Transactions of a block
        #[arg(long, value_name = "N", default_value_t = audit::PER_BLOCK, value_parser = clap::value_parser!(u32).range(1..=3_000))]
        per_block: u32,
    },
}

/// What of the ledger is measured.
#[derive(Debug, clap::Args)]
pub(super) struct Ledger {
    /// Only these, several separated by commas
    #[arg(long, value_name = "PART,PART", value_delimiter = ',')]
    only: Vec<Part>,
    /// Registered users at which proofs are measured, several separated by commas
    #[arg(
        long, value_name = "N,N", value_delimiter = ',', default_values_t = ledger::USERS,
        value_parser = clap::value_parser!(u64).range(1_000..=10_000_000),
    )]
    users: Vec<u64>,
    /// Transactions that a validator has to take again when its disk is lost
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    history: u64,
    /// Everything shorter, proofs for 10,000 users: about a minute
    #[arg(long)]
    quick: bool,
    /// The proofs of akd too; builds it with cargo, from the source tree around here
    #[arg(long)]
    peers: bool,
    /// Measure nothing: write the workload to this file, for other engines
    #[arg(long, value_name = "FILE")]
    write_workload: Option<PathBuf>,
    /// Start of the network the workload is written for, Unix time in milliseconds; else now
    #[arg(long, value_name = "MS", requires = "write_workload")]
    at: Option<u64>,
}

fn runs() -> clap::builder::RangedU64ValueParser<usize> {
    clap::builder::RangedU64ValueParser::new().range(1..=1_000)
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let advice = "look at what conclave demo --once --keep says, and at the logs that it names";
    let mut progress = |run: usize, text: &str| {
        common.output().progress(&format!("run {run}: {text}"));
    };
    let lines = match command {
        Command::Rekey { members, peers } => return rekey(&members, peers, common),
        Command::Ledger(args) => return ledger(args, common).await,
        Command::Takeover { runs } => takeover::measure(runs, &mut progress).await,
        Command::Kick { runs } => kick::measure(runs, &mut progress).await,
        Command::Stall { runs } => stall::measure(runs, &mut progress).await,
        Command::Audit { txs, per_block } => {
            let output = common.output();
            tokio::task::spawn_blocking(move || {
                audit::measure(txs, per_block, |text| output.progress(text))
            })
            .await?
        }
    };
    let lines = lines.advise(advice)?;
    for line in std::iter::once(machine::machine()).chain(lines) {
        let text = format!("{:<28} {:>10} {}", line.name, line.value, line.unit);
        common.output().say(&line, || text)?;
    }
    Ok(())
}

async fn ledger(args: Ledger, common: &Common) -> anyhow::Result<()> {
    if let Some(file) = &args.write_workload {
        return publish(file, args.at).advise("look at the path and at the room on the disk");
    }
    let output = common.output();
    let advice = "see that the disk has 4 GB of room, or measure less with --quick";
    let here = std::env::current_dir()?;
    let manifest = args
        .peers
        .then(|| peers::manifest(&here))
        .transpose()
        .advise("--peers works in a clone of Conclave, on a machine with cargo")?;
    let users = if args.quick { ledger::USERS[..1].to_vec() } else { args.users };
    let mut progress = |text: &str| output.progress(text);
    let mut each = |lines: Vec<Line>| lines.iter().try_for_each(|line| plain(output, line));
    plain(output, &machine::machine())?;
    let plan = Plan { only: args.only, users, history: args.history, quick: args.quick };
    ledger::measure(&plan, &mut progress, &mut each).await.advise(advice)?;
    let Some(manifest) = manifest else { return Ok(()) };
    peers::run(&manifest, "akd", &plan.users, |line| plain(output, &line)).advise(advice)
}

fn publish(file: &Path, at: Option<u64>) -> anyhow::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let out = File::create(file).with_context(|| format!("writing {}", file.display()))?;
    let mut out = BufWriter::new(out);
    ledger::publish(&mut out, at.unwrap_or(now_ms), WORKLOAD.0, WORKLOAD.1)?;
    Ok(out.flush()?)
}

/// People and updates of a workload that is written.
const WORKLOAD: (u64, u64) = (40_000, 60_000);

/// One figure, for scripts or for people.
fn plain(output: Output, line: &Line) -> anyhow::Result<()> {
    output.say(line, || format!("{:<36} {:>12} {}", line.name, line.value, line.unit))
}

fn rekey(members: &[u16], peers: bool, common: &Common) -> anyhow::Result<()> {
    let output = common.output();
    let advice = "--peers works in a clone of Conclave, on a machine with cargo";
    let here = std::env::current_dir()?;
    let manifest = peers.then(|| peers::manifest(&here)).transpose().advise(advice)?;
    if common.json {
        say(output, &machine::machine())?;
    } else {
        let cores = machine::machine().value;
        output.say(&(), || format!("CPU time on {cores} cores\n{}", table::head()))?;
    }
    for size in members {
        show(common, &rekey::measure(*size)?)?;
    }
    let Some(manifest) = manifest else { return Ok(()) };
    let mut rest = Vec::new();
    peers::run(&manifest, "mls", members, |line| {
        if common.json {
            return say(output, &line);
        }
        rest.push(line);
        Ok(())
    })
    .advise(advice)?;
    show(common, &rest)
}

fn show(common: &Common, lines: &[Line]) -> anyhow::Result<()> {
    let output = common.output();
    if common.json {
        return lines.iter().try_for_each(|line| say(output, line));
    }
    table::rows(lines).into_iter().try_for_each(|row| output.say(&(), || row))
}

fn say(output: Output, line: &Line) -> anyhow::Result<()> {
    output.say(line, || line.name.clone())
}
