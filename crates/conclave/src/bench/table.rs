//! Figures as a table for people: a row for each way to a new key in a meeting of one size.

use std::fmt::Write as _;

use super::Line;

/// Columns: the part of a key change, what stands above it, digits after the point.
const COLUMNS: [(&str, &str, usize); 4] = [
    ("leader", "leader ms", 3),
    ("member", "member ms", 3),
    ("bytes-each", "bytes each", 0),
    ("bytes", "bytes in all", 0),
];

/// What stands above the rows.
#[must_use]
pub fn head() -> String {
    let names = COLUMNS.map(|(_, name, _)| format!("{name:>13}")).concat();
    format!("{:>7}  {:<13}{names}", "members", "way")
}

/// A row for each way and size among these figures, in their order.
#[must_use]
pub fn rows(lines: &[Line]) -> Vec<String> {
    let parts = |line: &Line| {
        let mut parts = line.name.strip_prefix("rekey/")?.splitn(3, '/');
        let (part, way, size) = (parts.next()?, parts.next()?, parts.next()?);
        Some((part.to_owned(), (way.to_owned(), size.to_owned()), line.value))
    };
    let figures: Vec<_> = lines.iter().filter_map(parts).collect();
    let mut keys: Vec<_> = figures.iter().map(|(_, key, _)| key).collect();
    keys.dedup();
    keys.into_iter()
        .map(|key| {
            let (way, size) = key;
            let mut row = format!("{size:>7}  {way:<13}");
            for (part, _, digits) in COLUMNS {
                let found = figures.iter().find(|(other, place, _)| other == part && place == key);
                let value = found.map(|(.., value)| format!("{value:.digits$}"));
                let _ = write!(row, "{:>13}", value.unwrap_or_default());
            }
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_way_in_one_meeting() {
        let line = |name: &str, value| Line::new(name, value, "ms");
        let lines = [
            line("machine/cores", 2.0),
            line("rekey/leader/fresh/10", 1.25),
            line("rekey/bytes/fresh/10", 13_880.0),
            line("rekey/leader/openmls-bare/10", 2.0),
        ];
        let rows = rows(&lines);
        let words: Vec<Vec<_>> = rows.iter().map(|row| row.split_whitespace().collect()).collect();
        assert_eq!(
            words,
            [vec!["10", "fresh", "1.250", "13880"], vec!["10", "openmls-bare", "2.000"]]
        );
        assert!(rows.iter().all(|row| row.len() == head().len()));
    }
}
