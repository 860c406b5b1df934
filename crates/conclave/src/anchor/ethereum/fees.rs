//! What a transaction offers for its gas (EIP-1559), and what may be offered at most.

/// Wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::anchor) struct Fees {
    /// All in all at most.
    pub(in crate::anchor) max_fee: u128,
    /// Of it at most for who makes the block.
    pub(in crate::anchor) tip: u128,
}

/// One gwei in wei.
pub(in crate::anchor) const GWEI: u128 = 1_000_000_000;

impl Fees {
    /// What a first transaction offers when `self` is asked: all of it, or up to `cap`. Nothing when
    /// not even half is allowed: the endpoint asks for twice the fee of the newest block, so such a
    /// transaction would only lie about.
    pub(in crate::anchor) fn within(self, cap: u128) -> Option<Self> {
        if cap < self.max_fee / 2 {
            return None;
        }
        let max_fee = self.max_fee.min(cap);
        Some(Self { max_fee, tip: self.tip.min(max_fee) })
    }

    /// What a transaction offers that takes the place of one that offered `old`: what is asked, and
    /// at least an eighth more of both, for endpoints refuse less than a tenth. Nothing when that is
    /// over `cap`.
    pub(in crate::anchor) fn instead_of(self, old: Self, cap: u128) -> Option<Self> {
        let eighth = |fee: u128| fee.saturating_add(fee / 8).saturating_add(1);
        let (least, tip) = (eighth(old.max_fee), eighth(old.tip).max(self.tip));
        if least > cap {
            return None;
        }
        let max_fee = self.max_fee.max(least).min(cap);
        Some(Self { max_fee, tip: tip.min(max_fee) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn fees(max_fee: u128, tip: u128) -> Fees {
        Fees { max_fee, tip }
    }

    #[test]
    fn a_first_offer_is_what_is_asked_but_never_over_the_cap() {
        assert_eq!(fees(20, 1).within(50), Some(fees(20, 1)));
        assert_eq!(fees(80, 60).within(50), Some(fees(50, 50)));
        assert_eq!(fees(102, 1).within(50), None, "a block costs 51 now");
        assert_eq!(fees(u128::MAX, 1).within(0), None);
    }

    #[test]
    fn an_offer_in_the_place_of_another_is_an_eighth_higher_and_never_over_the_cap() {
        assert_eq!(fees(20, 1).instead_of(fees(80, 8), 1_000), Some(fees(91, 10)));
        assert_eq!(fees(500, 20).instead_of(fees(80, 8), 1_000), Some(fees(500, 20)));
        assert_eq!(fees(500, 20).instead_of(fees(80, 8), 100), Some(fees(100, 20)));
        assert_eq!(fees(500, 20).instead_of(fees(80, 8), 90), None);
        assert_eq!(fees(1, 1).instead_of(fees(u128::MAX, 1), u128::MAX - 1), None);
    }
}
