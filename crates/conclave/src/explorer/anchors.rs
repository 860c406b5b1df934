//! Anchors: hashes of this ledger that validators say they wrote on other networks.
//!
//! The records are claims; what is compared here is the claimed hash with the validator's own. That
//! it stands on the other network is for `conclave anchor verify` to see.

use conclave_protocol::{
    Key, Record,
    validators::{AnchorEntry, AnchorsRecord},
};

use super::{
    Explorer,
    wire::{AnchorLine, AnchorsView},
    words::place,
};

/// Anchors that are shown.
const SHOWN: u32 = 32;

impl Explorer {
    pub(super) async fn anchors(&self) -> AnchorsView {
        let Some(Record::Anchors(AnchorsRecord { count, newest })) =
            self.record(Key::Anchors).await
        else {
            return AnchorsView::default();
        };
        let mut anchors = Vec::new();
        for number in (count.saturating_sub(SHOWN)..count).rev() {
            if let Some(Record::Anchor(anchor)) = self.record(Key::Anchor(number)).await {
                anchors.push(self.anchor(&anchor).await);
            }
        }
        AnchorsView { count, newest: newest.0, anchors }
    }

    async fn anchor(&self, anchor: &AnchorEntry) -> AnchorLine {
        let AnchorEntry { height, header, place: written, by, at } = anchor;
        let own = self.0.validator.header(*height).await.ok();
        let own = own.and_then(|answer| conclave_ledger::facts::digest_of(&answer));
        let (network, txid) = place(written);
        AnchorLine {
            height: height.0,
            header: header.to_hex(),
            matches: match own {
                Some(own) if own == *header => "same",
                Some(_) => "other",
                None => "unknown",
            }
            .to_owned(),
            network,
            txid,
            by: hex::encode(by.0),
            at: at.height.0,
            at_ms: at.time.0.saturating_mul(1_000),
        }
    }
}
