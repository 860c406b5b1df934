//! The fuzzer's seeds, and whatever it once found, through the fuzzer's own targets.

use std::{fs, path::Path};

use crate::targets::TARGETS;

#[test]
fn nothing_in_the_corpus_of_the_fuzzer_breaks_a_property() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzzing/corpus");
    for (name, run) in TARGETS {
        let files = fs::read_dir(corpus.join(name)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            println!("{name} {}", file.display());
            run(&fs::read(file).unwrap());
        }
    }
}
