//! One claim and what is true of it.

use conclave_protocol::{
    AnchorPlace, Digest, Height,
    anchor::{Finding, Mined, Reason, Verdict},
};

use super::ledger::Claim;

/// One claim, and what is true of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was claimed.
    pub claim: Claim,
    /// The header of that height, as verified here.
    pub own: Own,
    /// What Ethereum shows; without a header of our own, held against the claim itself.
    pub finding: Finding,
    /// What endpoints did wrong, in words.
    pub problems: Vec<String>,
    /// Seconds from the header's time to that of the block of Ethereum, if both are known.
    pub late: Option<u64>,
}

/// What this client verified of the header that a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Its hash.
    Header(Digest),
    /// Nothing: every validator that answers dropped the block, and keeps those from this height
    /// on.
    Dropped(Height),
    /// Nothing: no validator proves it.
    Unproven,
}

impl Own {
    /// The hash.
    #[must_use]
    pub const fn header(&self) -> Option<Digest> {
        match self {
            Self::Header(header) => Some(*header),
            Self::Dropped(_) | Self::Unproven => None,
        }
    }
}

impl Checked {
    /// The verdict. Without a header, what Ethereum holds against the claim still counts: where the
    /// two name different hashes, no header fits both. That they agree says nothing of the ledger.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match (self.finding.verdict(), self.own) {
            (Verdict::Anchored, Own::Dropped(_) | Own::Unproven) => Verdict::Pending,
            (verdict, _) => verdict,
        }
    }

    /// Why, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.verdict(), self.own) {
            (Verdict::Pending, Own::Dropped(from)) => format!(
                "its header cannot be compared: the validators that answer keep blocks from height \
                 {from} on"
            ),
            (Verdict::Pending, Own::Unproven) => {
                "its header cannot be compared: no validator proves it".to_owned()
            }
            _ => self.found(),
        }
    }

    /// What Ethereum shows.
    fn found(&self) -> String {
        let at = |mined: &Option<Mined>| {
            let place = |mined: &Mined| format!("block {}, {} deep", mined.number, mined.depth);
            mined.as_ref().map_or_else(|| "no block".to_owned(), place)
        };
        match self.finding.reason {
            Reason::Deep => {
                let late = self.late.unwrap_or_default();
                format!("in {}, {} after its time", at(&self.finding.mined), span(late))
            }
            Reason::Shallow => format!("in {}: not deep enough yet", at(&self.finding.mined)),
            Reason::Waiting => "it waits to be put in a block".to_owned(),
            Reason::Silent => "not every endpoint answers".to_owned(),
            Reason::NoEndpoint => match self.claim.place {
                AnchorPlace::Ethereum(chain, ..) => format!("no endpoint follows chain {chain}"),
                _ => "it is on Bitcoin, which is not asked here".to_owned(),
            },
            Reason::NotThere => "no endpoint knows the transaction".to_owned(),
            Reason::OtherData => "the transaction carries something else".to_owned(),
            Reason::Unproven => "an endpoint's answer does not hash to what it says".to_owned(),
            Reason::Disagree => "the endpoints show different histories of Ethereum".to_owned(),
            Reason::ClaimDiffers | Reason::AnchorDiffers => self.difference(),
            _ => "unknown".to_owned(),
        }
    }

    fn difference(&self) -> String {
        let claimed = self.claim.header.to_hex();
        match (self.own, self.finding.reason) {
            (Own::Header(own), Reason::ClaimDiffers) => {
                format!("it names header {claimed}, and the validators now sign {}", own.to_hex())
            }
            (Own::Header(own), _) => format!(
                "Ethereum holds another header for this height than {}, which the validators now \
                 sign",
                own.to_hex()
            ),
            _ => format!(
                "Ethereum holds another header for this height than {claimed}, which the record \
                 names"
            ),
        }
    }
}

/// A length of time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(own: Own, reason: Reason) -> Checked {
        let place = AnchorPlace::Ethereum(1, [1; 32], [2; 32]);
        let claim =
            Claim { number: None, height: Height(7), header: Digest([3; 32]), place, by: None };
        let finding = Finding { reason, mined: None };
        Checked { claim, own, finding, problems: Vec::new(), late: None }
    }

    #[test]
    fn without_a_header_nothing_is_anchored_and_what_is_false_stays_false() {
        let own = Own::Header(Digest([3; 32]));
        assert_eq!(checked(own, Reason::Deep).verdict(), Verdict::Anchored);
        for own in [Own::Dropped(Height(50)), Own::Unproven] {
            let cases = [
                (Reason::Deep, Verdict::Pending),
                (Reason::Shallow, Verdict::Pending),
                (Reason::OtherData, Verdict::Missing),
                (Reason::AnchorDiffers, Verdict::Conflict),
            ];
            for (reason, verdict) in cases {
                assert_eq!(checked(own, reason).verdict(), verdict, "{own:?}, {reason:?}");
            }
            let words = checked(own, Reason::Deep).words();
            assert!(words.contains("cannot be compared"), "{words}");
            let words = checked(own, Reason::AnchorDiffers).words();
            assert!(words.contains("which the record names"), "{words}");
        }
    }
}
