//! Imports go one way: each crate may name only these crates of the workspace. And the book of the
//! documents holds every page, with links that lead somewhere.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

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

#[test]
fn the_book_lists_every_page_once() {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).unwrap();
    let mut listed: Vec<String> = links(&summary).iter().map(|link| (*link).to_owned()).collect();
    let mut pages: Vec<String> = pages().into_iter().filter(|page| page != "SUMMARY.md").collect();
    listed.sort();
    pages.sort();
    assert_eq!(listed, pages);
    let book: toml::Table =
        toml::from_str(&fs::read_to_string(docs().join("book.toml")).unwrap()).unwrap();
    assert_eq!(book["book"]["src"].as_str(), Some("."));
}

#[test]
fn links_and_pictures_of_the_book_are_there() {
    for page in pages() {
        let text = fs::read_to_string(docs().join(&page)).unwrap();
        let own = links(&text).into_iter().filter(|link| !link.contains("://"));
        for link in own {
            let file = link.split('#').next().unwrap();
            assert!(docs().join(file).exists(), "{page}: {link}");
        }
    }
}

/// Where the links and pictures of a page lead.
fn links(page: &str) -> Vec<&str> {
    let ends = page.split("](").skip(1);
    ends.filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

fn pages() -> Vec<String> {
    let files = fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    names.filter(|name| name.ends_with(".md")).collect()
}

fn docs() -> PathBuf {
    crates().join("../docs")
}

fn manifest(name: &str) -> toml::Table {
    let path = crates().join(name).join("Cargo.toml");
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn crates() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
