//! Checks certificates and signatures in large batches, beside the execution of later blocks.

use std::{collections::VecDeque, sync::mpsc::Receiver};

use commonware_codec::Encode as _;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{Hasher as _, Sha256};
use commonware_parallel::Sequential;
use conclave_protocol::signed::Item;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    broken::{Broken, What},
    replay::Checks,
};
use crate::{answer::Certificate, execution::are_signed};

/// Signatures that are checked together, where so many wait.
const BATCH: usize = 512;

/// Checks what comes until nothing more does; the first thing that does not hold, in the order of
/// the ledger, ends it.
pub(super) fn check_all(waiting: &Receiver<Checks>) -> Result<(), Broken> {
    let mut gathered = VecDeque::new();
    while let Ok(first) = waiting.recv() {
        let mut signatures = first.signatures.len();
        gathered.push_back(first);
        while signatures < BATCH {
            let Ok(next) = waiting.try_recv() else { break };
            signatures += next.signatures.len();
            gathered.push_back(next);
        }
        check(gathered.make_contiguous())?;
        gathered.clear();
    }
    Ok(())
}

/// Checks some blocks at once, and one after the other if that fails.
pub(super) fn check(blocks: &[Checks]) -> Result<(), Broken> {
    let items = blocks.iter().flat_map(|block| block.signatures.iter().map(|(_, item)| item));
    if are_signed(&items.collect::<Vec<_>>()) && blocks.iter().all(is_certified) {
        return Ok(());
    }
    blocks.iter().try_for_each(check_one)
}

fn check_one(block: &Checks) -> Result<(), Broken> {
    let Checks { height, signatures, txs, .. } = block;
    for (index, item) in signatures {
        if item.verify().is_err() {
            let expected = format!("one by {}", words(item));
            let broken = Broken::new(*height, What::Signature, expected, "another or none");
            let raw = usize::try_from(*index).ok().and_then(|index| txs.get(index));
            return Err(broken.in_tx(*index, raw));
        }
    }
    if is_certified(block) {
        return Ok(());
    }
    let found = "one that is not";
    Err(Broken::new(*height, What::Certificate, "one signed by a quorum of the set", found))
}

/// Whether the certificate of a block, if it has one, is signed by a quorum. The weights of the
/// batch come from a hash of what is verified.
fn is_certified(block: &Checks) -> bool {
    block.certificate.as_ref().is_none_or(|(scheme, certificate)| holds(scheme, certificate))
}

fn holds(scheme: &Scheme, certificate: &Certificate) -> bool {
    let seed = Sha256::hash(&[b"CONCLAVE-V1/batch", &certificate.encode()]);
    certificate.verify(&mut StdRng::from_seed(seed.0), scheme, &Sequential)
}

/// Whose signature it should be.
fn words(item: &Item) -> String {
    let key = &item.key.0;
    let digits: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("the {} key {digits}", key.algorithm().name())
}
