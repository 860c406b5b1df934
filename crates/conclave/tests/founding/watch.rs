//! What a validator tells those who watch it, and what the doctor finds.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::world::{Net, eventually, say, text};

/// Names of all metrics in a text, with the suffixes of counters and histograms.
fn names(scrape: &str) -> BTreeSet<&str> {
    let samples = scrape.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples.map(|line| line.split(['{', ' ']).next().unwrap()).collect()
}

/// Names of metrics in the queries of the dashboard.
fn asked(dashboard: &Value) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    let panels = dashboard["panels"].as_array().unwrap();
    for target in panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()) {
        let query = target["expr"].as_str().unwrap();
        let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        asked.extend(
            words
                .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
                .map(ToOwned::to_owned),
        );
    }
    asked
}

const PREFIXES: [&str; 4] = ["conclave_validator_", "engine_", "sockets_", "runtime_"];

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_asks_for_metrics_that_are_there_and_the_doctor_names_what_is_wrong() {
    let net = Net::new(4, 3_600).await;
    let mut running = net.run(4).await;
    for validator in &running {
        validator.reaches(3).await;
    }
    let mut scrape = String::new();
    eventually("all are connected", async || {
        scrape = running[0].get("/metrics").await.unwrap();
        scrape.contains("\nconclave_validator_peers_connected 3\n")
    })
    .await;
    assert!(scrape.ends_with("# EOF\n"));
    assert_eq!(scrape.matches("# EOF").count(), 1);
    let here = names(&scrape);
    for name in [
        "conclave_validator_height",
        "conclave_validator_lag_seconds",
        "conclave_validator_finality_seconds_bucket",
        "conclave_validator_mempool_transactions",
        "conclave_validator_blocks_total",
        "conclave_validator_blocks_signed_total",
        "conclave_validator_lowest_block",
        "conclave_validator_memory_bytes",
        "conclave_validator_open_files",
        "conclave_validator_disk_bytes",
    ] {
        assert!(here.contains(name), "{name} in {here:#?}");
    }

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/grafana/conclave.json");
    let dashboard: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let asked = asked(&dashboard);
    assert!(asked.len() >= 12, "{asked:?}");
    for name in &asked {
        // A counter of something that has not happened yet has no sample, only its description.
        let family = name.strip_suffix("_total").unwrap_or(name);
        let described = scrape.contains(&format!("# TYPE {family} "));
        assert!(here.contains(name.as_str()) || described, "{name} in {here:#?}");
    }

    let home = net.home(0);
    let sound = say(&["doctor", "--dir", text(&home)]).await;
    assert_eq!(sound.code, 0, "{}", sound.out);
    for check in
        ["clock", "disk", "open files", "quorum", "ledger", "progress", "p2p of validator-3"]
    {
        assert!(sound.out.contains(check), "{check}: {}", sound.out);
    }
    running[2].kill().await;
    running[3].kill().await;
    let stopped = say(&["doctor", "--dir", text(&net.home(3))]).await;
    assert_eq!(stopped.code, 1);
    assert!(stopped.out.contains("process: this validator does not run"), "{}", stopped.out);
    let broken = say(&["doctor", "--json", "--network", text(&net.file())]).await;
    assert_eq!(broken.code, 1, "{}", broken.out);
    let found: Vec<Value> =
        broken.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdict = |check: &str| {
        found.iter().find(|finding| finding["check"] == check).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("quorum"), "error");
    assert_eq!(verdict("RPC of validator-3"), "warning");
    assert_eq!(verdict("p2p of validator-3"), "warning");
    assert_eq!(verdict("RPC of validator-0"), "ok");
    assert!(found.iter().all(|f| (f["verdict"] == "ok") == f["todo"].is_null()), "{found:#?}");
}
