//! Anchors checked again and again while a daemon runs, for the page and the command line.

use std::time::Duration;

use conclave_protocol::{
    AnchorPlace, Key, Record,
    anchor::{Required, Verdict},
};
use tokio::{
    sync::watch::{Receiver, Sender, channel},
    time::{Instant, sleep},
};

use super::{Checked, Ethereum, Report, check};
use crate::{
    chain::{Chain, now_ms},
    http::wire::{AnchorVerdict, AnchorView, Anchors},
};

/// Keeps what is known of the newest anchors up to date until nobody holds the receiver any more.
#[must_use]
pub fn watch(chain: Chain, ethereum: Ethereum, required: Required) -> Receiver<Anchors> {
    let names = ethereum.endpoints().iter().map(|endpoint| endpoint.name().to_owned()).collect();
    let (send, receive) = channel(Anchors { endpoints: names, ..Anchors::default() });
    tokio::spawn(async move {
        let closed = send.clone();
        tokio::select! {
            () = closed.closed() => {}
            () = keep(&chain, &ethereum, required, &send) => {}
        }
    });
    receive
}

async fn keep(chain: &Chain, ethereum: &Ethereum, required: Required, send: &Sender<Anchors>) {
    let mut looked: Option<(u32, Instant)> = None;
    let mut told = Verdict::Anchored;
    let mut is_failing = false;
    loop {
        let count = recorded(chain).await;
        let settled = send.borrow().list.iter().all(|one| one.verdict == AnchorVerdict::Anchored);
        let soon = if settled { RARELY } else { OFTEN };
        let is_new = looked.is_none_or(|(known, at)| Some(known) != count || at.elapsed() >= soon);
        if let (Some(count), true) = (count, is_new) {
            match check(chain, ethereum, required, NEWEST).await {
                Ok(report) => {
                    is_failing = false;
                    looked = Some((count, Instant::now()));
                    let worst = report.worst().unwrap_or(Verdict::Anchored);
                    if worst == Verdict::Conflict && told != worst {
                        tracing::error!(
                            "CONFLICT: this ledger differs from its anchor in Ethereum"
                        );
                    }
                    told = worst;
                    send.send_modify(|anchors| show(anchors, &report));
                }
                // What was found before goes on being shown, with its time.
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(%error, "anchors not checked");
                    }
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// How many anchors the ledger has a record of.
async fn recorded(chain: &Chain) -> Option<u32> {
    let snapshot = chain.snapshot(&[Key::Anchors]).await.ok()?;
    match snapshot.record(&Key::Anchors) {
        Some(Record::Anchors(anchors)) => Some(anchors.count),
        _ => Some(0),
    }
}

fn show(anchors: &mut Anchors, report: &Report) {
    anchors.count = report.count;
    anchors.checked_ms = now_ms();
    anchors.behind = report.behind();
    anchors.anchored = report.anchored().map(|height| height.0);
    let before = std::mem::take(&mut anchors.list);
    anchors.list = report.checked.iter().map(|one| keeping(&before, one)).collect();
}

/// One anchor, unless it was a conflict and can no longer be compared: validators that rewrote a
/// block do not undo that by keeping it no more.
fn keeping(before: &[AnchorView], one: &Checked) -> AnchorView {
    let now = view(one);
    let is_same = |was: &&AnchorView| (was.number, &was.tx) == (now.number, &now.tx);
    let was = before.iter().find(is_same).filter(|was| was.verdict == AnchorVerdict::Conflict);
    match was {
        Some(was) if one.own.header().is_none() => was.clone(),
        _ => now,
    }
}

/// One anchor as page and command line show it.
pub(crate) fn view(one: &Checked) -> AnchorView {
    let (chain, tx) = match one.claim.place {
        AnchorPlace::Ethereum(chain, tx, _) => (Some(chain), format!("0x{}", hex::encode(tx))),
        AnchorPlace::Bitcoin(mut tx, _) => {
            // People write these backwards.
            tx.reverse();
            (None, hex::encode(tx))
        }
    };
    let mined = one.finding.mined.as_ref();
    AnchorView {
        number: one.claim.number,
        height: one.claim.height.0,
        header: one.own.header().map_or_else(String::new, |own| own.to_hex()),
        by: one.claim.by.map(|key| key.to_string()),
        chain,
        tx,
        block: mined.map(|mined| mined.number),
        block_ms: mined.map(|mined| mined.time.0.saturating_mul(1_000)),
        depth: mined.map(|mined| mined.depth),
        verdict: match one.verdict() {
            Verdict::Anchored => AnchorVerdict::Anchored,
            Verdict::Pending => AnchorVerdict::Pending,
            Verdict::Missing => AnchorVerdict::Missing,
            Verdict::Conflict => AnchorVerdict::Conflict,
        },
        words: one.words(),
        problems: one.problems.clone(),
    }
}

/// Anchors that are looked at.
const NEWEST: u32 = 5;
/// Between two looks at the own ledger.
const LOOK: Duration = Duration::from_secs(10);
/// Between two looks at Ethereum while something is not settled, and when all is.
const OFTEN: Duration = Duration::from_secs(60);
const RARELY: Duration = Duration::from_secs(900);

#[cfg(test)]
mod tests {
    use conclave_protocol::{
        Digest, Height,
        anchor::{Finding, Reason},
    };

    use super::*;
    use crate::anchor::{Claim, Own};

    #[test]
    fn a_conflict_is_not_undone_by_validators_that_drop_the_block() {
        let place = AnchorPlace::Ethereum(1, [1; 32], [2; 32]);
        let (number, header) = (Some(0), Digest([3; 32]));
        let claim = Claim { number, height: Height(7), header, place, by: None };
        let shown = |before: &[AnchorView], own, reason| {
            let finding = Finding { reason, mined: None };
            let (claim, problems) = (claim.clone(), Vec::new());
            keeping(before, &Checked { claim, own, finding, problems, late: None })
        };
        let other = Own::Header(Digest([4; 32]));
        let conflict = shown(&[], other, Reason::ClaimDiffers);
        assert_eq!(conflict.verdict, AnchorVerdict::Conflict);
        let before = [conflict.clone()];
        assert_eq!(shown(&before, Own::Dropped(Height(50)), Reason::Deep), conflict);
        // One that can be compared again, and one that never was a conflict.
        let own = Own::Header(header);
        assert_eq!(shown(&before, own, Reason::Deep).verdict, AnchorVerdict::Anchored);
        let dropped = shown(&[], Own::Dropped(Height(50)), Reason::Deep);
        assert_eq!(dropped.verdict, AnchorVerdict::Pending);
    }
}
