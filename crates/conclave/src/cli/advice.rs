//! Errors that end with what to do.

use std::fmt;

/// What helps after an error.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// A command, as it is typed; capitals stand for what the person knows.
    Run(String),
    /// Words for a person.
    Do(String),
}

impl Next {
    /// A command that helps.
    pub(super) fn run(command: impl Into<String>) -> Self {
        Self::Run(command.into())
    }

    /// Which of the two it is, in one word.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Do(_) => "next",
        }
    }

    /// Without saying which of the two it is.
    pub(super) fn text(&self) -> &str {
        let (Self::Run(text) | Self::Do(text)) = self;
        text
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.label(), self.text())
    }
}

impl From<&str> for Next {
    fn from(words: &str) -> Self {
        Self::Do(words.to_owned())
    }
}

impl From<String> for Next {
    fn from(words: String) -> Self {
        Self::Do(words)
    }
}

/// An error and what helps.
#[derive(Debug)]
pub(super) struct Advice {
    error: anyhow::Error,
    next: Next,
}

impl Advice {
    /// What to do.
    pub(super) const fn next(&self) -> &Next {
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
pub(super) trait Advised<T>: Sized {
    /// The error is followed by words for a person, or by what was chosen for this error.
    fn advise(self, next: impl Into<Next>) -> anyhow::Result<T>;

    /// The error is followed by a command that helps.
    fn suggest(self, command: impl Into<String>) -> anyhow::Result<T> {
        self.advise(Next::run(command))
    }
}

impl<T, E: Into<anyhow::Error>> Advised<T> for Result<T, E> {
    fn advise(self, next: impl Into<Next>) -> anyhow::Result<T> {
        self.map_err(|error| Advice { error: error.into(), next: next.into() }.into())
    }
}
