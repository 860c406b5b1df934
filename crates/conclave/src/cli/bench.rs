//! `conclave bench`

use clap::Subcommand;

use super::{Common, advice::Advised as _, output::Output};
use crate::bench::{Line, machine, peers, rekey, table};

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
}

pub(super) fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let Command::Rekey { members, peers } = command;
    let output = common.output();
    let advice = "conclave bench rekey --peers, in a clone of Conclave on a machine with cargo";
    let here = std::env::current_dir()?;
    let manifest = peers.then(|| peers::manifest(&here)).transpose().advise(advice)?;
    if common.json {
        say(output, &machine::machine())?;
    } else {
        let cores = machine::machine().value;
        output.say(&(), || format!("CPU time on {cores} cores\n{}", table::head()))?;
    }
    for size in &members {
        show(common, &rekey::measure(*size)?)?;
    }
    let Some(manifest) = manifest else { return Ok(()) };
    let mut rest = Vec::new();
    peers::run(&manifest, &members, |line| {
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
