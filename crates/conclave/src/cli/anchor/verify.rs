//! `conclave anchor verify` and `conclave anchor payload`

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use conclave_protocol::{
    AnchorPlace, Height,
    anchor::{Anchor, Required, Verdict, bitcoin},
};
use serde_json::json;

use super::super::{
    Common,
    advice::Advised as _,
    output::{Output, short},
};
use crate::{
    anchor::{Checked, Claim, Ethereum, Report, check, check_claim, view},
    chain::Chain,
    network::Network,
};

/// Hold every recorded anchor against Ethereum.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// The consortium
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// An endpoint of Ethereum; more than one must agree. Without one, those of the network file
    #[arg(long, value_name = "URL")]
    ethereum: Vec<String>,
    /// How many anchors, from the newest on
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    newest: u32,
    /// A transaction of Ethereum that was published as an anchor of this network elsewhere
    #[arg(long, value_name = "HASH", value_parser = hash)]
    transaction: Vec<[u8; 32]>,
    /// Blocks of Ethereum over an anchor, or finalized
    #[arg(long, value_name = "BLOCKS|finalized", default_value = "64", value_parser = super::depth)]
    depth: Required,
}

/// Print what an anchor of one height carries.
#[derive(Debug, Args)]
pub(in crate::cli) struct Payload {
    /// The consortium
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// The height; the newest final one without it
    #[arg(long, value_name = "N")]
    height: Option<u64>,
}

pub(super) async fn verify(verify: Verify, common: &Common) -> anyhow::Result<bool> {
    let network =
        Network::load(&verify.network).suggest("conclave anchor verify --network FILE")?;
    let none = || anyhow!("no Ethereum endpoint is named");
    let advice = "conclave anchor verify --ethereum https://YOUR-ENDPOINT ...";
    let ethereum = super::chosen(&verify.ethereum, &network)?.ok_or_else(none).suggest(advice)?;
    let chain = Chain::start(&network).context("the ledger cannot be followed")?;
    let required = verify.depth;
    let mut report = check(&chain, &ethereum, required, verify.newest)
        .await
        .advise("look whether the validators of the network file run")?;
    for tx in verify.transaction {
        let checked = published(&chain, &ethereum, required, (tx, report.newest)).await?;
        report.checked.insert(0, checked);
    }
    if ethereum.endpoints().iter().all(|endpoint| endpoint.is_down()) && !report.checked.is_empty()
    {
        return Err(anyhow!("no Ethereum endpoint answers")).suggest(advice);
    }
    print(common.output(), &network, &ethereum, &report)
}

/// What a transaction that somebody published says, and whether it is true of a ledger that has
/// come to the height `newest`.
async fn published(
    chain: &Chain,
    ethereum: &Ethereum,
    required: Required,
    (tx, newest): ([u8; 32], Height),
) -> anyhow::Result<Checked> {
    let text = format!("0x{}", hex::encode(tx));
    let found = ethereum.carried(tx).await;
    let (number, data) =
        found.with_context(|| format!("no endpoint shows transaction {text}")).advise(
            "look whether the endpoint answers, and whether it is of the transaction's chain",
        )?;
    let anchor = Anchor::parse(&data)
        .with_context(|| format!("transaction {text} is no anchor"))
        .advise("leave --transaction out to check what the ledger has recorded")?;
    if anchor.chain_id != chain.chain_id() {
        return Err(anyhow!(
            "transaction {text} is an anchor of network {}",
            anchor.chain_id.to_hex()
        ))
        .suggest("conclave anchor verify --network FILE-OF-THAT-NETWORK ...");
    }
    if anchor.height > newest {
        return Err(anyhow!(
            "transaction {text} anchors height {}, and this ledger ends at height {newest}",
            anchor.height
        ))
        .advise("a ledger that is shorter than what was anchored was begun anew: stop using it");
    }
    let claim = Claim {
        number: None,
        height: anchor.height,
        header: anchor.header,
        place: AnchorPlace::Ethereum(number, tx, [0; 32]),
        by: None,
    };
    check_claim(chain, ethereum, required, claim)
        .await
        .with_context(|| format!("height {} cannot be compared", anchor.height))
        .advise("look whether the validators of the network file run")
}

