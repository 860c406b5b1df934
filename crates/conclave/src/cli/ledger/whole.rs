//! A whole ledger, copied and checked by anybody; proofs against validators.

use std::{
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use clap::Args;
use conclave_ledger::{
    audit::{Broken, Report, WrongAnchor},
    evidence::{Evidence, MAX_EVIDENCE},
};
use conclave_protocol::{Genesis, Height};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::{Common, advice::Advised as _, output::utc};
use crate::{
    audit::{
        ExportError, Step, VerifyError, export, file::FileError, verify, verify_files,
        verify_network,
    },
    chain::CopyError,
    network::{Network, Peer, ValidatorHome},
};

/// Copy all blocks and certificates into a file that anybody can verify.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The consortium; any validator that answers is asked
    #[arg(long, value_name = "FILE", required_unless_present = "dir", conflicts_with = "dir")]
    network: Option<PathBuf>,
    /// Directory of one validator, which must be running
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where to write; an export that is there is continued
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// First height: a file from here on continues the files before it
    #[arg(long, value_name = "HEIGHT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
}

/// Execute a whole ledger again from its genesis and check everything in it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Exported ledger; several that continue each other in their order
    #[arg(value_name = "FILE", required_unless_present = "network")]
    files: Vec<PathBuf>,
    /// The consortium: without a file, its validators are asked for the blocks
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

