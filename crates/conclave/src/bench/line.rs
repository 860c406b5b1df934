//! One figure of a benchmark.

use serde::{Deserialize, Serialize};

/// One figure: what was measured, how much, in what unit; with `--json` one line of output.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Its name, parts separated by `/`, from the general to the particular.
    pub name: String,
    /// How much.
    pub value: f64,
    /// In what unit: `ms` of CPU time, `B` for bytes, `cores`.
    pub unit: String,
}

impl Line {
    /// A figure.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { name: name.into(), value, unit: unit.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_of_name_value_and_unit() {
        let line = Line::new("rekey/leader/chain-step/10", 0.25, "ms");
        let json = r#"{"name":"rekey/leader/chain-step/10","value":0.25,"unit":"ms"}"#;
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        assert_eq!(serde_json::from_str::<Line>(json).unwrap(), line);
    }

    #[test]
    fn a_line_with_anything_else_in_it_is_refused() {
        let more = r#"{"name":"a","value":1,"unit":"ms","note":"b"}"#;
        assert!(serde_json::from_str::<Line>(more).is_err());
    }
}
