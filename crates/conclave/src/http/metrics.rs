//! Counters and gauges as Prometheus text (exposition format 0.0.4).

use std::fmt::Write as _;

use super::wire::{Freshness, State};

/// One number to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name without prefix, `[a-z_]+`; counters end in `_total`.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// Labels; values are escaped on rendering.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// Whether a number only grows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It only grows while the daemon runs.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// The state and the samples of the backend as one text. Samples of one name must be adjacent.
#[must_use]
pub(super) fn render(state: &State, samples: &[Sample]) -> String {
    let mut all = of_state(state);
    all.extend_from_slice(samples);
    let mut text = String::new();
    write(&mut text, "conclave_", &all);
    text
}

/// Adds samples to a text, under names that begin with `prefix`.
pub(crate) fn write(text: &mut String, prefix: &str, samples: &[Sample]) {
    let mut last = "";
    for sample in samples {
        if sample.name != last {
            let kind = match sample.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let _ = writeln!(text, "# HELP {prefix}{} {}", sample.name, sample.help);
            let _ = writeln!(text, "# TYPE {prefix}{} {kind}", sample.name);
            last = sample.name;
        }
        let labels: Vec<String> = sample
            .labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{}\"", escape(value)))
            .collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(text, "{prefix}{}{labels} {}", sample.name, sample.value);
    }
}

fn of_state(state: &State) -> Vec<Sample> {
    let network = &state.network;
    let mut samples = vec![
        gauge("ledger_height", "Height of the newest verified header.", network.height as f64),
        gauge("ledger_age_seconds", "Age of that header.", network.age_ms as f64 / 1000.0),
        gauge(
            "ledger_stale",
            "1 when joins and admissions are refused.",
            f64::from(network.freshness == Freshness::Stale),
        ),
    ];
    samples.extend(network.validators.iter().map(|validator| Sample {
        labels: vec![("key", validator.key.clone())],
        ..gauge("validator_up", "1 when this validator answers.", f64::from(validator.ok))
    }));
    if let Some(meeting) = &state.meeting {
        samples.push(gauge("meeting_epoch", "Key generation.", f64::from(meeting.epoch)));
        samples.push(gauge("meeting_members", "Size of roster.", meeting.members.len() as f64));
        samples.push(gauge("meeting_lobby", "Size of lobby.", meeting.lobby.len() as f64));
    }
    samples
}

/// A number that goes up and down, without labels.
pub(crate) fn gauge(name: &'static str, help: &'static str, value: f64) -> Sample {
    Sample { name, help, kind: Kind::Gauge, labels: Vec::new(), value }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_explained_once_and_labels_are_escaped() {
        let packet = |peer: &str| Sample {
            name: "packets_opened_total",
            help: "Packets.",
            kind: Kind::Counter,
            labels: vec![("peer", peer.into())],
            value: 3.0,
        };
        let text = render(&State::default(), &[packet("a\"b"), packet("c")]);
        assert_eq!(text.matches("# TYPE conclave_packets_opened_total counter").count(), 1);
        assert!(text.contains("conclave_packets_opened_total{peer=\"a\\\"b\"} 3\n"));
        assert!(text.contains("conclave_ledger_stale 1\n"));
    }
}
