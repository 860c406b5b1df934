//! Whether the ledger's headers still come to stand in another network, where its validators anchor
//! at all. What the ledger says of that is proven; whether Ethereum has it is `conclave anchor verify`.

use conclave_protocol::{
    AnchorPlace, Height, Key, Record,
    anchor::ANCHOR_EVERY,
    validators::{AnchorEntry, AnchorsRecord},
};

use super::Finding;
use crate::{chain::Chain, network::Network};

/// Looks at the newest anchor; nothing where nobody anchors, or where the ledger says nothing.
pub(super) async fn examine(network: &Network) -> Option<Finding> {
    let chain = Chain::start(network).ok()?;
    let at = chain.snapshot(&[Key::Anchors]).await.ok()?;
    let Some(Record::Anchors(AnchorsRecord { count, newest })) = at.record(&Key::Anchors) else {
        return None;
    };
    let last = Key::Anchor(count.checked_sub(1)?);
    let entries = chain.snapshot(std::slice::from_ref(&last)).await.ok()?;
    let entry = match entries.record(&last) {
        Some(Record::Anchor(entry)) => Some(entry),
        _ => None,
    };
    Some(judge(*count, *newest, at.height(), entry))
}

/// What the distance to the newest anchor means.
fn judge(count: u32, newest: Height, tip: Height, last: Option<&AnchorEntry>) -> Finding {
    let behind = tip.0.saturating_sub(newest.0);
    let place = last.map_or_else(String::new, |entry| {
        let network = match entry.place {
            AnchorPlace::Ethereum(1, ..) => "Ethereum".to_owned(),
            AnchorPlace::Ethereum(chain, ..) => format!("Ethereum chain {chain}"),
            AnchorPlace::Bitcoin(..) => "Bitcoin".to_owned(),
        };
        format!("; the last of {count} was recorded by {} on {network}", entry.by)
    });
    let saw = format!("block {newest} is anchored, {behind} blocks ago{place}");
    // Whoever anchors may do so less often than usual, so this is never an error.
    if behind > LATE.saturating_mul(ANCHOR_EVERY.get()) {
        let todo = "look whether `conclave anchor run` still runs, and whether its account can pay; \
                    then conclave anchor verify";
        Finding::warning("anchors", saw, todo)
    } else {
        Finding::ok("anchors", saw)
    }
}

/// Usual distances of two anchors after which something is missing.
const LATE: u64 = 3;

#[cfg(test)]
mod tests {
    use conclave_protocol::{Digest, Position, ValidatorKey};

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn anchors_that_stopped_are_named() {
        let entry = AnchorEntry {
            height: Height(600),
            header: Digest::default(),
            place: AnchorPlace::Ethereum(11_155_111, [1; 32], [2; 32]),
            by: ValidatorKey([0xaa; 32]),
            at: Position::default(),
        };
        let fresh = judge(1, Height(600), Height(700), Some(&entry));
        assert_eq!(fresh.verdict, Verdict::Ok);
        assert!(fresh.saw.starts_with("block 600 is anchored, 100 blocks ago; the last of 1 was"));
        assert!(fresh.saw.ends_with("on Ethereum chain 11155111"), "{}", fresh.saw);
        let edge = judge(1, Height(600), Height(2_400), None);
        assert_eq!((edge.verdict, edge.todo), (Verdict::Ok, None));
        let late = judge(1, Height(600), Height(2_401), None);
        assert_eq!(late.verdict, Verdict::Warning);
        assert!(late.todo.unwrap().contains("conclave anchor run"));
    }
}
