//! The same in OpenMLS and mls-rs, and for proofs in akd: programs of their own in `bench/peers`,
//! built on request.
//!
//! It is no part of the workspace, so what it depends on is no dependency of this one.

use std::{
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;

use super::Line;

const MANIFEST: &str = "bench/peers/Cargo.toml";

/// The manifest of the peers, in the source tree that holds `dir`.
///
/// # Errors
/// There is no source tree around `dir`.
pub fn manifest(dir: &Path) -> anyhow::Result<PathBuf> {
    let found = dir.ancestors().map(|dir| dir.join(MANIFEST)).find(|file| file.is_file());
    found.with_context(|| format!("no source tree of Conclave is here: {MANIFEST} was not found"))
}

/// Builds the peers of one kind and hands on each of their figures; what cargo and they have to say
/// goes to standard error.
///
/// # Errors
/// There is no cargo, or the peers do not build or run.
pub fn run(
    manifest: &Path,
    kind: &str,
    sizes: &[impl ToString],
    mut each: impl FnMut(Line) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let sizes: Vec<_> = sizes.iter().map(ToString::to_string).collect();
    let mut child = Command::new("cargo")
        .args(["run", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .args(["--no-default-features", "--features", kind, "--bin", kind])
        .args(["--", &sizes.join(",")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::anyhow!("cargo is not installed"),
            _ => anyhow::Error::new(error).context("cargo does not start"),
        })?;
    let out = child.stdout.take().context("cargo has no output")?;
    let read = read(BufReader::new(out), &mut each);
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    read?;
    anyhow::ensure!(status.success(), "the peers ended with {status}");
    Ok(())
}

fn read(
    out: impl io::BufRead,
    each: &mut impl FnMut(Line) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for line in out.lines() {
        let line = line?;
        each(serde_json::from_str(&line).with_context(|| format!("no figure: {line}"))?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_are_found_from_anywhere_in_the_source_tree() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = manifest(here).unwrap();
        assert!(found.ends_with(MANIFEST) && found.is_file());
        let elsewhere = tempfile::tempdir().unwrap();
        let error = manifest(elsewhere.path()).unwrap_err().to_string();
        assert!(error.starts_with("no source tree of Conclave is here"), "{error}");
    }

    #[test]
    fn whatever_is_no_figure_ends_it() {
        let mut names = Vec::new();
        let good = r#"{"name":"rekey/leader/openmls-bare/10","value":1.5,"unit":"ms"}"#;
        let text = format!("{good}\nwarning\n{good}\n");
        let error = read(text.as_bytes(), &mut |line: Line| {
            names.push(line.name);
            Ok(())
        });
        assert_eq!(error.unwrap_err().to_string(), "no figure: warning");
        assert_eq!(names, ["rekey/leader/openmls-bare/10"]);
    }
}
