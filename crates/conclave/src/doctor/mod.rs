//! What is wrong with a validator, its machine or its network, and what to do about it.
//!
//! `machine` looks at this computer and the validator's directory, `others` at the validators as
//! the network file names them, `anchors` at what they wrote elsewhere. Nothing here changes anything.

mod anchors;
mod machine;
mod others;

use std::{fmt, path::Path};

use serde::Serialize;

use crate::{
    http::wire::{Examined, Health},
    network::{Network, NetworkError, ValidatorHome},
};

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and will not for long or not with everyone.
    Warning,
    /// It does not work.
    Error,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What one check saw.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: String,
    /// How bad it is.
    pub(crate) verdict: Verdict,
    /// What was seen, in one line.
    pub(crate) saw: String,
    /// What to do, in one line; nothing to do if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) todo: Option<String>,
}

impl Finding {
    fn ok(check: impl Into<String>, saw: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, saw: saw.into(), todo: None }
    }

    fn warning(check: impl Into<String>, saw: impl Into<String>, todo: impl Into<String>) -> Self {
        let (check, saw, todo) = (check.into(), saw.into(), Some(todo.into()));
        Self { check, verdict: Verdict::Warning, saw, todo }
    }

    fn error(check: impl Into<String>, saw: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { verdict: Verdict::Error, ..Self::warning(check, saw, todo) }
    }
}

impl From<Finding> for Examined {
    fn from(Finding { check, verdict, saw, todo }: Finding) -> Self {
        let level = match verdict {
            Verdict::Ok => Health::Ok,
            Verdict::Warning => Health::Warn,
            Verdict::Error => Health::Bad,
        };
        Self { name: check, level, text: saw, next: todo.unwrap_or_default() }
    }
}

/// Examines the validator in `dir`, this machine, and its network.
pub(crate) async fn of_validator(dir: &Path) -> Vec<Finding> {
    let mut found = machine::directory(dir);
    found.extend(machine::resources(dir));
    match ValidatorHome::load(dir) {
        Ok(home) => {
            found.extend(machine::belongs(&home));
            let runs = machine::runs(&home.dir);
            found.extend(machine::ports(&home, runs).await);
            let own = runs.then(|| machine::own_url(home.rpc));
            found.extend(others::examine(&home.network, Some(home.key()), own).await);
            found.extend(anchors::examine(&home.network).await);
        }
        Err(error) => found.push(unusable(&error)),
    }
    found
}

/// Examines the home of a person, and the way from this machine to the validators.
pub(crate) async fn of_person(home: &Path, network: &Network) -> Vec<Finding> {
    let mut found = machine::home(home);
    found.extend(others::reach(network).await);
    found
}

/// Examines a network from outside.
pub(crate) async fn of_network(file: &Path) -> Vec<Finding> {
    match Network::load(file) {
        Ok(network) => {
            let mut found = vec![machine::genesis(&network)];
            found.extend(others::examine(&network, None, None).await);
            found
        }
        Err(error) => vec![unusable(&error)],
    }
}

fn unusable(error: &NetworkError) -> Finding {
    let todo = match error {
        NetworkError::NoNetwork(_) => "conclave validator install NETWORK --dir DIR",
        NetworkError::Read { .. } => "conclave validator init --dir DIR, or name another directory",
        _ => "take network.toml from another organisation, and compare the genesis hash aloud",
    };
    Finding::error("network file", error.to_string(), todo)
}
