//! Validators that drop their old blocks say so, and are enough for whoever comes later.

use std::fs;

use serde_json::Value;

use crate::world::{Net, Validator, eventually, say, text};

async fn lowest(validator: &Validator) -> u64 {
    let status = validator.status().await;
    status.and_then(|status| status["blocks_from"].as_u64()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn validators_that_keep_little_say_what_is_gone_and_others_still_join() {
    let net = Net::founded(4, &["--epoch-blocks", "4", "--retention", "3"]).await;
    let mut running = Vec::new();
    for index in 0..3 {
        running.push(Validator::run(&net.home(index), &["--keep-blocks", "0"]).await);
    }
    assert_eq!(lowest(&running[0]).await, 1);
    for validator in &running {
        eventually("old blocks are dropped", async || lowest(validator).await > 4).await;
    }
    let (status, said) = running[0].answer("/v1/block/1").await;
    assert_eq!(status, 404);
    let error: Value = serde_json::from_str(&said).unwrap();
    assert!(error["error"].as_str().unwrap().starts_with("not known here: this validator has"));
    let (status, said) = running[0].answer("/explorer/blocks/1").await;
    assert!(status == 404 && said.contains("has blocks from height"), "{said}");
    let scrape = running[0].get("/metrics").await.unwrap();
    let metric = |name: &str| -> f64 {
        let line = scrape.lines().find(|line| line.starts_with(name)).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    };
    assert!(metric("conclave_validator_lowest_block ") > 4.0);
    assert!(metric("conclave_validator_blocks_signed_total ") > 4.0, "{scrape}");

    // An auditor is told from where on they have blocks, and whom to ask.
    let (file, out) = (net.file(), net.path("ledger"));
    let export = ["ledger", "export", "--network", text(&file), "--out", text(&out)];
    let refused = say(&export).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("they keep blocks from "), "{refused:?}");
    assert!(refused.err.contains("keep_blocks = \"all\""), "{refused:?}");

    // Whoever comes now fetches the state; the settings say how long it keeps what follows.
    let settings = net.home(3).join("validator.toml");
    let said = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("keep_blocks = \"all\"\n{said}")).unwrap();
    let late = Validator::run(&net.home(3), &["--sync"]).await;
    late.reaches(running[0].height().await).await;
    eventually("it knows what it has", async || lowest(&late).await > 1).await;
    let from = lowest(&late).await;

    // One that dropped blocks starts again from what it kept, and goes on dropping.
    let first = running.remove(0);
    assert_eq!(first.stop().await, Some(0));
    let settings = net.home(0).join("validator.toml");
    let said = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("keep_blocks = 0\n{said}")).unwrap();
    let again = Validator::run(&net.home(0), &[]).await;
    again.reaches(late.height().await + 2).await;
    eventually("it drops more", async || lowest(&again).await > from).await;
    assert_eq!(lowest(&late).await, from, "it keeps all that it has");
}
