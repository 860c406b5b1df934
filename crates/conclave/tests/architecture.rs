//! Imports go one way: each crate may name only these crates of the workspace.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{collections::BTreeSet, fs, path::Path};

const MAY_NAME: [(&str, &[&str]); 4] = [
    ("conclave", &["conclave-ledger", "conclave-meeting", "conclave-protocol"]),
    ("conclave-ledger", &["conclave-protocol"]),
    ("conclave-meeting", &["conclave-protocol"]),
    ("conclave-protocol", &[]),
];

#[test]
fn each_crate_names_only_what_lies_below_it() {
    for (name, allowed) in MAY_NAME {
        let manifest = manifest(name);
        let mut named = BTreeSet::new();
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let table = manifest.get(table).and_then(toml::Value::as_table);
            let names = table.into_iter().flat_map(toml::Table::keys);
            named.extend(names.filter(|name| name.starts_with("conclave")).cloned());
        }
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(named, allowed, "crates/{name}/Cargo.toml");
    }
}

#[test]
fn only_the_ledger_names_the_consensus_engine() {
    // The canonical encoding is the engine's; everything else of it stays in one crate.
    for (name, _) in MAY_NAME.into_iter().filter(|(name, _)| *name != "conclave-ledger") {
        let manifest = manifest(name);
        let table = manifest["dependencies"].as_table().unwrap();
        let engine = table.keys().filter(|name| name.starts_with("commonware"));
        let engine: Vec<_> = engine.filter(|name| *name != "commonware-codec").collect();
        assert!(engine.is_empty(), "crates/{name}/Cargo.toml names {engine:?}");
    }
}

#[test]
fn the_table_holds_every_crate() {
    let listed: BTreeSet<String> = MAY_NAME.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found: BTreeSet<String> = fs::read_dir(crates())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, listed);
}

fn manifest(name: &str) -> toml::Table {
    let path = crates().join(name).join("Cargo.toml");
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn crates() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
