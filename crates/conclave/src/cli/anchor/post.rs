//! `conclave anchor run`

use std::{cell::RefCell, num::NonZeroU64, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use conclave_protocol::{
    Ed25519Signer,
    anchor::{ANCHOR_EVERY, Required},
};

use super::super::{Common, advice::Advised as _, output::Output, validator::Stop};
use crate::{
    anchor::{Account, Ethereum, Event, JournalError, KEY_VARIABLE, Options, PostError, Poster},
    chain::Chain,
    network::ValidatorHome,
};

/// Post header hashes and record them on the ledger.
#[derive(Debug, Args)]
pub(in crate::cli) struct Run {
    /// Directory of the validator that signs the records; the journal lies there
    #[arg(long, value_name = "DIR")]
    validator: PathBuf,
    /// An endpoint of Ethereum; the next ones help when the first one is down
    #[arg(long, value_name = "URL", required = true)]
    ethereum: Vec<String>,
    /// File with the key of the account that pays; else the variable CONCLAVE_ETHEREUM_KEY
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Blocks of the ledger from one anchor to the next
    #[arg(long, value_name = "BLOCKS", default_value_t = ANCHOR_EVERY)]
    every: NonZeroU64,
    /// Most gwei per gas
    #[arg(long, value_name = "N", default_value = "50", value_parser = wei)]
    max_fee_gwei: u128,
    /// Blocks of Ethereum over an anchor, or finalized
    #[arg(long, value_name = "BLOCKS|finalized", default_value = "64", value_parser = super::depth)]
    depth: Required,
    /// Blocks of Ethereum after which a transaction that waits is replaced by one that offers more
    #[arg(long, value_name = "BLOCKS", default_value_t = 10)]
    bump_after: u64,
    /// Anchor what is due now, wait until it is recorded, and end
    #[arg(long)]
    once: bool,
    /// Milliseconds between two looks at Ethereum
    #[arg(long, value_name = "MS", default_value_t = 6_000, hide = true)]
    poll_ms: u64,
}

pub(super) async fn run(run: Run, common: &Common) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let home = ValidatorHome::load(&run.validator)
        .suggest("conclave anchor run --validator DIR-OF-YOUR-VALIDATOR ...")?;
    let account = match &run.key_file {
        Some(path) => Account::read(path),
        None => Account::from_environment(),
    };
    let account = account
        .advise(format!("name a file of mode 0600 with --key-file, or set {KEY_VARIABLE}"))?;
    let ethereum = Ethereum::new(&run.ethereum)
        .suggest("conclave anchor run --ethereum https://YOUR-ENDPOINT ...")?;
    let chain = Chain::start(&home.network).context("the ledger cannot be followed")?;
    let options = Options {
        every: run.every,
        cap: run.max_fee_gwei,
        required: run.depth,
        bump_after: run.bump_after.max(1),
        poll: Duration::from_millis(run.poll_ms),
    };
    let signer = Ed25519Signer::from_seed(&home.seed);
    let failed = RefCell::new(None);
    let tell = |event: &Event| say(common.output(), event, &failed);
    let posting = async {
        let mut poster =
            Poster::open(&home.dir, chain, ethereum, account, signer, options, tell).await?;
        poster.run(run.once).await
    };
    tokio::select! {
        () = stop.asked() => {}
        ended = posting => ended.map_err(advised)?,
    }
    // A script whose reader went away has stopped listening, which is no failure of a post.
    failed.into_inner().map_or(Ok(()), Err)
}

fn say(output: Output, event: &Event, failed: &RefCell<Option<anyhow::Error>>) {
    if let Err(error) = output.say(event, || event.words()) {
        failed.replace(Some(error));
    }
}

fn advised(error: PostError) -> anyhow::Error {
    let next = match &error {
        PostError::Rewritten { .. } => {
            "stop using this network, keep the validator's directory and anchors.json, and ask the \
             other organisations which history they signed: conclave anchor verify --transaction ..."
        }
        PostError::Journal(JournalError::Busy) => "look for the other `conclave anchor run`",
        PostError::Journal(
            JournalError::OtherAccount(_)
            | JournalError::OtherChain { .. }
            | JournalError::Damaged(..),
        ) => "use the account and chain of before, or move anchors.json away for a fresh start",
        PostError::TwoChains => "name endpoints of one chain with --ethereum",
        PostError::Chain(_) => "look whether this validator is in the set and has caught up",
        _ => "start conclave anchor run again: it goes on where it was",
    };
    let failed: Result<(), PostError> = Err(error);
    match failed.advise(next) {
        Err(error) => error,
        Ok(()) => anyhow::anyhow!("posting failed"),
    }
}

/// Gwei, with up to nine digits after a point, in wei.
fn wei(text: &str) -> Result<u128, String> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if rest.len() <= 9 && !whole.is_empty() && whole.len() <= 9 && digits(whole) && digits(rest) {
        let wei = format!("{whole}{rest:0<9}").parse();
        if let Some(wei) = wei.ok().filter(|wei| *wei > 0) {
            return Ok(wei);
        }
    }
    Err("expected gwei per gas, for example 50 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_read_to_the_last_wei() {
        assert_eq!(wei("50"), Ok(50_000_000_000));
        assert_eq!(wei("2.3"), Ok(2_300_000_000));
        assert_eq!(wei("0.000000001"), Ok(1));
        for text in ["", "0", "0.0", ".5", "-1", "1e9", "1.0000000001", "9999999999", "1,5"] {
            assert!(wei(text).is_err(), "{text}");
        }
    }
}
