//! Blocks, transactions, validators.

use anyhow::anyhow;
use conclave_protocol::{Height, TxId};
use serde_json::json;

use super::{ASK_THEM, read, silent};
use crate::{
    chain::Chain,
    cli::{
        advice::Advised as _,
        output::{Output, short, utc},
    },
    explorer::{
        wire::{Overview, ValidatorsView},
        words,
    },
};

pub(super) async fn show(chain: &Chain, output: Output) -> anyhow::Result<()> {
    let tip = chain.tip().await.map_err(silent).advise(ASK_THEM)?;
    let network = plain_name(chain);
    let proven = json!({
        "proven": true, "network": network, "chain_id": chain.chain_id().to_hex(),
        "height": tip.height.0, "time_ms": tip.time_ms, "header": tip.digest.to_hex(),
        "identity_root": tip.identity_root.to_hex(), "meeting_root": tip.meeting_root.to_hex(),
    });
    output.say(&proven, || {
        format!(
            "proven: block {} of {}, network {network} {}\n  header        {}\n  \
             identity root {}\n  meeting root  {}",
            tip.height,
            utc(tip.time_ms),
            chain.chain_id(),
            tip.digest.to_hex(),
            tip.identity_root.to_hex(),
            tip.meeting_root.to_hex(),
        )
    })?;
    let Ok((by, answer)) = chain.said("overview").await else { return Ok(()) };
    let Ok(said) = serde_json::from_slice::<Overview>(&answer) else { return Ok(()) };
    let line = json!({ "proven": false, "by": hex::encode(by.0), "said": said });
    output.say(&line, || {
        let mut text = format!(
            "said by validator {by}, not proven:\n  {:.2} transactions a second, {} waiting; {} on \
             the identity ledger and {} on the meeting ledger since block {}",
            said.rate, said.waiting, said.identity, said.meeting, said.reach.from,
        );
        for tx in said.txs.iter().take(10) {
            text.push_str(&format!("\n  {:>8}  {}", tx.height, read(&tx.words)));
        }
        text
    })
}

pub(super) async fn block(chain: &Chain, height: u64, output: Output) -> anyhow::Result<()> {
    let nowhere = || format!("no validator proves a block of height {height}");
    let facts = chain.block(Height(height)).await.map_err(|_| anyhow!(nowhere()));
    let facts = facts.suggest("conclave ledger show")?;
    let header = &facts.header;
    // The genesis is nobody's proposal.
    let proposer = (height > 0).then_some(facts.proposer);
    let line = json!({
        "proven": true, "height": height, "time_ms": header.time_ms,
        "header": header.digest.to_hex(), "parent": header.parent.to_hex(),
        "identity_root": header.identity_root.to_hex(),
        "meeting_root": header.meeting_root.to_hex(),
        "proposer": proposer.map(|key| hex::encode(key.0)), "epoch": facts.epoch, "view": facts.view,
        "identity": header.identity_txs, "meeting": header.meeting_txs, "bytes": facts.size,
    });
    output.say(&line, || {
        format!(
            "proven: block {height} of {}, {}\n  header        {}\n  parent        \
             {}\n  identity root {}\n  meeting root  {}",
            utc(header.time_ms),
            proposer.map_or_else(
                || "made of the genesis".to_owned(),
                |key| format!("proposed by validator {key}"),
            ),
            header.digest.to_hex(),
            header.parent.to_hex(),
            header.identity_root.to_hex(),
            header.meeting_root.to_hex(),
        )
    })?;
    for tx in &facts.txs {
        let sentence = read(&words(&tx.tx));
        let line = json!({
            "proven": true, "tx": tx.id.to_hex(), "height": height, "index": tx.index,
            "kind": tx.tx.kind().name(), "text": sentence,
        });
        output.say(&line, || format!("proven: {}  {sentence}", tx.id))?;
    }
    Ok(())
}

pub(super) async fn tx(chain: &Chain, id: &str, output: Output) -> anyhow::Result<()> {
    let id: TxId = id.parse().advise("give all 64 digits of the id")?;
    let change = chain.change(id).await.map_err(|error| anyhow!("{error}"));
    let change =
        change.advise("look into its block, if you know it: conclave ledger block HEIGHT")?;
    let sentence = read(&words(&change.tx));
    let at = &change.at;
    let line = json!({
        "proven": true, "tx": id.to_hex(), "height": at.height.0, "time_ms": at.time_ms,
        "index": at.index, "kind": change.tx.kind().name(), "signer": change.tx.signer.to_hex(),
        "nonce": change.tx.nonce, "text": sentence,
    });
    output.say(&line, || {
        format!(
            "proven: {sentence}\n  {} in block {} of {}, place {}\n  signer {}, number {}",
            change.tx.kind().name(),
            at.height,
            utc(at.time_ms),
            at.index,
            change.tx.signer.to_hex(),
            change.tx.nonce,
        )
    })
}

pub(super) async fn validators(chain: &Chain, output: Output) -> anyhow::Result<()> {
    let tip = chain.tip().await.map_err(silent).advise(ASK_THEM)?;
    let set = chain.validators_in_force(tip.height).await.map_err(silent).advise(ASK_THEM)?;
    let answers = chain.validators_status();
    let said = match chain.said("validators").await {
        Ok((by, answer)) => {
            serde_json::from_slice::<ValidatorsView>(&answer).ok().map(|view| (by, view))
        }
        Err(_) => None,
    };
    for key in &set {
        let hex = hex::encode(key.0);
        let own = answers.iter().find(|one| one.key == key.to_string());
        let line = said.as_ref().and_then(|(by, view)| {
            let line = view.validators.iter().find(|line| line.key == hex)?;
            Some((by, view.window, line))
        });
        let value = json!({
            "proven": true, "key": hex, "answers": own.map(|one| one.ok),
            "url": own.map(|one| &one.url),
            "said": line.map(|(by, window, line)| json!({
                "proven": false, "by": hex::encode(by.0), "window": window,
                "proposed": line.proposed, "signed": line.signed,
                "last_height": line.last_height, "name": line.name,
            })),
        });
        output.say(&value, || {
            let reach = match own {
                Some(one) if one.ok => format!("answers here at {}", one.url),
                Some(one) => format!("does not answer at {}", one.url),
                None => "is not in the network file".to_owned(),
            };
            let told = line.map_or_else(String::new, |(by, window, line)| {
                format!(
                    "\n  said by {}, not proven: proposed {} and signed {} of the newest {window} blocks",
                    short(&hex::encode(by.0)),
                    line.proposed,
                    line.signed,
                )
            });
            format!("proven: validator {hex}\n  {reach}{told}")
        })?;
    }
    Ok(())
}

fn plain_name(chain: &Chain) -> String {
    crate::cli::output::plain(chain.genesis().name.as_str())
}
