//! How samples become figures.

/// Nanoseconds as milliseconds.
pub(crate) fn ms(ns: u64) -> f64 {
    ns as f64 / 1_000_000.0
}

/// The value that `percent` of all are not above, to two decimals; none of no values.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).map(|value| (value * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(percentile(&mut [], 50), None);
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 50), Some(2.0));
        assert_eq!(percentile(&mut [3.0, 1.0, 2.0], 99), Some(3.0));
    }
}
