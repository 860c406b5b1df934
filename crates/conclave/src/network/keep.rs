//! How long a validator keeps blocks, as people write it: `all`, or a number of days.

use std::{fmt, str::FromStr};

use conclave_ledger::validator::Keep;
use serde::{Deserialize, Serialize};

/// How long a validator keeps blocks and certificates.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum KeepBlocks {
    /// For ever: for whoever verifies the whole ledger.
    #[default]
    All,
    /// For so many days, and never less than the network has everybody keep them.
    Days(u32),
}

impl KeepBlocks {
    /// The same for the ledger.
    #[must_use]
    pub fn keep(self) -> Keep {
        match self {
            Self::All => Keep::All,
            Self::Days(days) => Keep::Seconds(u64::from(days).saturating_mul(DAY)),
        }
    }

    /// The days for which it keeps blocks in a network that has everybody keep them for so many
    /// seconds, if that is more than was asked for.
    #[must_use]
    pub fn raised(self, retention: u32) -> Option<u64> {
        let least = u64::from(retention);
        match self {
            Self::Days(days) if u64::from(days).saturating_mul(DAY) < least => {
                Some(least.div_ceil(DAY))
            }
            _ => None,
        }
    }
}

/// Neither a number of days nor `all`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("blocks are kept for a number of days, or \"all\"")]
pub struct BadKeep;

impl FromStr for KeepBlocks {
    type Err = BadKeep;

    fn from_str(text: &str) -> Result<Self, BadKeep> {
        match text {
            ALL => Ok(Self::All),
            days => days.parse().map(Self::Days).map_err(|_| BadKeep),
        }
    }
}

impl fmt::Display for KeepBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Days(days) => write!(f, "{days}"),
        }
    }
}

/// The same in a file of settings.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Written {
    Days(u32),
    Word(String),
}

impl TryFrom<Written> for KeepBlocks {
    type Error = BadKeep;

    fn try_from(written: Written) -> Result<Self, BadKeep> {
        match written {
            Written::Days(days) => Ok(Self::Days(days)),
            Written::Word(word) if word == ALL => Ok(Self::All),
            Written::Word(_) => Err(BadKeep),
        }
    }
}

impl From<KeepBlocks> for Written {
    fn from(keep: KeepBlocks) -> Self {
        match keep {
            KeepBlocks::All => Self::Word(ALL.to_owned()),
            KeepBlocks::Days(days) => Self::Days(days),
        }
    }
}

const ALL: &str = "all";
/// Seconds.
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct File {
        keep_blocks: KeepBlocks,
    }

    #[test]
    fn it_is_written_as_a_number_of_days_or_as_all() {
        for (text, keep) in [
            ("keep_blocks = \"all\"\n", KeepBlocks::All),
            ("keep_blocks = 90\n", KeepBlocks::Days(90)),
        ] {
            let file = File { keep_blocks: keep };
            assert_eq!(toml::from_str::<File>(text).unwrap(), file);
            assert_eq!(toml::to_string(&file).unwrap(), text);
            assert_eq!(keep.to_string().parse(), Ok(keep));
        }
        for wrong in ["keep_blocks = \"some\"", "keep_blocks = -1", "keep_blocks = true"] {
            assert!(toml::from_str::<File>(wrong).is_err(), "{wrong}");
        }
        assert_eq!("ten".parse::<KeepBlocks>(), Err(BadKeep));
    }

    #[test]
    fn less_than_everybody_keeps_is_raised_to_that() {
        assert_eq!(KeepBlocks::Days(30).raised(2_592_000), None);
        assert_eq!(KeepBlocks::Days(29).raised(2_592_000), Some(30));
        assert_eq!(KeepBlocks::Days(0).raised(20), Some(1));
        assert_eq!(KeepBlocks::All.raised(2_592_000), None);
        assert_eq!(KeepBlocks::Days(2).keep(), Keep::Seconds(172_800));
    }
}
