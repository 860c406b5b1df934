//! Standard output and standard error.

use std::io::{self, Write as _};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::advice::{Advice, Next};

/// How a command answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// Answers go to standard error: something else goes to standard output.
    aside: bool,
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { aside: false, json }
    }

    /// The same on standard error.
    pub(super) const fn aside(self) -> Self {
        Self { aside: true, ..self }
    }

    /// One answer: an object of its own line, or the text for people.
    pub(super) fn say(
        self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut line = if self.json { serde_json::to_string(value)? } else { text() };
        line.push('\n');
        let mut out: Box<dyn io::Write> =
            if self.aside { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        out.write_all(line.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// How far long work has come: for people who watch, beside the answers.
    pub(super) fn progress(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// There is nothing to list: said to people, and no line for scripts.
    pub(super) fn none(self, text: &str) {
        if !self.json {
            self.progress(text);
        }
    }

    /// What went wrong and what to do: two lines for people, one object for scripts.
    pub(super) fn error(self, error: &anyhow::Error) {
        let advice = error.downcast_ref::<Advice>();
        let what = causes(advice.map_or(error, Advice::error));
        let next = advice.map(Advice::next);
        let text = if self.json {
            let next = next.map(Next::text);
            serde_json::json!({ "event": "error", "error": what, "next": next }).to_string()
        } else {
            let error = format!("{ERROR}error:{ERROR:#} {what}");
            next.map_or_else(
                || error.clone(),
                |next| format!("{error}\n  {NEXT}{}:{NEXT:#} {}", next.label(), next.text()),
            )
        };
        // The colours stay away unless a terminal shows them and nobody objects.
        let _ = writeln!(AutoStream::auto(io::stderr()).lock(), "{text}");
    }
}

/// What went wrong, and why. Some errors end with the words of their cause already.
fn causes(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |mut text, cause| {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
        text
    })
}

/// Whether an error only says that nobody reads any more.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line, with the fields by name
    Json,
}

/// Logs go to standard error; RUST_LOG says how much.
pub(super) fn start_logging(format: LogFormat) {
    // An endpoint that ends says so at its relays with an error that is none; and a state that begins
    // warns that it is empty, which is all that these modules warn of.
    let usual = "warn,conclave=info,iroh::socket::transports::relay=off,\
                 commonware_storage::bitmap=error,commonware_storage::qmdb::current=error";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second start finds a log that is there, and leaves it.
    let _ = match format {
        LogFormat::Text => log.with_ansi(is_colourful()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// Whether standard error is a terminal that shows colours and nobody objects: NO_COLOR,
/// CLICOLOR, TERM=dumb.
fn is_colourful() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NEXT: Style = AnsiColor::Green.on_default();

/// What others wrote, without what a terminal would obey: controls, and marks that turn the
/// direction of what follows (UAX 9).
pub(super) fn plain(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

/// A time of the ledger as people write it.
pub(super) fn utc(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(
        || "an unknown time".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// Whether a check held.
pub(super) const fn mark(ok: bool) -> &'static str {
    if ok { "ok" } else { "NO" }
}

/// Enough of an id to tell it from others.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_cause_that_was_said_already_is_not_said_again() {
        let twice = anyhow!("no such file").context("the file cannot be used: no such file");
        assert_eq!(causes(&twice), "the file cannot be used: no such file");
        let once = anyhow!("no such file").context("reading a").context("the audit stopped");
        assert_eq!(causes(&once), "the audit stopped: reading a: no such file");
    }
}
