//! `conclave anchor`

mod post;
mod verify;

use clap::Subcommand;
use conclave_protocol::anchor::Required;

use super::{Common, advice::Advised as _};
use crate::{anchor::Ethereum, network::Network};

/// Hashes of the ledger's headers in Ethereum.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Post header hashes for a validator and record them on the ledger
    Run(post::Run),
    /// Hold every recorded anchor against Ethereum
    Verify(verify::Verify),
    /// Print what an anchor of one height carries, for a wallet of your own
    Payload(verify::Payload),
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<bool> {
    match command {
        Command::Run(run) => post::run(run, common).await.map(|()| true),
        Command::Verify(verify) => verify::verify(verify, common).await,
        Command::Payload(payload) => verify::payload(payload, common).await.map(|()| true),
    }
}

/// The endpoints that were asked for, else those of the network file, else none.
pub(super) fn chosen(urls: &[String], network: &Network) -> anyhow::Result<Option<Ethereum>> {
    let urls = if urls.is_empty() { &network.anchors } else { urls };
    if urls.is_empty() {
        return Ok(None);
    }
    Ethereum::new(urls).map(Some).advise("name an endpoint as --ethereum https://YOUR-ENDPOINT")
}

/// A number of blocks, or `finalized`.
fn depth(text: &str) -> Result<Required, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 block".to_owned()),
        Ok(blocks) => Ok(Required::Blocks(blocks)),
        Err(_) if text == "finalized" => Ok(Required::Finalized),
        Err(_) => Err("expected a number of blocks, or finalized".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_depth_is_a_number_of_blocks_or_what_ethereum_calls_final() {
        assert_eq!(depth("64"), Ok(Required::Blocks(64)));
        assert_eq!(depth("finalized"), Ok(Required::Finalized));
        for text in ["0", "-1", "safe", ""] {
            assert!(depth(text).is_err(), "{text}");
        }
    }
}
