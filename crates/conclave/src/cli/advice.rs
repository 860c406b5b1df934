//! Errors that end with what to do.

use std::fmt;

/// An error and the command or the words that help.
#[derive(Debug)]
pub(super) struct Advice {
    error: anyhow::Error,
    next: String,
}

impl Advice {
    /// What to do.
    pub(super) fn next(&self) -> &str {
        &self.next
    }

    /// What happened.
    pub(super) const fn error(&self) -> &anyhow::Error {
        &self.error
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Advice {}

/// Adds what to do to a result.
pub(super) trait Advised<T> {
    /// The error is followed by `next`.
    fn advise(self, next: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Advised<T> for Result<T, E> {
    fn advise(self, next: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| Advice { error: error.into(), next: next.into() }.into())
    }
}
