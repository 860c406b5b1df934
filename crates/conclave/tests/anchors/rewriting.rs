//! All validators together sign another history. Everything they answer verifies, for their keys are
//! the keys of the genesis; only what stands in Ethereum says that it is not the history of before.

use conclave_protocol::{AnchorPlace, AnchorRecord, Height};
use serde_json::json;

use crate::{anvil::Anvil, world::World};

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_all_validators_rewrote_is_a_conflict_for_everyone() {
    let (mut world, node) = (World::of(4).await, Anvil::start().await);
    world.reaches(1).await;
    let once = ["--once", "--every", "1", "--depth", "2"];
    let mut poster = world.poster(&[&node.url], &once);
    poster.tells("sent").await;
    node.mine(2).await;
    let recorded = poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    let height = recorded["height"].as_u64().unwrap();
    let tx = recorded["tx"].as_str().unwrap();

    let depth = ["--depth", "2"];
    let published = ["--depth", "2", "--transaction", tx];
    let (status, lines) = world.verify(&[&node.url], &published).await;
    assert_eq!(status, 0, "{lines:#?}");
    assert!(lines[..2].iter().all(|line| line["verdict"] == "anchored"), "{lines:#?}");

    world.rewrite().await;
    world.reaches(height + 1).await;
    let now = world.chain().header_at(Height(height)).await.unwrap();
    assert_ne!(now.digest.to_hex(), recorded["header"].as_str().unwrap());

    // Who knows the transaction of before sees it at once, though the new ledger is silent about it.
    let (status, lines) = world.verify(&[&node.url], &published).await;
    assert_eq!((status, &lines[0]["verdict"]), (1, &json!("conflict")), "{lines:#?}");
    assert!(lines[0]["words"].as_str().unwrap().contains("it names header"), "{lines:#?}");

    // The organisation that posted it does not go on.
    let mut command = crate::world::conclave(&["anchor", "run", "--once", "--validator"]);
    command.arg(world.home()).args(["--ethereum", &node.url]);
    let output = command.env("CONCLAVE_ETHEREUM_KEY", crate::anvil::KEY).output().await.unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("error: CONFLICT") && text.contains("was rewritten"), "{text}");
    assert_eq!(node.has_one_post_per_height().await, 1);

    // And validators that record the anchor of before for the header of now are found out.
    let mut hash = [0; 32];
    hex::decode_to_slice(&tx[2..], &mut hash).unwrap();
    let anchor = AnchorPlace::Ethereum(31_337, hash, [0; 32]);
    world.claim(AnchorRecord { height: Height(height), header: now.digest, anchor }).await;
    let (status, lines) = world.verify(&[&node.url], &depth).await;
    assert_eq!((status, &lines[0]["verdict"]), (1, &json!("conflict")), "{lines:#?}");
    assert!(lines[0]["words"].as_str().unwrap().contains("Ethereum holds another"), "{lines:#?}");
}