/// Verify a proof that validators broke their word.
#[derive(Debug, Args)]
pub(in crate::cli) struct Proof {
    /// The proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The consortium; without it, network.toml in the home directory
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

pub(super) async fn copy(command: Export, common: &Common) -> anyhow::Result<bool> {
    let Export { network, dir, out, from } = command;
    let network = match (network, dir) {
        (Some(file), _) => load(&file)?,
        (None, Some(dir)) => alone(&dir)?,
        (None, None) => return Err(anyhow!("neither a network nor a validator was named")),
    };
    let bar = bar();
    let exported = export(&network, &out, Height(from), |step| show(&bar, step)).await;
    bar.finish_and_clear();
    let exported = match exported {
        Err(error @ ExportError::Copy(CopyError::Missing(_, Some(lowest)))) => {
            return Err(error).advise(format!(
                "conclave ledger export --network FILE with a validator in it that keeps all blocks \
                 (keep_blocks = \"all\"), or --from {lowest} to go on from files that end before it"
            ));
        }
        Err(
            error @ ExportError::File(
                FileError::Damaged(_) | FileError::NotOne | FileError::Other(_),
            ),
        ) => {
            return Err(error)
                .advise(format!("move {} away, or export to another file", out.display()));
        }
        exported => exported.advise(format!(
            "ask for the same export again: {} is continued where it ends",
            out.display()
        ))?,
    };
    let (last, digest) = (exported.last, exported.digest.to_hex());
    let bytes = out.metadata().map_or(0, |file| file.len());
    let answer = json!({
        "event": "exported",
        "file": out,
        "chain_id": network.genesis.chain_id().to_hex(),
        "first": from,
        "last": last.0,
        "header": digest,
        "written": exported.written,
        "bytes": bytes,
    });
    let earlier = if from > 1 { "EARLIER-PARTS " } else { "" };
    common.output().say(&answer, || {
        format!(
            "blocks {from} to {last} are in {}, {} of them new\n  last header {digest}\n  \
             check them: conclave ledger verify {earlier}{}",
            out.display(),
            exported.written,
            out.display(),
        )
    })?;
    Ok(true)
}

pub(super) async fn check(command: Verify, common: &Common) -> anyhow::Result<bool> {
    let Verify { files, network } = command;
    let network = network.as_deref().map(load).transpose()?;
    let bar = bar();
    let (shown, began) = (bar.clone(), Instant::now());
    let note = move |step| show(&shown, step);
    let (genesis, verdict) = match (files.first(), network) {
        (Some(first), network) => {
            let opening = verify::opening(first).with_context(|| first.display().to_string());
            let opening = opening.suggest("conclave ledger export --network FILE --out FILE")?;
            let checked = tokio::task::spawn_blocking(move || {
                verify_files(&files, network.as_ref().map(|network| &network.genesis), note)
            });
            (opening.genesis, checked.await?)
        }
        (None, Some(network)) => {
            let verdict = verify_network(&network, note).await;
            (network.genesis, verdict)
        }
        (None, None) => return Err(anyhow!("neither a file nor a network was named")),
    };
    bar.finish_and_clear();
    match verdict {
        Ok(report) => {
            let spent = began.elapsed();
            let answer = facts(&genesis, &report, spent);
            common.output().say(&answer, || words(&genesis, &report, spent))?;
            Ok(report.wrong_anchors.is_empty())
        }
        Err(VerifyError::Broken(broken)) => {
            common.output().say(&fault(&broken), || fault_words(&genesis, &broken))?;
            Ok(false)
        }
        Err(error) => {
            let next = match &error {
                VerifyError::File { source: FileError::CutShort(_), .. } => {
                    "get the file once more, or export to the same file: it is continued"
                }
                VerifyError::File { .. } => "get the file once more",
                VerifyError::Gap { .. } => "name the files in their order, from height 1 on",
                VerifyError::OtherNetwork(_) => "ask for the genesis hash of your network",
                VerifyError::Copy(_) => "look whether a validator with the whole ledger runs",
                VerifyError::Crashed(_) => {
                    "nothing is known of the ledger; report what was printed"
                }
                _ => "look for room on the disk of temporary files",
            };
            Err(error).advise(next)
        }
    }
}

pub(super) fn accuse(command: &Proof, common: &Common) -> anyhow::Result<bool> {
    let Proof { file, network } = command;
    let path = network.clone().unwrap_or_else(|| common.home().network_file());
    let network = Network::load(&path)
        .suggest("conclave ledger evidence FILE --network NETWORK-FILE-OF-THE-CONSORTIUM")?;
    let bytes = bounded(file).with_context(|| format!("reading {}", file.display()));
    let bytes = bytes.suggest("conclave ledger evidence FILE")?;
    let evidence = Evidence::verify(&bytes, &network.genesis);
    let evidence = evidence.advise("believe nothing of what came with it")?;
    let chain = network.genesis.chain_id().to_hex();
    let (answer, text) = match &evidence {
        Evidence::Fork(fork) => {
            let answer = json!({
                "event": "fork",
                "chain_id": chain,
                "height": fork.height.0,
                "headers": fork.headers.map(|header| header.to_hex()),
                "signers": fork.signers.iter().map(|key| hex::encode(key.0)).collect::<Vec<_>>(),
                "one_round": fork.is_one_round,
                "validators": fork.validators,
            });
            (answer, fork.to_string())
        }
        Evidence::Votes(votes) => {
            let vote = |vote: &conclave_ledger::evidence::Vote| {
                json!({
                    "kind": vote.kind.name(),
                    "block": vote.block.map(|(_, block)| block.to_hex()),
                })
            };
            let answer = json!({
                "event": "votes",
                "chain_id": chain,
                "signer": hex::encode(votes.signer.0),
                "epoch": votes.epoch,
                "view": votes.view,
                "votes": votes.votes.iter().map(vote).collect::<Vec<_>>(),
            });
            (answer, votes.to_string())
        }
        _ => return Err(anyhow!("this program does not know what this proves")),
    };
    common.output().say(&answer, || format!("{text}\nThe signatures hold."))?;
    Ok(true)
}

/// Reads a proof of bounded size.
fn bounded(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_EVIDENCE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn load(file: &Path) -> anyhow::Result<Network> {
    Network::load(file).suggest("conclave ledger export --network FILE --out FILE")
}

/// The network as one validator alone serves it.
fn alone(dir: &Path) -> anyhow::Result<Network> {
    let home = ValidatorHome::load(dir).suggest("conclave network new --dir DIR")?;
    let (key, rpc) = (home.key(), format!("http://{}", home.rpc));
    let validators = vec![Peer { key, rpc, name: None, p2p: None, relay: None }];
    Ok(Network { validators, ..home.network })
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let template = "{bar:40} {percent:>3} %  height {msg}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, step: Step) {
    bar.set_length(step.total);
    bar.set_position(step.done);
    bar.set_message(step.height.to_string());
}

fn facts(genesis: &Genesis, report: &Report, spent: Duration) -> Value {
    let Report { chain, last, totals, wrong_anchors } = report;
    let kinds = totals.txs.iter().map(|(kind, count)| (kind.name().to_owned(), (*count).into()));
    json!({
        "event": "verified",
        "network": genesis.name.as_str(),
        "chain_id": chain.to_hex(),
        "blocks": totals.blocks,
        "certificates": totals.certificates,
        "transactions": totals.transactions(),
        "signatures": totals.signatures,
        "kinds": Value::Object(kinds.collect()),
        "users": totals.users,
        "devices": totals.devices,
        "meetings": totals.meetings,
        "set_changes": totals.set_changes,
        "anchors": totals.anchors,
        "wrong_anchors": wrong_anchors.iter().map(wrong).collect::<Vec<_>>(),
        "last": last.as_ref().map(|last| json!({
            "height": last.height.0,
            "header": last.digest.to_hex(),
            "time_ms": last.time_ms,
        })),
        "seconds": spent.as_secs_f64(),
        "tx_s": rate(totals.transactions(), spent),
    })
}

fn words(genesis: &Genesis, report: &Report, spent: Duration) -> String {
    let Report { chain, last, totals, wrong_anchors } = report;
    let mut lines = vec![
        format!("Everything in the ledger of {:?} holds.", genesis.name.as_str()),
        format!("  genesis       {}", chain.to_hex()),
        format!(
            "  blocks        {}, {} with their own certificate",
            totals.blocks, totals.certificates
        ),
        format!("  transactions  {}, {} signatures", totals.transactions(), totals.signatures),
    ];
    lines.extend(totals.txs.iter().map(|(kind, count)| format!("    {:<15} {count}", kind.name())));
    lines.push(format!(
        "  users         {}, {} devices\n  meetings      {}\n  set changes   {}\n  anchors       {}",
        totals.users, totals.devices, totals.meetings, totals.set_changes, totals.anchors
    ));
    if let Some(last) = last {
        lines.push(format!("  last header   {}", last.digest.to_hex()));
        lines.push(format!("                height {}, {}", last.height, utc(last.time_ms)));
    }
    for anchor in wrong_anchors {
        lines.push(format!(
            "WRONG ANCHOR recorded at height {} by validator {}\n  about height {}\n  header    {}\n  \
             recorded  {}",
            anchor.recorded,
            hex::encode(anchor.by.0),
            anchor.height,
            anchor.expected.to_hex(),
            anchor.found.to_hex()
        ));
    }
    lines.push(format!(
        "  it took       {:.1} s, {:.0} transactions/s",
        spent.as_secs_f64(),
        rate(totals.transactions(), spent)
    ));
    lines.join("\n")
}

fn wrong(anchor: &WrongAnchor) -> Value {
    json!({
        "recorded": anchor.recorded.0,
        "tx": anchor.tx.to_hex(),
        "by": hex::encode(anchor.by.0),
        "height": anchor.height.0,
        "expected": anchor.expected.to_hex(),
        "found": anchor.found.to_hex(),
    })
}

fn fault(broken: &Broken) -> Value {
    json!({
        "event": "broken",
        "height": broken.height.0,
        "tx": broken.tx.map(|(index, id)| json!({ "index": index, "id": id.to_hex() })),
        "what": broken.what.name(),
        "expected": broken.expected,
        "found": broken.found,
    })
}

fn fault_words(genesis: &Genesis, broken: &Broken) -> String {
    let mut lines = vec![
        format!("The ledger of {:?} does not hold.", genesis.name.as_str()),
        format!("  genesis   {}", genesis.chain_id().to_hex()),
        format!("  height    {}", broken.height),
    ];
    if let Some((index, id)) = broken.tx {
        lines.push(format!("  tx        {index}, {}", id.to_hex()));
    }
    lines.push(format!("  broken    {}", broken.what));
    lines.push(format!("  expected  {}", broken.expected));
    lines.push(format!("  found     {}", broken.found));
    lines.push("Everything below that height holds.".to_owned());
    lines.join("\n")
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(txs: u64, spent: Duration) -> f64 {
    txs as f64 / spent.as_secs_f64().max(1e-9)
}
