//! Two certificates for different blocks of one height.

use std::fmt;

use bytes::BufMut;
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, ReadExt as _, Write};
use conclave_protocol::{Digest, Height, ValidatorKey};

use super::{NoEvidence, vote::digits};
use crate::{
    answer::HeaderAnswer,
    handover::Sets,
    light::{ForkEvidence, protocol_digest},
};

/// Two histories that were both made final.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fork {
    /// The height at which they differ.
    pub height: Height,
    /// The two headers of that height, the one with the lower digest first.
    pub headers: [Digest; 2],
    /// Validators that signed for both, in ascending order of their keys.
    pub signers: Vec<ValidatorKey>,
    /// Whether both certificates are of one consensus round: then each signer contradicted itself
    /// in person. Otherwise more than a third of the validators did, and who of the signers is
    /// not said.
    pub is_one_round: bool,
    /// Validators of the set.
    pub validators: usize,
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.headers.map(|digest| digest.to_hex());
        writeln!(
            f,
            "The ledger was forked at height {}: both these headers were made final.",
            self.height
        )?;
        writeln!(f, "  {first}")?;
        writeln!(f, "  {second}")?;
        if self.is_one_round {
            writeln!(f, "Each of these validators signed both, in one round:")?;
        } else {
            writeln!(
                f,
                "More than a third of the {} validators broke their word; these signed for both:",
                self.validators
            )?;
        }
        for (n, signer) in self.signers.iter().enumerate() {
            write!(f, "{}  {}", if n == 0 { "" } else { "\n" }, digits(signer))?;
        }
        Ok(())
    }
}

/// Two header answers; the first header of each is the one that differs.
pub(super) struct ForkCase {
    first: HeaderAnswer,
    second: HeaderAnswer,
}

impl ForkCase {
    /// Cuts off what is before the fork and puts the two sides into their order.
    pub(super) fn of(found: &ForkEvidence) -> Result<Self, NoEvidence> {
        let mut sides = [side(&found.first, found.height)?, side(&found.second, found.height)?];
        sides.sort_by_key(|side| side.header.digest());
        let [first, second] = sides;
        Ok(Self { first, second })
    }

    /// The epoch after that of the later certificate: headers name the set of the next block too.
    pub(super) fn reach(&self) -> u64 {
        let epoch = |side: &HeaderAnswer| side.certified().round.epoch;
        epoch(&self.first).max(epoch(&self.second)).saturating_add(1)
    }

    pub(super) fn verify(&self, sets: &Sets) -> Result<Fork, NoEvidence> {
        let (first, second) = (&self.first, &self.second);
        let digests = [first.header.digest(), second.header.digest()];
        if first.header.height != second.header.height {
            return Err(NoEvidence::Harmless("the two headers are of different heights"));
        }
        match digests[0].cmp(&digests[1]) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                return Err(NoEvidence::Harmless("both certificates lead to one header"));
            }
            // There is one way to write a proof down.
            std::cmp::Ordering::Greater => return Err(NoEvidence::Malformed),
        }
        for side in [first, second] {
            // No certificate is too old to accuse.
            sets.check(side).map_err(NoEvidence::History)?;
        }
        let committee = &sets.at_epoch(first.certified().round.epoch).committee;
        let voters = |side: &HeaderAnswer| side.certificate.certificate.signers.clone();
        let (one, other) = (voters(first), voters(second));
        let others: Vec<_> = other.iter().collect();
        let both = one.iter().filter(|signer| others.contains(signer));
        let keys = both.filter_map(|signer| committee.key(signer));
        let round = |side: &HeaderAnswer| side.certificate.proposal.round;
        // Signers are numbers in the set of the certificate's epoch, which may differ.
        let is_one_set = one.len() == other.len()
            && sets.at_epoch(round(first).epoch().get()).hash
                == sets.at_epoch(round(second).epoch().get()).hash;
        Ok(Fork {
            height: Height(first.header.height),
            headers: digests.map(|digest| protocol_digest(&digest)),
            signers: if is_one_set { keys.collect() } else { Vec::new() },
            is_one_round: round(first) == round(second),
            validators: committee.members().len(),
        })
    }
}

/// One side of a fork, from the header of this height on.
fn side(answer: &[u8], height: Height) -> Result<HeaderAnswer, NoEvidence> {
    let answer: HeaderAnswer = crate::light::parse(answer).map_err(|_| NoEvidence::Malformed)?;
    let HeaderAnswer { header, links, certificate } = answer;
    let mut headers = std::iter::once(header).chain(links).skip_while(|it| it.height != height.0);
    let header = headers.next().ok_or(NoEvidence::Malformed)?;
    Ok(HeaderAnswer { header, links: headers.collect(), certificate })
}

impl Write for ForkCase {
    fn write(&self, buf: &mut impl BufMut) {
        self.first.write(buf);
        self.second.write(buf);
    }
}

impl EncodeSize for ForkCase {
    fn encode_size(&self) -> usize {
        self.first.encode_size() + self.second.encode_size()
    }
}

impl Read for ForkCase {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self { first: HeaderAnswer::read(buf)?, second: HeaderAnswer::read(buf)? })
    }
}
