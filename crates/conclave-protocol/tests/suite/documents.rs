//! What docs/security.md names must be there: files, and tests by their names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all functions under `dir`.
fn functions(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let hidden = entry.ends_with("target") || entry.ends_with("node_modules");
        if entry.is_dir() && !hidden {
            functions(&entry, names);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(entry).unwrap();
            let after = text.split("fn ").skip(1);
            let name = |rest: &str| rest.split(['(', '<']).next().map(str::to_owned);
            names.extend(after.filter_map(name));
        }
    }
}

#[test]
fn every_guard_has_its_file_and_its_tests() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, guards) = text.split_once("\n## Guards\n").unwrap();
    let mut names = BTreeSet::new();
    functions(&root().join("crates"), &mut names);
    let mut rows = 0;
    for row in guards.lines().filter(|line| line.contains("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [_, places, tests] = cells[..] else { panic!("{row}") };
        for place in quoted(places) {
            assert!(root().join("crates").join(place).exists(), "there is no {place}");
        }
        let tests: Vec<&str> = quoted(tests).collect();
        assert!(!tests.is_empty(), "{row}");
        for test in tests {
            assert!(names.contains(test), "there is no test {test}");
        }
        rows += 1;
    }
    assert!(rows > 80, "{rows} guards");
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