fn print(
    output: Output,
    network: &Network,
    ethereum: &Ethereum,
    report: &Report,
) -> anyhow::Result<bool> {
    for one in &report.checked {
        output.say(&view(one), || line(network, one))?;
    }
    let count = |verdict| report.checked.iter().filter(|one| one.verdict() == verdict).count();
    let names: Vec<&str> = ethereum.endpoints().iter().map(|endpoint| endpoint.name()).collect();
    let worst = report.worst();
    let summary = json!({
        "event": "summary",
        "endpoints": names,
        "recorded": report.count,
        "checked": report.checked.len(),
        "anchored": count(Verdict::Anchored),
        "pending": count(Verdict::Pending),
        "missing": count(Verdict::Missing),
        "conflict": count(Verdict::Conflict),
        "height": report.newest.0,
        "anchored_height": report.anchored().map(|height| height.0),
        "behind": report.behind(),
    });
    output.say(&summary, || {
        let mut text = format!(
            "{} checked with {}, {} recorded on the ledger: {} ANCHORED, {} PENDING, {} MISSING, {} \
             CONFLICT\n{}",
            report.checked.len(),
            names.join(" and "),
            report.count,
            count(Verdict::Anchored),
            count(Verdict::Pending),
            count(Verdict::Missing),
            count(Verdict::Conflict),
            coverage(report),
        );
        if let Some(words) = worst.and_then(meaning) {
            text.push_str(&format!("\n\n{words}"));
        }
        text
    })?;
    Ok(worst.is_none_or(|worst| worst < Verdict::Missing))
}

fn line(network: &Network, one: &Checked) -> String {
    let shown = view(one);
    let by = match one.claim.by {
        Some(key) => {
            let named = network.validators.iter().find(|peer| peer.key == key);
            let name = named.and_then(|peer| peer.name.clone());
            format!("by {}", name.unwrap_or_else(|| key.to_string()))
        }
        None => "brought from elsewhere".to_owned(),
    };
    let mut text = format!(
        "{:9} height {:>9}  header {}  {by}\n          {}  {}",
        word(one.verdict()),
        shown.height,
        short(&shown.header),
        shown.tx,
        shown.words,
    );
    for problem in &shown.problems {
        text.push_str(&format!("\n          {problem}"));
    }
    text
}

fn coverage(report: &Report) -> String {
    match report.anchored() {
        Some(height) => format!(
            "what is on the ledger up to height {height} cannot be rewritten unseen; {} blocks are \
             newer",
            report.behind()
        ),
        None => "nothing on this ledger is held by Ethereum yet".to_owned(),
    }
}

/// What a verdict means and what to do, where there is something to do.
const fn meaning(worst: Verdict) -> Option<&'static str> {
    match worst {
        Verdict::Anchored => None,
        Verdict::Pending => Some(
            "PENDING: look again in a quarter of an hour; what is about blocks that nobody keeps any \
             more stays so, and only a validator that keeps them can show more.",
        ),
        Verdict::Missing => Some(
            "MISSING: Ethereum does not hold what a validator recorded, or an endpoint hides it.\n  \
             Ask another endpoint (--ethereum). If that one says the same, ask the organisation \
             whose validator recorded it.",
        ),
        Verdict::Conflict => Some(
            "CONFLICT: Ethereum holds another hash for this height than the validators sign today.\n  \
             Either this history was rewritten after it was anchored, or whoever posted or recorded \
             it lied.\n  Stop using this network. Compare with people who followed it before, keep \
             this output, and ask every organisation for its records.",
        ),
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Anchored => "ANCHORED",
        Verdict::Pending => "PENDING",
        Verdict::Missing => "MISSING",
        Verdict::Conflict => "CONFLICT",
    }
}

pub(super) async fn payload(payload: Payload, common: &Common) -> anyhow::Result<()> {
    let network =
        Network::load(&payload.network).suggest("conclave anchor payload --network FILE")?;
    let chain = Chain::start(&network).context("the ledger cannot be followed")?;
    let silent = "look whether the validators of the network file run";
    let (newest, _) = chain.checkpoint().await.advise(silent)?;
    let height = payload.height.map_or(newest, Height);
    if height > newest {
        return Err(anyhow!("height {height} is not final yet; the newest that is: {newest}"))
            .advise("leave --height out for the newest final one");
    }
    let header = chain.header_at(height).await.advise(silent)?;
    let anchor = Anchor { chain_id: chain.chain_id(), height, header: header.digest };
    let (data, script) = (hex::encode(anchor.to_bytes()), hex::encode(bitcoin::script(&anchor)));
    let answer = json!({
        "height": height.0,
        "header": header.digest.to_hex(),
        "ethereum_calldata": format!("0x{data}"),
        "bitcoin_script": script,
    });
    common.output().say(&answer, || {
        format!(
            "height {height}, header {}\n  data of a transaction in Ethereum:  0x{data}\n  script \
             of an output in Bitcoin:   {script}",
            header.digest.to_hex()
        )
    })
}

fn hash(text: &str) -> Result<[u8; 32], String> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut hash)
        .map_err(|_| "expected the hash of a transaction, 64 hexadecimal digits".to_owned())?;
    Ok(hash)
}
