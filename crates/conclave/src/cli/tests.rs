//! The command line as the documents describe it.

use std::{fs, path::Path};

use clap::CommandFactory as _;

use super::*;

/// Pages whose examples are commands of this program, beside the README.
const PAGES: [&str; 11] = [
    "anchoring.md",
    "audit.md",
    "bench.md",
    "bots.md",
    "explorer.md",
    "faq.md",
    "first-meeting.md",
    "troubleshooting.md",
    "validators.md",
    "verify-people.md",
    "what-is-protected.md",
];

#[test]
fn the_arguments_contradict_nothing() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_documents_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let pages = PAGES.map(|page| root.join("docs").join(page));
    let mut count = 0;
    for page in pages.iter().chain([&root.join("README.md")]) {
        let text = fs::read_to_string(page).unwrap().replace("\\\n", " ");
        for line in commands(&text) {
            let words = words(line);
            let parsed = Cli::try_parse_from(&words);
            let error = parsed.err().map(|error| error.to_string()).unwrap_or_default();
            let asks = words.iter().any(|word| word == "--help" || word == "--version");
            assert!(error.is_empty() || asks, "{}: {line}: {error}", page.display());
            count += 1;
        }
    }
    assert!(count >= 60, "{count}");
}

/// The lines of shell examples that call this program.
fn commands(page: &str) -> impl Iterator<Item = &str> {
    let examples =
        page.split("```").skip(1).step_by(2).filter_map(|part| part.strip_prefix("sh\n"));
    examples.flat_map(str::lines).filter(|line| line.starts_with("conclave "))
}

/// The words of a line as a shell takes them, without its comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        let code = part.split(" #").next().unwrap_or(part);
        // An id that is left out would be one.
        let hash = format!("0x{}", "0f".repeat(32));
        words.extend(code.split_whitespace().map(|word| word.replace("0x...", &hash)));
        if code.len() < part.len() {
            break;
        }
    }
    words
}
