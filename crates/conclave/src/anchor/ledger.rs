//! Anchors on the own ledger: what its validators say they wrote elsewhere, proven to be what they
//! said, and how one of them says so.

use conclave_protocol::{
    AnchorPlace, AnchorRecord, Digest, Ed25519Signer, Height, Key, Record, Tx, ValidatorKey,
};

use crate::chain::{Chain, ChainError, Included};

/// What somebody claims to have written elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number on the ledger; none for one that was brought from elsewhere.
    pub number: Option<u32>,
    /// The block.
    pub height: Height,
    /// Its header hash, as claimed.
    pub header: Digest,
    /// Where it was written.
    pub place: AnchorPlace,
    /// The validator that says so.
    pub by: Option<ValidatorKey>,
}

/// The newest claims on the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// How many there are in all.
    pub count: u32,
    /// The newest of them, the newest first.
    pub newest: Vec<Claim>,
}

/// The newest claims on the ledger, `most` at most, all proven at one height.
///
/// # Errors
/// [`ChainError`].
pub async fn claims(chain: &Chain, most: u32) -> Result<Claims, ChainError> {
    let snapshot = chain.snapshot(&[Key::Anchors]).await?;
    let Some(Record::Anchors(anchors)) = snapshot.record(&Key::Anchors) else {
        return Ok(Claims::default());
    };
    let first = anchors.count.saturating_sub(most.min(MOST));
    let numbers: Vec<u32> = (first..anchors.count).rev().collect();
    let keys: Vec<Key> = numbers.iter().copied().map(Key::Anchor).collect();
    let snapshot = chain.snapshot(&keys).await?;
    let newest =
        numbers.into_iter().filter_map(|number| match snapshot.record(&Key::Anchor(number)) {
            Some(Record::Anchor(entry)) => Some(Claim {
                number: Some(number),
                height: entry.height,
                header: entry.header,
                place: entry.place,
                by: Some(entry.by),
            }),
            _ => None,
        });
    Ok(Claims { count: anchors.count, newest: newest.collect() })
}

/// Brings the record of an anchor to finality, signed by this validator.
///
/// # Errors
/// [`ChainError`]; [`ChainError::Refused`] also when an earlier try was taken in meanwhile: look
/// whether it is there.
pub(super) async fn record(
    chain: &Chain,
    signer: &Ed25519Signer,
    record: AnchorRecord,
) -> Result<Included, ChainError> {
    let key = Key::Validator(signer.validator());
    let snapshot = chain.snapshot(std::slice::from_ref(&key)).await?;
    let nonce = match snapshot.record(&key) {
        Some(Record::Validator(validator)) => validator.next_nonce,
        _ => 0,
    };
    let expiry = chain.time().await?.plus(LIFE);
    let tx = Tx::by_validator(chain.chain_id(), signer.validator(), nonce, expiry, record);
    chain.submit(&tx.sign(signer)).await
}

/// Most claims that are looked at: what one question proves.
const MOST: u32 = 1_000;
/// How long the ledger may take to take a record in, in seconds of chain time.
const LIFE: u64 = 120;
