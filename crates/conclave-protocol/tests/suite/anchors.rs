//! What a client concludes from what endpoints of the other ledger show.

use conclave_protocol::{
    anchor::{Anchor, Mined, Reason, Required, Sighting, Verdict, bitcoin, judge},
    *,
};
use proptest::prelude::*;

const OWN: Anchor =
    Anchor { chain_id: ChainId([1; 32]), height: Height(600), header: Digest([2; 32]) };

fn mined(depth: u64) -> Mined {
    let (block, time) = (Digest([3; 32]), Seconds(1_700_000_000));
    Mined { block, number: 100, time, depth, finalized: false, data: OWN.to_bytes() }
}

fn carrying(anchor: Anchor) -> Sighting {
    Sighting::Mined(Mined { data: anchor.to_bytes(), ..mined(64) })
}

fn reason(seen: &[Sighting]) -> Reason {
    judge(&OWN, &OWN.header, seen, Required::USUAL).reason
}

#[test]
fn an_anchor_that_all_endpoints_show_deep_enough_is_anchored() {
    let deep = || Sighting::Mined(mined(64));
    assert_eq!(reason(&[deep()]), Reason::Deep);
    let finding = judge(&OWN, &OWN.header, &[deep(), Sighting::Mined(mined(70))], Required::USUAL);
    assert_eq!(finding.verdict(), Verdict::Anchored);
    assert_eq!(finding.mined.unwrap().depth, 64, "what both of them grant");
}

#[test]
fn an_anchor_is_pending_until_everyone_who_was_asked_shows_it_deep_enough() {
    let deep = || Sighting::Mined(mined(64));
    assert_eq!(reason(&[Sighting::Mined(mined(63))]), Reason::Shallow);
    assert_eq!(reason(&[deep(), Sighting::Mined(mined(63))]), Reason::Shallow);
    assert_eq!(reason(&[Sighting::Waiting(OWN.to_bytes())]), Reason::Waiting);
    assert_eq!(reason(&[deep(), Sighting::Silent]), Reason::Silent);
    assert_eq!(reason(&[Sighting::OtherChain]), Reason::NoEndpoint);
    assert_eq!(reason(&[]), Reason::NoEndpoint);
    assert_eq!(reason(&[deep(), Sighting::Absent(99)]), Reason::Shallow, "it is behind");
    let final_word = |finalized| {
        let seen = [Sighting::Mined(Mined { finalized, ..mined(1_000) })];
        judge(&OWN, &OWN.header, &seen, Required::Finalized).verdict()
    };
    assert_eq!((final_word(false), final_word(true)), (Verdict::Pending, Verdict::Anchored));
}

#[test]
fn an_anchor_that_is_not_there_is_missing() {
    assert_eq!(reason(&[Sighting::Absent(1_000)]), Reason::NotThere);
    let foreign = Sighting::Mined(Mined { data: b"hello".to_vec(), ..mined(64) });
    assert_eq!(reason(&[foreign]), Reason::OtherData);
    assert_eq!(reason(&[carrying(Anchor { height: Height(1), ..OWN })]), Reason::OtherData);
    let elsewhere = Anchor { chain_id: ChainId([9; 32]), header: Digest([9; 32]), ..OWN };
    assert_eq!(reason(&[carrying(elsewhere)]), Reason::OtherData);
    assert_eq!(Reason::OtherData.verdict(), Verdict::Missing);
}

#[test]
fn an_endpoint_that_lies_never_makes_an_anchor() {
    let deep = || Sighting::Mined(mined(64));
    assert_eq!(reason(&[deep(), Sighting::Unproven]), Reason::Unproven);
    assert_eq!(reason(&[deep(), Sighting::Absent(163)]), Reason::Disagree);
    let elsewhere = Sighting::Mined(Mined { block: Digest([8; 32]), ..mined(64) });
    assert_eq!(reason(&[deep(), elsewhere]), Reason::Disagree);
    for reason in [Reason::Unproven, Reason::Disagree] {
        assert_eq!(reason.verdict(), Verdict::Missing);
    }
}

#[test]
fn another_hash_for_the_same_height_is_a_conflict_whatever_else_is_said() {
    let rival = || carrying(Anchor { header: Digest([9; 32]), ..OWN });
    let others = [
        vec![],
        vec![Sighting::Silent],
        vec![Sighting::Unproven],
        vec![Sighting::Absent(1_000)],
        vec![Sighting::Mined(mined(64))],
    ];
    for mut seen in others {
        let claimed = judge(&OWN, &Digest([9; 32]), &seen, Required::USUAL);
        assert_eq!(claimed.reason, Reason::ClaimDiffers);
        assert_eq!(claimed.verdict(), Verdict::Conflict);
        seen.push(rival());
        assert_eq!(reason(&seen), Reason::AnchorDiffers, "{seen:?}");
    }
    let waiting = Sighting::Waiting(Anchor { header: Digest([9; 32]), ..OWN }.to_bytes());
    assert_eq!(reason(&[waiting]).verdict(), Verdict::Conflict);
}

proptest! {
    #[test]
    fn hostile_data_never_panics_and_never_passes(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        number: u64,
        depth: u64,
        newest: u64,
    ) {
        prop_assert!(Anchor::parse(&data).is_err());
        prop_assert!(bitcoin::parse(&data).is_err());
        let seen = Sighting::Mined(Mined { number, depth, data, ..mined(0) });
        let finding = judge(&OWN, &OWN.header, &[seen, Sighting::Absent(newest)], Required::USUAL);
        prop_assert_eq!(finding.reason, Reason::OtherData);
    }

    #[test]
    fn whatever_is_read_is_written_again(chain: [u8; 32], height: u64, header: [u8; 32]) {
        let anchor = Anchor {
            chain_id: ChainId(chain), height: Height(height), header: Digest(header),
        };
        let bytes = anchor.to_bytes();
        prop_assert_eq!(Anchor::parse(&bytes).map(|anchor| anchor.to_bytes()), Ok(bytes));
    }
}
