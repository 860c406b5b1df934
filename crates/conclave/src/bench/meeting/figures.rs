//! Samples as lines.

use crate::{bench::Line, stage::figure::percentile};

/// Samples of one kind, with the name of their figures.
#[derive(Debug)]
pub(super) struct Figures {
    name: &'static str,
    unit: &'static str,
    samples: Vec<f64>,
}

impl Figures {
    /// No samples yet.
    pub(super) const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, samples: Vec::new() }
    }

    /// One more.
    pub(super) fn push(&mut self, sample: f64) {
        self.samples.push(sample);
    }

    /// Median, 95th percentile and worst, each as `NAME/p50` and so on; nothing of no samples.
    pub(super) fn lines(mut self) -> Vec<Line> {
        [("p50", 50), ("p95", 95), ("max", 100)]
            .into_iter()
            .filter_map(|(suffix, percent)| {
                let value = percentile(&mut self.samples, percent)?;
                Some(Line::new(format!("{}/{suffix}", self.name), value, self.unit))
            })
            .collect()
    }
}

/// A count as a line.
pub(super) fn count(name: &str, count: usize, unit: &str) -> Line {
    Line::new(name, u32::try_from(count).unwrap_or(u32::MAX).into(), unit)
}
