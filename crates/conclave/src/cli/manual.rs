//! What is made from the definition of the command line: completions, man pages, and the command
//! reference of the handbook.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_markdown::MarkdownOptions;
use serde_json::json;

use super::{Cli, advice::Advised as _, output::Output};

/// Print what a shell needs to complete commands.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn print(&self) -> anyhow::Result<()> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "conclave", &mut text);
        io::stdout().lock().write_all(&text)?;
        Ok(())
    }
}

/// Write the man pages.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Where to, e.g. ~/.local/share/man/man1; made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Man {
    pub(super) fn write(&self, output: Output) -> anyhow::Result<()> {
        let pages = write_pages(&self.dir)
            .with_context(|| format!("writing in {}", self.dir.display()))
            .advise("conclave man ANOTHER-DIRECTORY")?;
        let dir = self.dir.display().to_string();
        output.say(&json!({ "event": "written", "dir": dir, "pages": pages }), || {
            format!("{pages} pages in {dir}; read one with:  man {dir}/conclave.1")
        })
    }
}

/// Writes a page for each command, and says how many.
fn write_pages(dir: &Path) -> io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    // `help` of every group would have pages of its own.
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command.clone(), dir)?;
    Ok(visible(&command))
}

fn visible(command: &clap::Command) -> usize {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    below.map(visible).sum::<usize>() + 1
}

/// Print the command reference of the handbook.
pub(super) fn print_reference() -> anyhow::Result<()> {
    io::stdout().lock().write_all(reference().as_bytes())?;
    Ok(())
}

fn reference() -> String {
    let options = MarkdownOptions::new()
        .title("Command reference".into())
        .show_footer(false)
        .show_table_of_contents(true);
    let text = clap_markdown::help_markdown_custom::<Cli>(&options);
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    let mut page = lines.join("\n").trim_end().to_owned();
    page.push('\n');
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_of_the_handbook_is_that_of_the_program() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == reference(),
            "docs/commands.md is old; write it anew:  conclave reference > docs/commands.md"
        );
    }

    #[test]
    fn every_command_that_is_shown_has_a_page_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let pages = write_pages(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), pages);
        let join = std::fs::read_to_string(dir.path().join("conclave-meeting-join.1")).unwrap();
        assert!(join.contains("Ask to be let in"), "{join}");
        assert!(!dir.path().join("conclave-reference.1").exists());
    }

    #[test]
    fn every_shell_completes_the_commands_there_are() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "conclave", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("validator") && text.contains("kick"), "{shell}");
        }
    }
}
