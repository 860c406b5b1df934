//! What docs/security.md and the index of docs/protocol.md name must be there: files, functions and
//! tests by their names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all functions under `dir`, and of the page's tests and their files.
fn functions(dir: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let hidden = entry.ends_with("target") || entry.ends_with("node_modules");
        if entry.is_dir() && !hidden {
            functions(&entry, names);
        } else if entry.to_string_lossy().ends_with(".test.js") {
            let text = fs::read_to_string(&entry).unwrap();
            let after = text.split("(\"").skip(1);
            names.extend(after.filter_map(|rest| rest.split('"').next().map(str::to_owned)));
            names.insert(entry.file_name().unwrap().to_string_lossy().into_owned());
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

#[test]
fn every_equation_of_the_paper_has_its_function_and_its_tests() {
    let text = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    let (_, index) = text.split_once("\n## 21. ").unwrap();
    let (index, _) = index.split_once("\n## 22. ").unwrap();
    let mut names = BTreeSet::new();
    functions(&root().join("crates"), &mut names);
    let mut equations = Vec::new();
    let mut steps = 0;
    for row in index.lines().filter(|line| line.contains("| `")) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [what, _, places, tests, witness] = cells[..] else { panic!("{row}") };
        let pairs: Vec<&str> = quoted(places).collect();
        for pair in pairs.chunks(2) {
            let [path, name] = pair else { panic!("{row}") };
            let source = fs::read_to_string(root().join("crates").join(path)).unwrap();
            let (of, name) = name.rsplit_once("::").unwrap_or(("", name));
            let is_there = [format!("fn {name}("), format!("fn {name}<")];
            assert!(is_there.iter().any(|start| source.contains(start)), "{path} has no {name}");
            assert!(source.contains(of), "{path} has no {of}");
        }
        assert!(quoted(tests).count() > 0, "{row}");
        for test in quoted(tests) {
            assert!(names.contains(test), "there is no test {test}");
        }
        for function in quoted(witness) {
            let (file, name) = function.split_once('.').unwrap();
            let source = root().join("witness").join(file).with_extension("py");
            let source = fs::read_to_string(source).unwrap();
            assert!(source.contains(&format!("def {name}(")), "the witness has no {function}");
        }
        match what.strip_prefix('(').and_then(|number| number.strip_suffix(')')) {
            Some(number) => equations.push(number.parse::<u8>().unwrap()),
            None => steps += 1,
        }
    }
    assert_eq!(equations, Vec::from_iter(1..=23));
    assert!(steps > 10, "{steps} steps");
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}
